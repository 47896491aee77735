"""Runs and steps as DynamoDB items: the one place that knows how they are stored.

Metadata and result are stored as JSON text, because DynamoDB's maps reject values that an agent may produce: numbers
of 39 digits, or 33 levels of nesting. A rejected write would lose a step.

The conversion of values is here, because boto3's takes all of boto3, whose import no other small Lambda needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from runcast.record.model import Json, Owner, PlannedRun, Run, RunStatus, Step

Item = dict[str, Any]

# The names of a step's attributes, its type, its three numbers, and what DynamoDB adds for a map in a list.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
_STEP_FRAME_BYTES = 200


def run_of(item: Item) -> Run:
    """Rebuild a run from the item as boto3's low-level client returns it, with its steps or without."""
    stored = from_item(item)
    cancel_requested_at = stored.get("cancelRequestedAt")
    return Run(
        request_id=stored["requestId"],
        owner=Owner(stored["tenantId"], stored["userId"]),
        agent=stored["agent"],
        status=RunStatus(stored["status"]),
        seq=int(stored["seq"]),
        steps=tuple(step_of(step) for step in stored.get("steps", ())),
        created_at_ms=int(stored["createdAt"]),
        updated_at_ms=int(stored["updatedAt"]),
        expires_at_epoch_s=int(stored["expiresAt"]),
        pages_expire_at_epoch_s=int(stored.get("pagesExpireAt") or stored["expiresAt"]),
        lease_until_ms=int(stored["leaseUntil"]),
        job_id=stored.get("jobId"),
        worker=stored.get("worker"),
        result_json=stored.get("result"),
        error=stored.get("error"),
        pages=tuple(int(seq) for seq in stored.get("pages", ())),
        cancel_requested_at_ms=None if cancel_requested_at is None else int(cancel_requested_at),
        playbook=stored.get("playbook"),
        runs=tuple(_planned_of(planned) for planned in json.loads(stored.get("runs", "[]"))),
        result_key=stored.get("resultKey"),
        reason=stored.get("reason"),
        query=stored.get("query"),
        input_digest=stored.get("input"),
        part=int(stored.get("part", 1)),
        part_tries=int(stored.get("partTries", 1)),
        part_seq=int(stored.get("partSeq", 0)),
        snapshot_key=stored.get("snapshotKey"),
        answers_key=stored.get("answersKey"),
        conversation_id=stored.get("conversationId"),
        turn_snapshot_key=stored.get("turnSnapshotKey"),
        waited_ms=int(stored.get("waitedMs", 0)),
        task_token=stored.get("taskToken"),
        crashes=None if stored.get("crashes") is None else int(stored["crashes"]),
    )


def step_of(stored: Mapping[str, Any]) -> Step:
    """Rebuild a step from a deserialised DynamoDB map."""
    return Step(
        step=stored["step"],
        message=stored["message"],
        elapsed=float(stored["elapsed"]),
        timestamp=int(stored["timestamp"]),
        seq=int(stored["seq"]),
        agent_name=stored.get("agentName"),
        tool_name=stored.get("toolName"),
        status=stored.get("status"),
        metadata_json=stored.get("metadata"),
    )


def stored_step(step: Step) -> Json:
    """Return a step as stored in an item, before DynamoDB serialization; without a status that `step` also says."""
    stored = {**step.to_answer(), "status": step.status, "elapsed": Decimal(str(step.elapsed))}
    return {name: value for name, value in stored.items() if value is not None}


def stored_size_bytes(step: Step) -> int:
    """Return a step's maximum size in an item."""
    texts = (step.step, step.message, step.agent_name, step.tool_name, step.status, step.metadata_json)
    return _STEP_FRAME_BYTES + sum(len(text.encode()) for text in texts if text)


def stored_runs(planned: Sequence[PlannedRun]) -> str:
    """Return a job's planned runs as the JSON text that its item stores."""
    return json.dumps(
        [
            {"name": each.name, "agent": each.agent, "stage": each.stage, "requestIds": each.request_ids}
            for each in planned
        ]
    )


def page_id(request_id: str, last_seq: int) -> str:
    """Return the key of the page whose last step is `last_seq`."""
    return f"{request_id}#{last_seq}"


def cancel_hint_id(request_id: str, worker: str) -> str:
    """Return the key of the item that hints at a cancel request to the run's worker."""
    return f"{request_id}#cancel/{worker}"


def from_item(item: Item) -> Json:
    """Return an item's attributes as plain values."""
    return {name: _from_attribute(value) for name, value in item.items()}


def to_item(stored: Mapping[str, Any]) -> Item:
    """Return a plain mapping as DynamoDB attributes, without the None values."""
    return {name: _to_attribute(value) for name, value in present(stored).items()}


def present(values: Mapping[str, Any]) -> Json:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _to_attribute(value: Any) -> Item:
    """Return a value with its type, as DynamoDB's requests have it.

    Raises:
        TypeError: No item here has values of this type.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
    """
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, Decimal)):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": {name: _to_attribute(member) for name, member in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"L": [_to_attribute(member) for member in value]}
    if value is None:
        return {"NULL": True}
    raise TypeError(f"An item cannot hold a {type(value).__name__}.")


def _from_attribute(attribute: Item) -> Any:
    """Return the value of an attribute; numbers are `Decimal`, so that they stay exact.

    Raises:
        TypeError: No item here has attributes of this type.
    """
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return Decimal(value)
        case "M":
            return {name: _from_attribute(member) for name, member in value.items()}
        case "L":
            return [_from_attribute(member) for member in value]
        case "NULL":
            return None
    raise TypeError(f"No item has attributes of the type {kind}.")


def _planned_of(planned: Json) -> PlannedRun:
    return PlannedRun(planned["name"], planned["agent"], planned["stage"], tuple(planned["requestIds"]))

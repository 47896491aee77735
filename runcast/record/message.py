"""Status messages: steps on the live channel, in the format that `publishStatus` takes.

A message is a plain dict with the field names of GraphQL's `StatusUpdate`, because it passes through two services as
JSON. (`requestId`, `seq`) identifies the event on every channel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runcast import limits
from runcast.json_text import json_bytes, metadata_json
from runcast.record.model import Json, Owner, Step
from runcast.text import shortened

SCHEMA_VERSION = 1


def status_update(
    owner: Owner,
    status: str,
    message: str,
    *,
    timestamp_ms: int,
    request_id: str | None = None,
    job_id: str | None = None,
    agent_name: str | None = None,
    seq: int | None = None,
    tool_name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Json:
    """Return one status message. Texts and metadata over their limits are shortened, with a mark.

    `seq` is None for a message that is not in a record: clients show it, but never merge it.
    """
    text = metadata_json(metadata)
    return {
        "userId": owner.user_id,
        "tenantId": owner.tenant_id,
        "jobId": job_id,
        "requestId": request_id,
        "agentName": agent_name,
        "toolName": tool_name,
        "status": status,
        "message": shortened(message, limits.MESSAGE_MAX_CHARACTERS),
        "timestamp": timestamp_ms,
        "metadata": json.loads(text) if text else None,
        "seq": seq,
        "schemaVersion": SCHEMA_VERSION,
    }


def delta_update(
    owner: Owner,
    text: str,
    *,
    offset: int,
    parent_seq: int | None,
    timestamp_ms: int,
    request_id: str,
    job_id: str | None,
    agent: str,
) -> Json:
    """Return the message of a delta: an agent's text from `offset` on, which no step holds yet."""
    update = status_update(
        owner, "text", text, timestamp_ms=timestamp_ms, request_id=request_id, job_id=job_id, agent_name=agent
    )
    return {**update, "metadata": {"offset": offset} | ({} if parent_seq is None else {"parentSeq": parent_seq})}


def step_update(owner: Owner, step: Step, *, request_id: str, job_id: str | None, agent: str) -> Json:
    """Return the status message of a recorded step of a run of `agent`."""
    update = status_update(
        owner,
        step.live_status,
        step.message,
        timestamp_ms=step.timestamp,
        request_id=request_id,
        job_id=job_id,
        agent_name=step.agent_name or agent,
        tool_name=step.tool_name,
        seq=step.seq,
    )
    # Use the recorded metadata, which is within its limits and includes the numbers that the writer added.
    return {**update, "metadata": json.loads(step.metadata_json) if step.metadata_json else None}


def batches(messages: Sequence[Json]) -> Iterator[list[Json]]:
    """Split messages, in order, into batches of at most `BATCH_MAX_MESSAGES` and `BATCH_MAX_BYTES`."""
    batch: list[Json] = []
    size_bytes = 0
    for message in messages:
        message_bytes = json_bytes(message)
        if batch and (len(batch) == limits.BATCH_MAX_MESSAGES or size_bytes + message_bytes > limits.BATCH_MAX_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(message)
        size_bytes += message_bytes + 2  # the brackets, and the comma between messages
    if batch:
        yield batch

"""What a status message is: a step on the live channel, as `publishStatus` takes it.

A message is a plain dict in the field names of GraphQL's `StatusUpdate`, because it crosses two services as JSON
before anyone looks at it. (`requestId`, `seq`) identifies the event on every channel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runcast import limits
from runcast.record.model import Json, Owner, Step, metadata_json, shortened

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
    metadata: Mapping[str, Any] | None = None,
) -> Json:
    """Return one status message; texts and metadata over their limits are shortened visibly.

    `seq` is None for a message that stands in no record: clients show it, but never merge it.
    """
    text = metadata_json(metadata)
    return {
        "userId": owner.user_id,
        "tenantId": owner.tenant_id,
        "jobId": job_id,
        "requestId": request_id,
        "agentName": agent_name,
        "status": status,
        "message": shortened(message, limits.MESSAGE_MAX_CHARACTERS),
        "timestamp": timestamp_ms,
        "metadata": None if text is None else json.loads(text),
        "seq": seq,
        "schemaVersion": SCHEMA_VERSION,
    }


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
        seq=step.seq,
    )
    # As it was recorded: its size has been seen to already.
    metadata = json.loads(step.metadata_json) if step.metadata_json else {}
    if step.tool_name:
        metadata = {"toolName": step.tool_name, **metadata}
    update["metadata"] = metadata or None
    return update


def batches(messages: Sequence[Json]) -> Iterator[list[Json]]:
    """Split messages, in order, into batches of at most `BATCH_MAX_MESSAGES` and `BATCH_MAX_BYTES`."""
    batch: list[Json] = []
    size_bytes = 0
    for message in messages:
        message_bytes = len(json.dumps(message))
        if batch and (len(batch) == limits.BATCH_MAX_MESSAGES or size_bytes + message_bytes > limits.BATCH_MAX_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(message)
        size_bytes += message_bytes + 2  # what joins them
    if batch:
        yield batch

"""What a write believes of the record: conditions under which DynamoDB takes it."""

from __future__ import annotations

from typing import Any

from runcast.errors import RunGone
from runcast.record.model import Run
from runcast.record.table import Refusal

EXPIRED = "attribute_not_exists(#requestId) OR #expiresAt <= :now_s"
"""The id is free."""

NOT_EXPIRED = "#expiresAt > :now_s"
"""The record is there: DynamoDB may delete an expired one days late."""


def as_read(run: Run) -> tuple[str, dict[str, Any]]:
    """Return the condition that nobody has written since `run` was read, and its values.

    Each step, and so each change of the status, adds to `seq`; each heartbeat renews the lease; and a claim names its
    worker, though the lease that it sets may be the one that was there.
    """
    condition = "#owner = :owner_read AND #seq = :seq_read AND #leaseUntil = :lease_read AND "
    values = {"owner_read": run.owner.key, "seq_read": run.seq, "lease_read": run.lease_until_ms}
    if run.worker is None:
        return condition + "attribute_not_exists(#worker)", values
    return condition + "#worker = :worker_read", {**values, "worker_read": run.worker}


def unless_gone(refusal: Refusal, now_ms: int) -> Refusal:
    """Return what refuses a write: `RunGone` if the record has expired at `now_ms`, otherwise the refusal."""

    def refused(run: Run) -> Exception:
        if run.expires_at_ms // 1000 > now_ms // 1000:
            return refusal(run)
        return RunGone(f"The record of run {run.request_id} has expired.")

    return refused

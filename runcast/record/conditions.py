"""The conditions under which DynamoDB accepts a write to the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runcast.errors import RunGone
from runcast.record.items import present
from runcast.record.model import Run
from runcast.record.refusals import Refusal

EXPIRED = "attribute_not_exists(#requestId) OR #expiresAt <= :now_s"
"""The id is free."""

NOT_EXPIRED = "#expiresAt > :now_s"
"""The record exists and has not expired: DynamoDB may delete an expired item days late."""


def equal_or_absent(attributes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the condition, with its values, that attributes have these values; None stands for an absent attribute."""
    conditions = [
        f"attribute_not_exists(#{name})" if value is None else f"#{name} = :{name}_read"
        for name, value in attributes.items()
    ]
    return " AND ".join(conditions), {f"{name}_read": value for name, value in present(attributes).items()}


def as_read(run: Run) -> tuple[str, dict[str, Any]]:
    """Return the condition, with its values, that the record has not changed since `run` was read.

    Every step, and so every status change, increments `seq`, and every heartbeat renews the lease. A claim may set
    the same lease as before, and a cancel request sets neither, so the condition also compares these two.
    """
    return equal_or_absent(
        {
            "owner": run.owner.key,
            "seq": run.seq,
            "leaseUntil": run.lease_until_ms,
            "worker": run.worker,
            "cancelRequestedAt": run.cancel_requested_at_ms,
        }
    )


def unless_gone(refusal: Refusal, now_ms: int) -> Refusal:
    """Return a refusal that yields `RunGone` if the record has expired at `now_ms`, otherwise the given refusal."""

    def refused(run: Run) -> Exception:
        if run.expires_at_ms // 1000 > now_ms // 1000:
            return refusal(run)
        return RunGone(f"The record of run {run.request_id} has expired.")

    return refused

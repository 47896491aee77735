"""Ending runs that will not end by themselves: the Lambda `run_closer`.

It is called for two reasons. Lambda sends it the record of each asynchronous invocation of the agent that failed:
killed, out of time or memory, or never begun. And every few minutes it sweeps: it looks after the runs that have been
open for longer than any Lambda lives, because nobody answered them, or because they ran where no failure is reported.
What it ends nobody else has ended, so calling it again changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import aws, logs, metrics
from chalicelib.config import RunCloserConfig, config_of_environment
from runcast.clock import epoch_ms
from runcast.errors import InvalidInput, Unavailable
from runcast.record.ending import Ending, close_dead, overdue_ids
from runcast.record.identity import run_identity
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)

SWEEP = {"sweep": True}
"""The event that Terraform's rule sends."""

_TIME_FOR_ONE_RUN_MS = 5_000


def close_runs(event: Any, context: Any) -> None:
    """End the run of a failed invocation, or all that were left alone.

    Args:
        event: `SWEEP`, or the record of a failed invocation. Anything else is logged.
        context: Lambda's.

    Raises:
        Unavailable: The record could not be read or written; Lambda tries again.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    config = config_of_environment(RunCloserConfig)
    store = aws.run_store(config.agent_progress_table)
    announce = aws.announcer(config.status_publisher_function).announce
    if event == SWEEP:
        closed = sweep(store, announce, remaining_ms=context.get_remaining_time_in_millis)
    else:
        closed = close_failed(event, store, announce)
    if closed:
        metrics.count_closed_runs(closed)


def close_failed(
    record: Any, store: RunStore, announce: Callable[[Ending], None], *, now_ms: Callable[[], int] = epoch_ms
) -> int:
    """End the run of a failed invocation; return how many were ended, 1 or none.

    Raises:
        Unavailable: The record could not be read or written.
    """
    try:
        failed = _FailedInvocation.of(record)
    except (AttributeError, InvalidInput, KeyError, TypeError) as error:
        logger.error("the event is no record of a failed invocation of the agent: %s", type(error).__name__)
        return 0
    logs.about_run(failed.request_id)
    ending = close_dead(store, failed.request_id, invocation=failed.invocation, detail=failed.reason, now_ms=now_ms)
    if ending is None:
        logger.info("the run needs no end: it has one, or another works on it")
        return 0
    announce(ending)
    return 1


def sweep(
    store: RunStore,
    announce: Callable[[Ending], None],
    *,
    remaining_ms: Callable[[], float],
    now_ms: Callable[[], int] = epoch_ms,
) -> int:
    """End the runs that were left alone, as far as the time reaches; return how many were ended.

    Raises:
        Unavailable: Such runs could not be looked for.
    """
    closed = 0
    for request_id in overdue_ids(store, now_ms=now_ms):
        if remaining_ms() < _TIME_FOR_ONE_RUN_MS:
            logger.warning("there are more runs to be ended than time: the next sweep goes on")
            break
        try:
            ending = close_dead(store, request_id, now_ms=now_ms)
        except Unavailable as error:
            logger.warning("run %s could not be ended now: %s", request_id, error)
            continue
        if ending:
            announce(ending)
            closed += 1
    return closed


@dataclass(frozen=True)
class _FailedInvocation:
    invocation: str
    request_id: str
    reason: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _FailedInvocation:
        about = record["requestContext"]
        invocation = about["requestId"]
        if not isinstance(invocation, str):
            raise TypeError
        identity = run_identity(record["requestPayload"], request_id=invocation)
        if about["condition"] == "EventAgeExceeded":
            return cls(invocation, identity.request_id, "It waited too long for a free one.")
        error = record.get("responsePayload") or {}
        texts = [str(error[name]) for name in ("errorType", "errorMessage") if error.get(name)]
        return cls(invocation, identity.request_id, ": ".join(texts))

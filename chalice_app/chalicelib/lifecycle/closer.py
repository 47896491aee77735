"""Ending runs and jobs that will not end by themselves: the Lambda `run_closer`.

It is called for four reasons. A worker that cannot store its run's end in time hands it over, to be written here with
retries. Lambda sends it the record of each asynchronous invocation of the agent that failed:
killed, out of time or memory, or never begun. EventBridge sends it the event of each execution of a job that failed,
timed out or was stopped: no state of it could write that. And every few minutes it sweeps: it looks after what has been
open for longer than any Lambda lives, because nobody answered it, or because it ran where no failure is reported. What
it ends nobody else has ended, so calling it again changes nothing. With a job it cancels the runs that are still open.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.orchestrator.failures import lambda_error, message_in
from chalicelib.orchestrator.job import Job
from chalicelib.runtime import clients, logs, metrics
from chalicelib.runtime.announce import announcer
from chalicelib.runtime.config import RunCloserConfig, config_of_environment
from runcast import limits
from runcast.errors import InvalidInput, Unavailable
from runcast.record.ending import Ending, cancel_runs, close_dead, close_job, overdue_ids
from runcast.record.handover import HANDED_OVER_END, HandedOverEnd, write_handed_over
from runcast.record.identity import run_identity
from runcast.record.model import EndedRun, Json, Owner, RunStatus
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)

SWEEP = {"sweep": True}
"""The event that Terraform's rule sends."""

EXECUTION_ENDED = "Step Functions Execution Status Change"
"""The `detail-type` of the event of an execution."""

_TIME_FOR_ONE_RUN_MS = 5_000


def close_runs(event: Any, context: Any) -> None:
    """Write a handed-over end, or end runs: of a failed invocation, of a failed execution, or all that were left alone.

    Args:
        event: A `HandedOverEnd`, `SWEEP`, the event of an execution that did not succeed, or the record of a failed
            invocation. Anything else is logged.
        context: Lambda's.

    Raises:
        Unavailable: The record could not be read or written; Lambda tries again.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    config = config_of_environment(RunCloserConfig)
    store = clients.run_store(config.agent_progress_table)
    ends = announcer(config.status_publisher_function)
    if isinstance(event, dict) and HANDED_OVER_END in event:
        write_end(
            event,
            store,
            send=clients.status_publisher(config.status_publisher_function).send,
            on_end=ends.put_event,
            remaining_ms=context.get_remaining_time_in_millis,
        )
        return
    if event == SWEEP:
        closed = sweep(store, ends.announce, remaining_ms=context.get_remaining_time_in_millis)
    elif isinstance(event, dict) and event.get("detail-type") == EXECUTION_ENDED:
        closed = close_execution(event, store, ends.announce)
    else:
        closed = close_failed(event, store, ends.announce)
    if closed:
        metrics.count_closed_runs(closed)


def write_end(
    event: Mapping[str, Any],
    store: RunStore,
    *,
    send: Callable[[list[Json]], int],
    on_end: Callable[[EndedRun], None],
    remaining_ms: Callable[[], float],
) -> bool:
    """Write an end that its worker could not store in time; return whether this call wrote it.

    Raises:
        Unavailable: The record could not be written; Lambda tries again.
    """
    try:
        handed = HandedOverEnd.of_event(event)
    except (AttributeError, InvalidInput, KeyError, OverflowError, TypeError, ValueError) as error:
        logger.error("the event does not contain the end of a run: %s", type(error).__name__)
        return False
    logs.about_run(handed.assignment.request_id)
    written = write_handed_over(
        store, handed, send=send, on_end=on_end, give_up=lambda: remaining_ms() < _TIME_FOR_ONE_RUN_MS
    )
    if not written:
        logger.info("the run needs no end: it has one, or another works on it")
    return written


def close_failed(
    record: Any, store: RunStore, announce: Callable[[Ending], None], *, now_ms: Callable[[], int] | None = None
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
    ending = close_dead(
        store,
        failed.request_id,
        owner=failed.owner,
        invocation=failed.invocation,
        detail=failed.reason,
        now_ms=now_ms,
    )
    if ending is None:
        logger.info("the run needs no end: it has one, another works on it, or it is another owner's")
        return 0
    announce(ending)
    return 1


def close_execution(
    event: Any, store: RunStore, announce: Callable[[Ending], None], *, now_ms: Callable[[], int] | None = None
) -> int:
    """End the job of an execution that did not succeed, and cancel its open runs; return how many were ended.

    A job that has an end keeps it: an execution also fails when its job has ended as `error`.

    Raises:
        Unavailable: A record could not be read or written.
    """
    try:
        ended = _EndedExecution.of(event)
    except (AttributeError, InvalidInput, KeyError, RecursionError, TypeError, ValueError) as error:
        logger.error("ignoring the event: not a failed execution of a job: %s", type(error).__name__)
        return 0
    job = ended.job
    logs.about_run(job.job_id)
    ending = close_job(store, job.owner, job.job_id, ended.status, ended.reason, now_ms=now_ms)
    if ending is None:
        logger.warning("the execution's owner has no such job")
        return 0
    return _close_with_runs(ending, store, announce, now_ms)


def sweep(
    store: RunStore,
    announce: Callable[[Ending], None],
    *,
    remaining_ms: Callable[[], float],
    now_ms: Callable[[], int] | None = None,
) -> int:
    """End the runs that were left alone, as far as the time reaches; return how many were ended.

    A run that cannot be ended, because its record is unreadable for example, is logged and counted; the others are
    ended all the same.

    Raises:
        Unavailable: Such runs could not be looked for.
    """
    closed = 0
    for request_id in overdue_ids(store, now_ms=now_ms):
        if remaining_ms() < _TIME_FOR_ONE_RUN_MS:
            logger.warning("there are more runs to be ended than time: the next sweep goes on")
            break
        try:
            if ending := close_dead(store, request_id, now_ms=now_ms):
                closed += _close_with_runs(ending, store, announce, now_ms)
        except Unavailable as error:
            logger.warning("run %s could not be ended now: %s", request_id, error)
        except Exception:
            logger.exception("run %s could not be ended: look at its record", request_id)
            metrics.count_unclosed_run()
    return closed


def _close_with_runs(
    ending: Ending, store: RunStore, announce: Callable[[Ending], None], now_ms: Callable[[], int] | None
) -> int:
    """Tell of an end and, if it is a job's, cancel its runs; return how many were ended."""
    announce(ending)
    closed = int(ending.ended is not None)
    if ending.ended and ending.ended.status is RunStatus.ERROR and ending.run.playbook:
        metrics.count_closed_job()
    for each in cancel_runs(store, ending.run, now_ms=now_ms):
        announce(each)
        closed += each.ended is not None
    return closed


@dataclass(frozen=True)
class _FailedInvocation:
    invocation: str
    request_id: str
    owner: Owner
    reason: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _FailedInvocation:
        about = record["requestContext"]
        invocation = about["requestId"]
        if not isinstance(invocation, str):
            raise TypeError
        identity = run_identity(record["requestPayload"], request_id=invocation)
        if about["condition"] == "EventAgeExceeded":
            reason = "It waited too long for a free one."
        else:
            reason = lambda_error(record.get("responsePayload") or {})
        return cls(invocation, identity.request_id, identity.owner, reason)


@dataclass(frozen=True)
class _EndedExecution:
    job: Job
    status: RunStatus
    reason: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> _EndedExecution:
        detail = event["detail"]
        job, status = Job.of(json.loads(detail["input"]), execution=detail["name"]), detail["status"]
        if status == "ABORTED":
            return cls(job, RunStatus.CANCELLED, "Cancelled")
        if status == "TIMED_OUT":
            minutes = limits.JOB_TIMEOUT_SECONDS // 60
            return cls(job, RunStatus.ERROR, f"The job was not done within {minutes} minutes.")
        if status != "FAILED":
            raise KeyError
        cause = detail.get("cause") or ""
        texts = [text for text in (detail.get("error"), message_in(cause) or cause) if text]
        return cls(job, RunStatus.ERROR, ": ".join(("The job's execution failed", *texts)))

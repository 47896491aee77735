"""The Lambda `run_closer`: ends runs and jobs whose worker cannot end them.

Five events invoke it:

- A worker that cannot store its run's end in time hands the end over, and this Lambda writes it with retries.
- A worker that has handed its run over to the next part asks for it, and this Lambda invokes the agent from the record.
- Lambda sends a record of each asynchronous agent invocation that failed: killed, out of time or memory, or never
  started.
- EventBridge sends an event for each job execution that failed, timed out or was stopped, because then none of its
  states can write the end.
- A worker, or the caller's API, reports that a run of a job has ended, waits for an answer, or was answered. This
  Lambda reports it to the job's execution, with the task token in the run's record.
- A schedule starts a sweep every few minutes. It ends runs that have been open for longer than any Lambda lives: runs
  that wait for an answer, and runs on workers that report no failure.

All of this is idempotent, because only an open run can be ended. Ending a job also cancels its open runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.lifecycle.failure_events import EndedExecution, FailedInvocation
from chalicelib.orchestrator.task import report_run
from chalicelib.runtime import clients, logs, metrics
from chalicelib.runtime.announce import announcer
from chalicelib.runtime.config import RunCloserConfig, config_of_environment
from runcast.errors import InvalidInput, Unavailable
from runcast.record.cancel import cancel_runs
from runcast.record.close import CloseResult, close_dead, close_job, overdue_ids, queued_part
from runcast.record.handover import CHANGED_RUN, HANDED_OVER_END, NEXT_PART
from runcast.record.identity import run_identity
from runcast.record.model import Json, Run, RunEnded, RunStatus
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)

SWEEP = {"sweep": True}
"""The event that Terraform's rule sends."""

EXECUTION_ENDED = "Step Functions Execution Status Change"
"""The `detail-type` of EventBridge's event about an execution."""

_TIME_FOR_ONE_RUN_MS = 5_000


def close_runs(event: Any, context: Any) -> None:
    """Write or report an end, continue a run, end that of a failed invocation or execution, or sweep overdue runs.

    Args:
        event: A `HandedOverEnd`, `{NEXT_PART: <requestId>}`, a `changed_run_event`, `SWEEP`, EventBridge's event about
            a failed execution, or Lambda's record of a failed invocation. Anything else is logged.
        context: The Lambda context.

    Raises:
        Unavailable: The record could not be read or written; Lambda tries again.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    config = config_of_environment(RunCloserConfig)
    store = clients.run_store(config.agent_progress_table, question_retention_hours=config.question_retention_hours)
    ends = announcer(config.status_publisher_function)

    def report(run: Run) -> None:
        report_run(clients.step_functions(), run)

    def announce(result: CloseResult) -> None:
        if result.hand_out:
            from chalicelib.agents.agent_functions import agent_functions  # few events need them
            from chalicelib.lifecycle.answer import hand_out

            hand_out(result.run, agent_functions(config))
        ends.announce(result)
        if result.ended and result.run.task_token:
            report(result.run)

    if isinstance(event, dict) and NEXT_PART in event:
        continue_run(event, store, announce)
        return
    if isinstance(event, dict) and CHANGED_RUN in event:
        report_change(event, store, report=report)
        return
    if isinstance(event, dict) and HANDED_OVER_END in event:
        written = write_end(
            event,
            store,
            send=clients.status_publisher(config.status_publisher_function).send,
            on_end=ends.put_event,
            remaining_ms=context.get_remaining_time_in_millis,
        )
        if written:
            report_change({CHANGED_RUN: event[HANDED_OVER_END]}, store, report=report)
            continue_run({NEXT_PART: event[HANDED_OVER_END]["requestId"]}, store, announce)
        return
    if event == SWEEP:
        closed = sweep(store, announce, remaining_ms=context.get_remaining_time_in_millis)
    elif isinstance(event, dict) and event.get("detail-type") == EXECUTION_ENDED:
        closed = close_execution(event, store, announce)
    else:
        closed = close_failed(event, store, announce)
    if closed:
        metrics.count_closed_runs(closed)


def write_end(
    event: Mapping[str, Any],
    store: RunStore,
    *,
    send: Callable[[list[Json]], int],
    on_end: Callable[[RunEnded], None],
    remaining_ms: Callable[[], float],
) -> bool:
    """Write an end that its worker could not store in time; return whether this call wrote it.

    Raises:
        Unavailable: The record could not be written; Lambda tries again.
    """
    from runcast.record.handed_over import HandedOverEnd, write_handed_over  # for this event alone

    try:
        handed = HandedOverEnd.of_event(event)
    except (AttributeError, InvalidInput, KeyError, OverflowError, TypeError, ValueError) as error:
        logger.error("ignoring the event: it does not contain the end of a run: %s", type(error).__name__)
        return False
    logs.about_run(handed.assignment.request_id)
    logs.about_owner(handed.assignment.owner)
    written = write_handed_over(
        store, handed, send=send, on_end=on_end, give_up=lambda: remaining_ms() < _TIME_FOR_ONE_RUN_MS
    )
    if not written:
        logger.info("the end was not written: the run has ended, or another worker has it")
    return written


def continue_run(event: Mapping[str, Any], store: RunStore, announce: Callable[[CloseResult], None]) -> bool:
    """Have the agent invoked for the run's next part, unless a worker has it; return whether this was necessary.

    Raises:
        Unavailable: The record could not be read; Lambda tries again.
    """
    request_id = event[NEXT_PART]
    if not isinstance(request_id, str):
        logger.error("ignoring the event: it names no run")
        return False
    logs.about_run(request_id)
    result = queued_part(store, request_id)
    if result is not None:
        logs.about_owner(result.run.owner)
        announce(result)
    return result is not None


def report_change(event: Mapping[str, Any], store: RunStore, *, report: Callable[[Run], None]) -> None:
    """Report the current state of a job's run to the job's execution.

    Raises:
        Unavailable: The record could not be read, or Step Functions did not answer; Lambda tries again.
    """
    try:
        changed = run_identity(event[CHANGED_RUN], request_id=event[CHANGED_RUN]["requestId"])
    except (AttributeError, InvalidInput, KeyError, TypeError) as error:
        logger.error("ignoring the event: it does not name a run: %s", type(error).__name__)
        return
    logs.about_run(changed.request_id)
    logs.about_owner(changed.owner)
    run = store.read(changed.request_id)
    if run is None or run.owner != changed.owner or run.task_token is None:
        logger.info("the change was not reported: no job waits for this run")
        return
    report(run)


def close_failed(
    record: Any, store: RunStore, announce: Callable[[CloseResult], None], *, now_ms: Callable[[], int] | None = None
) -> int:
    """End the run of a failed invocation; return the number of ended runs, 0 or 1.

    If the invocation was for a part that has run nothing, the part is handed out again. If the invocation did not have
    the run, it says nothing about the worker that has it: Lambda may deliver an event twice, with the same request id.
    Then the run is ended only if its lease has expired.

    Raises:
        Unavailable: The record could not be read or written.
    """
    try:
        failed = FailedInvocation.of(record)
    except (AttributeError, InvalidInput, KeyError, TypeError) as error:
        logger.error("ignoring the event: not the record of a failed agent invocation: %s", type(error).__name__)
        return 0
    logs.about_run(failed.request_id)
    logs.about_owner(failed.owner)
    result = close_dead(
        store,
        failed.request_id,
        owner=failed.owner,
        created_at_ms=failed.created_at_ms,
        invocation=None if failed.had_no_run else failed.invocation,
        part=failed.part,
        detail=failed.detail,
        reason=failed.reason,
        now_ms=now_ms,
    )
    if result is None:
        logger.info("the run was not ended: it has ended, another worker has it, or it belongs to another owner")
        return 0
    announce(result)
    return int(result.ended is not None)


def close_execution(
    event: Any, store: RunStore, announce: Callable[[CloseResult], None], *, now_ms: Callable[[], int] | None = None
) -> int:
    """End the job of a failed execution and cancel its open runs; return the number of ended runs and jobs.

    A job that has already ended keeps its end: an execution also fails when its job ends as `error`.

    Raises:
        Unavailable: A record could not be read or written.
    """
    try:
        ended = EndedExecution.of(event)
    except (AttributeError, InvalidInput, KeyError, TypeError) as error:
        logger.error("ignoring the event: not a failed execution of a job: %s", type(error).__name__)
        return 0
    logs.about_run(ended.job_id)
    result = close_job(store, ended.job_id, ended.status, ended.reason, ended.message, now_ms=now_ms)
    if result is None:
        logger.warning("the execution has no job")
        return 0
    logs.about_owner(result.run.owner)
    return _close_with_runs(result, store, announce, now_ms)


def sweep(
    store: RunStore,
    announce: Callable[[CloseResult], None],
    *,
    remaining_ms: Callable[[], float],
    now_ms: Callable[[], int] | None = None,
) -> int:
    """End all overdue runs, as far as time allows; return the number of ended runs and jobs.

    A part of a run that has run nothing is handed out again instead.

    If a run cannot be ended, for example because its record is unreadable, this logs and counts it and goes on with the
    next.

    Raises:
        Unavailable: The overdue runs could not be queried.
    """
    closed = 0
    for request_id in overdue_ids(store, now_ms=now_ms):
        if remaining_ms() < _TIME_FOR_ONE_RUN_MS:
            logger.warning("out of time with overdue runs left; the next sweep continues")
            break
        try:
            if result := close_dead(store, request_id, now_ms=now_ms):
                closed += _close_with_runs(result, store, announce, now_ms)
        except Unavailable as error:
            logger.warning("run %s could not be ended now: %s", request_id, error)
        except Exception:
            logger.exception("run %s could not be ended: look at its record", request_id)
            metrics.count_unclosed_run()
    return closed


def _close_with_runs(
    result: CloseResult, store: RunStore, announce: Callable[[CloseResult], None], now_ms: Callable[[], int] | None
) -> int:
    """Announce an end and, if it is a job's, cancel the job's runs; return the number of ended runs and jobs."""
    announce(result)
    closed = int(result.ended is not None)
    if result.ended and result.ended.status is RunStatus.ERROR and result.run.is_job:
        metrics.count_closed_job()
    for each in cancel_runs(store, result.run, now_ms=now_ms):
        announce(each)
        closed += each.ended is not None
    return closed

"""Ends that no worker writes: the run was never claimed, its worker died, or its owner cancelled it.

Several callers may try to end a run at the same time as its worker. Each one reads the record, decides, and writes on
the condition that the record has not changed. If the condition fails, the caller gets the current record and decides
again. So a run has exactly one end, and the losing attempts leave no trace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from runcast import limits
from runcast.errors import AppendRefused, RunGone, StoreUnavailable, Unavailable, WriteConflict
from runcast.json_text import metadata_json
from runcast.record.ids import requested_id
from runcast.record.message import status_update, step_update
from runcast.record.model import EndedRun, EndReason, Json, Liveness, Owner, Run, RunStatus, Step
from runcast.record.planned import is_of_job
from runcast.record.store import End, RunStore
from runcast.text import shortened

logger = logging.getLogger(__name__)

_HEADS_AT_ONCE = 100  # as many as `RunStore.read_heads` takes
_ERRORS = {
    EndReason.NEVER_CLAIMED: "The run was not started: no worker took it.",
    EndReason.WORKER_DIED: "The worker stopped before the run had ended: it was killed, or ran out of time or memory.",
    EndReason.EXECUTION_STOPPED: "The job's execution stopped before the job had ended.",
    EndReason.NOT_ANSWERED: "The run waited for an answer, and nobody gave one in time.",
}


@dataclass(frozen=True)
class Ending:
    """The result of a request to end a run.

    Attributes:
        run: The current record.
        update: The status message to publish: the end, if this call wrote it, or the cancel request, if this call
            made it. Otherwise None.
        ended: The run's outcome, if this call ended it.
    """

    run: Run
    update: Json | None = None
    ended: EndedRun | None = None


def end_unclaimed(store: RunStore, run: Run, *, message: str, now_ms: Callable[[], int] | None = None) -> Ending | None:
    """End a run as `error` if its record was created but no worker could be invoked.

    Args:
        store: The table.
        run: The record as it was created.
        message: Why no worker could be invoked, for people.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The ending, or None if a worker claimed the run, another caller ended it, or the record is gone.

    Raises:
        StoreUnavailable: DynamoDB did not answer.
    """
    try:
        return _end(store, run, RunStatus.ERROR, EndReason.NOT_HANDED_OVER, message, (now_ms or store.now_ms)())
    except (AppendRefused, RunGone):
        return None


def close_dead(
    store: RunStore,
    request_id: str,
    *,
    owner: Owner | None = None,
    invocation: str | None = None,
    detail: str | None = None,
    now_ms: Callable[[], int] | None = None,
) -> Ending | None:
    """End a run as `error` if it cannot end by itself; leave any other run alone.

    Two kinds of runs qualify. The first is a run in progress that is unclaimed or claimed by the failed `invocation`.
    The second is a run whose lease expired `CLOSE_GRACE_MS` ago: unclaimed, abandoned by its worker, or unanswered.

    Args:
        store: The table.
        request_id: The run's id.
        owner: The owner that the run must have, if an event names the id. Jobs and other owners' runs are then left
            alone. None for the sweep, which reads the ids from the table.
        invocation: The id of an invocation of the agent that is known to have failed.
        detail: More about the failure, for people.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The ending, if this call ended the run; otherwise None.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The run kept changing; a retry is safe.
    """

    def close(run: Run) -> Ending | None:
        now = (now_ms or store.now_ms)()
        if run.status.ended or (owner is not None and (run.owner != owner or run.is_job)):
            return None
        failed = invocation is not None and (run.worker is None or run.worker.startswith(f"{invocation}/"))
        if not _overdue(run, now) and not (failed and run.status is RunStatus.IN_PROGRESS):
            return None
        reason = _reason_of_death(run)
        message = shortened(" ".join(filter(None, (_ERRORS[reason], detail))), limits.MESSAGE_MAX_CHARACTERS)
        return _end(store, run, RunStatus.ERROR, reason, message, now)

    return _decide(store, request_id, close)


def close_job(
    store: RunStore,
    owner: Owner,
    job_id: str,
    status: RunStatus,
    reason: EndReason,
    message: str,
    *,
    now_ms: Callable[[], int] | None = None,
) -> Ending | None:
    """End a job whose execution has ended. A job in a terminal state stays unchanged.

    Args:
        store: The table.
        owner: The owner that the job must have.
        job_id: The job's id.
        status: The terminal state: `error` or `cancelled`.
        reason: Why it ended, for code.
        message: Why it ended, for people.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The current job; None if the owner has no such job, or it has expired.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The job kept changing; a retry is safe.
    """

    def close(job: Run) -> Ending | None:
        if not job.is_job or job.owner != owner:
            return None
        if job.status.ended:
            return Ending(job)
        text = shortened(message, limits.MESSAGE_MAX_CHARACTERS)
        return _end(store, job, status, reason, text, (now_ms or store.now_ms)())

    return _decide(store, job_id, close)


def cancel_runs(store: RunStore, job: Run, *, now_ms: Callable[[], int] | None = None) -> Iterator[Ending]:
    """Cancel the runs of a job that has ended, and yield the ending of each existing run.

    Args:
        store: The table.
        job: The job's record, with its planned runs.
        now_ms: The time, epoch milliseconds; by default the store's.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: A run kept changing; a retry is safe.
    """
    for planned in job.runs:
        for request_id in planned.request_ids:
            if ending := cancel(store, job.owner, request_id, job_id=job.request_id, now_ms=now_ms):
                yield ending


def worker_died(run: Run) -> bool:
    """Whether the run was ended because it was never claimed or its worker died."""
    return run.reason in (EndReason.NEVER_CLAIMED, EndReason.WORKER_DIED)


def overdue_ids(store: RunStore, *, now_ms: Callable[[], int] | None = None) -> Iterator[str]:
    """Yield the ids of the open runs that `close_dead` would end.

    The ids include open runs whose head cannot be parsed, so that `close_dead` raises the parse error. Only runs
    older than `SWEEP_AGE_MS` are read, which skips most runs that are still in progress.

    Args:
        store: The table.
        now_ms: The time, epoch milliseconds; by default the store's.

    Raises:
        StoreUnavailable: DynamoDB did not answer.
    """
    open_ids = store.open_ids(before_ms=(now_ms or store.now_ms)() - limits.SWEEP_AGE_MS)
    while some := list(islice(open_ids, _HEADS_AT_ONCE)):
        runs = {run.request_id: run for run in store.read_heads(some)}
        yield from (each for each in some if each not in runs or _left_alone(runs[each], (now_ms or store.now_ms)()))


def cancel(
    store: RunStore,
    owner: Owner,
    request_id: str,
    *,
    job_id: str | None = None,
    stop_execution: Callable[[str], None] | None = None,
    now_ms: Callable[[], int] | None = None,
) -> Ending | None:
    """Cancel a run or job of the caller. Idempotent.

    A run without an active worker (unclaimed, waiting or lost) ends at once. A run with an active worker is marked: it
    reads `cancelling` until its worker stops and writes the end. A run in a terminal state does not change. A job ends
    as soon as its execution is stopped; cancel its runs afterwards.

    Args:
        store: The table.
        owner: The caller.
        request_id: The id of the run or job.
        job_id: The job that the run must belong to, if it is cancelled with its job.
        stop_execution: Stops the execution of a job, by the job's id. Its exceptions propagate.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The current run; None if the caller has no such run, or it has expired.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The run kept changing; a retry is safe.
    """

    def stop(run: Run) -> Ending | None:
        now = (now_ms or store.now_ms)()
        if run.owner != owner or (job_id is not None and not is_of_job(run, owner, job_id)):
            return None
        if run.status.ended:
            return Ending(run)
        if run.is_job and stop_execution:
            stop_execution(run.request_id)
        if run.worker is None or run.is_job or run.status is RunStatus.WAITING or now > run.lease_until_ms:
            return _end(store, run, RunStatus.CANCELLED, EndReason.CANCEL_REQUESTED, "Cancelled", now)
        if run.cancel_requested_at_ms is not None:
            return Ending(run)
        return _cancelling(store, store.ask_to_cancel(run.request_id, owner), now)

    return _decide(store, request_id, stop)


def _cancelling(store: RunStore, marked: Run, now_ms: int) -> Ending:
    """Write the cancel hint and return the live message, which is not part of the record."""
    try:
        store.hint_cancel(marked)
    except StoreUnavailable as error:
        logger.warning("run %s: its cancel is seen at its next heartbeat: %s", marked.request_id, error)
    update = status_update(
        marked.owner,
        Liveness.CANCELLING.value,
        "Cancelling",
        timestamp_ms=now_ms,
        request_id=marked.request_id,
        job_id=marked.job_id,
        agent_name=marked.agent,
    )
    return Ending(marked, update)


def _decide(store: RunStore, request_id: str, decide: Callable[[Run], Ending | None]) -> Ending | None:
    canonical = requested_id(request_id)
    run = store.read(canonical) if canonical else None
    if run is None:
        return None
    for _ in range(limits.END_MAX_TRIES):
        try:
            return decide(run)
        except AppendRefused as refused:
            run = refused.run
        except WriteConflict:
            continue
        except RunGone:
            return None
    raise Unavailable(f"Run {request_id} kept changing. Try again.")


def _left_alone(run: Run, now_ms: int) -> bool:
    return not run.status.ended and _overdue(run, now_ms)


def _overdue(run: Run, now_ms: int) -> bool:
    return now_ms > run.lease_until_ms + limits.CLOSE_GRACE_MS


def _reason_of_death(run: Run) -> EndReason:
    if run.status is RunStatus.WAITING:
        return EndReason.NOT_ANSWERED
    if run.worker is None:
        return EndReason.NEVER_CLAIMED
    return EndReason.EXECUTION_STOPPED if run.is_job else EndReason.WORKER_DIED


def _end(store: RunStore, run: Run, status: RunStatus, reason: EndReason, message: str, now_ms: int) -> Ending:
    failed = status is RunStatus.ERROR
    elapsed_seconds = max(0, now_ms - run.created_at_ms) / 1000
    step = Step(
        step=status.value,
        message=message,
        elapsed=elapsed_seconds,
        timestamp=now_ms,
        seq=run.seq + 1,
        status="agent_error" if failed and not run.is_job else None,
        metadata_json=None if run.is_job else metadata_json({"elapsed": elapsed_seconds}),
    )
    ended = store.end(run, step, End(status, error=message if failed else None, reason=reason))
    update = step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent)
    return Ending(ended, update, EndedRun.of(ended))

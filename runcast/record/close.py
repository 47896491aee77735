"""Closes a run: ends it without its worker, because none claimed it or its worker died (`cancel` closes on request).

Several callers may try to end a run at the same time as its worker. Each one reads the record, decides, and writes on
the condition that the record has not changed. If the condition fails, the caller gets the current record and decides
again. So a run has exactly one end, and the losing attempts leave no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from runcast import limits
from runcast.errors import AppendRefused, RunGone, Unavailable, WriteConflict
from runcast.json_text import metadata_json
from runcast.record.crash import crash_step, crashes_in_a_row, is_resumable
from runcast.record.ids import requested_id
from runcast.record.message import step_update
from runcast.record.model import EndReason, Json, Owner, Run, RunEnded, RunStatus
from runcast.record.store import End, RunStore
from runcast.redaction import clean_text
from runcast.text import shortened

_HEADS_AT_ONCE = 100  # as many as `RunStore.read_heads` takes
_ERRORS = {
    EndReason.NEVER_CLAIMED: "The run was not started: no worker took it.",
    EndReason.WORKER_DIED: "The worker stopped before the run had ended: it was killed, or ran out of time or memory.",
    EndReason.EXECUTION_STOPPED: "The job's execution stopped before the job had ended.",
    EndReason.NOT_ANSWERED: "The run waited for an answer, and nobody gave one in time.",
}


@dataclass(frozen=True)
class CloseResult:
    """The result of a request to close or cancel a run.

    Attributes:
        run: The current record.
        update: The status message to publish: the end, if this call wrote it, or the cancel request, if this call
            made it. Otherwise None.
        hand_out: Whether the run's current part must be handed to a worker again.
    """

    run: Run
    update: Json | None = None
    hand_out: bool = False

    @property
    def ended(self) -> RunEnded | None:
        """The announcement of the end, if this call wrote it."""
        return RunEnded.of(self.run) if self.update and self.run.status.ended else None


def close_unclaimed(
    store: RunStore, run: Run, *, message: str, now_ms: Callable[[], int] | None = None
) -> CloseResult | None:
    """End a run as `error` if its record was created but no worker could be invoked.

    Args:
        store: The table.
        run: The record as it was created.
        message: Why no worker could be invoked, for people.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The result, or None if a worker claimed the run, another caller ended it, or the record is gone.

    Raises:
        StoreUnavailable: DynamoDB did not answer.
    """
    try:
        return write_end(store, run, RunStatus.ERROR, EndReason.NOT_HANDED_OVER, message, (now_ms or store.now_ms)())
    except (AppendRefused, RunGone):
        return None


def close_dead(
    store: RunStore,
    request_id: str,
    *,
    owner: Owner | None = None,
    created_at_ms: int | None = None,
    invocation: str | None = None,
    part: tuple[int, int] = (1, 1),
    detail: str | None = None,
    reason: EndReason | None = None,
    now_ms: Callable[[], int] | None = None,
) -> CloseResult | None:
    """End a run as `error` if it cannot end by itself; leave any other run alone.

    A later part that has run nothing is handed out again instead, up to `PART_MAX_TRIES` times in all. A run of a
    checkpointing agent whose worker has died continues in the next part, up to `CRASHES_MAX` times in a row.

    Two kinds of runs qualify. The first is a run in progress that is unclaimed or claimed by the failed `invocation`.
    The second is a run whose lease expired `CLOSE_GRACE_MS` ago: unclaimed, abandoned by its worker, or unanswered.

    Args:
        store: The table.
        request_id: The run's id.
        owner: The owner that the run must have, if an event names the id. Jobs and other owners' runs are then left
            alone. None for the sweep, which reads the ids from the table.
        created_at_ms: When the record was created of which an event speaks, if it says so. A later run that has reused
            the id is left alone.
        invocation: The id of an invocation of the agent that is known to have failed.
        part: Which part of the run that invocation was for, and which try of it.
        detail: More about the failure, for people.
        reason: Why the run ends if no worker has claimed it; by default `NEVER_CLAIMED`.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The result, if this call ended the run, or with `hand_out` if its part must be handed out again; otherwise
        None.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The run kept changing; a retry is safe.
    """

    def close(run: Run) -> CloseResult | None:
        now = (now_ms or store.now_ms)()
        if run.status.ended or (owner is not None and (run.owner != owner or run.is_job)):
            return None
        if created_at_ms is not None and run.created_at_ms != created_at_ms:
            return None
        current = part == (run.part, run.part_tries)
        if invocation is not None and part[0] < run.part and run.part_is_queued:
            return CloseResult(run, hand_out=True)  # that worker may have died before it had asked for the next one
        unclaimed_or_its_own = run.worker is None or run.worker.startswith(f"{invocation}/")
        failed = invocation is not None and current and unclaimed_or_its_own and run.status is RunStatus.IN_PROGRESS
        if not (_overdue(run, now) or failed):
            return None
        if not run.part_has_begun and run.part_tries < limits.PART_MAX_TRIES and run.cancel_requested_at_ms is None:
            return CloseResult(store.hand_out_again(run), hand_out=True)
        if is_resumable(run):
            step = crash_step(run, now)
            update = step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent)
            return CloseResult(store.resume_part(run, step), update, hand_out=True)
        died = reason if reason and run.worker is None else _reason_of_death(run)
        error = _ERRORS.get(died), crashes_in_a_row(run), detail
        message = shortened(" ".join(filter(None, error)), limits.MESSAGE_MAX_CHARACTERS)
        return write_end(store, run, RunStatus.ERROR, died, message, now)

    return decide_until_written(store, request_id, close)


def queued_part(store: RunStore, request_id: str) -> CloseResult | None:
    """Return the run with `hand_out` if it continues in a part that no worker has claimed; otherwise None.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
    """

    def decide(run: Run) -> CloseResult | None:
        return CloseResult(run, hand_out=True) if run.part_is_queued else None

    return decide_until_written(store, request_id, decide)


def close_job(
    store: RunStore,
    job_id: str,
    status: RunStatus,
    reason: EndReason,
    message: str,
    *,
    now_ms: Callable[[], int] | None = None,
) -> CloseResult | None:
    """End a job whose execution has ended. A job in a terminal state stays unchanged.

    Args:
        store: The table.
        job_id: The job's id, which is the execution's name.
        status: The terminal state: `error` or `cancelled`.
        reason: Why it ended, for code.
        message: Why it ended, for people.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        The current job; None if the record is not a job's, or has expired.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The job kept changing; a retry is safe.
    """

    def close(job: Run) -> CloseResult | None:
        if not job.is_job:
            return None
        if job.status.ended:
            return CloseResult(job)
        text = shortened(message, limits.MESSAGE_MAX_CHARACTERS)
        return write_end(store, job, status, reason, text, (now_ms or store.now_ms)())

    return decide_until_written(store, job_id, close)


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


def decide_until_written(
    store: RunStore, request_id: str, decide: Callable[[Run], CloseResult | None]
) -> CloseResult | None:
    """Read a run, and decide again from the current record as long as the write of the decision is refused.

    Args:
        store: The table.
        request_id: The run's id.
        decide: Writes what the record calls for, and returns the result; None to leave the run alone.

    Returns:
        The result of the last decision; None if the run does not exist.

    Raises:
        StoreUnavailable: DynamoDB did not answer; a retry is safe.
        Unavailable: The run kept changing; a retry is safe.
    """
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


def write_end(
    store: RunStore, run: Run, status: RunStatus, reason: EndReason, message: str, now_ms: int
) -> CloseResult:
    """End a run in one write, if its record has not changed since it was read.

    Args:
        store: The table.
        run: The record as it was read.
        status: The terminal state.
        reason: Why it ended, for code.
        message: Why it ended, for people.
        now_ms: The time, epoch milliseconds.

    Raises:
        AppendRefused: The record has changed.
        RunGone: The record was deleted or has expired.
        StoreUnavailable: DynamoDB did not answer.
    """
    failed = status is RunStatus.ERROR
    message = clean_text(message, "error", limits.MESSAGE_MAX_CHARACTERS)
    step = run.next_step(
        status.value,
        message,
        now_ms,
        status="agent_error" if failed and not run.is_job else None,
        metadata_json=None if run.is_job else metadata_json({"elapsed": run.elapsed_seconds(now_ms)}),
    )
    ended = store.end(run, step, End(status, error=message if failed else None, reason=reason))
    update = step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent)
    return CloseResult(ended, update)


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

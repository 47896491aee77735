"""Cancels runs and jobs for their owner.

A run that nobody works on is closed at once. A run with a worker is marked, and its worker writes the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from runcast.errors import StoreUnavailable
from runcast.record.close import CloseResult, decide_until_written, write_end
from runcast.record.message import status_update
from runcast.record.model import EndReason, Liveness, Owner, Run, RunStatus
from runcast.record.planned import is_of_job
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


def cancel(
    store: RunStore,
    owner: Owner,
    request_id: str,
    *,
    job_id: str | None = None,
    stop_execution: Callable[[str], None] | None = None,
    now_ms: Callable[[], int] | None = None,
) -> CloseResult | None:
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

    def request(run: Run) -> CloseResult | None:
        now = (now_ms or store.now_ms)()
        if run.owner != owner or (job_id is not None and not is_of_job(run, owner, job_id)):
            return None
        if run.status.ended:
            return CloseResult(run)
        if run.is_job and stop_execution:
            stop_execution(run.request_id)
        if run.worker is None or run.is_job or run.status is RunStatus.WAITING or now > run.lease_until_ms:
            return write_end(store, run, RunStatus.CANCELLED, EndReason.CANCEL_REQUESTED, "Cancelled", now)
        if run.cancel_requested_at_ms is not None:
            return CloseResult(run)
        return _cancelling(store, store.ask_to_cancel(run.request_id, owner), now)

    return decide_until_written(store, request_id, request)


def cancel_runs(store: RunStore, job: Run, *, now_ms: Callable[[], int] | None = None) -> Iterator[CloseResult]:
    """Cancel the runs of a job that has ended, and yield the result for each existing run.

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
            if result := cancel(store, job.owner, request_id, job_id=job.request_id, now_ms=now_ms):
                yield result


def _cancelling(store: RunStore, marked: Run, now_ms: int) -> CloseResult:
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
    return CloseResult(marked, update)

"""Cancels a run or a job: ends it, or asks its worker to stop, and then announces the change to watching clients.

For a job, the execution is stopped first so that it starts no more runs. Then the job is ended and its runs are
cancelled. The code is the same for GraphQL and REST.
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.runtime import logs
from runcast.record.cancel import cancel, cancel_runs
from runcast.record.close import CloseResult
from runcast.record.handover import changed_run_event
from runcast.record.model import Json, Owner
from runcast.record.reader import state_of, unreadable
from runcast.record.store import RunStore


def cancel_run(
    owner: Owner,
    request_id: str,
    *,
    store: RunStore,
    announce: Callable[[CloseResult], None],
    stop_execution: Callable[[str], None],
    hand_over: Callable[[Json], object],
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Cancel the caller's run, or the caller's job with its runs, and return its state. Idempotent.

    Args:
        owner: The caller.
        request_id: The id of the run or job. An invalid id is treated as unknown.
        store: The records.
        announce: Announces an end that this call has written; must not raise.
        stop_execution: Stops a job's execution by the job's id; a no-op if the execution is finished or unknown.
        hand_over: Invokes `run_closer`, which reports the change of a job's run to the job; must not raise.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `success`, `requestId`, `status`, `liveness`, `error` and `reason`. `liveness` is `cancelling` until the worker
        has stopped, and `done` once the run has ended in any way. A job has ended when this returns, while its runs
        may still be `cancelling`. A run that is unknown, expired or another owner's gets the answer of `read_progress`.

    Raises:
        Unavailable: A service did not answer, or the run kept changing. It is safe to call this again.
    """
    logs.about_run(request_id)
    result = cancel(store, owner, request_id, stop_execution=stop_execution, now_ms=now_ms)
    if result is None:
        return unreadable(request_id)
    announce(result)
    run = result.run
    if run.is_job:
        for each in cancel_runs(store, run, now_ms=now_ms):
            announce(each)
    elif run.job_id and result.ended:
        hand_over(changed_run_event(run.request_id, run.owner, run.job_id))
    return state_of(run, (now_ms or store.now_ms)())

"""Cancelling a run or a job: end it, or ask its worker to stop; then tell whoever watches.

A job's execution is stopped first, so that it begins nothing more; then the job is ended, then its runs are cancelled.

Nothing here knows how the client asked (GraphQL or REST).
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.runtime import logs
from runcast.record.ending import Ending, cancel, cancel_runs
from runcast.record.model import Json, Owner
from runcast.record.reader import liveness, unreadable
from runcast.record.store import RunStore


def cancel_run(
    owner: Owner,
    request_id: str,
    *,
    store: RunStore,
    announce: Callable[[Ending], None],
    stop_execution: Callable[[str], None],
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Cancel one's own run, or job with its runs, and say how it stands now. Asking again changes nothing.

    Args:
        owner: Who asks.
        request_id: Which run or job; anything that is no known id reads as unknown.
        store: The records.
        announce: Tells of an end that this call has written; must not raise.
        stop_execution: Stops a job's execution by the job's id; one that has ended, or that there is not, is stopped.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `success`, `requestId`, `status`, `liveness` and `error`. `liveness` is `cancelling` until the worker has
        stopped, and `done` when the run has ended, in whatever way. A job has ended when this returns; its runs read as
        any that is cancelled. What is unknown, expired or somebody else's reads as `read_progress` says it.

    Raises:
        Unavailable: A service did not answer, or the run kept changing; asking again is safe, and goes on.
    """
    logs.about_run(request_id)
    ending = cancel(store, owner, request_id, stop_execution=stop_execution, now_ms=now_ms)
    if ending is None:
        return unreadable(request_id)
    announce(ending)
    run = ending.run
    if run.playbook:
        for each in cancel_runs(store, run, now_ms=now_ms):
            announce(each)
    return {
        "success": True,
        "requestId": run.request_id,
        "status": run.status.value,
        "liveness": liveness(run, (now_ms or store.now_ms)()).value,
        "error": run.error,
    }

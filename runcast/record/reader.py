"""Reads a run or a job, for both GraphQL's `getAgentProgress` and REST's `GET /runs/{requestId}`.

Unknown runs, expired runs and other owners' runs read the same, so a caller cannot learn whether a run exists.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from runcast import limits
from runcast.json_text import json_bytes
from runcast.record.ids import requested_id
from runcast.record.model import Json, Liveness, Owner, Run, RunStatus, Step
from runcast.record.planned import is_of_job
from runcast.record.store import RunStore

SignLink = Callable[[str, int], str]
"""Returns a presigned URL for a job's result, from the job's id and the URL's lifetime in seconds."""


def read_progress(
    store: RunStore,
    owner: Owner,
    request_id: str,
    after_seq: int | None = None,
    *,
    sign_link: SignLink | None = None,
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Return what a run or a job has done so far.

    Args:
        store: The table.
        owner: The caller.
        request_id: The id of the run or job; an invalid id reads as unknown.
        after_seq: Return only the steps after this one.
        sign_link: Signs links to results; without it, the answer has no link.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `success`, `requestId`, `steps` (oldest first, at most `READ_MAX_STEPS` and `READ_MAX_BYTES`), `status`,
        `createdAt`, `updatedAt`, `leaseUntil` (epoch ms), `error`, `reason`, `result`, `liveness`, `conversationId` (of
        a turn) and `nextSeq`.
        `nextSeq` is None if the answer contains the newest step, otherwise the `after_seq` of the next read. `result`
        and each step's `metadata` are the stored JSON text. A job's answer also has `playbook` and `runs`: an entry for
        each attempt that has begun, and for each agent's first attempt. Its status is `waiting` if one of its runs
        waits for an answer and none is in progress. If a job's result is too large for the record,
        the answer has `resultLink`: `url` and `expiresAt` (epoch ms). The link expires after at most
        `RESULT_LINK_SECONDS` and never after the record. An unreadable run is `success: False` with an `error` text.

    Raises:
        InvalidInput: The id is not Unicode text.
        StoreUnavailable: DynamoDB did not answer.
    """
    if after_seq is not None and after_seq < 0:
        return unreadable(request_id, "afterSeq must be 0 or more.")
    canonical = requested_id(request_id)
    run = store.read(canonical) if canonical else None
    if run is None or run.owner != owner:
        return unreadable(request_id)
    steps = _first_that_fit(_steps_after(store, run, after_seq or 0), run.agent)
    now = (now_ms or store.now_ms)()
    runs = _runs_of(store, run, now) if run.is_job else None
    return {
        "success": True,
        "requestId": run.request_id,
        "steps": steps,
        "status": _status(run, runs).value,
        "createdAt": run.created_at_ms,
        "updatedAt": run.updated_at_ms,
        "error": run.error,
        "reason": run.reason,
        "nextSeq": steps[-1]["seq"] if steps and steps[-1]["seq"] < run.seq else None,
        "liveness": liveness(run, now).value,
        "leaseUntil": run.lease_until_ms,
        "result": run.result_json,
        "conversationId": run.conversation_id,
        "playbook": run.playbook,
        "runs": runs,
        "resultLink": _result_link(run, sign_link, now) if sign_link else None,
    }


def liveness(run: Run, now_ms: int) -> Liveness:
    """Return the run's liveness: a live worker writes again before its lease expires."""
    if run.status.ended:
        return Liveness.DONE
    if now_ms > run.lease_until_ms:
        return Liveness.LOST
    if run.cancel_requested_at_ms is not None:
        return Liveness.CANCELLING
    # A job's worker is its execution, which sends no heartbeats between states.
    beats = not run.is_job and run.status != "waiting"
    if beats and now_ms - run.updated_at_ms > limits.LATE_AFTER_MS:
        return Liveness.LATE
    return Liveness.LIVE


def state_of(run: Run, now_ms: int) -> Json:
    """Return the state of a run after a request of its owner: its `requestId`, `status`, `liveness` and end."""
    return {
        "success": True,
        "requestId": run.request_id,
        "status": run.status.value,
        "liveness": liveness(run, now_ms).value,
        "error": run.error,
        "reason": run.reason,
    }


def unreadable(request_id: str, error: str = "There is no such run, or its record has expired.") -> Json:
    """Return the answer of `read_progress` for an unreadable run; it is the same for every reason."""
    return {
        "success": False,
        "requestId": request_id[: limits.REQUEST_ID_MAX_CHARACTERS],
        "steps": [],
        "status": None,
        "createdAt": None,
        "updatedAt": None,
        "error": error,
        "reason": None,
        "nextSeq": None,
        "liveness": None,
        "leaseUntil": None,
        "result": None,
        "conversationId": None,
        "playbook": None,
        "runs": None,
        "resultLink": None,
    }


def _status(run: Run, runs: list[Json] | None) -> RunStatus:
    """Return the status of a run or a job. An open job is `waiting` if one of its runs is and none is in progress."""
    of_runs = {each["status"] for each in runs or ()}
    waits = RunStatus.WAITING in of_runs and RunStatus.IN_PROGRESS not in of_runs and not run.status.ended
    return RunStatus.WAITING if waits else run.status


def _runs_of(store: RunStore, job: Run, now_ms: int) -> list[Json]:
    """Return the runs of a job in the playbook's order; an attempt that was never needed has no record."""
    ids = [request_id for planned in job.runs for request_id in planned.request_ids]
    begun = {run.request_id: run for run in store.read_heads(ids) if is_of_job(run, job.owner, job.request_id)}
    return [
        {
            "name": planned.name,
            "agent": planned.agent,
            "stage": planned.stage,
            "attempt": attempt,
            "requestId": request_id,
            **_standing(begun.get(request_id), now_ms),
        }
        for planned in job.runs
        for attempt, request_id in enumerate(planned.request_ids, start=1)
        if attempt == 1 or request_id in begun
    ]


def _standing(run: Run | None, now_ms: int) -> Json:
    if run is None:
        return dict.fromkeys(("status", "liveness", "seq", "elapsed", "createdAt", "error", "reason"))
    until_ms = run.updated_at_ms if run.status.ended else now_ms
    return {
        "status": run.status.value,
        "liveness": liveness(run, now_ms).value,
        "seq": run.seq,
        "elapsed": max(0, until_ms - run.created_at_ms) / 1000,
        "createdAt": run.created_at_ms,
        "error": run.error,
        "reason": run.reason,
    }


def _result_link(run: Run, sign_link: SignLink, now_ms: int) -> Json | None:
    seconds = min(limits.RESULT_LINK_SECONDS, (run.expires_at_ms - now_ms) // 1000)
    # `result_key` only shows that the object exists: the actual key is derived from the job's id.
    if not run.is_job or run.result_key is None or seconds < 1:
        return None
    return {"url": sign_link(run.request_id, seconds), "expiresAt": now_ms + seconds * 1000}


def _steps_after(store: RunStore, run: Run, after_seq: int) -> Iterator[Step]:
    """Yield the steps after `after_seq`; fetch pages lazily, and only those that contain such steps."""
    pages = run.pages[bisect_right(run.pages, after_seq) :]
    for first in range(0, len(pages), limits.READ_PAGES_AT_ONCE):
        for step in store.read_pages(run.request_id, run.owner, pages[first : first + limits.READ_PAGES_AT_ONCE]):
            if step.seq > after_seq:
                yield step
    yield from (step for step in run.steps if step.seq > after_seq)


def _first_that_fit(steps: Iterable[Step], agent: str) -> list[Json]:
    kept: list[Json] = []
    room_bytes = limits.READ_MAX_BYTES
    for step in islice(steps, limits.READ_MAX_STEPS):
        read = step.to_answer(agent)
        room_bytes -= json_bytes(read)
        if room_bytes < 0:
            break
        kept.append(read)
    return kept

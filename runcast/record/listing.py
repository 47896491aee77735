"""Lists the caller's runs, for both GraphQL's `listAgentRuns` and REST's `GET /runs`.

The index only provides the run ids. The status of each run is read from its record, so that a list never contradicts
a read of the run. A filter is applied to the records, so a filtered list reads a bounded number of them for each page.
"""

from __future__ import annotations

from collections.abc import Callable

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.cursor import decoded_place, digest_of, encoded_place
from runcast.record.ids import is_name
from runcast.record.model import Json, Owner, Run, RunStatus
from runcast.record.reader import liveness
from runcast.record.store import RunStore
from runcast.text import is_well_formed


def list_runs(
    store: RunStore,
    owner: Owner,
    *,
    limit: int = limits.LIST_MAX_RUNS,
    cursor: str | None = None,
    status: str | None = None,
    agent: str | None = None,
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Return the caller's runs, newest first. A new run may be missing for some seconds.

    Args:
        store: The table.
        owner: The caller.
        limit: From 1 to `LIST_MAX_RUNS`.
        cursor: `nextCursor` of an earlier answer to the same filters. It is a position, not a permission: only `owner`
            decides whose runs are listed.
        status: List only runs with this status, a value of `RunStatus`.
        agent: List only runs of this agent; `orchestrator` lists the jobs.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `runs`, at most `limit`, each with `requestId`, `agent`, `jobId`, `playbook` (of a job), `conversationId` (of a
        turn), `query` (its beginning, if an API has started it), `status`, `liveness`, `seq`, `createdAt`, `updatedAt`,
        `leaseUntil` (epoch ms), `error` and `reason`; and `nextCursor`, None when there are no more. Expired runs are
        left out, and a filter is applied to `LIST_FILTERED_MAX_RUNS` runs, so a page with a `nextCursor` may hold fewer
        than `limit` runs, or none.

    Raises:
        InvalidInput: `limit`, `status` or `agent` is invalid, or `cursor` is not from an answer to these filters.
        StoreUnavailable: DynamoDB did not answer.
    """
    require_filters(limit, status, agent)
    filtered = status is not None or agent is not None
    filters = digest_of(status, agent) if filtered else ""
    after = None if cursor is None else _place(cursor, filters)
    ids, last = store.newest_ids(owner, limit=limits.LIST_FILTERED_MAX_RUNS if filtered else limit, after=after)
    now = (now_ms or store.now_ms)()
    runs = [
        run
        for run in store.read_heads(ids)
        # The index may name an expired run whose id another owner has since reused, so check the record's owner.
        if run.owner == owner and status in (None, run.status) and agent in (None, run.agent)
    ]
    if len(runs) > limit:
        runs = runs[:limit]
        last = runs[-1].created_at_ms, runs[-1].request_id
    return {
        "runs": [listed_run(run, now) for run in runs],
        "nextCursor": encoded_place(*last, filters) if last else None,
    }


def require_filters(limit: int, status: str | None, agent: str | None) -> None:
    """Check what both lists of runs accept; see `list_runs`.

    Raises:
        InvalidInput: One of them is invalid.
    """
    if not 1 <= limit <= limits.LIST_MAX_RUNS:
        raise InvalidInput(f"limit must be a whole number from 1 to {limits.LIST_MAX_RUNS}.")
    if status is not None and status not in list(RunStatus):
        raise InvalidInput(f"status must be one of: {', '.join(RunStatus)}.")
    if agent is not None and not (is_well_formed(agent) and 1 <= len(agent) <= limits.NAME_MAX_CHARACTERS):
        raise InvalidInput(f"agent must be text of 1 to {limits.NAME_MAX_CHARACTERS} characters.")


def listed_run(run: Run, now_ms: int) -> Json:
    """Return a run as lists show it."""
    return {
        "requestId": run.request_id,
        "agent": run.agent,
        "jobId": run.job_id,
        "playbook": run.playbook,
        "query": run.query,
        "conversationId": run.conversation_id,
        "status": run.status.value,
        "liveness": liveness(run, now_ms).value,
        "seq": run.seq,
        "createdAt": run.created_at_ms,
        "updatedAt": run.updated_at_ms,
        "leaseUntil": run.lease_until_ms,
        "error": run.error,
        "reason": run.reason,
    }


def _place(cursor: str, filters: str) -> tuple[int, str]:
    match decoded_place(cursor):
        case [int(created_at_ms), str(request_id), str(filtered_by)] if filtered_by == filters and is_name(
            request_id, limits.REQUEST_ID_MAX_CHARACTERS
        ):
            return created_at_ms, request_id
    raise InvalidInput("cursor must be the nextCursor of an earlier answer with the same status and agent.")

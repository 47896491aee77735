"""Lists the runs of all owners for an operator, by tenant, user, agent, status and age.

An index provides the run ids, and the records decide, as in the list of one owner's runs. There is no index for each
combination of filters, so a page examines a bounded part of an index, and may hold no run.
"""

from __future__ import annotations

from collections.abc import Callable

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.cursor import decoded_place, digest_of, encoded_place
from runcast.record.ids import owner_name
from runcast.record.listing import listed_run, require_filters
from runcast.record.model import Json, RunStatus
from runcast.record.store import RunStore
from runcast.text import is_well_formed

OLDER_THAN_MAX_MINUTES = limits.RETENTION_MAX_HOURS * 60


def list_all_runs(
    store: RunStore,
    *,
    limit: int = limits.LIST_MAX_RUNS,
    cursor: str | None = None,
    tenant_id: str | None = None,
    user_id: str | None = None,
    agent: str | None = None,
    status: str | None = None,
    older_than_minutes: int | None = None,
    now_ms: Callable[[], int] | None = None,
) -> Json:
    """Return runs and jobs of all owners, in no particular order. A new run may be missing for some seconds.

    Args:
        store: The table.
        limit: From 1 to `LIST_MAX_RUNS`.
        cursor: `nextCursor` of an earlier answer to the same filters.
        tenant_id: List only runs of this tenant.
        user_id: List only runs of users with this id.
        agent: List only runs of this agent; `orchestrator` lists the jobs.
        status: List only runs with this status, a value of `RunStatus`.
        older_than_minutes: List only runs that were created at least this long ago.
        now_ms: The time, epoch milliseconds; by default the store's.

    Returns:
        `runs`, each with `tenantId`, `userId` and `run` as lists show it; and `nextCursor`, None when there are no
        more. A page with a `nextCursor` may hold fewer than `limit` runs, or none.

    Raises:
        InvalidInput: `limit` or a filter is invalid, or `cursor` is not from an answer to these filters.
        StoreUnavailable: DynamoDB did not answer.
    """
    require_filters(limit, status, agent)
    for name, given in (("tenantId", tenant_id), ("userId", user_id)):
        if given is not None:
            owner_name(name, given)
    if older_than_minutes is not None and not 0 <= older_than_minutes <= OLDER_THAN_MAX_MINUTES:
        raise InvalidInput(f"olderThanMinutes must be a whole number from 0 to {OLDER_THAN_MAX_MINUTES}.")
    filters = digest_of(tenant_id, user_id, agent, status, older_than_minutes)
    now = (now_ms or store.now_ms)()
    before_ms = None if older_than_minutes is None else now - older_than_minutes * 60_000
    open_only = status in (RunStatus.IN_PROGRESS, RunStatus.WAITING)
    ids, last = store.some_ids(
        open_only=open_only,
        tenant_id=tenant_id,
        user_id=user_id,
        before_ms=before_ms,
        limit=limit,
        after=None if cursor is None else _place(cursor, filters, open_only),
    )
    runs = [
        run
        for run in store.read_heads(ids)
        if tenant_id in (None, run.owner.tenant_id)
        and user_id in (None, run.owner.user_id)
        and agent in (None, run.agent)
        and status in (None, run.status)
        and (before_ms is None or run.created_at_ms < before_ms)
    ]
    return {
        "runs": [
            {"tenantId": run.owner.tenant_id, "userId": run.owner.user_id, "run": listed_run(run, now)} for run in runs
        ],
        "nextCursor": encoded_place(*last, filters) if last else None,
    }


def _place(cursor: str, filters: str, open_only: bool) -> tuple[int, str, str]:
    match decoded_place(cursor):
        # A place in the index of open runs has no owner. A page may end at an item that is no run, with "#" in its key.
        case [int(at_ms), str(request_id), str(owner), str(filtered_by)] if (
            filtered_by == filters
            and request_id
            and bool(owner) is not open_only
            and all(is_well_formed(key) and len(key.encode()) <= limits.KEY_MAX_BYTES for key in (request_id, owner))
        ):
            return at_ms, request_id, owner
    raise InvalidInput("cursor must be the nextCursor of an earlier answer with the same filters.")

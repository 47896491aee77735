"""The read operations on the `AgentProgress` table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.items import Item, cancel_hint_id, from_item, page_id, run_of, step_of, to_item
from runcast.record.model import Owner, Run, Step
from runcast.record.table import Table

logger = logging.getLogger(__name__)

OWNER_INDEX = "byOwner"
"""The index of runs by owner and time of creation."""

OPEN_INDEX = "byOpen"
"""The index of runs that have not ended."""

OPEN_BY_TENANT_INDEX = "openByTenant"
"""The index of runs in progress, by tenant and owner. Runs that wait for an answer are not in it."""

# The attributes of a run's head that lists return: all except its steps and its result.
_LISTED = (
    *("requestId", "tenantId", "userId", "agent", "jobId", "status", "seq", "createdAt", "updatedAt", "expiresAt"),
    *("pagesExpireAt", "waitedMs"),
    *("leaseUntil", "worker", "cancelRequestedAt", "error", "reason", "playbook", "query", "conversationId"),
)


class RecordReads:
    """Reads records.

    Args:
        table: The table.
        now_ms: The time by which records expire, epoch milliseconds.

    Every method raises `StoreUnavailable` if DynamoDB does not answer in time or throttles.
    """

    def __init__(self, table: Table, now_ms: Callable[[], int]) -> None:
        self._table = table
        self.now_ms = now_ms

    def read(self, request_id: str) -> Run | None:
        """Return the head of a record, read consistently; None if it does not exist or has expired.

        DynamoDB may delete an expired item days late, so this method checks the expiry.
        """
        item = self._table.get(request_id)
        if item is None or "status" not in item:  # the item is a page or a hint
            return None
        return self._unless_expired(run_of(item))

    def is_cancel_hinted(self, request_id: str, worker: str) -> bool:
        """Return whether a hint exists for this worker. The read is eventually consistent and may miss a new hint."""
        return self._table.get(cancel_hint_id(request_id, worker), consistent=False) is not None

    def read_pages(self, request_id: str, owner: Owner, last_seqs: Sequence[int]) -> list[Step]:
        """Return the steps on some pages of a record, oldest first.

        Args:
            request_id: The run's id.
            owner: The owner of its record, who must also be the owner of its pages.
            last_seqs: The `seq` of each page's last step, from the record's `pages`; at most 100.
        """
        keys = [page_id(request_id, last_seq) for last_seq in last_seqs]
        items = self._table.get_many(keys, ("requestId", "owner", "steps"))
        pages = [from_item(items[key]) for key in keys if key in items]
        # Pages written before pages had an owner are accepted.
        if len(pages) < len(keys) or any(page.get("owner", owner.key) != owner.key for page in pages):
            raise StoreUnavailable(f"A page of run {request_id} is gone: its record has just expired. Read it again.")
        return [step_of(step) for page in pages for step in page["steps"]]

    def read_heads(self, request_ids: Sequence[str], *, results: bool = False) -> list[Run]:
        """Return runs without their steps, in the requested order, read consistently.

        Args:
            request_ids: The ids of the runs, at most 100. Missing and expired runs are left out. A record that cannot
                be parsed is logged and left out, so that it does not hide the others.
            results: Whether to include their results.
        """
        attributes = (*_LISTED, "result") if results else _LISTED
        found = self._table.get_many(request_ids, attributes) if request_ids else {}
        runs = [_parsed(found[key]) for key in request_ids if key in found]
        return [run for run in runs if run and self._unless_expired(run)]

    def newest_ids(
        self, owner: Owner, *, limit: int, after: tuple[int, str] | None
    ) -> tuple[list[str], tuple[int, str] | None]:
        """Return the ids of an owner's runs from the index, newest first. A new run may still be missing.

        Args:
            owner: The owner.
            limit: The maximum number of ids.
            after: Creation time (epoch ms) and id of the last run of the previous page.

        Returns:
            The ids, and the `after` of the next page, None when there are no more.
        """
        start = {"owner": owner.key, "createdAt": after[0], "requestId": after[1]} if after else None
        ids, last = self._table.query_newest(OWNER_INDEX, owner.key, limit, start)
        return ids, (int(last["createdAt"]), str(last["requestId"])) if last else None

    def open_ids(self, *, before_ms: int) -> Iterator[str]:
        """Yield the ids of open runs that began before a time (epoch ms), from the index."""
        return self._table.scan(OPEN_INDEX, "#openSince < :before", {"before": before_ms})

    def some_ids(
        self,
        *,
        open_only: bool,
        tenant_id: str | None,
        user_id: str | None,
        before_ms: int | None,
        limit: int,
        after: tuple[int, str, str] | None,
    ) -> tuple[list[str], tuple[int, str, str] | None]:
        """Return ids of runs of all owners from an index, in no particular order. A new run may still be missing.

        Args:
            open_only: Whether to use the index of open runs, which is small. It knows neither owner nor age, so the
                ids are of all open runs. Otherwise there may be a few of other users.
            tenant_id: Only those of this tenant.
            user_id: Only those of this user.
            before_ms: Only those that were created before this time (epoch ms).
            limit: The maximum number of ids.
            after: The place after which to continue.

        Returns:
            The ids, and the `after` of the next page, None when there are no more.
        """
        time_key = "openSince" if open_only else "createdAt"
        found = {"tenant": tenant_id and f"{tenant_id}#", "user": user_id and f"#{user_id}", "before": before_ms}
        terms = {
            "tenant": "begins_with(#owner, :tenant)",
            "user": "contains(#owner, :user)",
            "before": "#createdAt < :before",
        }
        values = {} if open_only else {name: value for name, value in found.items() if value is not None}
        start = None
        if after is not None:
            start = to_item({time_key: after[0], "requestId": after[1]} | ({} if open_only else {"owner": after[2]}))
        items, last = self._table.scan_page(
            OPEN_INDEX if open_only else OWNER_INDEX,
            " AND ".join(terms[name] for name in values),
            values,
            after=start,
            examined=limits.SCAN_MAX_KEYS,
        )
        # The index by owner lists conversations and calls, too.
        keys = [item for item in items if "#" not in item["requestId"]["S"]]
        if len(keys) > limit:
            last = keys[limit - 1]
        ids = [item["requestId"]["S"] for item in keys[:limit]]
        if last is None:
            return ids, None
        place = from_item(last)
        return ids, (int(place[time_key]), str(place["requestId"]), str(place.get("owner", "")))

    def _unless_expired(self, run: Run) -> Run | None:
        return run if run.expires_at_ms > self.now_ms() else None


def _parsed(item: Item) -> Run | None:
    try:
        return run_of(item)
    except Exception:  # an invalid item may raise any exception
        logger.exception("the record of run %s cannot be parsed", item["requestId"]["S"])
        return None

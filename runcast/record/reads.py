"""The table `AgentProgress`: every read of a run's record, each one request, and none of them writes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from runcast.errors import StoreUnavailable
from runcast.record.model import Item, Owner, Run, Step, cancel_hint_id, from_item, page_id
from runcast.record.table import Table

logger = logging.getLogger(__name__)

OWNER_INDEX = "byOwner"
"""The index of runs by owner and time of creation."""

OPEN_INDEX = "byOpen"
"""The index of runs that have not ended."""

# What of a run's head is listed: all but its steps and its result.
_LISTED = (
    *("requestId", "tenantId", "userId", "agent", "jobId", "status", "seq", "createdAt", "updatedAt", "expiresAt"),
    *("leaseUntil", "worker", "cancelRequestedAt", "error", "playbook"),
)


class RecordReads:
    """Reads records.

    Args:
        table: The table.
        now_ms: The time by which records expire, epoch milliseconds.

    Every method raises `StoreUnavailable` when DynamoDB gave no answer in time or throttled.
    """

    def __init__(self, table: Table, now_ms: Callable[[], int]) -> None:
        self._table = table
        self.now_ms = now_ms

    def read(self, request_id: str) -> Run | None:
        """Return the head of a record, read consistently; None if there is none or it has expired.

        DynamoDB may delete an expired item days late, so the reader decides.
        """
        item = self._table.get(request_id)
        if item is None or "status" not in item:  # a page is no record
            return None
        return self._unless_expired(Run.from_item(item))

    def is_cancel_hinted(self, request_id: str, worker: str) -> bool:
        """Return whether there is a hint for this worker; a new one may be missed for less than a second."""
        return self._table.get(cancel_hint_id(request_id, worker), consistent=False) is not None

    def read_pages(self, request_id: str, owner: Owner, last_seqs: Sequence[int]) -> list[Step]:
        """Return the steps on some pages of a record, oldest first.

        Args:
            request_id: The run.
            owner: The owner of its record, who must also be the owner of its pages.
            last_seqs: Which pages, at most 100, as the record's `pages` names them.
        """
        keys = [page_id(request_id, last_seq) for last_seq in last_seqs]
        items = self._table.get_many(keys, ("requestId", "owner", "steps"))
        pages = [from_item(items[key]) for key in keys if key in items]
        # A page that was put before pages named their owner is the record's own.
        if len(pages) < len(keys) or any(page.get("owner", owner.key) != owner.key for page in pages):
            raise StoreUnavailable(f"A page of run {request_id} is gone: its record has just expired. Read it again.")
        return [Step.from_stored(step) for page in pages for step in page["steps"]]

    def read_heads(self, request_ids: Sequence[str], *, results: bool = False) -> list[Run]:
        """Return runs, in the order asked for, without steps, read consistently.

        Args:
            request_ids: Which runs, at most 100. Those that are gone or have expired are left out, and so is a record
                that cannot be parsed, which is logged: one such must not hide the others.
            results: Whether with their results, too.
        """
        attributes = (*_LISTED, "result") if results else _LISTED
        found = self._table.get_many(request_ids, attributes) if request_ids else {}
        runs = [_parsed(found[key]) for key in request_ids if key in found]
        return [run for run in runs if run and self._unless_expired(run)]

    def newest_ids(
        self, owner: Owner, *, limit: int, after: tuple[int, str] | None
    ) -> tuple[list[str], tuple[int, str] | None]:
        """Return the ids of an owner's runs, newest first, as the index knows them: a new run may be missing yet.

        Args:
            owner: Whose.
            limit: How many at most.
            after: Creation time (epoch ms) and id of the run after which to go on.

        Returns:
            The ids, and the `after` to go on with, None when there are no more.
        """
        start = {"owner": owner.key, "createdAt": after[0], "requestId": after[1]} if after else None
        ids, last = self._table.query_newest(OWNER_INDEX, owner.key, limit, start)
        return ids, (int(last["createdAt"]), str(last["requestId"])) if last else None

    def open_ids(self, *, before_ms: int) -> Iterator[str]:
        """Yield the ids of runs that began before a time (epoch ms) and have not ended, as far as the index knows."""
        return self._table.scan(OPEN_INDEX, "#openSince < :before", {"before": before_ms})

    def _unless_expired(self, run: Run) -> Run | None:
        return run if run.expires_at_ms > self.now_ms() else None


def _parsed(item: Item) -> Run | None:
    try:
        return Run.from_item(item)
    except Exception:  # whatever is wrong with the item
        logger.exception("the record of run %s cannot be parsed", item["requestId"]["S"])
        return None

"""Counts what each user and each tenant starts, has in progress and uses, for their limits.

A counter is an item of the table under a key that no run has, and expires after its minute or day. The counts of runs
in progress come from an index, which lags by some seconds.
"""

from __future__ import annotations

from runcast.record.model import Owner
from runcast.record.reads import OPEN_BY_TENANT_INDEX
from runcast.record.table import Table

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class OwnerCounts:
    """The counts of owners and tenants.

    Args:
        table: The table of records.

    Every method raises `StoreUnavailable` if DynamoDB does not answer in time or throttles.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def count_start(self, name: str, now_ms: int) -> int:
        """Count a start, and return how many there are in this minute, this one included.

        Args:
            name: Whose start it is: the key of an owner or the name of a tenant, which has no "#", so the two differ.
            now_ms: The time, epoch milliseconds.
        """
        minute = now_ms // MINUTE_MS
        expires_at_epoch_s = (minute + 2) * MINUTE_MS // 1000
        return self._table.add(f"#starts/{name}/{minute}", 1, expires_at_epoch_s=expires_at_epoch_s)

    def add_upload(self, owner: Owner, size_bytes: int, now_ms: int) -> int:
        """Add to the bytes that the user has uploaded on this day (UTC), and return the sum."""
        day = now_ms // DAY_MS
        return self._table.add(f"#uploads/{owner.key}/{day}", size_bytes, expires_at_epoch_s=(day + 2) * DAY_MS // 1000)

    def add_tokens(self, owner: Owner, tokens: int, now_ms: int) -> int:
        """Add to the tokens that the user has used on this day (UTC), and return the sum."""
        expires_at_epoch_s = (now_ms // DAY_MS + 2) * DAY_MS // 1000
        return self._table.add(_tokens_key(owner, now_ms), tokens, expires_at_epoch_s=expires_at_epoch_s)

    def tokens(self, owner: Owner, now_ms: int) -> int:
        """Return how many tokens the user has used on this day (UTC)."""
        return self._table.read_counter(_tokens_key(owner, now_ms))

    def open_runs(self, owner: Owner) -> tuple[int, int]:
        """Return how many runs and jobs of the user and of the tenant are in progress. A new one may be missing."""
        of_tenant = {"openTenant": owner.tenant_id}
        return (
            self._table.count(OPEN_BY_TENANT_INDEX, {**of_tenant, "owner": owner.key}),
            self._table.count(OPEN_BY_TENANT_INDEX, of_tenant),
        )


def _tokens_key(owner: Owner, now_ms: int) -> str:
    return f"#tokens/{owner.key}/{now_ms // DAY_MS}"

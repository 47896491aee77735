"""A small item beside a record that says: its run is to be cancelled.

A worker that has nothing to write learns of a cancel from its next heartbeat. It reads this item more often, because
that is cheaper, and then beats at once. It is only a hint: `cancelRequestedAt` on the record decides.
"""

from __future__ import annotations

import logging

from runcast.errors import StoreUnavailable
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


class CancelHint:
    """Looks for the hint to one claim of a run.

    Args:
        store: The table.
        request_id: The run.
        worker: Who has claimed it.
    """

    def __init__(self, store: RunStore, request_id: str, worker: str) -> None:
        self._store = store
        self._request_id = request_id
        self._worker = worker
        self._readable = True

    def seen(self) -> bool:
        """Return whether a cancel was asked for. Never raises; where it cannot be read, heartbeats are relied on."""
        if not self._readable:
            return False
        try:
            return self._store.is_cancel_hinted(self._request_id, self._worker)
        except StoreUnavailable:
            return False
        except Exception as error:  # noqa: BLE001 - without the permission, a cancel is only seen later
            self._readable = False
            logger.warning("run %s: cancels are seen late, %s", self._request_id, error)
            return False

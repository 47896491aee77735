"""A small DynamoDB item next to a run's record that signals a cancel request.

An idle worker learns of a cancel from its next heartbeat. Reading this item is cheaper, so the worker polls it more
often and sends a heartbeat as soon as the item exists. It is only a hint: `cancelRequestedAt` on the record decides.
"""

from __future__ import annotations

import logging

from runcast.errors import StoreUnavailable
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


class CancelHint:
    """Polls the cancel hint for one claim of a run.

    Args:
        store: The table.
        request_id: The run's id.
        worker: The worker that claimed the run.
    """

    def __init__(self, store: RunStore, request_id: str, worker: str) -> None:
        self._store = store
        self._request_id = request_id
        self._worker = worker
        self._readable = True

    def seen(self) -> bool:
        """Return whether a cancel was requested. Never raises: if the read fails, the next heartbeat reports it."""
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

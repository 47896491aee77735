"""The signal that asks a run's work to stop early."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runcast.record.assignment import Stop

logger = logging.getLogger(__name__)

_BY_THE_WORKER = (Stop.CANCELLED, Stop.BUDGET)
"""After these, the worker itself writes the end."""


class StopSignal:
    """Holds the reason to stop, and calls its listeners on the thread that reports it.

    Args:
        request_id: The run's id, for the log.

    Attributes:
        stop: The reason to stop, if any.
        end_expected: Whether the work has ended.
    """

    def __init__(self, request_id: str) -> None:
        self.stop: Stop | None = None
        self._request_id = request_id
        self._listeners: list[Callable[[Stop], None]] = []
        self._lock = threading.Lock()
        self.end_expected = False

    def listen(self, tell: Callable[[Stop], None]) -> None:
        """Call `tell` when the work should stop; immediately if it should stop already."""
        with self._lock:
            self._listeners.append(tell)
            stop = self.stop
        if stop is not None:
            self._tell_each([tell], stop)

    def expect_end(self) -> None:
        """Stop calling listeners, because the work has ended."""
        self.end_expected = True

    def tell(self, stop: Stop) -> None:
        """Call every listener, once per reason; a terminal state overrides a cancel request and a used up budget."""
        with self._lock:
            news = self.stop is None or (self.stop in _BY_THE_WORKER and stop not in _BY_THE_WORKER)
            if news:
                self.stop = stop
            listeners = list(self._listeners)
        if news:
            self._tell_each(listeners, stop)

    def _tell_each(self, listeners: list[Callable[[Stop], None]], stop: Stop) -> None:
        for tell in () if self.end_expected else listeners:
            try:
                tell(stop)
            except Exception:
                logger.exception("run %s could not be told to stop", self._request_id)

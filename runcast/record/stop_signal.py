"""Telling the work on a run that it should stop before its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runcast.record.assignment import Stop

logger = logging.getLogger(__name__)


class StopSignal:
    """Remembers why the work should stop, and tells its listeners on whatever thread learns of it.

    Args:
        request_id: The run, for the log.

    Attributes:
        stop: Why the work should stop, if it should.
    """

    def __init__(self, request_id: str) -> None:
        self.stop: Stop | None = None
        self._request_id = request_id
        self._listeners: list[Callable[[Stop], None]] = []
        self._lock = threading.Lock()
        self._end_expected = threading.Event()

    def listen(self, tell: Callable[[Stop], None]) -> None:
        """Call `tell` when the work should stop; now, if it should already."""
        with self._lock:
            self._listeners.append(tell)
            stop = self.stop
        if stop is not None:
            self._tell_each([tell], stop)

    def expect_end(self) -> None:
        """Tell nobody any more: the work has ended."""
        self._end_expected.set()

    @property
    def end_expected(self) -> bool:
        """Whether the work has ended."""
        return self._end_expected.is_set()

    def tell(self, stop: Stop) -> None:
        """Tell every listener, once for each reason; a terminal state overrides a cancel request."""
        with self._lock:
            news = self.stop is None or (self.stop is Stop.CANCELLED and stop is not Stop.CANCELLED)
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

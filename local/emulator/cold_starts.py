"""Limits concurrent starts of function workers, so that a burst of invocations does not block the whole machine.

On AWS, each worker has its own processors. Here they share a few: if 25 start together, none is ready until nearly all
are, everything else waits that long, and most of them are used only once. So an invocation without an idle worker waits
until a processor is free for a start or a worker becomes idle. Lambda also reuses a worker that becomes idle while an
invocation waits for a start.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

# A worker that takes longer is waiting for something itself, perhaps for a function that could not start.
_START_MAX_SECONDS = 2.0


class Worker(Protocol):
    """A process that runs one invocation at a time."""

    in_use: bool


class ColdStarts:
    """Limits concurrent worker starts. A start lasts until the worker's first invocation ends, or 2 s.

    Args:
        at_once: How many may start at the same time.
        monotonic: Seconds.
    """

    def __init__(self, at_once: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._began_at: dict[Any, float] = {}

    def lease(self, workers: Callable[[], Sequence[Worker]], lease: Callable[[], tuple[Any, str]]) -> tuple[Any, str]:
        """Lease a worker; blocks while all are in use and too many others are starting.

        Args:
            workers: Returns the function's workers. Its first one starts at once.
            lease: Returns an idle worker and `reused`, or a new one and `spawn`.
        """
        with self._changed:
            while all(worker.in_use for worker in workers()) and workers() and (seconds := self._seconds_to_wait()) > 0:
                self._changed.wait(seconds)
            worker, how = lease()
            if how == "spawn":
                self._began_at[worker] = self._monotonic()
            return worker, how

    def returned(self, worker: Any) -> None:
        """Wake the waiting callers: a worker has become idle."""
        with self._changed:
            self._began_at.pop(worker, None)
            self._changed.notify_all()

    def _seconds_to_wait(self) -> float:
        """Return how long until another may start, at most; 0 if one may start now."""
        now = self._monotonic()
        self._began_at = {worker: at for worker, at in self._began_at.items() if now - at < _START_MAX_SECONDS}
        if len(self._began_at) < self._at_once:
            return 0
        return min(self._began_at.values()) + _START_MAX_SECONDS - now

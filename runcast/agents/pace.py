"""Limits how often steps are recorded: a tool may yield ten thousand times, and a model streams single words."""

from __future__ import annotations

import math
from collections.abc import Callable

from runcast import limits


class Pace:
    """Allows one step per interval.

    Args:
        monotonic: A monotonic clock in seconds.
        interval_seconds: The interval.
    """

    def __init__(self, monotonic: Callable[[], float], interval_seconds: float = limits.STEP_INTERVAL_SECONDS) -> None:
        self._monotonic = monotonic
        self._interval_seconds = interval_seconds
        self._next_seconds = -math.inf

    def due(self) -> bool:
        """Return whether a step may be recorded now; if so, start the next interval."""
        now_seconds = self._monotonic()
        if now_seconds < self._next_seconds:
            return False
        self._next_seconds = now_seconds + self._interval_seconds
        return True

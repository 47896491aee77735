"""Limits how often steps are recorded: a tool may yield ten thousand times, and a model streams single words."""

from __future__ import annotations

import math
from collections.abc import Callable

from runcast import limits


class Pace:
    """Allows one step per `STEP_INTERVAL_SECONDS`.

    Args:
        monotonic: Seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._next_seconds = -math.inf

    def due(self) -> bool:
        """Return whether a step may be recorded now; if so, start the next interval."""
        now_seconds = self._monotonic()
        if now_seconds < self._next_seconds:
            return False
        self._next_seconds = now_seconds + limits.STEP_INTERVAL_SECONDS
        return True

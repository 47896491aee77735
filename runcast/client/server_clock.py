"""The server's time, from its answers: a user's machine may be hours off, and ages and lifetimes must not be."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

from runcast.clock import epoch_ms


class ServerClock:
    """The server's time. Until the first answer, and between answers, it goes by this machine's clock.

    Args:
        local_ms: This machine's wall clock (epoch ms), which may be wrong and may be set at any time.
    """

    def __init__(self, local_ms: Callable[[], int] = epoch_ms) -> None:
        self.local_ms = local_ms
        self._offset_ms = 0

    def __call__(self) -> int:
        """Return the server's time (epoch ms)."""
        return self.local_ms() + self._offset_ms

    def take(self, date: str | None, *, asked_ms: int) -> None:
        """Take the `Date` header of an answer that has just come.

        Args:
            date: The header, which counts whole seconds; None and what is no date change nothing.
            asked_ms: When the request was sent, by `local_ms`.
        """
        try:
            told_ms = int(parsedate_to_datetime(date or "").timestamp() * 1000)
        except ValueError:
            return
        # It was that time, or up to a second later, at some moment between the request and the answer.
        earliest_ms, latest_ms = told_ms - self.local_ms(), told_ms + 999 - asked_ms
        if earliest_ms <= latest_ms:
            self._offset_ms = min(max(self._offset_ms, earliest_ms), latest_ms)

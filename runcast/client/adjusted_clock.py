"""This machine's clock, adjusted to the server's time, because the clock of a user's machine may be hours off."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

from runcast.clock import epoch_ms


class AdjustedClock:
    """Returns the server's time: this machine's clock plus the difference that the server's responses show.

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
        """Adjust the clock to the `Date` header of a response that has just arrived.

        Args:
            date: The header, in whole seconds; None or an invalid date is ignored.
            asked_ms: When the request was sent, by `local_ms`.
        """
        try:
            told_ms = int(parsedate_to_datetime(date or "").timestamp() * 1000)
        except ValueError:
            return
        # The server's time was within one second after `Date` at some moment between the request and the response.
        earliest_ms, latest_ms = told_ms - self.local_ms(), told_ms + 999 - asked_ms
        if earliest_ms <= latest_ms:
            self._offset_ms = min(max(self._offset_ms, earliest_ms), latest_ms)

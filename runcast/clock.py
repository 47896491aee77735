"""The clocks: the only module that reads the wall clock, and the server's time, which decides when leases expire."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.client import BaseClient

# A `Date` header has whole seconds and arrives a moment after it was written. A clock this close to it is accurate.
_TOLERANCE_MS = 2_000
_SENT = "runcast_sent_seconds"


def epoch_ms() -> int:
    """Return the time now in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class ServerClock:
    """Returns the server's time in epoch milliseconds, on a machine whose clock may be wrong or may jump.

    It reads the time from the `Date` header of the server's responses and adds the time that has passed on the
    monotonic clock. Before the first response, it starts from the wall clock.

    Args:
        wall_ms: The wall clock in epoch milliseconds.
        monotonic: A monotonic clock in seconds.

    Attributes:
        shift_ms: How far this clock has been set since its start, in sum.
    """

    def __init__(
        self, wall_ms: Callable[[], int] = epoch_ms, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._base: tuple[float, float] = (wall_ms(), monotonic())
        self._heard_at: tuple[int, float] | None = None
        self.shift_ms = 0.0

    def __call__(self) -> int:
        """Return the server's current time in epoch milliseconds."""
        base_ms, base_seconds = self._base
        return round(base_ms + (self._monotonic() - base_seconds) * 1000)

    @property
    def known(self) -> bool:
        """Whether a response has set the time, and neither clock has jumped or stopped since."""
        if self._heard_at is None:
            return False
        wall_ms, seconds = self._heard_at
        passed_ms = (self._monotonic() - seconds) * 1000
        return abs(self._wall_ms() - wall_ms - passed_ms) <= _TOLERANCE_MS

    def listen(self, client: BaseClient) -> None:
        """Take the time from every response that a boto3 client receives."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-call.{service}", self._on_call)
        client.meta.events.register(f"after-call.{service}", self._on_response)

    def hear(self, server_ms: float) -> None:
        """Set the server's current time in epoch milliseconds; a difference of up to two seconds is ignored."""
        now, off_ms = self._monotonic(), server_ms - self()
        if abs(off_ms) > _TOLERANCE_MS:
            self._base = (server_ms, now)
            self.shift_ms += off_ms
        self._heard_at = (self._wall_ms(), now)

    def _on_call(self, context: dict[str, Any], **_: Any) -> None:
        context[_SENT] = self._monotonic()

    def _on_response(self, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        sent_seconds = context.get(_SENT)
        # The header of a slow response, or of one that a frozen process reads late, is out of date.
        if sent_seconds is None or (self._monotonic() - sent_seconds) * 1000 > _TOLERANCE_MS:
            return
        try:
            date = parsedate_to_datetime(http_response.headers["Date"])
        except (KeyError, TypeError, ValueError):
            return
        self.hear(date.timestamp() * 1000 + 500)


def shift_of(now_ms: Callable[[], int]) -> float:
    """Return how far a clock has been set since its start, in milliseconds; 0 for one that cannot be set."""
    return now_ms.shift_ms if isinstance(now_ms, ServerClock) else 0.0

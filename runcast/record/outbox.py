"""What a run's record holds already and the live channel does not have yet.

The writer puts steps in here once they are known to be stored, and nobody else does: so live never outruns durable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runcast.live.message import batches
from runcast.record.model import Json


class Outbox:
    """Sends status messages in order; a channel that fails is not waited for.

    Args:
        publish: Sends status messages and returns how many were handed over; must not raise. None sends nothing.
    """

    def __init__(self, publish: Callable[[list[Json]], int] | None) -> None:
        self._publish = publish
        self._unsent: list[Json] = []
        self._refused = 0

    @property
    def unpublished(self) -> int:
        """How many messages are not known to have been handed over."""
        return self._refused + len(self._unsent)

    def send(self, messages: Sequence[Json], *, until: Callable[[], bool]) -> None:
        """Send what is left and these, batch by batch, as long as `until` says no; the rest is kept for the next time.

        When a batch is not taken whole, what is left is dropped and counted.
        """
        if self._publish is None:
            return
        self._unsent += messages
        for batch in list(batches(self._unsent)):
            if until():
                return
            if self._publish(batch) < len(batch):
                self._refused += len(self._unsent)
                self._unsent = []
                return
            self._unsent = self._unsent[len(batch) :]

"""What a run's record holds already and the live channel does not have yet.

The writer puts steps in here once they are known to be stored, and nobody else does: so live never outruns durable.
They are sent on a thread of its own, so that the next steps need not wait for the channel to be stored, and a channel
that is slow gets larger batches instead of a longer queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from runcast.live.message import batches
from runcast.record.model import Json


class Outbox:
    """Sends status messages in order, on whatever thread calls `work()`; a channel that fails is not waited for.

    Args:
        publish: Sends status messages and returns how many were handed over; must not raise. None sends nothing.
    """

    def __init__(self, publish: Callable[[list[Json]], int] | None) -> None:
        self._publish = publish
        self._stored: SimpleQueue[Json | None] = SimpleQueue()
        self._given_up = threading.Event()
        self._taken = 0
        self._sent = 0

    @property
    def unpublished(self) -> int:
        """How many messages are not known to have been handed over."""
        return self._taken - self._sent

    def put(self, messages: Sequence[Json]) -> None:
        """Take messages whose steps are stored; return at once."""
        if self._publish is None:
            return
        self._taken += len(messages)
        for message in messages:
            self._stored.put(message)

    def close(self) -> None:
        """Be told that nothing comes any more."""
        self._stored.put(None)

    def give_up(self) -> None:
        """Send nothing any more; a batch that is under way may still be handed over."""
        self._given_up.set()
        self.close()

    def work(self) -> None:
        """Send what is put in until it is closed and empty, or given up."""
        while self.send_next() and not self._given_up.is_set():
            pass

    def send_next(self) -> bool:
        """Wait for a message and send what there is, batch by batch; return whether more may come.

        When a batch is not taken whole, what was waiting behind it is dropped: it would only wait as long.
        """
        found = [self._stored.get()]
        while not self._stored.empty():
            found.append(self._stored.get())
        for batch in batches([message for message in found if message is not None]):
            handed_over = 0 if self._given_up.is_set() or self._publish is None else self._publish(batch)
            self._sent += handed_over
            if handed_over < len(batch):
                break
        return found[-1] is not None

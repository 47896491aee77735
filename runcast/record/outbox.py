"""Steps that are stored in a run's record and not yet sent to the live channel.

Only the writer adds steps, and only after they are stored, so the live channel is never ahead of the record. Deltas,
which are in no record, are the exception. A dedicated thread sends the messages, so a slow channel does not delay the
next write. A slow channel gets larger batches instead of a longer queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from runcast.record.message import batches
from runcast.record.model import Json


class Outbox:
    """Sends status messages in order, on the thread that calls `work()`. Best effort: failed batches are not retried.

    Args:
        send: Sends status messages and returns how many were accepted; must not raise. None sends nothing.
    """

    def __init__(self, send: Callable[[list[Json]], int] | None) -> None:
        self._send = send
        self._stored: SimpleQueue[Json | None] = SimpleQueue()
        self._given_up = threading.Event()
        self._taken = 0
        self._sent = 0

    @property
    def unsent(self) -> int:
        """How many messages are not confirmed as sent."""
        return self._taken - self._sent

    def put(self, messages: Sequence[Json]) -> None:
        """Add messages whose steps are stored; return at once."""
        if self._send is None:
            return
        self._taken += len(messages)
        for message in messages:
            self._stored.put(message)

    def put_delta(self, message: Json) -> None:
        """Add a delta, unless messages are queued: it would arrive late, and the next step repeats its text."""
        if self._send is not None and self._stored.empty():
            self._stored.put(message)

    def close(self) -> None:
        """Signal that no more messages follow."""
        self._stored.put(None)

    def give_up(self) -> None:
        """Stop sending; a batch in flight may still be delivered."""
        self._given_up.set()
        self.close()

    def work(self) -> None:
        """Send messages until the outbox is closed and empty, or `give_up` is called."""
        while self.send_next() and not self._given_up.is_set():
            pass

    def send_next(self) -> bool:
        """Wait for a message and send all queued messages in batches; return whether more may follow.

        When a batch is not fully accepted, the messages after it are dropped: they would probably fail, too.
        """
        found = [self._stored.get()]
        while not self._stored.empty():
            found.append(self._stored.get())
        for batch in batches([message for message in found if message is not None]):
            handed_over = 0 if self._given_up.is_set() or self._send is None else self._send(batch)
            self._sent += sum(message["seq"] is not None for message in batch[:handed_over])
            if handed_over < len(batch):
                break
        return None not in found

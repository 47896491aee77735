"""The time limit for storing a run's end in a Lambda, which freezes after its response and stops at its deadline."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from runcast import limits
from runcast.record.assignment import Assignment
from runcast.record.handed_over import HandedOverEnd
from runcast.record.model import Json
from runcast.record.step_queue import StepQueue
from runcast.record.writer import Writer


class EndWatch:
    """Stores a queued end within its time limit, or hands it over to `run_closer`.

    `END_ALONE_SECONDS` before the limit, pending steps are dropped so that the next write contains the end.
    `HAND_OVER_SECONDS` before the limit, the end goes to `run_closer`, even if a write is in flight. Without a
    deadline there is no limit: the writer retries until the process exits.

    Args:
        assignment: The run.
        queue: The queue that receives its end.
        writer: The writer that stores it.
        hand_over: Sends an event to `run_closer` and returns whether it was accepted; must not raise.
        monotonic: The clock that the deadline uses, seconds.

    Attributes:
        give_up_at: The time limit, on that clock.
        handed_over: Whether `run_closer` has accepted the end.
    """

    def __init__(
        self,
        assignment: Assignment,
        queue: StepQueue,
        writer: Writer,
        hand_over: Callable[[Json], bool] | None,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        deadline = assignment.deadline
        self.give_up_at = deadline.at_seconds - limits.ANSWER_SECONDS if deadline else math.inf
        self.handed_over = False
        self._run = assignment
        self._queue = queue
        self._writer = writer
        self._hand_over = hand_over
        self._monotonic = monotonic
        self._handing_over = threading.Lock()

    @property
    def seconds_left(self) -> float:
        """Seconds until the time limit."""
        return max(0.0, self.give_up_at - self._monotonic())

    def bring_forward(self, seconds: float) -> None:
        """Shorten the time limit to at most `seconds` from now, unless the end is already queued with a limit."""
        if self._queue.end is None or math.isinf(self.give_up_at):
            self.give_up_at = min(self.give_up_at, self._monotonic() + seconds)

    def work(self) -> None:
        """Wait for the end to be queued and stored, and act when the time limit is near."""
        self._queue.closed.wait()
        settled, window_seconds = self._writer.settled, self.seconds_left
        alone_after = max(0.0, window_seconds - limits.END_ALONE_SECONDS)
        hand_over_after = max(window_seconds / 2, window_seconds - limits.HAND_OVER_SECONDS)
        if settled.wait(alone_after):
            return
        self._writer.write_end_alone()
        if not settled.wait(hand_over_after - alone_after):
            self.hand_over()

    def hand_over(self) -> None:
        """Hand the end over to `run_closer` now, unless it is stored. Returns at once if another thread is doing so."""
        end = self._queue.end
        if self._hand_over is None or end is None or not self._handing_over.acquire(blocking=False):
            return
        try:
            if self.handed_over or self._writer.end_stored:
                return
            if self._hand_over(HandedOverEnd(self._run, end, self._queue.taken).to_event()):
                self.handed_over = True
                self._writer.give_up()
                self._writer.settled.set()
        finally:
            self._handing_over.release()

"""The bound of a run's end in a Lambda: the process is frozen once it has answered, and is stopped at its deadline."""

from __future__ import annotations

import math
from collections.abc import Callable

from runcast import limits
from runcast.record.assignment import Assignment
from runcast.record.handover import HandedOverEnd
from runcast.record.model import Json
from runcast.record.step_queue import StepQueue
from runcast.record.writer import Writer


class EndWatch:
    """Sees to it that a queued end is stored within its bound, or handed over.

    `END_ALONE_SECONDS` before the bound, steps that still wait are left out, so that the end is the next write.
    `HAND_OVER_SECONDS` before it, the end goes to `run_closer`, whatever is in flight. Without a deadline there is
    nothing to watch: the writer goes on for as long as the process lives.

    Args:
        assignment: Which run.
        queue: Where its end is queued.
        writer: Who stores it.
        hand_over: Hands the event of `run_closer` over, and returns whether it was taken; must not raise.
        monotonic: The clock of the deadline, seconds.

    Attributes:
        give_up_at: The bound, on that clock.
        handed_over: Whether `run_closer` has taken the end.
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

    @property
    def seconds_left(self) -> float:
        """How long until the bound."""
        return max(0.0, self.give_up_at - self._monotonic())

    def bring_forward(self, seconds: float) -> None:
        """Let the bound be so many seconds from now, at the latest, unless the end is queued already."""
        if self._queue.end is None:
            self.give_up_at = min(self.give_up_at, self._monotonic() + seconds)

    def work(self) -> None:
        """Wait for the end to be queued and stored, and act when its bound is near."""
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
        """Hand the end over now, unless it is stored."""
        end = self._queue.end
        if self._hand_over is None or end is None or self._writer.end_stored:
            return
        if self._hand_over(HandedOverEnd(self._run, end, self._queue.taken).to_event()):
            self.handed_over = True
            self._writer.give_up()
            self._writer.settled.set()

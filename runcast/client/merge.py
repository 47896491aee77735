"""The steps of one record, put in order from two sources that each tell a part of it, late, twice or not at all.

This is the whole of "nothing missed, nothing twice": it has no clock, no network and no opinion on when to ask.
"""

from __future__ import annotations

from collections.abc import Iterable

from runcast.client.step import Progress, WatchedStep


class Merge:
    """Takes what comes, in any order and any number of times, and gives out each step once, in order of `seq`.

    Attributes:
        held_seq: The last step given out: so many are held, without a hole.
        recorded: How many steps are known to be recorded. A step that came live counts, because it was recorded first.
        ended: Whether nothing can be recorded any more.
    """

    def __init__(self) -> None:
        self.held_seq = 0
        self.recorded = 0
        self.ended = False
        self._ahead: dict[int, WatchedStep] = {}
        self._seen_live: set[int] = set()

    @property
    def missing(self) -> int:
        """How many of the recorded steps have not been given out."""
        return self.recorded - self.held_seq

    @property
    def complete(self) -> bool:
        """Whether the run has ended and every one of its steps has been given out."""
        return self.ended and self.missing == 0

    @property
    def received_live(self) -> int:
        """How many different steps came over the live channel, whether or not they were needed."""
        return len(self._seen_live)

    def all_came_live(self, after_seq: int) -> bool:
        """Say whether each recorded step after that one came over the live channel."""
        # Counted first: this is asked for each message, and looking each time at all of them would be quadratic.
        enough = len(self._seen_live) >= self.recorded - after_seq
        return enough and self._seen_live.issuperset(range(after_seq + 1, self.recorded + 1))

    def add_live(self, step: WatchedStep) -> list[WatchedStep]:
        """Take a status message; return the steps that are to be shown now, in order.

        A message without `seq` is shown at once and leaves no trace here: it is in no record.
        """
        if step.seq is None:
            return [step]
        self._seen_live.add(step.seq)
        self.told(step.seq, ended=False)
        return self._add([step])

    def add_recorded(self, progress: Progress) -> list[WatchedStep]:
        """Take an answer of the reader; return the steps that are to be shown now, in order."""
        # An answer that is not whole knows the status, but not how many steps belong to it.
        self.told(progress.last_seq, ended=progress.whole and progress.status.ended)
        return self._add(progress.steps)

    def told(self, last_seq: int, *, ended: bool) -> None:
        """Take that so many steps are recorded at least, or, where it has ended, in all."""
        self.ended = self.ended or ended
        self.recorded = max(self.recorded, last_seq)

    def _add(self, steps: Iterable[WatchedStep]) -> list[WatchedStep]:
        self._ahead.update({step.seq: step for step in steps if step.seq is not None and step.seq > self.held_seq})
        ready = []
        while (step := self._ahead.pop(self.held_seq + 1, None)) is not None:
            self.held_seq += 1
            ready.append(step)
        return ready

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
        # The highest `seq` that was heard of since the record was last asked.
        self._told_since_asked = 0
        self._ahead: dict[int, WatchedStep] = {}
        self._seen_live: set[int] = set()

    @property
    def missing(self) -> int:
        """How many of the recorded steps have not been given out."""
        return max(0, self.recorded - self.held_seq)

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

    def asked(self) -> None:
        """Note that the record is being asked now: its answer overrides what was heard of until here."""
        self._told_since_asked = 0

    def add_live(self, step: WatchedStep) -> list[WatchedStep]:
        """Take a status message; return the steps that are to be shown now, in order.

        A message without `seq` is shown at once and leaves no trace here: it is in no record.
        """
        if step.seq is None:
            return [step]
        if self.ended and step.seq > self.recorded:
            return []
        self._seen_live.add(step.seq)
        self.told(step.seq, ended=False)
        return self._add([step])

    def add_recorded(self, progress: Progress) -> list[WatchedStep]:
        """Take an answer of the reader; return the steps that are to be shown now, in order."""
        # An answer that is not whole knows the status, but not how many steps belong to it.
        self.told(progress.last_seq, ended=progress.whole and progress.status.ended)
        if progress.whole and not self.ended:
            # Steps are recorded before they go live, so a `seq` that this answer lacks is in no record.
            self._cut(max(progress.last_seq, self._told_since_asked, self.held_seq))
        return self._add(progress.steps)

    def told(self, last_seq: int, *, ended: bool) -> None:
        """Take that at least so many steps are recorded; if the run has ended, exactly so many."""
        if self.ended:
            return
        self._told_since_asked = max(self._told_since_asked, last_seq)
        self.recorded = max(self.recorded, last_seq)
        if ended:
            self.ended = True
            self._cut(last_seq)

    def _cut(self, last_seq: int) -> None:
        if last_seq < self.recorded:
            self.recorded = last_seq
            self._ahead = {seq: step for seq, step in self._ahead.items() if seq <= last_seq}
            self._seen_live = {seq for seq in self._seen_live if seq <= last_seq}

    def _add(self, steps: Iterable[WatchedStep]) -> list[WatchedStep]:
        self._ahead.update({step.seq: step for step in steps if step.seq is not None and step.seq > self.held_seq})
        ready = []
        while (step := self._ahead.pop(self.held_seq + 1, None)) is not None:
            self.held_seq += 1
            ready.append(step)
        return ready

"""Merges the steps of one record from two sources, which may deliver them late, twice or not at all.

This module alone implements "nothing missed, nothing twice". It uses no clock and no network, and does not decide when
to read the record.
"""

from __future__ import annotations

from collections.abc import Iterable

from runcast.client.step import Progress, WatchedStep


class Merge:
    """Accepts steps in any order and any number of times, and returns each step once, in order of `seq`.

    Attributes:
        held_seq: The `seq` of the last returned step; all steps up to it have been returned.
        recorded: How many steps are known to be recorded. Live steps count, because they are recorded first.
        ended: Whether the record is in a terminal state.
    """

    def __init__(self) -> None:
        self.held_seq = 0
        self.recorded = 0
        self.ended = False
        # The highest `seq` seen since the last read of the record began.
        self._told_since_asked = 0
        self._ahead: dict[int, WatchedStep] = {}
        self._seen_live: set[int] = set()

    @property
    def missing(self) -> int:
        """How many of the recorded steps have not been returned."""
        return max(0, self.recorded - self.held_seq)

    @property
    def complete(self) -> bool:
        """Whether the run has ended and all its steps have been returned."""
        return self.ended and self.missing == 0

    @property
    def received_live(self) -> int:
        """How many distinct steps arrived on the live channel, needed or not."""
        return len(self._seen_live)

    def all_came_live(self, after_seq: int) -> bool:
        """Return whether every recorded step after `after_seq` arrived on the live channel."""
        # Compare the counts first: this runs for each message, and a full comparison each time would be quadratic.
        enough = len(self._seen_live) >= self.recorded - after_seq
        return enough and self._seen_live.issuperset(range(after_seq + 1, self.recorded + 1))

    def asked(self) -> None:
        """Note that a read begins: its answer overrides everything received before."""
        self._told_since_asked = 0

    def add_live(self, step: WatchedStep) -> list[WatchedStep]:
        """Process a status message; return the steps to show now, in order.

        A message without `seq` is in no record, so it is returned at once and not stored.
        """
        if step.seq is None:
            return [step]
        if self.ended and step.seq > self.recorded:
            return []
        self._seen_live.add(step.seq)
        self.told(step.seq, ended=False)
        return self._add([step])

    def add_recorded(self, progress: Progress) -> list[WatchedStep]:
        """Process an answer of the reader; return the steps to show now, in order."""
        # A partial answer has the status, but not the number of steps that belong to it.
        self.told(progress.last_seq, ended=progress.whole and progress.status.ended)
        if progress.whole and not self.ended:
            # Steps are recorded before they go live, so a `seq` missing from this answer is in no record.
            self._cut(max(progress.last_seq, self._told_since_asked, self.held_seq))
        return self._add(progress.steps)

    def told(self, last_seq: int, *, ended: bool) -> None:
        """Note that at least `last_seq` steps are recorded; exactly that many if the run has ended."""
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

"""What the next write of a run's record contains: which steps, under which numbers, and where a page ends.

Apart from the writer, so that numbers and sizes can be followed without all that may go wrong with a write. A draft is
filled from the queue and keeps its steps until they are known to be stored, whatever fails in between.
"""

from __future__ import annotations

import json
from typing import Any

from runcast import limits
from runcast.json_text import json_text
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.model import Run, RunStatus, Step
from runcast.record.step_queue import StepQueue
from runcast.record.store import End


class Draft:
    """The next write of one run.

    Args:
        assignment: Which run.
        queue: Where its steps come from.

    Attributes:
        seq: How many steps the record holds.
        written: How many of them came from the queue, or were there at the claim.
        steps: What is to be written.
        end: The end, if it is among them.
        pages: Steps that must be put on pages first: those in the run's own item, and as many new ones as fit.
    """

    def __init__(self, assignment: Assignment, queue: StepQueue) -> None:
        self.seq = 0
        self.written = 0
        self.steps: list[Step] = []
        self.end: End | None = None
        self.pages: list[list[Step]] = []
        self._head: list[Step] = []
        self._held: QueuedStep | None = None
        self._cancelled = False
        self._run = assignment
        self._queue = queue
        self._pages_stored = 0

    @property
    def head_steps(self) -> list[Step]:
        """The steps of this draft that are written to the run's own item."""
        last_on_page = self.pages[-1][-1].seq if self.pages else 0
        return [step for step in self.steps if step.seq > last_on_page]

    @property
    def waiting_for_room(self) -> bool:
        """Whether the next draft has its first step already."""
        return self._held is not None

    def begin(self, run: Run) -> None:
        """Go on from the record as it was claimed."""
        self.seq = self.written = run.seq

    def fill(self, queued: QueuedStep | None) -> None:
        """Take a step, and all behind it that fit, up to the end; without a step it is a heartbeat.

        What does not fit beside the steps in the run's own item goes to a new page, `PAGES_PER_WRITE` at most.
        """
        self._held = self._held or queued
        self.pages = []
        current = list(self._head)
        room_bytes = limits.PAGE_MAX_BYTES - sum(step.size_bytes for step in current)
        while self._held:
            queued = self._held
            step = self._numbered(queued)
            fits = step.size_bytes <= room_bytes
            if not fits and current:
                if self.steps and len(self.pages) >= limits.PAGES_PER_WRITE:
                    return
                if self._pages_stored + len(self.pages) < limits.PAGES_MAX:
                    self.pages.append(current)
                    current, room_bytes, fits = [], limits.PAGE_MAX_BYTES, True
            if fits or queued.end:  # the end always has its place
                current.append(step)
                room_bytes -= step.size_bytes
                if queued.ref:
                    queued.ref.seq = step.seq
                self.steps.append(step)
            self._held, self.end = None, queued.end  # right behind, so that no step is ever taken twice
            if self.end is None:
                self._held = self._queue.get()

    def skip_to_end(self) -> None:
        """Leave out what is still queued, if the end is behind it, so that the end can be written at once.

        What an earlier try may have stored stays in the draft. The end needs no page: nothing follows it.
        """
        if self.end or not self._queue.end:
            return
        while self._queue.get():
            pass
        self._held, self.pages = None, []
        self.steps.append(self._numbered(self._queue.end))
        self.end = self._queue.end.end

    def cancel_instead_of_waiting(self, timestamp_ms: int) -> None:
        """If the run is to pause for people, end it as cancelled in the same write: nobody would look after it."""
        if self.end and self.end.status is RunStatus.WAITING:
            cancelled = QueuedStep("cancelled", "Cancelled", timestamp_ms, end=End(RunStatus.CANCELLED))
            self.steps.append(self._numbered(cancelled))
            self.end, self._cancelled = cancelled.end, True

    def landed(self, run: Run) -> int:
        """Return how many steps of this draft the record holds: earlier tries may have taken effect.

        The last of them is in the run's own item, because a write is whole and only this worker begins new pages.
        """
        held = {step.seq: step for step in run.steps}
        for count in range(len(self.steps), 0, -1):
            step = self.steps[count - 1]
            if held.get(step.seq) == step:
                return count
        return 0

    def follow(self, run: Run) -> bool:
        """Renumber a draft that is the end alone, if a late write of this worker has landed; return whether it has."""
        ours = run.worker == self._run.worker and not run.status.ended
        queued_end = self._queue.end
        if not (ours and queued_end and self.end and len(self.steps) == 1 + self._cancelled and run.seq > self.seq):
            return False
        self.begin(run)
        self.steps, self.end, self._cancelled = [self._numbered(queued_end, before=0)], queued_end.end, False
        return True

    def stored(self, count: int) -> list[Step]:
        """Take note that the record holds the first steps; return them. The others stay in the draft."""
        steps, rest = self.steps[:count], self.steps[count:]
        head = self.head_steps if self.pages else [*self._head, *steps]
        pages = self._pages_stored + len(self.pages)
        cancelled = self._cancelled and not rest
        self.steps, self.pages, self._head, self._pages_stored = rest, [], head, pages
        self.seq += count
        self.written += count - cancelled
        if not rest:
            self.end = None
        return steps

    def _numbered(self, queued: QueuedStep, before: int | None = None) -> Step:
        """Return the step as it is stored behind `before` steps of this draft, by default all."""
        before = len(self.steps) if before is None else before
        seq = self.seq + before + 1
        about: dict[str, Any] = {}
        # A parent was queued before its children, so it has its number by now, or will never have one.
        if queued.parent and queued.parent.seq:
            about["parentSeq"] = queued.parent.seq
        elapsed_seconds = self._run.seconds_since_began(queued.timestamp_ms)
        if queued.end and queued.end.status.ended:
            about["elapsed"] = elapsed_seconds
        if queued.end and (unrecorded := self._queue.taken - self.written - before) > 0:
            about["unrecorded"] = unrecorded
        metadata_text = queued.metadata_json
        if about:
            metadata_text = json_text({**json.loads(metadata_text or "{}"), **about})
        return Step(
            step=queued.step,
            message=queued.message,
            elapsed=elapsed_seconds,
            timestamp=queued.timestamp_ms,
            seq=seq,
            agent_name=queued.agent_name,
            tool_name=queued.tool_name,
            status=queued.status or ("agent_invoking" if seq == 1 and not queued.end else None),
            metadata_json=metadata_text,
        )

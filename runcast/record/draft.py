"""What the next write of a run's record contains: which steps, under which numbers, and where a page ends.

The draft assigns sequence numbers and page boundaries; the writer handles failed writes. A draft is filled from the
queue and keeps its steps until they are confirmed as stored, even if a write fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from runcast import limits
from runcast.json_text import json_text
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.items import stored_size_bytes
from runcast.record.model import EndReason, Run, RunStatus, Step
from runcast.record.step_queue import StepQueue
from runcast.record.store import End
from runcast.redaction import clean_metadata_text, clean_text


class Draft:
    """The next write of one run.

    Args:
        assignment: The run.
        queue: The source of its steps.
        shift_ms: Returns how far the clock that timed the steps has been set since its start, in milliseconds.

    Attributes:
        seq: How many steps the record holds.
        written: How many of them came from the queue or existed when the run was claimed.
        steps: The steps to write.
        end: The run's end, if the draft contains it.
        pages: Steps that must be put on pages first: those in the run's own item, and as many new ones as fit.
    """

    def __init__(
        self, assignment: Assignment, queue: StepQueue, *, shift_ms: Callable[[], float] = lambda: 0.0
    ) -> None:
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
        self._shift_ms = shift_ms
        self._pages_stored = 0

    @property
    def head_steps(self) -> list[Step]:
        """The steps of this draft that are written to the run's own item."""
        last_on_page = self.pages[-1][-1].seq if self.pages else 0
        return [step for step in self.steps if step.seq > last_on_page]

    @property
    def waiting_for_room(self) -> bool:
        """Whether a step that did not fit is held for the next draft."""
        return self._held is not None

    def begin(self, run: Run) -> None:
        """Continue from the record as it was claimed."""
        self.seq = self.written = run.seq
        # A later part continues the page that the part before it has begun.
        self._head, self._pages_stored = list(run.steps), len(run.pages)

    def fill(self, queued: QueuedStep | None) -> None:
        """Take a step and the queued steps after it that fit, up to the end. Without steps the write is a heartbeat.

        Steps that do not fit in the run's own item go to new pages, at most `PAGES_PER_WRITE` per write.
        """
        self._held = self._held or queued
        linger_until_ms = self._held.timestamp_ms + limits.LINGER_MS if self._held else 0
        self.pages = []
        current = list(self._head)
        room_bytes = limits.PAGE_MAX_BYTES - sum(stored_size_bytes(step) for step in current)
        while self._held:
            queued = self._held
            step = self._numbered(queued)
            fits = stored_size_bytes(step) <= room_bytes
            if not fits and current:
                if self.steps and len(self.pages) >= limits.PAGES_PER_WRITE:
                    return
                if self._pages_stored + len(self.pages) < limits.PAGES_MAX:
                    self.pages.append(current)
                    current, room_bytes, fits = [], limits.PAGE_MAX_BYTES, True
            if fits or queued.end:  # room for the end is always reserved
                current.append(step)
                room_bytes -= stored_size_bytes(step)
                if queued.ref:
                    queued.ref.seq = step.seq
                self.steps.append(step)
            self._held, self.end = None, queued.end  # immediately, so that no step is taken twice
            if self.end is None:
                # Bounded by the first step's time: many tools that end one after the other must not hold it back.
                lingers = queued.lingers and queued.timestamp_ms < linger_until_ms
                self._held = self._queue.get(limits.LINGER_MS / 1000 if lingers else 0)

    def skip_to_end(self) -> None:
        """Drop the steps queued before the end, so that the next write contains the end. A no-op without an end.

        Steps that an earlier attempt may have stored stay in the draft. The end needs no page: nothing follows it.
        """
        if self.end or not self._queue.end:
            return
        while self._queue.get():
            pass
        self._held, self.pages = None, []
        self.steps.append(self._numbered(self._queue.end))
        self.end = self._queue.end.end

    def cancel_instead_of_pausing(self, timestamp_ms: int) -> None:
        """If the run is about to wait, or to continue in another worker, cancel it: it would have no worker."""
        if self.end and not self.end.status.ended:
            end = End(RunStatus.CANCELLED, reason=EndReason.CANCEL_REQUESTED)
            cancelled = QueuedStep("cancelled", "Cancelled", timestamp_ms, end=end)
            self.steps.append(self._numbered(cancelled))
            self.end, self._cancelled = cancelled.end, True

    def landed(self, run: Run) -> int:
        """Return how many steps of this draft the record holds: earlier attempts may have taken effect.

        The last of them is in the run's own item, because writes are atomic and only this worker starts new pages.
        """
        held = {step.seq: step for step in run.steps}
        for count in range(len(self.steps), 0, -1):
            step = self.steps[count - 1]
            if held.get(step.seq) == step:
                return count
        return 0

    def follow(self, run: Run) -> bool:
        """Renumber a draft that contains only the end if an earlier write landed late; return whether one did."""
        ours = run.worker == self._run.worker and not run.status.ended
        queued_end = self._queue.end
        if not (ours and queued_end and self.end and len(self.steps) == 1 + self._cancelled and run.seq > self.seq):
            return False
        self.begin(run)
        self.steps, self.end, self._cancelled = [self._numbered(queued_end, before=0)], queued_end.end, False
        return True

    def stored(self, count: int) -> list[Step]:
        """Remove the first `count` steps, which are now stored, and return them. The others stay in the draft."""
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
        """Return the step numbered to follow the first `before` steps of this draft, by default all of them."""
        before = len(self.steps) if before is None else before
        seq = self.seq + before + 1
        about: dict[str, Any] = {}
        # A parent is queued before its children, so by now it has its number or never gets one.
        if queued.parent and queued.parent.seq:
            about["parentSeq"] = queued.parent.seq
        timestamp_ms = queued.timestamp_ms + round(self._shift_ms() - queued.shift_ms)
        elapsed_seconds = self._run.seconds_since_began(timestamp_ms)
        if queued.end and queued.end.status.ended:
            about["elapsed"] = elapsed_seconds
        if queued.end and (unrecorded := self._queue.taken - self.written - before) > 0:
            about["unrecorded"] = unrecorded
        metadata_text = clean_metadata_text(queued.metadata_text())
        if about:
            metadata_text = json_text({**json.loads(metadata_text or "{}"), **about})
        return Step(
            step=clean_text(queued.step, "name", limits.NAME_MAX_CHARACTERS),
            message=clean_text(queued.message, "message", limits.MESSAGE_MAX_CHARACTERS),
            elapsed=elapsed_seconds,
            timestamp=timestamp_ms,
            seq=seq,
            agent_name=_clean_name(queued.agent_name),
            tool_name=_clean_name(queued.tool_name),
            status=queued.status or ("agent_invoking" if seq == 1 and not queued.end else None),
            metadata_json=metadata_text,
        )


def _clean_name(name: str | None) -> str | None:
    return name and clean_text(name, "name", limits.NAME_MAX_CHARACTERS)

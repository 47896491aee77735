"""What the next write of a run's record shall hold: which steps, under which numbers, and where a page ends.

Apart from the writer, so that numbers and sizes can be followed without all that may go wrong with a write: a draft
is filled from the queue, stays as it is for as long as it is tried, and is told when it is stored.
"""

from __future__ import annotations

import json
from queue import SimpleQueue

from runcast import limits
from runcast.json_text import json_text
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.model import Step
from runcast.record.store import End


class Draft:
    """The next write of one run.

    Args:
        assignment: Which run.
        queue: Where its steps come from.

    Attributes:
        seq: How many steps the record holds.
        steps: What is to be written.
        end: The end, if it is among them.
        head: The steps in the run's own item; the earlier ones stand on pages.
        new_page: Whether `steps` have no room beside `head`, which must be put on a page first.
        held: Taken from the queue, but there was no room for it: the next draft begins with it.
    """

    def __init__(self, assignment: Assignment, queue: SimpleQueue[QueuedStep]) -> None:
        self.seq = 0
        self.steps: list[Step] = []
        self.end: End | None = None
        self.head: list[Step] = []
        self.new_page = False
        self.held: QueuedStep | None = None
        self._run = assignment
        self._queue = queue
        self._pages = 0
        self._overflowed = 0

    @property
    def unrecorded(self) -> int:
        """How many steps were taken from the queue but are not known to be stored."""
        return (self.held is not None) + len(self.steps) + self._overflowed

    def fill(self, queued: QueuedStep | None) -> None:
        """Take a step, and all behind it that is queued and fits, up to the end; without a step it is a heartbeat.

        Another thread may queue a step just behind the end: that one came too late.
        """
        self.held = None
        room_bytes = limits.PAGE_MAX_BYTES - sum(step.size_bytes for step in self.head)
        while queued:
            step = self._numbered(queued)
            fits = step.size_bytes <= room_bytes
            if not fits and self.steps:
                self.held = queued
                return
            if not fits and self.head and self._pages < limits.PAGES_MAX:
                self.new_page, room_bytes, fits = True, limits.PAGE_MAX_BYTES, True
            if fits or queued.end:  # the end always has its place
                self.steps.append(step)
                room_bytes -= step.size_bytes
                if queued.ref:
                    queued.ref.seq = step.seq
            else:
                self._overflowed += 1
            if queued.end:
                self.end = queued.end
                return
            queued = None if self._queue.empty() else self._queue.get()

    def stored(self) -> tuple[list[Step], End | None]:
        """Be told that the record holds it all; return the steps and the end, and begin anew."""
        steps, self.steps = self.steps, []
        end, self.end = self.end, None
        self.seq += len(steps)
        self.head = steps if self.new_page else self.head + steps
        self._pages += self.new_page
        self.new_page = False
        return steps, end

    def _numbered(self, queued: QueuedStep) -> Step:
        seq = self.seq + len(self.steps) + 1
        metadata_text = queued.metadata_json
        # A parent was queued before its children, so it has its number by now, or will never have one.
        if queued.parent and queued.parent.seq:
            metadata_text = json_text({**json.loads(metadata_text or "{}"), "parentSeq": queued.parent.seq})
        elapsed_seconds = self._run.seconds_since_began(queued.timestamp_ms)
        if queued.end and queued.end.status.ended:
            about = {"elapsed": elapsed_seconds} | ({"unrecorded": self._overflowed} if self._overflowed else {})
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

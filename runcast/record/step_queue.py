"""The queue of one run's steps between the agent that records them and the thread that writes them."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from runcast import limits
from runcast.record.assignment import QueuedStep


class StepQueue:
    """A bounded queue that closes when the run's end is queued. Adding a step never waits for the table.

    Args:
        taken: How many steps the run had before this queue.

    Attributes:
        taken: How many steps were offered before the end, including steps dropped because the queue was full.
        late: How many steps were offered after the end. They are dropped.
        end: The run's last step, once it is queued. The first end wins.
        closed: Set when the end is queued, or when no end will follow.
    """

    def __init__(self, taken: int = 0) -> None:
        self.taken = taken
        self.late = 0
        self.end: QueuedStep | None = None
        self.closed = threading.Event()
        self._steps: SimpleQueue[QueuedStep] = SimpleQueue()
        # Reentrant, because garbage collection may end an abandoned run on a thread that is adding a step.
        self._lock = threading.RLock()

    @property
    def offered(self) -> int:
        """How many steps were offered in total, including the end."""
        return self.taken + (self.end is not None) + self.late

    def count_earlier(self, steps: int) -> None:
        """Count the steps that the record held before this queue's worker claimed it."""
        with self._lock:
            self.taken += steps

    def put(self, step: QueuedStep) -> bool:
        """Add a step and return whether it was added.

        A step is dropped if the end is already queued or `QUEUE_MAX_STEPS` steps are pending. The end is never
        dropped for lack of room.
        """
        with self._lock:
            if self.end:
                self.late += 1
                return False
            if step.end:
                self.end = step
            else:
                self.taken += 1
                if self._steps.qsize() >= limits.QUEUE_MAX_STEPS:
                    return False
            self._steps.put(step)
        if step.end:
            self.closed.set()
        return True

    def get(self, timeout_seconds: float = 0.0) -> QueuedStep | None:
        """Remove and return the next step; None if no step arrives before the timeout."""
        try:
            return self._steps.get(timeout=timeout_seconds) if timeout_seconds > 0 else self._steps.get_nowait()
        except Empty:
            return None

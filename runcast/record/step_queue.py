"""The steps of one run between the agent that records them and the thread that writes them."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from runcast import limits
from runcast.record.assignment import QueuedStep


class StepQueue:
    """A bounded queue that the run's end closes; nothing here waits for the table.

    Args:
        taken: How many steps the run had before this queue.

    Attributes:
        taken: How many steps came before the end, including those that found no room.
        late: How many came after the end; they are left out.
        end: The run's last step, once it is queued. The first one wins.
        closed: Set when the end is queued, or when none will be.
    """

    def __init__(self, taken: int = 0) -> None:
        self.taken = taken
        self.late = 0
        self.end: QueuedStep | None = None
        self.closed = threading.Event()
        self._steps: SimpleQueue[QueuedStep] = SimpleQueue()
        # Reentrant, because garbage collection may end an abandoned run on a thread that is just adding a step.
        self._lock = threading.RLock()

    @property
    def offered(self) -> int:
        """How many steps were offered in all, the end included."""
        return self.taken + (self.end is not None) + self.late

    def put(self, step: QueuedStep) -> bool:
        """Add a step, unless the end is queued already or `QUEUE_MAX_STEPS` are waiting; return whether it was added.

        The end always has room.
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
        """Remove and return the next step; None if there is none within the time."""
        try:
            return self._steps.get(timeout=timeout_seconds) if timeout_seconds > 0 else self._steps.get_nowait()
        except Empty:
            return None

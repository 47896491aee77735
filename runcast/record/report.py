"""What a recorder reports about its record: the recorded steps, and how many are missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runcast import limits
from runcast.json_text import json_bytes
from runcast.record.assignment import Stop
from runcast.record.model import Json


class RecordedSteps(NamedTuple):
    """The steps recorded so far; only the last ones if there are too many (`cut`)."""

    steps: list[Json]
    cut: bool

    @classmethod
    def last_of(cls, steps: Sequence[Json], *, seq: int) -> RecordedSteps:
        """Return the last steps, at most `ANSWER_MAX_BYTES`, of a record that holds `seq` steps."""
        kept: deque[Json] = deque()
        room_bytes = limits.ANSWER_MAX_BYTES
        for step in reversed(steps):
            room_bytes -= json_bytes(step)
            if room_bytes < 0:
                break
            kept.appendleft(step)
        return cls(list(kept), cut=len(kept) < seq)


@dataclass(frozen=True)
class RecordingReport:
    """How completely the run is recorded and sent.

    Attributes:
        recorded: How many steps the record holds, as far as this worker knows.
        unrecorded: How many steps were queued but could not be recorded.
        unsent: How many steps were recorded but not handed to the live channel.
        stop: Why the work had to stop early. After `TIME_UP` and `ENDED` the record holds another end than the one
            given to `end()`, which counts as unrecorded. After `CANCELLED` the record holds the given end.
        stop_error: After `TIME_UP`: the error that the record holds.
        end_pending: The end is not yet known to be stored. Another worker was asked to write it, or this one continues.
    """

    recorded: int
    unrecorded: int
    unsent: int
    stop: Stop | None = None
    stop_error: str | None = None
    end_pending: bool = False

    @property
    def degraded(self) -> bool:
        """Whether steps are missing in the record."""
        return self.unrecorded > 0

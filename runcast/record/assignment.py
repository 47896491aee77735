"""What the recorder, which a run talks to, and the writer behind it hand to one another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from runcast import limits
from runcast.record.model import Owner, Run
from runcast.record.store import End


class Claim(Enum):
    """What became of the claim."""

    CLAIMED = "claimed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class Stop(Enum):
    """Why a worker should stop what it is doing.

    `CANCELLED`: somebody asked for it, and the worker writes the end. `TIME_UP`: its deadline is near, and the end has
    been written for it. `ENDED`: another has ended the run, or has the claim, and nothing more will be recorded.
    """

    CANCELLED = "cancelled"
    TIME_UP = "time up"
    ENDED = "ended"


class StepRef:
    """A step that has been queued: it stands for the number that the step is going to have.

    Attributes:
        seq: The step's number, None until the writer has given it one; it stays so for a step that found no room.
    """

    def __init__(self) -> None:
        self.seq: int | None = None


class QueuedStep(NamedTuple):
    """A step as it was taken, every text within its limit, before it has its number."""

    step: str
    message: str
    timestamp_ms: int
    agent_name: str | None = None
    tool_name: str | None = None
    status: str | None = None
    metadata_json: str | None = None
    end: End | None = None
    ref: StepRef | None = None
    parent: StepRef | None = None


@dataclass(frozen=True)
class Deadline:
    """When a worker is stopped, on its monotonic clock: its wall clock may jump.

    Attributes:
        at_seconds: When it is stopped.
        time_up_seconds: When its writer ends the run itself, because it could not a little later.
    """

    at_seconds: float
    time_up_seconds: float

    @classmethod
    def after(cls, remaining_ms: float, now_seconds: float) -> Deadline:
        """Return the deadline of a worker that has this much time; one that has only seconds keeps most of them."""
        margin_ms = min(limits.DEADLINE_MARGIN_MS, remaining_ms / 4)
        return cls(now_seconds + remaining_ms / 1000, now_seconds + (remaining_ms - margin_ms) / 1000)


@dataclass
class Assignment:
    """Which run is written, and by whom; what the record says of it wins once it is claimed."""

    request_id: str
    owner: Owner
    agent: str
    job_id: str | None
    worker: str
    began_ms: int
    deadline: Deadline | None = None
    expires_at_epoch_s: int = 0

    @property
    def waits_until_ms(self) -> int:
        """Until when a waiting run may be answered: its record must live to tell that nobody did."""
        return self.began_ms + (self.expires_at_epoch_s * 1000 - self.began_ms) * limits.WAITING_PERCENT // 100

    def follow(self, run: Run) -> None:
        """Take over what the record says."""
        self.owner, self.agent, self.job_id = run.owner, run.agent, run.job_id
        self.began_ms, self.expires_at_epoch_s = run.created_at_ms, run.expires_at_epoch_s

    def seconds_since_began(self, timestamp_ms: int) -> float:
        """Return how long after its beginning, in seconds, the run stood at that time."""
        return max(0, timestamp_ms - self.began_ms) / 1000

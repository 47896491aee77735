"""The data that the recorder, called by the run's work, and the writer behind it exchange."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from runcast import limits
from runcast.json_text import metadata_json
from runcast.record.model import Owner, Run, conversation_key
from runcast.record.store import End
from runcast.text import utf16_length


class Claim(Enum):
    """The result of a claim."""

    CLAIMED = "claimed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class Stop(Enum):
    """Why a worker should stop.

    `CANCELLED`: a cancel was requested, and the worker writes the end. `BUDGET`: a budget of tokens is used up, and the
    worker writes the end. `TIME_UP`: the deadline is near, and the end has been written for the worker. `ENDED`:
    another caller ended the run or holds the claim, so nothing more is recorded.
    """

    CANCELLED = "cancelled"
    BUDGET = "budget"
    TIME_UP = "time up"
    ENDED = "ended"


class StepRef:
    """A reference to a queued step, which holds the step's number once the writer has assigned it.

    Attributes:
        seq: The step's number. None until the writer assigns it, and for a step that was dropped.
    """

    seq: int | None = None


class QueuedStep(NamedTuple):
    """A recorded step, with every text within its limit, before the writer assigns its number.

    `lingers` marks a step that is written together with the next one if that comes within `LINGER_MS`. `shift_ms` is
    how far the clock had been set when it gave `timestamp_ms`: the clock may learn the server's time after that. The
    metadata is JSON text or, if it is small, a `flat` object that is not serialized yet.
    """

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
    lingers: bool = False
    shift_ms: float = 0.0
    flat: Mapping[str, Any] | None = None

    def metadata_text(self) -> str | None:
        """Return the metadata as JSON text; None if there is none."""
        return metadata_json(self.flat) if self.flat else self.metadata_json


@dataclass(frozen=True)
class Deadline:
    """When a worker is stopped. Times are on its monotonic clock, because the wall clock may jump.

    Attributes:
        at_seconds: When the worker is stopped.
        time_up_seconds: When the writer ends the run itself, while it still has time to.
    """

    at_seconds: float
    time_up_seconds: float

    @classmethod
    def after(cls, remaining_ms: float, now_seconds: float) -> Deadline:
        """Return the deadline of a worker with this much time left; the margin is at most a quarter of it."""
        margin_ms = min(limits.DEADLINE_MARGIN_MS, remaining_ms / 4)
        return cls(now_seconds + remaining_ms / 1000, now_seconds + (remaining_ms - margin_ms) / 1000)


@dataclass
class Assignment:
    """The run to write and the worker that writes it. Once the run is claimed, the record's values take precedence.

    `created_at_ms` is when the run's record was created; None if it is not known to have one, so a claim may create it.
    `answered` has the agent's own ids of the questions for which the work brings the answers itself. `loads_state` is
    whether the work continues any part of the run from its saved state. `text_end` is the length of its agent's text in
    the claimed record. `running_tools` holds the names of the tools that are running now; the run's work keeps it up to
    date.
    """

    request_id: str
    owner: Owner
    agent: str
    job_id: str | None
    worker: str
    began_ms: int
    deadline: Deadline | None = None
    created_at_ms: int | None = None
    expires_at_epoch_s: int = 0
    pages_expire_at_epoch_s: int = 0
    claim_number: int = 0
    part: int = 1
    answered: frozenset[str] = frozenset()
    loads_state: bool = False
    snapshot_key: str | None = None
    answers_key: str | None = None
    crashes: int | None = None
    text_end: int = 0
    running_tools: list[str] = field(default_factory=list)
    conversation_id: str | None = None
    turn_snapshot_key: str | None = None

    @property
    def conversation_key(self) -> str | None:
        """The key of the item of the conversation whose turn the run is; None outside a conversation."""
        return conversation_key(self.owner, self.conversation_id) if self.conversation_id else None

    def follow(self, run: Run) -> None:
        """Adopt the values of the claimed record."""
        self.owner, self.agent, self.job_id = run.owner, run.agent, run.job_id
        self.began_ms = self.created_at_ms = run.created_at_ms
        self.expires_at_epoch_s = run.expires_at_epoch_s
        self.pages_expire_at_epoch_s, self.claim_number = run.pages_expire_at_epoch_s, run.claim_number
        self.snapshot_key, self.answers_key = run.snapshot_key, run.answers_key
        self.conversation_id, self.turn_snapshot_key = run.conversation_id, run.turn_snapshot_key
        self.crashes, self.text_end = run.crashes, _text_end(run)

    def end_before_expiry(self, now_ms: int, monotonic_seconds: float) -> None:
        """Set the deadline to `EXPIRY_MARGIN_MS` before the record expires, unless it is earlier already."""
        left_ms = max(0, self.expires_at_epoch_s * 1000 - limits.EXPIRY_MARGIN_MS - now_ms)
        latest = Deadline.after(left_ms, monotonic_seconds)
        if self.deadline is None or latest.at_seconds < self.deadline.at_seconds:
            self.deadline = latest

    def seconds_since_began(self, timestamp_ms: int) -> float:
        """Return the seconds from the run's beginning to `timestamp_ms`."""
        return max(0, timestamp_ms - self.began_ms) / 1000


def _text_end(run: Run) -> int:
    """Return where the text of the run's agent ends, from its last step in the head of the record."""
    for step in reversed(run.steps):
        if step.step == "text" and step.agent_name is None:
            offset = json.loads(step.metadata_json or "{}").get("offset")
            return offset + utf16_length(step.message) if isinstance(offset, int) else 0
    return 0


def time_up_error(running_tools: Sequence[str] = ()) -> str:
    """Return the error of a run whose worker's time is up, which names the tools that are still running."""
    if not running_tools:
        return "The worker's time was up before the run had ended."
    names = sorted(set(running_tools))
    tools = f"tools {', '.join(names)} were" if len(names) > 1 else f"tool {names[0]} was"
    return f"The worker's time was up while the {tools} still running."

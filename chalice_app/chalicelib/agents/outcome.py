"""What a run came to, told from why its agent stopped.

- `end_turn` and `stop_sequence`: complete.
- `cancelled`: cancelled.
- `interrupt`: waiting, because the agent asks people something; that is not an end.
- Any other reason, or an exception: an error, which names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runcast import limits
from runcast.record.model import Json, RunStatus, shortened

if TYPE_CHECKING:
    from strands.agent import AgentResult


@dataclass(frozen=True)
class Outcome:
    """The last step of a run: its status, its message, and the result, error and metadata that go with it."""

    status: RunStatus
    message: str
    result: str | None = None
    error: str | None = None
    metadata: Json | None = None


def outcome_of(result: AgentResult) -> Outcome:
    """Return what an agent's result amounts to."""
    match result.stop_reason:
        case "end_turn" | "stop_sequence":
            return Outcome(RunStatus.COMPLETE, "Complete", result=str(result).strip())
        case "cancelled":
            return Outcome(RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.")
        case "interrupt":
            questions = [interrupt.to_dict() for interrupt in result.interrupts or ()]
            return Outcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": questions})
        case reason:
            return stopped_early(reason)


def stopped_early(reason: str) -> Outcome:
    """Return what it amounts to that an agent stopped, for `reason`, before it was done."""
    return _failed(f"The agent stopped before it was done: {reason}.")


def failure(error: BaseException) -> Outcome:
    """Return what an exception out of the agent amounts to."""
    # Strands wraps what goes wrong inside its loop.
    cause = getattr(error, "original_exception", error)
    return _failed(shortened(f"{type(cause).__name__}: {cause}", limits.ERROR_MAX_CHARACTERS))


def _failed(error: str) -> Outcome:
    return Outcome(RunStatus.ERROR, error, error=error)

"""What a run came to, told from why its agent stopped.

- `end_turn` and `stop_sequence`: complete.
- `cancelled`, or a task that was cancelled: cancelled.
- `interrupt`: waiting, because the agent asks people something; that is not an end.
- Any other reason, or an exception: an error, which names it.

A Graph or a Swarm has a status instead: `completed`, `interrupted`, or else an error.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runcast import limits
from runcast.record.model import Json, RunStatus, shortened

if TYPE_CHECKING:
    from strands.agent import AgentResult
    from strands.interrupt import Interrupt
    from strands.multiagent.base import MultiAgentResult


@dataclass(frozen=True)
class Outcome:
    """The last step of a run: its status, its message, and the result, error and metadata that go with it."""

    status: RunStatus
    message: str
    result: str | None = None
    error: str | None = None
    metadata: Json | None = None


def outcome_of(result: AgentResult | MultiAgentResult) -> Outcome:
    """Return what a result amounts to: an agent's, a Graph's or a Swarm's."""
    stop_reason = getattr(result, "stop_reason", None) or result.status.value  # type: ignore[union-attr]
    match stop_reason:
        case "end_turn" | "stop_sequence" | "completed":
            return Outcome(RunStatus.COMPLETE, "Complete", result=str(result).strip())
        case "cancelled":
            return _CANCELLED
        case "interrupt" | "interrupted":
            return _waiting(result.interrupts or ())
        case "failed":
            return _failed(f"The agents stopped before they were done: {_failures(result)}.")
        case reason:
            return stopped_early(reason)


def stopped_early(reason: str) -> Outcome:
    """Return what it amounts to that an agent stopped, for `reason`, before it was done."""
    return _failed(f"The agent stopped before it was done: {reason}.")


def failure(error: BaseException) -> Outcome:
    """Return what an exception out of the agent amounts to."""
    # Strands wraps what goes wrong inside its loop.
    cause = getattr(error, "original_exception", error)
    if isinstance(cause, asyncio.CancelledError):
        return _CANCELLED
    # The one reason to stop that Strands raises instead of returning it; whoever has raised it has imported it.
    strands = sys.modules.get("strands.types.exceptions")
    if strands and isinstance(cause, strands.MaxTokensReachedException):
        return stopped_early("max_tokens")
    return _failed(shortened(f"{type(cause).__name__}: {cause}", limits.ERROR_MAX_CHARACTERS))


_CANCELLED = Outcome(RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.")


def _waiting(interrupts: Iterable[Interrupt]) -> Outcome:
    questions = [interrupt.to_dict() for interrupt in interrupts]
    return Outcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": questions})


def _failures(result: AgentResult | MultiAgentResult) -> str:
    failed = [name for name, node in getattr(result, "results", {}).items() if node.status.value == "failed"]
    return f"{', '.join(failed)} failed" if failed else "failed"


def _failed(error: str) -> Outcome:
    return Outcome(RunStatus.ERROR, error, error=error)

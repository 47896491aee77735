"""What a run came to, told from why its agent stopped.

- `end_turn` and `stop_sequence`: complete.
- `cancelled`, or a task that was cancelled: cancelled.
- `interrupt`: waiting, because the agent asks people something; that is not an end.
- Any other reason, or an exception: an error, which names it.

A Graph or a Swarm has a status instead: `completed`, `interrupted`, or else an error. What was to be cancelled and is
not done is cancelled, whatever it says.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runcast import limits
from runcast.errors import RunStopped
from runcast.record.assignment import Stop
from runcast.record.model import Json, RunStatus
from runcast.strands.facts import with_facts
from runcast.text import shortened

if TYPE_CHECKING:
    from strands.agent import AgentResult
    from strands.interrupt import Interrupt
    from strands.multiagent.base import MultiAgentResult, NodeResult


_DONE = ("end_turn", "stop_sequence", "completed")


@dataclass(frozen=True)
class Outcome:
    """The last step of a run: its status, its message, and the result, error and metadata that go with it.

    The result is the text that came out, or `{"text", "facts"}` when the agent's tools have noted facts.
    """

    status: RunStatus
    message: str
    result: str | Json | None = None
    error: str | None = None
    metadata: Json | None = None


def outcome_of(result: AgentResult | MultiAgentResult, stop: Stop | None = None) -> Outcome:
    """Return what a result amounts to: an agent's, a Graph's or a Swarm's.

    Args:
        result: What came out.
        stop: Why the work should have stopped before its end. What was done all the same is complete.
    """
    if stop is Stop.CANCELLED and not _is_done(result):
        return replace(_CANCELLED, result=_parts_done(result))
    stop_reason = getattr(result, "stop_reason", None) or result.status.value  # type: ignore[union-attr]
    match stop_reason:
        case reason if reason in _DONE:
            return Outcome(RunStatus.COMPLETE, "Complete", result=_came_out(result))
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


def failure(error: BaseException, stop: Stop | None = None) -> Outcome:
    """Return what an exception out of the agent amounts to; `stop` is why the work should have stopped, if at all."""
    # Strands wraps what goes wrong inside its loop.
    cause = getattr(error, "original_exception", error)
    if stop is Stop.CANCELLED or isinstance(cause, asyncio.CancelledError | RunStopped):
        return _CANCELLED
    # The one reason to stop that Strands raises instead of returning it; whoever has raised it has imported it.
    strands = sys.modules.get("strands.types.exceptions")
    if strands and isinstance(cause, strands.MaxTokensReachedException):
        return stopped_early("max_tokens")
    return _failed(shortened(f"{type(cause).__name__}: {cause}", limits.ERROR_MAX_CHARACTERS))


def overruled(outcome: Outcome, stop: Stop | None) -> Outcome:
    """Return what the run came to, given what its work came to and why that was to stop before its end."""
    if stop is Stop.TIME_UP:
        return _failed("The worker's time was up before the run had ended.")
    if stop is Stop.ENDED:
        return _failed("Somebody else has ended this run, or works on it; what was done here is not recorded.")
    if stop is Stop.CANCELLED and outcome.status is RunStatus.WAITING:  # the recorder has cancelled it
        return _CANCELLED
    return outcome


_CANCELLED = Outcome(RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.")


def _is_done(result: AgentResult | MultiAgentResult) -> bool:
    """Whether nothing is missing. A Swarm calls itself completed though one of its agents was stopped."""
    nodes = getattr(result, "results", None)
    if nodes is None:
        return getattr(result, "stop_reason", None) in _DONE
    stopped = any(_is_stopped(node) for node in nodes.values())
    return result.status.value in _DONE and not stopped  # type: ignore[union-attr]


def _came_out(result: AgentResult | MultiAgentResult) -> str | Json:
    nodes = getattr(result, "results", None)
    return with_facts(str(result).strip(), [result] if nodes is None else _agents_of(nodes.values()))  # type: ignore[list-item]


def _parts_done(result: AgentResult | MultiAgentResult) -> str | Json | None:
    """Return what those agents of a Graph or Swarm have said, and noted, that were done."""
    nodes = getattr(result, "results", {}).items()
    done = {name: node for name, node in nodes if node.status.value in _DONE and not _is_stopped(node)}
    if not done:
        return None
    text = "\n".join(f"{name}: {str(node).strip()}" for name, node in done.items())
    return with_facts(text, _agents_of(done.values()))


def _agents_of(nodes: Iterable[NodeResult]) -> list[AgentResult]:
    return [agent for node in nodes for agent in node.get_agent_results()]


def _is_stopped(node: NodeResult) -> bool:
    return getattr(node.result, "stop_reason", None) == "cancelled"


def _waiting(interrupts: Iterable[Interrupt]) -> Outcome:
    questions = [interrupt.to_dict() for interrupt in interrupts]
    return Outcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": questions})


def _failures(result: AgentResult | MultiAgentResult) -> str:
    failed = [name for name, node in getattr(result, "results", {}).items() if node.status.value == "failed"]
    return f"{', '.join(failed)} failed" if failed else "failed"


def _failed(error: str) -> Outcome:
    return Outcome(RunStatus.ERROR, error, error=error)

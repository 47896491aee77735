"""Maps the reason why an agent stopped to the last step of its run.

- `end_turn`, `stop_sequence`: complete.
- `tool_use`: complete. A finished invocation has this reason when a tool ended it: structured output, or a tool that
  stops the event loop.
- `cancelled`, or a cancelled task: cancelled; complete if the agent's own tool asked it to stop after its tools.
- `interrupt`: waiting for an answer, which is not an end.
- Any other reason, or an exception: an error that names it. The result is the model's text so far.

A Graph or a Swarm has a status instead: `completed`, `interrupted`, or else an error. An unfinished run with a cancel
request is cancelled, regardless of its agent's stop reason.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runcast import limits
from runcast.errors import AttachmentUnusable, NotResumable, RunStopped, SnapshotUnusable, Unavailable
from runcast.record.answer import questions_of_part
from runcast.record.assignment import Stop, time_up_error
from runcast.record.model import EndReason, Json, RunStatus
from runcast.runs.facts import with_facts
from runcast.text import shortened

if TYPE_CHECKING:
    from strands.agent import AgentResult
    from strands.interrupt import Interrupt
    from strands.multiagent.base import MultiAgentResult, NodeResult


_DONE = ("end_turn", "stop_sequence", "tool_use", "completed")


@dataclass(frozen=True)
class RunOutcome:
    """The last step of a run: its status, its message, and the result, error, reason and metadata that go with it.

    The result is the agent's text, its structured output as JSON, or `{"text", "facts"}` if its tools noted facts.
    """

    status: RunStatus
    message: str
    result: str | Json | None = None
    error: str | None = None
    metadata: Json | None = None
    reason: EndReason | None = None


def outcome_of(
    result: AgentResult | MultiAgentResult,
    stop: Stop | None = None,
    *,
    stopped_itself: bool = False,
    said: str | None = None,
) -> RunOutcome:
    """Return the outcome of a finished agent, Graph or Swarm.

    Args:
        result: The result that it returned.
        stop: Why the work was asked to stop early. Work that finished anyway is complete.
        stopped_itself: Whether the reason `cancelled` comes from the agent's own tool, which stopped the agent after
            its tools, and not from an outside cancel request.
        said: The model's last text. It becomes the result of an agent that stopped early without one.
    """
    if stop in (Stop.CANCELLED, Stop.BUDGET) and not _is_done(result):
        return replace(_stopped(stop), result=_parts_done(result))
    stop_reason = getattr(result, "stop_reason", None) or result.status.value  # type: ignore[union-attr]
    match stop_reason:
        case reason if reason in _DONE or (reason == "cancelled" and stopped_itself):
            return RunOutcome(RunStatus.COMPLETE, "Complete", result=_came_out(result))
        case "cancelled":
            return _stopped(stop)
        case "interrupt" | "interrupted":
            return _waiting(result.interrupts or ())
        case "failed":
            outcome = failed(f"The agents stopped before they were done: {_failures(result)}.")
            return replace(outcome, result=_parts_done(result))
        case reason:
            return stopped_early(reason, _came_out(result) or said)


def asked_in_part(waiting: RunOutcome, part: int) -> RunOutcome:
    """Return the outcome of an agent that waits, with ids of its questions that no other part of its run uses."""
    asked = (waiting.metadata or {}).get("interrupts", [])
    return replace(waiting, metadata={"interrupts": questions_of_part(part, asked)})


def stopped_early(reason: str, said: str | Json | None = None) -> RunOutcome:
    """Return the outcome of an agent that stopped early for `reason`; `said` is its text so far."""
    outcome = failed(f"The agent stopped before it was done: {reason}.", EndReason.AGENT_STOPPED)
    return replace(outcome, result=said or None)


def failure(error: BaseException, stop: Stop | None = None, *, said: str | None = None) -> RunOutcome:
    """Return the outcome of an agent that raised.

    Args:
        error: The exception.
        stop: Why the work was asked to stop early.
        said: The model's last message. It becomes the result if the model ran out of tokens.
    """
    # Strands wraps exceptions from its event loop.
    cause = getattr(error, "original_exception", error)
    if stop in (Stop.CANCELLED, Stop.BUDGET) or isinstance(cause, asyncio.CancelledError | RunStopped):
        return _stopped(stop)
    # Strands raises this one stop reason instead of returning it, so its module is loaded if it was raised.
    strands = sys.modules.get("strands.types.exceptions")
    if strands and isinstance(cause, strands.MaxTokensReachedException):
        return stopped_early("max_tokens", said)
    try:
        text = f"{type(cause).__name__}: {cause}"
    except Exception:  # noqa: BLE001 - the run must end even if a __str__ raises
        text = type(cause).__name__
    return failed(shortened(text, limits.ERROR_MAX_CHARACTERS))


def handed_over(part: int) -> RunOutcome:
    """Return the outcome of a part whose run continues in the part with this number."""
    return RunOutcome(RunStatus.IN_PROGRESS, "Continuing in another worker", metadata={"part": part})


def worked_too_long(seconds: float, max_run_hours: int) -> RunOutcome | None:
    """Return the outcome of a run whose workers have worked for too long; None if they have not."""
    if seconds <= max_run_hours * 3600:
        return None
    return failed(f"The run was not done after {max_run_hours} hours of work (max_run_hours).", EndReason.TIMED_OUT)


def part_failure(error: BaseException, stop: Stop | None = None, *, said: str | None = None) -> RunOutcome:
    """Return the outcome of a run that takes several parts, and one of whose parts raised.

    Args:
        error: The exception, of the agent or of what saves and loads its state.
        stop: Why the work was asked to stop early.
        said: The model's last message.
    """
    match error:
        case NotResumable():
            return failed(error, EndReason.NOT_RESUMABLE)
        case SnapshotUnusable():
            return failed(error, EndReason.SNAPSHOT_UNUSABLE)
        case AttachmentUnusable():
            return failed(error, EndReason.ATTACHMENT_UNUSABLE)
        case Unavailable() if stop in (Stop.CANCELLED, Stop.BUDGET):
            return _stopped(stop)
        case Unavailable():
            message = "The agent's state could not be saved, so the run could not continue."
            return failed(message, EndReason.SNAPSHOT_NOT_SAVED)
        case _:
            return failure(error, stop, said=said)


def failed(error: str | Exception, reason: EndReason = EndReason.AGENT_FAILED) -> RunOutcome:
    """Return the outcome of a run that failed with this message."""
    return RunOutcome(RunStatus.ERROR, str(error), error=str(error), reason=reason)


def overruled(outcome: RunOutcome, stop: Stop | None, stop_error: str | None = None) -> RunOutcome:
    """Apply the stop reason to the agent's outcome; `stop_error` is the error that the record holds, if known."""
    if stop is Stop.TIME_UP:
        return failed(stop_error or time_up_error(), EndReason.TIMED_OUT)
    if stop is Stop.ENDED:
        return failed("Somebody else has ended this run, or works on it; what was done here is not recorded.")
    if stop is Stop.CANCELLED and outcome.status in (RunStatus.WAITING, RunStatus.IN_PROGRESS):
        # the recorder has cancelled it instead
        return _stopped(stop)
    return outcome


def _stopped(stop: Stop | None) -> RunOutcome:
    if stop is Stop.BUDGET:
        return failed("The run was stopped, because its budget of tokens is used up.", EndReason.BUDGET)
    reason = EndReason.CANCEL_REQUESTED if stop is Stop.CANCELLED else EndReason.AGENT_CANCELLED
    return RunOutcome(RunStatus.CANCELLED, "Cancelled", error="The run was cancelled.", reason=reason)


def _is_done(result: AgentResult | MultiAgentResult) -> bool:
    """Whether all work is done. A Swarm reports `completed` even if one of its agents was stopped."""
    nodes = getattr(result, "results", None)
    if nodes is None:
        return getattr(result, "stop_reason", None) in _DONE
    stopped = any(_is_stopped(node) for node in nodes.values())
    return result.status.value in _DONE and not stopped  # type: ignore[union-attr]


def _came_out(result: AgentResult | MultiAgentResult) -> str | Json:
    nodes = getattr(result, "results", None)
    came_out = with_facts(str(result).strip(), [result] if nodes is None else _agents_of(nodes.values()))  # type: ignore[list-item]
    output = getattr(result, "structured_output", None)
    if output is not None and isinstance(came_out, str):
        return output.model_dump(mode="json")  # type: ignore[no-any-return]
    return came_out


def _parts_done(result: AgentResult | MultiAgentResult) -> str | Json | None:
    """Return the texts and facts of the finished agents of a Graph or Swarm."""
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


def _waiting(interrupts: Iterable[Interrupt]) -> RunOutcome:
    questions = [{"id": each.id, "name": each.name, "reason": each.reason} for each in interrupts]
    return RunOutcome(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": questions})


def _failures(result: AgentResult | MultiAgentResult) -> str:
    nodes = [name for name, node in getattr(result, "results", {}).items() if node.status.value == "failed"]
    return f"{', '.join(nodes)} failed" if nodes else "failed"

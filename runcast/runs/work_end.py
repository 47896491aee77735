"""How a tool call, or an agent that works for another, ended: the step that says so.

Every tool call ends with exactly one step `executed`. An agent that another one uses ends with one as well. The step's
`parentSeq` is the step with which the work began, so clients can pair the two and show how long the work took.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from runcast import limits
from runcast.json_text import fitting_json
from runcast.record.assignment import StepRef
from runcast.record.model import Json, RunStatus
from runcast.runs.outcome import RunOutcome

STEP = "executed"


class WorkOutcome(StrEnum):
    """The outcome of a tool call or of an agent that works for another.

    `DENIED`: it was refused before it began. `CANCELLED`: the run or its agent was cancelled. `ASKED`: it asked a
    person and has no result yet. `UNKNOWN`: it was stopped while it ran, or an earlier worker had begun it, so it may
    or may not have taken effect.
    """

    OK = "ok"
    ERROR = "error"
    DENIED = "denied"
    CANCELLED = "cancelled"
    ASKED = "asked"
    UNKNOWN = "unknown"


def work_outcome(outcome: RunOutcome) -> tuple[WorkOutcome, str | None]:
    """Return how an agent that works for another ended, and why it failed, from the outcome that ends a run."""
    match outcome.status:
        case RunStatus.COMPLETE:
            return WorkOutcome.OK, None
        case RunStatus.CANCELLED:
            return WorkOutcome.CANCELLED, None
        case RunStatus.WAITING:
            return WorkOutcome.ASKED, None
        case _:
            return WorkOutcome.ERROR, outcome.error


def tool_end(
    tool_name: str,
    outcome: WorkOutcome,
    seconds: float,
    *,
    call: StepRef | None,
    tool_use_id: str | None = None,
    why: str | None = None,
    tool_io: tuple[Any, Any] | None = None,
) -> Json:
    """Return the end of a tool call, as arguments for `Recorder.record`.

    Args:
        tool_name: The tool.
        outcome: How the call ended.
        seconds: How long it took.
        call: The step with which the call began.
        tool_use_id: The model's id of the call; None for a call that no model made.
        why: The type of the exception, or the reason why the call was denied.
        tool_io: The tool's input and result, to record them; None to leave them out, because they are private.
    """
    metadata: Json = {"toolUseId": tool_use_id} if tool_use_id else {}
    if tool_io is not None:
        given, result = tool_io
        metadata["input"] = fitting_json(given, limits.TOOL_IO_MAX_BYTES)
        metadata["result"] = fitting_json(result, limits.TOOL_IO_MAX_BYTES)
    status = "tool_complete" if outcome is WorkOutcome.OK else "tool_error"
    return {"tool_name": tool_name, **_end(tool_name, status, outcome, seconds, call, why, metadata)}


def agent_end(
    agent_name: str, outcome: WorkOutcome, seconds: float, *, begun: StepRef | None, why: str | None = None
) -> Json:
    """Return the end of an agent that works for another, as arguments for `Recorder.record`.

    Args:
        agent_name: The agent's name as a part of the other.
        outcome: How it ended.
        seconds: How long it took.
        begun: The step with which it began.
        why: Why it failed.
    """
    status = "agent_complete" if outcome is WorkOutcome.OK else "agent_error"
    return {"agent_name": agent_name, **_end(agent_name, status, outcome, seconds, begun, why, {})}


def _end(
    name: str,
    status: str,
    outcome: WorkOutcome,
    seconds: float,
    begun: StepRef | None,
    why: str | None,
    metadata: Json,
) -> Json:
    message = _MESSAGES[outcome].format(name=name, seconds=f"{seconds:.1f}")
    return {
        "step": STEP,
        "message": f"{message}: {why}" if why else message,
        "status": status,
        "metadata": {**metadata, "outcome": outcome.value, "seconds": round(seconds, 3)},
        "parent": begun,
        "lingers": True,
    }


_MESSAGES = {
    WorkOutcome.OK: "{name} ended after {seconds} s",
    WorkOutcome.ERROR: "{name} failed after {seconds} s",
    WorkOutcome.DENIED: "{name} was denied",
    WorkOutcome.CANCELLED: "{name} was cancelled",
    WorkOutcome.ASKED: "{name} waits for an answer",
    WorkOutcome.UNKNOWN: "{name} was stopped after {seconds} s, and its effect is unknown",
}

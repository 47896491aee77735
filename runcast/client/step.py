"""What a watching client sees: one step, whichever way it came, and one answer of the reader.

A recorded step and its status message differ in form; here they become the same thing, so that nobody who shows steps
needs to know where each came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.errors import Unavailable
from runcast.record.model import RunStatus

LIVE_ENDINGS = frozenset({"agent_complete", "agent_error", "cancelled", "waiting"})
"""The statuses that a run may show last. They may show earlier too, so each is only a reason to read the record."""


@dataclass(frozen=True)
class WatchedStep:
    """One step of a run.

    Attributes:
        seq: 1, 2, 3 ... without holes in a run; None for a status message that is in no record.
        status: What happened, by its live name: `agent_invoking`, `thinking`, `calling_tool`, ...
        message: For people.
        elapsed_seconds: Since the run began.
        timestamp_ms: Epoch milliseconds.
        agent_name: Which agent, where that was told.
        tool_name: Which tool, where one is called.
        metadata: More about it, or None.
    """

    seq: int | None
    status: str
    message: str
    elapsed_seconds: float
    timestamp_ms: int
    agent_name: str | None = None
    tool_name: str | None = None
    metadata: Mapping[str, Any] | None = None

    @classmethod
    def from_record(cls, step: Mapping[str, Any]) -> WatchedStep:
        """Take a GraphQL `ProgressStep`."""
        return cls(
            seq=step["seq"],
            status=step["status"] or step["step"],
            message=step["message"] or "",
            elapsed_seconds=step["elapsed"],
            timestamp_ms=int(step["timestamp"]),
            agent_name=step["agentName"],
            tool_name=step["toolName"],
            metadata=_parsed(step["metadata"]),
        )

    @classmethod
    def from_live(cls, update: Mapping[str, Any], began_ms: int) -> WatchedStep:
        """Take a GraphQL `StatusUpdate` of a run that began at that time (epoch ms)."""
        metadata = dict(_parsed(update["metadata"]) or {})
        timestamp_ms = int(update["timestamp"])
        return cls(
            seq=update["seq"],
            status=update["status"],
            message=update["message"] or "",
            elapsed_seconds=max(0, timestamp_ms - began_ms) / 1000,
            timestamp_ms=timestamp_ms,
            agent_name=update["agentName"],
            tool_name=metadata.pop("toolName", None),
            metadata=metadata or None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the step in the field names of GraphQL."""
        return {
            "seq": self.seq,
            "status": self.status,
            "message": self.message,
            "elapsed": self.elapsed_seconds,
            "timestamp": self.timestamp_ms,
            "agentName": self.agent_name,
            "toolName": self.tool_name,
            "metadata": self.metadata,
        }


@dataclass(frozen=True)
class Progress:
    """One answer of the reader: some or all steps of a run after `after_seq`, and how the run stands.

    Attributes:
        after_seq: What was asked for.
        steps: In order, without holes, from `after_seq + 1` on.
        whole: Whether there were no more steps than these at that time.
        status: How the run stands.
        liveness: How alive its worker is.
        created_at_ms: When the run was started (epoch ms).
        updated_at_ms: When its record was last written (epoch ms).
        result: What came out, None until then.
        error: Why it failed, None if it has not.
    """

    after_seq: int
    steps: tuple[WatchedStep, ...]
    whole: bool
    status: RunStatus
    liveness: str
    created_at_ms: int
    updated_at_ms: int
    result: Any = None
    error: str | None = None

    @property
    def last_seq(self) -> int:
        """The number of the last step that this answer tells of."""
        return self.after_seq + len(self.steps)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], after_seq: int) -> Progress:
        """Take a successful GraphQL `AgentProgress`.

        Raises:
            Unavailable: The steps are not those that follow `after_seq`.
        """
        steps = tuple(WatchedStep.from_record(step) for step in answer["steps"] or ())
        found = [step.seq for step in steps]
        if found != list(range(after_seq + 1, after_seq + 1 + len(steps))):
            raise Unavailable(f"The record was read wrongly: after step {after_seq} came the steps {found}.")
        return cls(
            after_seq=after_seq,
            steps=steps,
            whole=answer["nextSeq"] is None,
            status=RunStatus(answer["status"]),
            liveness=answer["liveness"],
            created_at_ms=int(answer["createdAt"]),
            updated_at_ms=int(answer["updatedAt"]),
            result=_parsed(answer["result"]),
            error=answer["error"],
        )


def _parsed(awsjson: str | None) -> Any:
    return None if awsjson is None else json.loads(awsjson)

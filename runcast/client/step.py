"""The data that a watching client receives: steps and answers of the reader.

A recorded step and its status message both become a `WatchedStep`, so that the code that shows steps does not depend on
their source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.client.job import JobRun, ResultLink
from runcast.client.question import Question
from runcast.client.status import Status
from runcast.errors import Unavailable

LIVE_ENDINGS = frozenset({"agent_complete", "agent_error", "complete", "error", "cancelled", "waiting"})
"""The statuses that may end a run or a job, unless they end a part of it: see `WatchedStep.may_end_run`."""

_ENDS_OF_PARTS = frozenset({"tool_complete", "tool_error", "agent_complete", "agent_error"})


@dataclass(frozen=True)
class WatchedStep:
    """One step of a run or a job.

    Attributes:
        seq: 1, 2, 3 ... without gaps in a record; None for a status message that is in no record.
        status: The live status: `agent_invoking`, `thinking`, `calling_tool`, ...
        message: For people.
        elapsed_seconds: Since the run began.
        timestamp_ms: Epoch milliseconds.
        agent_name: The agent, if known.
        tool_name: The tool, if the step is a tool call.
        metadata: More details, or None.
        request_id: The id of the run or job that the step belongs to, if known.
        run_name: The playbook's name of the run in a job; None for a job's own step, and outside a job.
        attempt: The attempt of that run, from 1 on.
    """

    seq: int | None
    status: str
    message: str
    elapsed_seconds: float
    timestamp_ms: int
    agent_name: str | None = None
    tool_name: str | None = None
    metadata: Mapping[str, Any] | None = None
    request_id: str | None = None
    run_name: str | None = None
    attempt: int = 1

    @property
    def parent_seq(self) -> int | None:
        """The `seq` of the step that started this one; None for the run's own steps."""
        parent_seq = (self.metadata or {}).get("parentSeq")
        return parent_seq if isinstance(parent_seq, int) else None

    @property
    def text_offset(self) -> int | None:
        """The place of a model's text in its agent's text, in UTF-16 code units; None for other steps."""
        offset = (self.metadata or {}).get("offset")
        return offset if self.status == "text" and isinstance(offset, int) and offset >= 0 else None

    @property
    def is_delta(self) -> bool:
        """Whether it is text in flight, which a recorded step will repeat."""
        return self.seq is None and self.text_offset is not None

    @property
    def ends_part(self) -> bool:
        """Whether it ends a tool call, or an agent that another one uses: the work that began with its parent."""
        return self.status in _ENDS_OF_PARTS and self.parent_seq is not None

    @property
    def may_end_run(self) -> bool:
        """Whether it may end a run or a job. An agent may send such a status earlier, so it only triggers a read."""
        return self.status in LIVE_ENDINGS and not self.ends_part

    @classmethod
    def from_record(cls, step: Mapping[str, Any], request_id: str) -> WatchedStep:
        """Convert a GraphQL `ProgressStep` of this run."""
        return cls(
            seq=step["seq"],
            status=step["status"],
            message=step["message"] or "",
            elapsed_seconds=step["elapsed"],
            timestamp_ms=int(step["timestamp"]),
            agent_name=step["agentName"],
            tool_name=step["toolName"],
            metadata=_object(step["metadata"]),
            request_id=request_id,
        )

    @classmethod
    def from_live(cls, update: Mapping[str, Any], began_ms: int) -> WatchedStep:
        """Convert a GraphQL `StatusUpdate` of a run that began at `began_ms` (epoch ms).

        A notice only needs a status and a timestamp.
        """
        timestamp_ms = int(update["timestamp"])
        return cls(
            seq=update["seq"],
            status=update["status"],
            message=update["message"] or "",
            elapsed_seconds=max(0, timestamp_ms - began_ms) / 1000,
            timestamp_ms=timestamp_ms,
            agent_name=update["agentName"],
            tool_name=update["toolName"],
            metadata=_object(update["metadata"]),
            request_id=update["requestId"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the step with GraphQL's field names."""
        return {
            "seq": self.seq,
            "status": self.status,
            "message": self.message,
            "elapsed": self.elapsed_seconds,
            "timestamp": self.timestamp_ms,
            "agentName": self.agent_name,
            "toolName": self.tool_name,
            "metadata": self.metadata,
            "requestId": self.request_id,
            "runName": self.run_name,
            "attempt": self.attempt,
        }


@dataclass(frozen=True)
class Progress:
    """One answer of the reader: steps of a run or a job after `after_seq`, and its status.

    Attributes:
        after_seq: The requested `after_seq`.
        steps: In order, without gaps, from `after_seq + 1` on.
        whole: Whether the answer includes the newest step.
        status: The run's status.
        liveness: How alive its worker is.
        created_at_ms: When the run was started (epoch ms).
        updated_at_ms: When its record was last written (epoch ms).
        result: The result; None until the run is complete.
        error: The error; None unless the run failed.
        reason: The code for why it ended; None until then, and in a record from before reasons were stored.
        conversation_id: The conversation of which the run is a turn; None outside of one.
        playbook: The playbook that a job executes; None for a run.
        runs: A job's runs, in the playbook's order; empty before the playbook is loaded, and for a run.
        result_link: The link to a job's result, if the result is too large for the record.
    """

    after_seq: int
    steps: tuple[WatchedStep, ...]
    whole: bool
    status: Status
    liveness: str
    created_at_ms: int
    updated_at_ms: int
    result: Any = None
    error: str | None = None
    reason: str | None = None
    conversation_id: str | None = None
    playbook: str | None = None
    runs: tuple[JobRun, ...] = ()
    result_link: ResultLink | None = None

    @property
    def last_seq(self) -> int:
        """The `seq` of the last step in this answer."""
        return self.after_seq + len(self.steps)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The open questions of a waiting run; none in any other state, and none if this answer lacks its last step."""
        if not self.status.waiting or not self.steps:
            return ()
        return Question.all_in(self.steps[-1].metadata)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], after_seq: int) -> Progress:
        """Convert a successful GraphQL `AgentProgress`.

        Raises:
            Unavailable: The steps do not follow `after_seq` without gaps.
        """
        steps = tuple(WatchedStep.from_record(step, answer["requestId"]) for step in answer["steps"] or ())
        found = [step.seq for step in steps]
        if found != list(range(after_seq + 1, after_seq + 1 + len(steps))):
            raise Unavailable(f"The record was read wrongly: after step {after_seq} came the steps {found}.")
        return cls(
            after_seq=after_seq,
            steps=steps,
            whole=answer["nextSeq"] is None,
            status=Status(answer["status"]),
            liveness=answer["liveness"],
            created_at_ms=int(answer["createdAt"]),
            updated_at_ms=int(answer["updatedAt"]),
            result=_parsed(answer["result"]),
            error=answer["error"],
            reason=answer["reason"],
            conversation_id=answer["conversationId"],
            playbook=answer["playbook"],
            runs=tuple(JobRun.from_answer(run) for run in answer["runs"] or ()),
            result_link=ResultLink.from_answer(answer["resultLink"]) if answer["resultLink"] else None,
        )


def _parsed(json_text: str | None) -> Any:
    """Parse a JSON text; return the text itself if Python cannot parse it: too many digits, or nested too deeply."""
    try:
        return None if json_text is None else json.loads(json_text)
    except (RecursionError, ValueError):
        return json_text


def _object(json_text: str | None) -> Mapping[str, Any] | None:
    """Return the object of a JSON text; None for anything else."""
    value = _parsed(json_text)
    return value if isinstance(value, dict) else None

"""How a run stands, without its steps: the answers to a start, a cancel and a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.client.status import Status


@dataclass(frozen=True)
class StartAnswer:
    """A run or a job that has been started, now or before under the same id.

    Attributes:
        status: How it stands; a used id may be that of a run that has ended.
        created_at_ms: When it was started (epoch ms).
    """

    status: Status
    created_at_ms: int

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> StartAnswer:
        """Take a GraphQL `StartedRun` or `StartedJob`."""
        return cls(Status(answer["status"]), int(answer["createdAt"]))


@dataclass(frozen=True)
class CancelAnswer:
    """How a run stands after a cancel.

    Attributes:
        request_id: Which run.
        status: Its state; `in_progress` while its worker has still to stop.
        liveness: `cancelling` until its worker has stopped, `done` once it has ended.
        error: Why it had failed, None if it has not.
    """

    request_id: str
    status: Status
    liveness: str
    error: str | None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> CancelAnswer:
        """Take a successful GraphQL `CancelAnswer`."""
        return cls(answer["requestId"], Status(answer["status"]), answer["liveness"], answer["error"])

    def to_json(self) -> dict[str, Any]:
        """Return it in the field names of GraphQL."""
        return {
            "requestId": self.request_id,
            "status": self.status,
            "liveness": self.liveness,
            "error": self.error,
        }


@dataclass(frozen=True)
class ListedRun:
    """One run or job of a list.

    Attributes:
        request_id: Which run or job.
        agent: Which agent; a job's is the orchestrator.
        job_id: The job it belongs to, or None; a job's own id for a job.
        playbook: What a job executes; None for a run.
        status: How the run stands.
        liveness: How alive its worker is.
        last_seq: How many steps have been recorded.
        created_at_ms: When the run was started (epoch ms).
        updated_at_ms: When its record was last written (epoch ms).
        error: Why it failed, None if it has not.
    """

    request_id: str
    agent: str
    job_id: str | None
    playbook: str | None
    status: Status
    liveness: str
    last_seq: int
    created_at_ms: int
    updated_at_ms: int
    error: str | None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> ListedRun:
        """Take a GraphQL `AgentRun`."""
        return cls(
            request_id=answer["requestId"],
            agent=answer["agent"],
            job_id=answer["jobId"],
            playbook=answer["playbook"],
            status=Status(answer["status"]),
            liveness=answer["liveness"],
            last_seq=answer["seq"],
            created_at_ms=int(answer["createdAt"]),
            updated_at_ms=int(answer["updatedAt"]),
            error=answer["error"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the run in the field names of GraphQL."""
        return {
            "requestId": self.request_id,
            "agent": self.agent,
            "jobId": self.job_id,
            "playbook": self.playbook,
            "status": self.status,
            "liveness": self.liveness,
            "seq": self.last_seq,
            "createdAt": self.created_at_ms,
            "updatedAt": self.updated_at_ms,
            "error": self.error,
        }

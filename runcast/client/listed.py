"""What the lists contain, and the answers to a start, a cancel and an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.client.status import Status


@dataclass(frozen=True)
class StartAnswer:
    """A run or a job that this request started, or that an earlier request with the same id started.

    Attributes:
        status: Its status; with a used id, the run may have ended.
        created_at_ms: When it was started (epoch ms).
    """

    status: Status
    created_at_ms: int

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> StartAnswer:
        """Convert a GraphQL `StartedRun` or `StartedJob`."""
        return cls(Status(answer["status"]), int(answer["createdAt"]))


@dataclass(frozen=True)
class RunState:
    """A run's state after a cancel or an answer.

    Attributes:
        request_id: The run's id.
        status: Its status; after a cancel, `in_progress` until its worker has stopped.
        liveness: How alive its worker is: `cancelling` until it has stopped, `done` once the run has ended.
        error: The error; None unless the run failed.
        reason: The code for why it ended, such as `cancel_requested`; None if it has not.
    """

    request_id: str
    status: Status
    liveness: str
    error: str | None
    reason: str | None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> RunState:
        """Convert a successful GraphQL `RunState`."""
        return cls(answer["requestId"], Status(answer["status"]), answer["liveness"], answer["error"], answer["reason"])

    def to_json(self) -> dict[str, Any]:
        """Return the answer with GraphQL's field names."""
        return {
            "requestId": self.request_id,
            "status": self.status,
            "liveness": self.liveness,
            "error": self.error,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class ListedRun:
    """One run or job of a list.

    Attributes:
        request_id: The id of the run or job.
        agent: The agent; for a job, the orchestrator.
        job_id: The job that the run belongs to, or None; for a job, its own id.
        playbook: The playbook that a job executes; None for a run.
        conversation_id: The conversation of which the run is a turn; None outside of one.
        query: The beginning of the query, without secrets; None if no API has started the run.
        status: The run's status.
        liveness: How alive its worker is.
        last_seq: How many steps have been recorded.
        created_at_ms: When the run was started (epoch ms).
        updated_at_ms: When its record was last written (epoch ms).
        error: The error; None unless the run failed.
        reason: The code for why it ended; None until then, and in a record from before reasons were stored.
        tenant_id: The owner's tenant; None in a user's own list.
        user_id: The owner's user id; None in a user's own list.
    """

    request_id: str
    agent: str
    job_id: str | None
    playbook: str | None
    conversation_id: str | None
    query: str | None
    status: Status
    liveness: str
    last_seq: int
    created_at_ms: int
    updated_at_ms: int
    error: str | None
    reason: str | None
    tenant_id: str | None = None
    user_id: str | None = None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> ListedRun:
        """Convert a GraphQL `AgentRun`."""
        return cls(
            request_id=answer["requestId"],
            agent=answer["agent"],
            job_id=answer["jobId"],
            playbook=answer["playbook"],
            conversation_id=answer["conversationId"],
            query=answer["query"],
            status=Status(answer["status"]),
            liveness=answer["liveness"],
            last_seq=answer["seq"],
            created_at_ms=int(answer["createdAt"]),
            updated_at_ms=int(answer["updatedAt"]),
            error=answer["error"],
            reason=answer["reason"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the run with GraphQL's field names."""
        owner = {} if self.user_id is None else {"tenantId": self.tenant_id, "userId": self.user_id}
        return owner | {
            "requestId": self.request_id,
            "agent": self.agent,
            "jobId": self.job_id,
            "playbook": self.playbook,
            "conversationId": self.conversation_id,
            "query": self.query,
            "status": self.status,
            "liveness": self.liveness,
            "seq": self.last_seq,
            "createdAt": self.created_at_ms,
            "updatedAt": self.updated_at_ms,
            "error": self.error,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Startable:
    """An agent or a playbook that can be started.

    Attributes:
        kind: `agent` or `playbook`.
        name: Its name.
        description: What it does; empty for an agent in another Lambda.
        parameters_schema: The JSON Schema of an agent's parameters; None if it declares none.
        attachments: Whether an agent takes files; an agent in another Lambda may refuse them.
    """

    kind: str
    name: str
    description: str
    parameters_schema: dict[str, Any] | None = None
    attachments: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it with GraphQL's field names; the schema as an object."""
        named = {"name": self.name, "description": self.description}
        of_agent = {"parametersSchema": self.parameters_schema, "attachments": self.attachments}
        return named | (of_agent if self.kind == "agent" else {})

"""What a job's record tells of its runs, and where a large result is.

One read of a job says how each of its runs stands, so that a run itself is asked for its steps only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.client.status import Status


@dataclass(frozen=True)
class JobRun:
    """One attempt of one agent of a job, as the job's record tells of it.

    Attributes:
        name: The agent's place in the playbook; unique in it.
        agent: Which agent.
        stage: The playbook's stage that it belongs to.
        attempt: Which attempt this is, from 1 on.
        request_id: Which run.
        status: How the run stands; None until it begins.
        liveness: How alive its worker is; None until it begins.
        last_seq: How many steps have been recorded; 0 until it begins.
        elapsed_seconds: What it has taken so far, or took in all; None until it begins.
        created_at_ms: When it was started (epoch ms); None until then.
        error: Why it failed, None if it has not.
    """

    name: str
    agent: str
    stage: str
    attempt: int
    request_id: str
    status: Status | None = None
    liveness: str | None = None
    last_seq: int = 0
    elapsed_seconds: float | None = None
    created_at_ms: int | None = None
    error: str | None = None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> JobRun:
        """Take a GraphQL `JobRun`."""
        return cls(
            name=answer["name"],
            agent=answer["agent"],
            stage=answer["stage"],
            attempt=answer["attempt"],
            request_id=answer["requestId"],
            status=None if answer["status"] is None else Status(answer["status"]),
            liveness=answer["liveness"],
            last_seq=answer["seq"] or 0,
            elapsed_seconds=answer["elapsed"],
            created_at_ms=None if answer["createdAt"] is None else int(answer["createdAt"]),
            error=answer["error"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the run in the field names of GraphQL."""
        return {
            "name": self.name,
            "agent": self.agent,
            "stage": self.stage,
            "attempt": self.attempt,
            "requestId": self.request_id,
            "status": self.status,
            "liveness": self.liveness,
            "seq": self.last_seq,
            "elapsed": self.elapsed_seconds,
            "createdAt": self.created_at_ms,
            "error": self.error,
        }


def run_title(name: str, attempt: int) -> str:
    """Return how people are told of an attempt: by its name, and by its number where it is not the first."""
    return name if attempt == 1 else f"{name} (attempt {attempt})"


@dataclass(frozen=True)
class ResultLink:
    """Where a job's result is that was too large for its record.

    Attributes:
        url: The address, which needs no credential; whoever has it can read the result.
        expires_at_ms: From when on it is refused (epoch ms).
    """

    url: str
    expires_at_ms: int

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> ResultLink:
        """Take a GraphQL `ResultLink`."""
        return cls(answer["url"], int(answer["expiresAt"]))

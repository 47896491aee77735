"""The runs and the result link in a job's record.

One read of a job returns the status of all its runs, so the client reads a run only for its steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.client.status import Status


@dataclass(frozen=True)
class JobRun:
    """One attempt of one agent of a job, from the job's record.

    Attributes:
        name: The agent's name in the playbook, unique there.
        agent: The agent.
        stage: The playbook's stage that contains it.
        attempt: The number of the attempt, from 1 on.
        request_id: The run's id.
        status: The run's status; None until it begins.
        liveness: How alive its worker is; None until it begins.
        last_seq: How many steps have been recorded; 0 until it begins.
        elapsed_seconds: The time so far, or in total if it has ended; None until it begins.
        created_at_ms: When it was started (epoch ms); None until then.
        error: The error; None unless the run failed.
        reason: The code for why it ended; None until then, and in a record from before reasons were stored.
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
    reason: str | None = None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> JobRun:
        """Convert a GraphQL `JobRun`.

        Raises:
            KeyError, TypeError, ValueError: It does not have this form.
        """
        has_begun = answer["createdAt"] is not None
        return cls(
            name=answer["name"],
            agent=answer["agent"],
            stage=answer["stage"],
            attempt=answer["attempt"],
            request_id=str(answer["requestId"]),
            status=Status(answer["status"]) if has_begun else None,
            liveness=answer["liveness"],
            last_seq=int(answer["seq"] or 0),
            elapsed_seconds=answer["elapsed"],
            created_at_ms=int(answer["createdAt"]) if has_begun else None,
            error=answer["error"],
            reason=answer["reason"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the run with GraphQL's field names."""
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
            "reason": self.reason,
        }


def run_title(name: str, attempt: int) -> str:
    """Return an attempt's title for people: the run's name, with the attempt's number from the second on."""
    return name if attempt == 1 else f"{name} (attempt {attempt})"


@dataclass(frozen=True)
class ResultLink:
    """The link to a job's result that is too large for its record.

    Attributes:
        url: A presigned URL. It needs no credential, so anyone who has it can read the result.
        expires_at_ms: When the URL expires (epoch ms).
    """

    url: str
    expires_at_ms: int

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> ResultLink:
        """Convert a GraphQL `ResultLink`."""
        return cls(answer["url"], int(answer["expiresAt"]))

"""A job as it was asked for, which every state is told, and the ids that follow from its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.identity import run_identity
from runcast.record.model import Json, Owner

AGENT = "orchestrator"
"""What stands in a job's record as its agent."""


@dataclass(frozen=True)
class Job:
    """One execution of a playbook.

    Attributes:
        job_id: A UUID; its record and its execution are named by it.
        playbook: The playbook's name.
        query: What the job is asked to find out.
        parameters: What its agents get beside their own.
        owner: Whose it is.
    """

    job_id: str
    playbook: str
    query: str
    parameters: Json
    owner: Owner

    @classmethod
    def of(cls, given: Any) -> Job:
        """Return the job that an execution's input describes.

        Raises:
            InvalidInput: It does not fit. The starters send none such; others may start executions, too.
        """
        if not isinstance(given, Mapping):
            raise InvalidInput("The execution's input must be a JSON object.")
        try:
            job_id = str(UUID(given.get("jobId")))
        except (ValueError, AttributeError, TypeError) as error:
            raise InvalidInput("jobId must be a UUID.") from error
        texts = [given.get("playbook"), given.get("query")]
        parameters = given.get("parameters") or {}
        if not all(isinstance(text, str) for text in texts) or not isinstance(parameters, dict):
            raise InvalidInput("playbook and query must be texts, and parameters a JSON object.")
        owner = run_identity(given, request_id=job_id).owner
        return cls(given["jobId"], given["playbook"], given["query"], parameters, owner)

    @property
    def worker(self) -> str:
        """Who writes the job's record: its execution."""
        return f"execution/{self.job_id}"

    def request_ids(self, name: str) -> tuple[str, ...]:
        """Return the ids of the runs that may come of an agent, one for each attempt."""
        return tuple(
            str(uuid5(UUID(self.job_id), f"{name}/{attempt}")) for attempt in range(1, limits.ATTEMPTS_MAX + 1)
        )

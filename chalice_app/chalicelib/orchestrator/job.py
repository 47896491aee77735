"""A job as it was asked for, which every state is told, and the ids that follow from its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.errors import InvalidInput
from runcast.record.identity import owner_of
from runcast.record.ids import chosen_id, derived_ids
from runcast.record.model import Json, Owner

AGENT = "orchestrator"
"""What stands in a job's record as its agent."""


def result_key(job_id: str) -> str:
    """Return the key of the object in the results bucket that holds a job's large result."""
    return f"results/{job_id}.json"


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
    def of(cls, given: Any, *, execution: Any) -> Job:
        """Return the job that an execution's input describes.

        Args:
            given: The input.
            execution: The execution's name. It is the job's id, so that no execution can act for another's job.

        Raises:
            InvalidInput: It does not fit. The starters send none such; others may start executions, too.
        """
        if not isinstance(given, Mapping):
            raise InvalidInput("The execution's input must be a JSON object.")
        job_id = given.get("jobId")
        if job_id is None or chosen_id("jobId", job_id) != job_id or execution != job_id:
            raise InvalidInput("jobId must be a UUID in lower case, and the execution's name.")
        texts = [given.get("playbook"), given.get("query")]
        parameters = given.get("parameters") or {}
        if not all(isinstance(text, str) for text in texts) or not isinstance(parameters, dict):
            raise InvalidInput("playbook and query must be texts, and parameters a JSON object.")
        owner = owner_of(given.get("userId"), given.get("tenantId"))
        return cls(job_id, given["playbook"], given["query"], parameters, owner)

    @property
    def worker(self) -> str:
        """Who writes the job's record: its execution."""
        return f"execution/{self.job_id}"

    def request_ids(self, name: str) -> tuple[str, ...]:
        """Return the ids of the runs that may come of an agent, one for each attempt."""
        return derived_ids(self.job_id, name)

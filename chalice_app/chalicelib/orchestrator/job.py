"""The request of a job, which every state reads, and the ids and keys derived from the job's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.errors import InvalidInput
from runcast.record.identity import owner_of
from runcast.record.ids import chosen_id, derived_ids
from runcast.record.model import Json, Owner

AGENT = "orchestrator"
"""The value of `agent` in a job's record."""


def checked_job_id(given: Any) -> str:
    """Return the name of an execution, which is its job's id: a UUID in its one spelling.

    Raises:
        InvalidInput: It is not; the starters give no such name, but others may start executions.
    """
    if given is None or chosen_id("jobId", given) != given:
        raise InvalidInput("jobId must be a UUID in lower case.")
    return str(given)


def result_key(job_id: str) -> str:
    """Return the key of the object in the results bucket that holds a job's large result."""
    return f"results/{job_id}.json"


@dataclass(frozen=True)
class Job:
    """One execution of a playbook.

    Attributes:
        job_id: A UUID, which also names its record and its execution.
        playbook: The playbook's name.
        query: The user's question.
        parameters: Parameters for all its agents. They override the parameters in the playbook.
        owner: The job's owner.
    """

    job_id: str
    playbook: str
    query: str
    parameters: Json
    owner: Owner

    @classmethod
    def of(cls, given: Any, *, execution: Any) -> Job:
        """Return the job that its private input object describes.

        Args:
            given: The content of the object.
            execution: The execution's name. It must be the job's id, so that no execution can act for another job.

        Raises:
            InvalidInput: The input is invalid. The starters store no such input.
        """
        if not isinstance(given, Mapping):
            raise InvalidInput("The job's input must be a JSON object.")
        job_id = checked_job_id(given.get("jobId"))
        if execution != job_id:
            raise InvalidInput("jobId must be the execution's name.")
        texts = [given.get("playbook"), given.get("query")]
        parameters = given.get("parameters") or {}
        if not all(isinstance(text, str) for text in texts) or not isinstance(parameters, dict):
            raise InvalidInput("playbook and query must be strings, and parameters a JSON object.")
        owner = owner_of(given.get("userId"), given.get("tenantId"))
        return cls(job_id, given["playbook"], given["query"], parameters, owner)

    @property
    def worker(self) -> str:
        """The worker that writes the job's record: its execution."""
        return f"execution/{self.job_id}"

    def request_ids(self, name: str) -> tuple[str, ...]:
        """Return the ids of an agent's possible runs, one for each attempt."""
        return derived_ids(self.job_id, name)

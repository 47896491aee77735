"""The state `LoadPlaybook`: reads the playbook and plans all runs before the first one starts.

The job's record therefore lists its runs from the first step on, and a retried state finds them under the same ids.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection

from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.playbook import Entry, Playbook, load
from chalicelib.runtime.request import require_declared
from runcast.errors import InvalidInput, RuncastError
from runcast.record.model import Json, PlannedRun

CHECKPOINT = "load"


def load_playbook(
    job: Job, record: JobRecord, agents: Collection[str], parameters_schema: Callable[[str], Json | None]
) -> Json:
    """Begin a job.

    Args:
        job: The job.
        record: The job's record.
        agents: The names of all agents.
        parameters_schema: Returns the JSON Schema of an agent's parameters, given its name; None if it has none.

    Returns:
        `playbook` and `agents` (the first stage's, each in the form that `InvokeAgent` takes).

    Raises:
        InvalidInput: The playbook does not exist, a parameter that a query needs is missing, or an agent's schema
            refuses its parameters.
        InvalidPlaybook: The playbook's file is invalid.
        JobEnded: The job was cancelled in the meantime.
        Unavailable: DynamoDB did not answer.
    """
    message = f"Loading the agents of {job.playbook}"
    try:
        given = load(job.playbook, agents)
        playbook = Playbook.of(given)
        _require_parameters(job, playbook)
        for entry in playbook.entries.values():
            require_declared({**entry.parameters, **job.parameters}, parameters_schema(entry.agent), entry.name)
    except RuncastError:
        record.checkpoint(CHECKPOINT, "loading_agents", message)
        raise
    planned = [
        PlannedRun(entry.name, entry.agent, stage.name, job.request_ids(entry.name))
        for stage in playbook.stages
        for entry in stage.entries
    ]
    record.checkpoint(CHECKPOINT, "loading_agents", message, metadata={"agents": len(planned)}, runs=planned)
    return {"playbook": given, "agents": first_attempts(playbook, 0)}


def first_attempts(playbook: Playbook, stage: int) -> list[Json]:
    """Return the input of `InvokeAgent` for each agent of a stage, with the first attempt."""
    return [agent_input(entry, 1) for entry in playbook.stages[stage].entries]


def agent_input(entry: Entry, attempt: int) -> Json:
    """Return the input of `InvokeAgent` for an attempt of an agent."""
    return {"name": entry.name, "attempt": attempt, "timeoutSeconds": entry.timeout_seconds}


def _require_parameters(job: Job, playbook: Playbook) -> None:
    lacking = [
        f"{name} (for the query of {entry.name})"
        for entry in playbook.entries.values()
        for name in string.Template(entry.query).get_identifiers()
        if name != "query" and name not in {**entry.parameters, **job.parameters}
    ]
    if lacking:
        raise InvalidInput(f"parameters must have: {', '.join(lacking)}.")

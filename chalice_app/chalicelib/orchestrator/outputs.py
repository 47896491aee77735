"""Reads the outputs of a job's agents from their records, because the states do not pass outputs on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib.orchestrator.errors import AgentFailed
from chalicelib.orchestrator.job import Job
from runcast.record.model import Json, Run, RunStatus
from runcast.record.planned import require_of_job
from runcast.record.store import RunStore


def latest_runs(store: RunStore, job: Job, names: Iterable[str]) -> dict[str, Run]:
    """Return the latest attempt of each agent, without its steps. Earlier attempts died or were rejected.

    Args:
        store: The records.
        job: The job.
        names: The names of the agents, at most 33, because all three attempts of each are read at once.

    Raises:
        AgentFailed: The latest attempt of an agent is not complete.
        Conflict: Another run uses the id of one of these runs.
        StoreUnavailable: DynamoDB did not answer.
    """
    ids = {name: job.request_ids(name) for name in names}
    runs = store.read_heads([each for some in ids.values() for each in some], results=True)
    there = {run.request_id: require_of_job(run, job.owner, job.job_id) for run in runs}
    found = {}
    for name, attempts in ids.items():
        run = next((there[request_id] for request_id in reversed(attempts) if request_id in there), None)
        if run is None or run.status is not RunStatus.COMPLETE:
            raise AgentFailed(f"{name}: it has no result.")
        found[name] = run
    return found


def facts_of(result: Any) -> dict[str, Json]:
    """Return the facts of a run's result, each with its `value` and its `unit` (None if it has no unit)."""
    facts = result.get("facts") if isinstance(result, dict) else None
    if not isinstance(facts, dict):
        return {}
    return {
        name: {"value": fact["value"], "unit": fact.get("unit")}
        for name, fact in facts.items()
        if isinstance(fact, dict) and "value" in fact
    }


def text_of(result: Any) -> str | None:
    """Return the text of a run's result; None if it has none."""
    text = result.get("text") if isinstance(result, dict) else result
    return text if isinstance(text, str) else None


def is_number(value: Any) -> bool:
    """Return whether a fact's value is a number, which can be compared within a tolerance."""
    return isinstance(value, int | float) and not isinstance(value, bool)

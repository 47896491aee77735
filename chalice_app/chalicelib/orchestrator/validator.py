"""The state `Validate`: checks the outputs of a stage and picks the next state.

A rejected output is requested once more, with the complaint. If the second output is rejected too, the job ends with
an error that says why. If an agent failed permanently, the job ends as soon as the other agents of the stage have
finished; they keep their results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.orchestrator.failures import sentence_of
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord, checkpoint_of, metadata_of
from chalicelib.orchestrator.load_playbook import agent_input, first_attempts
from chalicelib.orchestrator.outputs import facts_of, latest_runs
from chalicelib.orchestrator.playbook import Playbook
from chalicelib.orchestrator.rules import output_faults
from runcast import limits
from runcast.record.model import Json
from runcast.record.store import RunStore


def validate(job: Job, record: JobRecord, store: RunStore, playbook_json: Json, results: Sequence[Json]) -> Json:
    """Validate all outputs of the stage whose agents were just invoked.

    Args:
        job: The job.
        record: The job's record.
        store: The records of the runs.
        playbook_json: The playbook, as `LoadPlaybook` returned it.
        results: The output of `InvokeAgent` for each invoked agent, or its `failure`.

    Returns:
        `playbook`, `agents` (to invoke next), `next` (`invoke`, `synthesize` or `save`) and `error`.

    Raises:
        JobEnded: The job was cancelled in the meantime.
        Unavailable: DynamoDB did not answer.
    """
    playbook = Playbook.of(playbook_json)
    attempts = {result["name"]: _attempt(job, result) for result in results}
    place = next(n for n, stage in enumerate(playbook.stages) if attempts.keys() <= {e.name for e in stage.entries})
    stage = playbook.stages[place]
    again = _checkpoint(record, stage.name, attempts)

    def then(agents: Sequence[Json], state: str, error: str | None = None) -> Json:
        return {"playbook": playbook_json, "agents": list(agents), "next": state, "error": error}

    failures = [sentence_of(result["failure"], result["name"]) for result in results if "failure" in result]
    if failures:
        return then([], "save", " ".join(failures))
    faults = _stage_faults(job, store, playbook, place)
    if faults:
        complaints = [
            {**agent_input(playbook.entries[name], attempts[name] + 1), "complaint": "; ".join(found)}
            for name, found in faults.items()
            if attempts.get(name, limits.ATTEMPTS_MAX) < limits.ATTEMPTS_MAX
        ]
        if not again and len(complaints) == len(faults):
            return then(complaints, "invoke")
        every = "; ".join(fault for found in faults.values() for fault in found)
        return then([], "save", f"The output was not accepted{' twice' if again else ''}: {every}.")
    if place + 1 == len(playbook.stages):
        return then([], "synthesize")
    return then(first_attempts(playbook, place + 1), "invoke")


def _attempt(job: Job, result: Json) -> int:
    """Return the attempt that gave an agent's output, or that failed."""
    if "failure" in result:
        return int(result["attempt"])
    return job.request_ids(result["name"]).index(result["requestId"]) + 1


def _checkpoint(record: JobRecord, stage: str, attempts: Mapping[str, int]) -> bool:
    """Record the step; return whether this is the stage's second validation."""
    first = checkpoint_of(record.read(), f"validate:{stage}:1")
    again = first is not None and metadata_of(first).get("attempts") != attempts
    record.checkpoint(
        f"validate:{stage}:{2 if again else 1}",
        "validating",
        f"Validating the output of stage {stage}{' again' if again else ''}",
        metadata={"stage": stage, "attempts": dict(attempts)},
    )
    return again


def _stage_faults(job: Job, store: RunStore, playbook: Playbook, place: int) -> dict[str, list[str]]:
    entries = {entry.name: entry for entry in playbook.stages[place].entries}
    compared = {rule["with"] for entry in entries.values() for rule in entry.rules if rule["kind"] == "agreement"}
    runs = latest_runs(store, job, {*entries, *compared})
    facts = {name: facts_of(run.result) for name, run in runs.items()}
    found = {name: output_faults(entry, runs[name].result, facts) for name, entry in entries.items()}
    return {name: faults for name, faults in found.items() if faults}

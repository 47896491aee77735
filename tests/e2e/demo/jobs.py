"""Starting the demonstration's jobs, and reading them, as a client does."""

import json

from tests.waiting import wait_until

DEADLINE_SECONDS = 120


def start(caller, playbook, query, parameters=None):
    """Start a job; return its jobId."""
    variables = {"playbook": playbook, "query": query, "parameters": json.dumps(parameters or {})}
    answer = caller.ask("startJob", **variables)
    assert "errors" not in answer, answer
    return answer["data"]["startJob"]["jobId"]


def read(caller, job_id):
    """Return a job's record."""
    return _answer(caller, "getAgentProgress", job_id)


def cancel(caller, job_id):
    """Cancel a job; return its status."""
    return _answer(caller, "cancelAgentRun", job_id)


def read_to_its_end(caller, job_id):
    """Wait until a job and all its runs have ended; return its record."""

    def has_ended(job):
        begun = [run for run in job["runs"] or () if run["status"]]
        return job["liveness"] == "done" and all(run["liveness"] == "done" for run in begun)

    return wait_until(lambda: read(caller, job_id), has_ended, deadline_seconds=DEADLINE_SECONDS)


def _answer(caller, operation, job_id):
    """Ask until there is an answer: a busy machine may say that it did not come in time."""

    def types_of_errors(answer):
        return [error["errorType"] for error in answer.get("errors") or ()]

    answer = wait_until(
        lambda: caller.ask(operation, requestId=job_id),
        lambda answer: types_of_errors(answer) != ["Unavailable"],
        deadline_seconds=DEADLINE_SECONDS,
    )
    assert types_of_errors(answer) == [], answer
    return answer["data"][operation]

"""Starting the demonstration's jobs, and reading them, as a client does."""

import json
import time

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
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        job = read(caller, job_id)
        begun = [run for run in job["runs"] or () if run["status"]]
        if job["liveness"] == "done" and all(run["liveness"] == "done" for run in begun):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def _answer(caller, operation, job_id):
    """Ask until there is an answer: a busy machine may say that it did not come in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        answer = caller.ask(operation, requestId=job_id)
        if answer.get("errors") is None:
            return answer["data"][operation]
        assert [error["errorType"] for error in answer["errors"]] == ["Unavailable"], answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)

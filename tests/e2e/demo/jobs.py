"""Starting the demonstration's jobs, and reading them, as a client does."""

import json
import uuid

from tests.waiting import wait_until

DEADLINE_SECONDS = 120


def start(caller, playbook, query, parameters=None):
    """Start a job; return its jobId."""
    given = json.dumps(parameters or {})
    return caller.get("startJob", playbook=playbook, query=query, parameters=given, jobId=str(uuid.uuid4()))["jobId"]


def read(caller, job_id):
    """Return a job's record."""
    return caller.get("getAgentProgress", requestId=job_id)


def cancel(caller, job_id):
    """Cancel a job; return its status."""
    return caller.get("cancelAgentRun", requestId=job_id)


def read_to_its_end(caller, job_id):
    """Wait until a job and all its runs have ended; return its record."""

    def has_ended(job):
        begun = [run for run in job["runs"] or () if run["status"]]
        return job["liveness"] == "done" and all(run["liveness"] == "done" for run in begun)

    return wait_until(lambda: read(caller, job_id), has_ended, deadline_seconds=DEADLINE_SECONDS)

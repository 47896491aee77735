"""Checks that the record under a planned id is the planned run.

The ids of a job's runs are derived from the job's id, so other callers can compute them. A record under such an id is
a run of the job only if its owner and its job id match.
"""

from __future__ import annotations

from runcast.errors import Conflict
from runcast.record.model import Owner, Run


def is_of_job(run: Run, owner: Owner, job_id: str) -> bool:
    """Whether a record is a run of this owner's job."""
    return run.owner == owner and run.job_id == job_id and not run.is_job


def require_of_job(run: Run, owner: Owner, job_id: str) -> Run:
    """Return the record if it is a run of this owner's job.

    Raises:
        Conflict: Another run uses the id.
    """
    if not is_of_job(run, owner, job_id):
        raise Conflict(f"Another run has taken the id {run.request_id}, so this job cannot go on. Start another job.")
    return run

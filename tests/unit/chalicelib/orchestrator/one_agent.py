"""What the tests of one agent of a job share: its state, its failures, and its worker."""

from __future__ import annotations

import pytest

from runcast.record.model import Step
from tests.unit.chalicelib.orchestrator.agent_functions import claim

EAST = {"name": "east", "attempt": 1}


def invoke(job, agent=EAST):
    return job.invoke(job.playbook, agent)


def result(job, attempt=1):
    return {"name": "east", "requestId": job.job.request_ids("east")[attempt - 1]}


def fails(error_class, job, agent=EAST):
    with pytest.raises(error_class) as failed:
        invoke(job, agent)
    return str(failed.value)


def claimed_by(worker, clock):
    def does(store, event):
        claim(store, clock, event, worker)

    return does


def end(job, store, clock, end):
    """End the run as its worker does."""
    request_id = job.job.request_ids("east")[0]
    about = {"worker": "another/1", "expected_seq": store.read(request_id).seq, "lease_until_ms": clock() + 15_000}
    store.append(request_id, steps=[Step("complete", "", 0.0, clock(), about["expected_seq"] + 1)], end=end, **about)

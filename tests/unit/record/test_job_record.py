"""A job's record: an item like a run's, whose worker is an execution and which lists its runs."""

from __future__ import annotations

import pytest

from runcast import limits
from runcast.record.ending import cancel, close_dead
from runcast.record.model import PlannedRun, RunStatus, Step
from runcast.record.reader import Liveness, liveness
from runcast.record.store import End
from tests.unit.record.recording import ALICE

WORKER = "execution/job-1"
PLANNED = PlannedRun("layout-5d", "layout", "layouts", ("r1", "r2", "r3"))


@pytest.fixture
def begin(store, clock):
    """Make a job whose execution has begun."""

    def begin():
        store.create("job-1", owner=ALICE, agent="orchestrator", job_id="job-1", playbook="compare-layouts")
        lease = clock.now_ms + limits.JOB_TIMEOUT_SECONDS * 1000
        about = {"owner": ALICE, "agent": "orchestrator", "job_id": "job-1"}
        store.claim("job-1", worker=WORKER, lease_until_ms=lease, **about)
        append(store, lease, 0, runs=[PLANNED])
        return store.read("job-1")

    return begin


def append(store, lease, expected_seq, **more):
    step = Step("validating", "Validating", 0.5, lease, expected_seq + 1)
    store.append("job-1", worker=WORKER, expected_seq=expected_seq, lease_until_ms=lease, steps=[step], **more)


def test_it_reads_as_it_was_written(store, clock, begin):
    job = begin()
    assert (job.playbook, job.runs, job.result_key) == ("compare-layouts", (PLANNED,), None)
    append(store, job.lease_until_ms, 1, end=End(RunStatus.COMPLETE, result_key="results/job-1.json"))
    job = store.read("job-1")
    assert (job.status, job.runs, job.result_key) == (RunStatus.COMPLETE, (PLANNED,), "results/job-1.json")
    assert store.read_heads(["job-1"])[0].playbook == "compare-layouts"


def test_it_is_live_until_its_execution_must_have_ended(clock, begin):
    job = begin()
    assert liveness(job, clock.now_ms + 10 * limits.LATE_AFTER_MS) is Liveness.LIVE
    assert liveness(job, job.lease_until_ms + 1) is Liveness.LOST


def test_cancelling_ends_it_at_once(store, clock, begin):
    begin()
    ending = cancel(store, ALICE, "job-1", now_ms=clock)
    assert (ending.run.status, ending.update["status"], ending.update["metadata"]) == (
        RunStatus.CANCELLED,
        "cancelled",
        None,
    )


def test_it_is_closed_as_a_job(store, clock, begin):
    clock.now_ms = begin().lease_until_ms + limits.CLOSE_GRACE_MS + 1
    ending = close_dead(store, "job-1", now_ms=clock)
    assert ending.update["status"] == "error"
    assert ending.run.error == "The job's execution stopped before the job had ended."

"""A job's record: an item like a run's, whose worker is an execution and which lists its runs."""

from __future__ import annotations

import pytest

from runcast import limits
from runcast.record.cancel import cancel, cancel_runs
from runcast.record.close import close_dead, close_job
from runcast.record.model import EndReason, Liveness, Owner, PlannedRun, RunStatus, Step
from runcast.record.reader import liveness, read_progress
from runcast.record.store import End
from tests.unit.record.recording import ALICE

WORKER = "execution/job-1"
BOB = Owner("acme", "bob")
PLANNED = PlannedRun("layout-5d", "layout", "layouts", ("r1", "r2", "r3"))


@pytest.fixture
def begin(store, clock):
    """Make a job whose execution has begun."""

    def begin():
        store.create("job-1", owner=ALICE, agent="orchestrator", job_id="job-1", playbook="compare-layouts")
        lease = clock.now_ms + limits.JOB_TIMEOUT_SECONDS * 1000
        about = {"owner": ALICE, "agent": "orchestrator", "job_id": "job-1", "playbook": "compare-layouts"}
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
    result = cancel(store, ALICE, "job-1", now_ms=clock)
    assert (result.run.status, result.update["status"], result.update["metadata"]) == (
        RunStatus.CANCELLED,
        "cancelled",
        None,
    )


def test_it_is_closed_as_a_job(store, clock, begin):
    clock.now_ms = begin().lease_until_ms + limits.CLOSE_GRACE_MS + 1
    result = close_dead(store, "job-1", now_ms=clock)
    assert result.update["status"] == "error"
    assert result.run.error == "The job's execution stopped before the job had ended."


def test_it_is_closed_once_and_keeps_its_end(store, clock, begin):
    begin()
    result = close_job(store, "job-1", RunStatus.ERROR, EndReason.JOB_FAILED, "x" * 2_000, now_ms=clock)
    assert (result.run.status, len(result.run.error), result.ended.status) == (RunStatus.ERROR, 1_000, RunStatus.ERROR)
    again = close_job(store, "job-1", RunStatus.CANCELLED, EndReason.EXECUTION_STOPPED, "Cancelled", now_ms=clock)
    assert (again.run, again.update, again.ended) == (result.run, None, None)


def test_only_a_job_is_closed_as_one(store, clock):
    store.create("r1", owner=ALICE, agent="layout")
    assert close_job(store, "r1", RunStatus.ERROR, EndReason.JOB_FAILED, "why", now_ms=clock) is None
    assert close_job(store, "unknown", RunStatus.ERROR, EndReason.JOB_FAILED, "why", now_ms=clock) is None
    assert store.read("r1").status is RunStatus.IN_PROGRESS


@pytest.mark.parametrize(("owner", "job_id"), [(BOB, "job-1"), (ALICE, "job-2"), (ALICE, None)])
def test_what_is_no_run_of_the_job_is_neither_shown_nor_cancelled(store, clock, begin, owner, job_id):
    job = begin()
    before = store.create("r1", owner=owner, agent="layout", job_id=job_id)
    assert list(cancel_runs(store, job, now_ms=clock)) == []
    assert store.read("r1") == before
    answer = read_progress(store, ALICE, "job-1", now_ms=clock)
    assert [run["status"] for run in answer["runs"]] == [None]


def test_its_runs_are_cancelled_each_as_a_run_is(store, clock, begin):
    job = begin()
    attempt(store, clock, "r1", end=RunStatus.ERROR)
    attempt(store, clock, "r2")
    store.create("r3", owner=Owner("acme", "bob"), agent="layout")
    results = list(cancel_runs(store, job, now_ms=clock))
    assert [(result.run.request_id, result.ended) for result in results] == [("r1", None), ("r2", None)]
    standing = [(run.status, run.cancel_requested_at_ms) for run in store.read_heads(["r1", "r2", "r3"])]
    assert standing == [
        (RunStatus.ERROR, None),
        (RunStatus.IN_PROGRESS, clock.now_ms),
        (RunStatus.IN_PROGRESS, None),
    ]
    assert [result.ended for result in cancel_runs(store, job, now_ms=clock)] == [None, None]


class TestReading:
    def test_a_run_is_no_job(self, store, clock):
        store.create("r1", owner=ALICE, agent="layout")
        answer = read_progress(store, ALICE, "r1", sign_link=pytest.fail, now_ms=clock)
        assert (answer["playbook"], answer["runs"], answer["resultLink"]) == (None, None, None)

    def test_before_its_playbook_is_loaded_it_has_no_runs(self, store, clock):
        store.create("job-1", owner=ALICE, agent="orchestrator", job_id="job-1", playbook="compare-layouts")
        answer = read_progress(store, ALICE, "job-1", now_ms=clock)
        assert (answer["playbook"], answer["runs"]) == ("compare-layouts", [])

    def test_it_shows_the_first_attempt_and_those_that_were_needed(self, store, clock, begin):
        begin()
        nothing = dict.fromkeys(("status", "liveness", "seq", "elapsed", "createdAt", "error", "reason"))
        about = {"name": "layout-5d", "agent": "layout", "stage": "layouts"}
        first = about | {"attempt": 1, "requestId": "r1"}
        second = about | {"attempt": 2, "requestId": "r2"}
        assert self.runs(store, clock) == [first | nothing]
        began_ms = clock.now_ms
        attempt(store, clock, "r1", end=RunStatus.ERROR)
        clock.now_ms += 2_000
        attempt(store, clock, "r2")
        clock.now_ms += 500
        ended = {
            "status": "error",
            "liveness": "done",
            "seq": 1,
            "elapsed": 0.25,
            "createdAt": began_ms,
            "error": "why",
            "reason": "agent_failed",
        }
        going_on = {
            "status": "in_progress", "liveness": "live", "seq": 1, "elapsed": 0.75, "createdAt": began_ms + 2_250,
            "error": None,
            "reason": None,
        }  # fmt: skip
        assert self.runs(store, clock) == [first | ended, second | going_on]

    def test_the_most_runs_that_a_playbook_may_have_are_read(self, store, clock, begin):
        begin()
        many = [PlannedRun(f"a{n}", "layout", "one", tuple(f"a{n}-{i}" for i in range(3))) for n in range(20)]
        for planned in many:
            for request_id in planned.request_ids:
                store.create(request_id, owner=ALICE, agent="layout", job_id="job-1")
        append(store, clock.now_ms + 60_000, 1, runs=many)
        runs = self.runs(store, clock)
        assert [run["requestId"] for run in runs] == [each for planned in many for each in planned.request_ids]
        assert {run["status"] for run in runs} == {"in_progress"}

    @pytest.mark.parametrize(
        ("left_seconds", "seconds"), [(86_400, 900), (901, 900), (899.9, 899), (1, 1)], ids=lambda value: f"{value} s"
    )
    def test_a_link_lives_a_quarter_of_an_hour_and_never_longer_than_the_record(
        self, store, clock, begin, left_seconds, seconds
    ):
        job = begin()
        append(store, job.lease_until_ms, 1, end=End(RunStatus.COMPLETE, result_key="results/job-1.json"))
        clock.now_ms = job.expires_at_ms - int(left_seconds * 1000)
        answer = read_progress(store, ALICE, "job-1", sign_link=lambda *asked: str(asked), now_ms=clock)
        url = str(("job-1", seconds))
        assert answer["resultLink"] == {"url": url, "expiresAt": clock.now_ms + seconds * 1000}
        assert answer["result"] is None

    def test_the_link_is_to_the_jobs_own_result_whatever_its_record_names(self, store, clock, begin):
        job = begin()
        append(store, job.lease_until_ms, 1, end=End(RunStatus.COMPLETE, result_key="results/job-2.json"))
        answer = read_progress(store, ALICE, "job-1", sign_link=lambda job_id, _: job_id, now_ms=clock)
        assert answer["resultLink"]["url"] == "job-1"

    def test_there_are_no_links_for_runs(self, store, clock):
        attempt(store, clock, "r1")
        end = End(RunStatus.COMPLETE, result_key="results/job-1.json")
        step = Step("complete", "", 0.5, clock.now_ms, 2)
        store.append("r1", worker="w", expected_seq=1, lease_until_ms=clock.now_ms, steps=[step], end=end)
        assert read_progress(store, ALICE, "r1", sign_link=pytest.fail, now_ms=clock)["resultLink"] is None

    def test_in_the_last_second_of_a_record_there_is_no_link(self, store, clock, begin):
        job = begin()
        append(store, job.lease_until_ms, 1, end=End(RunStatus.COMPLETE, result_key="results/job-1.json"))
        clock.now_ms = job.expires_at_ms - 999
        assert read_progress(store, ALICE, "job-1", sign_link=pytest.fail, now_ms=clock)["resultLink"] is None

    def runs(self, store, clock):
        return read_progress(store, ALICE, "job-1", now_ms=clock)["runs"]


def attempt(store, clock, request_id, end=None):
    """Make a run of the job that has recorded a step a quarter of a second after it began; with `end`, its last."""
    about = {"owner": ALICE, "agent": "layout", "job_id": "job-1"}
    lease = clock.now_ms + limits.LEASE_MS
    store.claim(request_id, worker="w", lease_until_ms=lease, **about)
    clock.now_ms += 250
    step = Step("step", "", 0.25, clock.now_ms, 1)
    end = End(end, error="why") if end else None
    store.append(request_id, worker="w", expected_seq=0, lease_until_ms=lease, steps=[step], end=end)

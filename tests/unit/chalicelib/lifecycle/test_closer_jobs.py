"""Ending jobs of failed executions, and abandoned jobs."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from chalicelib.lifecycle.closer import close_execution, sweep

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.model import Owner, PlannedRun, RunStatus, Step
from runcast.record.store import End

EVENTS = json.loads((Path(__file__).parents[3] / "events" / "runCloser.json").read_text())
KINDS = ("executionFailed", "executionTimedOut", "executionAborted")
ID = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"
OTHER_ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
WORKER = f"execution/{ID}"
ANA = Owner("acme", "ana")


@pytest.fixture
def announced():
    return []


@pytest.fixture
def job(store, clock):
    """A job of two agents: of the first a run is at work, of the second none has begun."""
    lease = clock.now_ms + limits.JOB_TIMEOUT_SECONDS * 1000
    store.create(ID, owner=ANA, agent="orchestrator", job_id=ID, playbook="site-assessment")
    about = {"owner": ANA, "agent": "orchestrator", "job_id": ID, "playbook": "site-assessment"}
    store.claim(ID, worker=WORKER, lease_until_ms=lease, **about)
    planned = [PlannedRun(name, name, "one", (f"{name}-1", f"{name}-2")) for name in ("terrain", "layout")]
    steps = [Step("loading_agents", "", 0.0, clock.now_ms, 1)]
    store.append(ID, worker=WORKER, expected_seq=0, lease_until_ms=lease, steps=steps, runs=planned)
    begin(store, clock, "terrain-1")


def begin(store, clock, request_id):
    lease = clock.now_ms + limits.LEASE_MS
    store.claim(request_id, worker="w", owner=ANA, agent="terrain", job_id=ID, lease_until_ms=lease)


def close(store, clock, announced, event):
    return close_execution(event, store, announced.append, now_ms=clock)


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("executionFailed", "error", "The job's execution failed: Unavailable: DynamoDB gave no answer."),
        ("executionTimedOut", "error", "The job's execution timed out."),
        ("executionAborted", "cancelled", None),
    ],
)
def test_the_job_is_ended_once_and_its_runs_are_cancelled(store, clock, announced, job, log_lines, kind, status, error):
    assert [close(store, clock, announced, EVENTS[kind]) for _ in range(3)] == [1, 0, 0]
    read = store.read(ID)
    assert (read.status, read.error, [step.step for step in read.steps]) == (status, error, ["loading_agents", status])
    assert store.read("terrain-1").cancel_requested_at_ms == clock.now_ms
    assert store.read_heads(["terrain-2", "layout-1", "layout-2"]) == []
    ended = [result for result in announced if result.ended]
    assert [(result.run.request_id, result.update["status"], result.update["jobId"]) for result in ended] == [
        (ID, status, ID)
    ]
    assert sum(line.get("JobsClosed", 0) for line in log_lines.read()) == (status == "error")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["complete", "error", "cancelled"])
def test_a_job_that_has_an_end_keeps_it_and_its_open_runs_are_cancelled(store, clock, announced, job, kind, status):
    end = End(RunStatus(status))
    step = Step(status, "", 0.0, clock.now_ms, 2)
    store.append(ID, worker=WORKER, expected_seq=1, lease_until_ms=clock.now_ms, steps=[step], end=end)
    before = store.read(ID)
    assert close(store, clock, announced, EVENTS[kind]) == 0
    assert store.read(ID) == before
    assert store.read("terrain-1").cancel_requested_at_ms == clock.now_ms


def test_a_run_that_nobody_has_taken_is_ended_with_its_job(store, clock, announced, job):
    store.create("layout-1", owner=ANA, agent="layout", job_id=ID)
    assert close(store, clock, announced, EVENTS["executionTimedOut"]) == 2
    assert [result.run.request_id for result in announced if result.ended] == [ID, "layout-1"]
    assert store.read("layout-1").status is RunStatus.CANCELLED


@pytest.mark.parametrize("name", [OTHER_ID, ID.upper(), f"{{{ID}}}", None, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_an_execution_ends_no_job_but_the_one_that_bears_its_name(store, clock, announced, job, kind, name):
    event = copy.deepcopy(EVENTS[kind])
    event["detail"]["name"] = name
    before = store.read(ID)
    assert close(store, clock, announced, event) == 0
    assert (store.read(ID), announced) == (before, [])


def test_what_is_no_job_is_left_alone(store, clock, announced):
    assert close(store, clock, announced, EVENTS["executionFailed"]) == 0
    store.create(ID, owner=ANA, agent="terrain")
    assert close(store, clock, announced, EVENTS["executionFailed"]) == 0
    assert store.read(ID).status is RunStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        (None, None, "The job's execution failed"),
        ("States.Runtime", "No choice fits.", "The job's execution failed: States.Runtime: No choice fits."),
        ("Boom", '{"errorType": "Boom"}', 'The job\'s execution failed: Boom: {"errorType": "Boom"}'),
        ("Boom", "[1]", "The job's execution failed: Boom: [1]"),
    ],
)
def test_whatever_the_cause_is_it_is_told(store, clock, announced, job, error, cause, reason):
    close(store, clock, announced, changed(error=error, cause=cause))
    assert store.read(ID).error == reason


def test_an_endless_cause_is_shortened(store, clock, announced, job):
    close(store, clock, announced, changed(cause="x" * 30_000))
    assert len(store.read(ID).error) == limits.MESSAGE_MAX_CHARACTERS


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": None},
        {"detail": {"name": ID}},
        {"detail": {"name": None, "status": "FAILED"}},
        {"detail": {"name": [ID], "status": "FAILED"}},
    ],
)
def test_what_is_no_such_event_is_logged(store, clock, announced, job, caplog, event):
    assert close(store, clock, announced, event) == 0
    assert "ignoring the event: not a failed execution of a job" in caplog.text


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_an_execution_that_has_not_failed_ends_nothing(store, clock, announced, job, status):
    assert close(store, clock, announced, changed(status=status)) == 0
    assert store.read(ID).status is RunStatus.IN_PROGRESS


def test_what_could_not_be_done_is_done_when_asked_again(store, clock, announced, job, monkeypatch):
    def no_answer(*_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(store, "ask_to_cancel", no_answer)
    with pytest.raises(StoreUnavailable):
        close(store, clock, announced, EVENTS["executionFailed"])
    assert [result.run.request_id for result in announced] == [ID]
    monkeypatch.undo()
    assert close(store, clock, announced, EVENTS["executionFailed"]) == 0
    assert store.read("terrain-1").cancel_requested_at_ms == clock.now_ms


def test_the_sweep_ends_a_job_that_no_event_told_of(store, clock, announced, job):
    def swept():
        return sweep(store, announced.append, remaining_ms=lambda: 60_000, now_ms=clock)

    clock.now_ms += limits.JOB_TIMEOUT_SECONDS * 1000 + limits.CLOSE_GRACE_MS
    begin(store, clock, "layout-1")
    store.append(
        "terrain-1", worker="w", expected_seq=0, lease_until_ms=clock.now_ms + limits.LEASE_MS
    )  # a run beats on though its job is lost
    assert swept() == 0
    clock.now_ms += 1
    assert swept() == 1
    assert store.read(ID).error == "The job's execution stopped before the job had ended."
    asked = [store.read(request_id).cancel_requested_at_ms for request_id in ("terrain-1", "layout-1")]
    assert asked == [clock.now_ms] * 2


def changed(**detail):
    event = copy.deepcopy(EVENTS["executionFailed"])
    event["detail"] |= detail
    return event

"""Ending runs of failed invocations, and abandoned runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from chalicelib.lifecycle.closer import close_failed, report_change, sweep, write_end

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.handed_over import HandedOverEnd
from runcast.record.handover import changed_run_event
from runcast.record.model import PUBLIC, Owner, RunStatus, Step
from runcast.record.store import End

RECORDS = json.loads((Path(__file__).parents[3] / "events" / "runCloser.json").read_text())
INVOCATION = "e4b46cbf-b738-xmpl-8880-a18cdf61200e"
ID = "123e4567-e89b-12d3-a456-426614174000"
ANA, BOB = Owner("acme", "ana"), Owner("acme", "bob")


@pytest.fixture
def announced():
    return []


@pytest.fixture
def claimed(store, clock):
    """A run that a worker has claimed; with `end`, it has got there."""

    def claimed(request_id=ID, worker=f"{INVOCATION}/abc", end=None, owner=ANA):
        lease = clock.now_ms + limits.LEASE_MS
        about = {"owner": owner, "agent": "terrain", "job_id": None}
        store.claim(request_id, worker=worker, lease_until_ms=lease, **about)
        if end:
            steps = [Step("step", "", 0.0, clock.now_ms, 1)]
            store.append(request_id, worker=worker, expected_seq=0, lease_until_ms=lease, steps=steps, end=End(end))

    return claimed


def close(store, clock, announced, record):
    return close_failed(record, store, announced.append, now_ms=clock)


@pytest.mark.parametrize("kind", ["timedOut", "killed", "neverBegun"])
def test_the_run_of_a_failed_invocation_is_ended_once_and_says_why(store, clock, announced, claimed, kind):
    record = RECORDS[kind]
    request_id = record["requestPayload"].get("requestId", INVOCATION)
    if kind == "neverBegun":
        store.create(request_id, owner=ANA, agent="terrain")
    else:
        claimed(request_id, owner=PUBLIC if kind == "killed" else ANA)  # its payload names no user
    assert [close(store, clock, announced, record) for _ in range(3)] == [1, 0, 0]
    run = store.read(request_id)
    assert (run.status, [step.step for step in run.steps]) == (RunStatus.ERROR, ["error"])
    reason = {
        "timedOut": "Task timed out after 900.00 seconds",
        "killed": "Runtime exited with error: signal: killed",
        "neverBegun": "The run was not started: no worker took it. It waited too long for a free one.",
    }
    assert run.error.endswith(reason[kind])
    assert [result.run for result in announced] == [run]


@pytest.mark.parametrize("kind", ["timedOut", "killed", "neverBegun"])
def test_a_run_that_another_invocation_works_on_is_left_alone(store, clock, announced, claimed, kind):
    request_id = RECORDS[kind]["requestPayload"].get("requestId", INVOCATION)
    claimed(request_id, worker="another/abc")
    assert close(store, clock, announced, RECORDS[kind]) == 0
    assert store.read(request_id).status is RunStatus.IN_PROGRESS
    assert announced == []


@pytest.mark.parametrize("kind", ["timedOut", "neverBegun"])
@pytest.mark.parametrize("payload", [{"userId": "bob"}, {"tenantId": "globex"}, {"userId": None, "tenantId": None}])
def test_a_failed_invocation_ends_no_run_of_another_owner(store, clock, announced, kind, payload):
    record = copy.deepcopy(RECORDS[kind])
    record["requestPayload"] |= payload
    before = store.create(ID, owner=ANA, agent="terrain")
    clock.now_ms += limits.RETENTION_SECONDS * 900  # nobody took it
    assert close(store, clock, announced, record) == 0
    assert (store.read(ID), announced) == (before, [])


def test_a_failed_invocation_ends_no_job(store, clock, announced):
    before = store.create(ID, owner=ANA, agent="orchestrator", job_id=ID, playbook="site-assessment")
    clock.now_ms += limits.RETENTION_SECONDS * 900
    assert close(store, clock, announced, RECORDS["timedOut"]) == 0
    assert store.read(ID) == before


@pytest.mark.parametrize("status", ["complete", "error", "cancelled", "waiting"])
def test_a_run_that_has_ended_or_waits_is_left_alone(store, clock, announced, claimed, status):
    claimed(end=RunStatus(status))
    before = store.read(ID)
    assert close(store, clock, announced, RECORDS["timedOut"]) == 0
    assert store.read(ID) == before


def test_an_unknown_run_is_no_failure(store, clock, announced):
    assert close(store, clock, announced, RECORDS["timedOut"]) == 0


def changed(path, value):
    record = copy.deepcopy(RECORDS["timedOut"])
    *way, last = path
    place = record
    for name in way:
        place = place[name]
    place[last] = value
    return record


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        "sweep",
        {"sweep": False},
        changed(["requestContext"], None),
        changed(["requestContext", "requestId"], None),
        changed(["requestPayload"], None),
        changed(["requestPayload"], [1]),
        changed(["requestPayload", "requestId"], "run#1"),
        changed(["requestPayload", "requestId"], {"S": "run-1"}),
        changed(["responsePayload"], ["text"]),
    ],
)
def test_what_is_no_such_record_is_logged_without_its_text(store, clock, announced, caplog, record):
    assert close(store, clock, announced, record) == 0
    assert "ignoring the event: not the record of a failed agent invocation" in caplog.text
    assert "steep" not in caplog.text


def test_a_table_that_does_not_answer_is_raised_so_that_lambda_tries_again(store, clock, announced, monkeypatch):
    def no_answer(*_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(store, "read", no_answer)
    with pytest.raises(StoreUnavailable):
        close(store, clock, announced, RECORDS["timedOut"])


@pytest.mark.parametrize(("owner", "job_id", "reported"), [(ANA, "job-1", 1), (BOB, "job-1", 0), (ANA, None, 0)])
def test_the_change_of_a_jobs_run_is_reported_to_its_job(store, clock, owner, job_id, reported):
    store.create("job-1", owner=ANA, agent="orchestrator", job_id="job-1", playbook="site-assessment")
    if job_id:
        store.create_in_job(ID, owner=ANA, agent="terrain", job_id=job_id, task_token="a token")
    else:
        store.create(ID, owner=ANA, agent="terrain")
    told = []
    report_change(changed_run_event(ID, owner, "job-1"), store, report=told.append)
    assert told == [store.read(ID)] * reported


@pytest.mark.parametrize("event", [{"changedRun": None}, {"changedRun": {}}, {"changedRun": {"requestId": "a#b"}}])
def test_a_change_of_no_run_is_ignored(store, caplog, event):
    report_change(event, store, report=pytest.fail)
    assert "ignoring the event: it does not name a run" in caplog.text


class TestSweep:
    def sweep(self, store, clock, announced, remaining_ms=60_000):
        return sweep(store, announced.append, remaining_ms=lambda: remaining_ms, now_ms=clock)

    def test_what_was_left_alone_is_ended_and_nothing_else(self, store, clock, announced, claimed):
        retention_ms = limits.RETENTION_SECONDS * 1000
        claimed("lost")
        store.create("never-taken", owner=ANA, agent="terrain")
        claimed("ended", end=RunStatus.COMPLETE)
        claimed("waiting", end=RunStatus.WAITING)
        store.append(
            "waiting", worker=f"{INVOCATION}/abc", expected_seq=1,
            lease_until_ms=clock.now_ms + retention_ms - limits.EXPIRY_MARGIN_MS,
        )  # fmt: skip
        clock.now_ms += limits.SWEEP_AGE_MS
        assert self.sweep(store, clock, announced) == 0
        clock.now_ms += 1
        claimed("young")
        store.create("queued", owner=ANA, agent="terrain")
        assert self.sweep(store, clock, announced) == 2
        assert {result.run.request_id for result in announced} == {"lost", "never-taken"}
        assert self.sweep(store, clock, announced) == 0
        assert {name: store.read(name).status.value for name in ("ended", "waiting", "young", "queued")} == {
            "ended": "complete", "waiting": "waiting", "young": "in_progress", "queued": "in_progress",
        }  # fmt: skip

    def test_a_waiting_run_is_ended_before_its_record_expires(self, store, clock, announced, claimed):
        claimed(end=RunStatus.WAITING)
        run = store.read(ID)
        lease = run.expires_at_ms - limits.EXPIRY_MARGIN_MS
        store.append(ID, worker=run.worker, expected_seq=1, lease_until_ms=lease)
        clock.now_ms = lease + limits.CLOSE_GRACE_MS
        assert self.sweep(store, clock, announced) == 0
        clock.now_ms += 1
        assert self.sweep(store, clock, announced) == 1
        assert store.read(ID).error == "The run waited for an answer, and nobody gave one in time."

    def test_more_than_one_read_of_them_is_ended(self, store, clock, announced):
        for number in range(103):
            store.create(f"run-{number}", owner=ANA, agent="terrain")
        clock.now_ms += limits.SWEEP_AGE_MS + 1
        assert self.sweep(store, clock, announced) == 103

    def test_it_stops_before_its_time_is_up(self, store, clock, announced, claimed, caplog):
        claimed()
        clock.now_ms += limits.SWEEP_AGE_MS + 1
        assert self.sweep(store, clock, announced, remaining_ms=4_999) == 0
        assert "the next sweep continues" in caplog.text

    @pytest.mark.parametrize(
        "broken",
        [
            {"status": {"S": "from a later version"}},
            {"createdAt": {"S": "yesterday"}},
            {"leaseUntil": {"NULL": True}},
            {"steps": {"L": [{"M": {}}]}},
        ],
        ids=lambda broken: next(iter(broken)),
    )
    def test_one_unreadable_record_does_not_hold_up_the_others(
        self, store, dynamodb, clock, announced, claimed, caplog, log_lines, broken
    ):
        for name in ("a", "b", "c"):
            claimed(name)
        [(attribute, value)] = broken.items()
        dynamodb.update_item(
            TableName="AgentProgress", Key={"requestId": {"S": "b"}}, UpdateExpression="SET #it = :it",
            ExpressionAttributeNames={"#it": attribute}, ExpressionAttributeValues={":it": value},
        )  # fmt: skip
        clock.now_ms += limits.SWEEP_AGE_MS + 1
        assert self.sweep(store, clock, announced) == 2
        assert {result.run.request_id for result in announced} == {"a", "c"}
        assert "run b could not be ended" in caplog.text
        assert sum(line.get("RunsNotClosed", 0) for line in log_lines.read()) == 1

    def test_one_that_cannot_be_ended_now_does_not_hold_up_the_others(
        self, store, clock, announced, claimed, monkeypatch
    ):
        for name in ("a", "b", "c"):
            claimed(name)
        clock.now_ms += limits.SWEEP_AGE_MS + 1
        end = store.end

        def failing(run, *rest):
            if run.request_id == "b":
                raise StoreUnavailable("no answer")
            return end(run, *rest)

        monkeypatch.setattr(store, "end", failing)
        assert self.sweep(store, clock, announced) == 2
        monkeypatch.undo()
        assert self.sweep(store, clock, announced) == 1


def write_an_end(store, clock, owner, worker):
    """Hand over the end of the run `ID` in the name of this owner and worker; return whether it was written."""
    end = End(RunStatus.COMPLETE, '"taken over"')
    step = QueuedStep("complete", "Complete", clock.now_ms, end=end)
    event = HandedOverEnd(Assignment(ID, owner, "terrain", None, worker, clock.now_ms), step, 0).to_event()
    return write_end(event, store, send=len, on_end=lambda _: None, remaining_ms=lambda: 60_000)


def test_a_handed_over_end_ends_no_run_of_another_owner_even_if_it_names_the_worker(store, clock, claimed):
    claimed(worker="invocation/1")
    before = store.read(ID)
    assert not write_an_end(store, clock, Owner("globex", "bob"), "invocation/1")
    assert store.read(ID) == before
    assert write_an_end(store, clock, ANA, "invocation/1")


@pytest.mark.parametrize("owner", [ANA, Owner("globex", "bob")])
def test_a_handed_over_end_ends_no_job_although_the_worker_of_a_job_can_be_guessed(store, clock, owner):
    worker = f"execution/{ID}"
    job = {"owner": ANA, "agent": "orchestrator", "job_id": ID, "playbook": "site-assessment"}
    store.create(ID, **job)
    store.claim(ID, worker=worker, lease_until_ms=clock.now_ms + limits.LEASE_MS, **job)
    before = store.read(ID)
    assert not write_an_end(store, clock, owner, worker)
    assert store.read(ID) == before

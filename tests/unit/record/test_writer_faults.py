"""What the writer does when memory fails, clocks jump, a write lands late, or its record vanishes."""

from __future__ import annotations

import json

import pytest

from runcast import limits
from runcast.clock import ServerClock, epoch_ms
from runcast.errors import AppendRefused, RunGone
from runcast.record.assignment import Claim, Stop
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.draft import Draft
from runcast.record.items import to_item
from runcast.record.model import RunStatus, Step
from runcast.record.recorder import Recorder
from runcast.record.store import End, RunStore
from tests.fakes.agent_progress import create_agent_progress
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory
from tests.reliability.machine import Machine
from tests.reliability.rivals import START_MS
from tests.unit.conftest import TABLE_NAME
from tests.unit.record.recording import ALICE, FailingStore, all_steps, make
from tests.waiting import wait_until

HOUR_MS = 3_600_000
_END = End(RunStatus.ERROR)


@pytest.fixture
def beating(monkeypatch):
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.001)


def delete(dynamodb):
    dynamodb.delete_item(TableName=TABLE_NAME, Key=to_item({"requestId": "r1"}))


def test_a_writer_that_runs_out_of_memory_goes_on_where_it_was(store, clock, monkeypatch):
    numbered, calls = Draft._numbered, []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) % 3 == 0:
            raise MemoryError
        return numbered(*args, **kwargs)

    monkeypatch.setattr(Draft, "_numbered", failing)
    recorder = make(store, clock)
    recorder.claim()
    for number in range(1, 20):
        recorder.record("thinking", f"step {number}")
    report = recorder.end(RunStatus.COMPLETE, "step 20")
    assert [step.message for step in all_steps(store)] == [f"step {number}" for number in range(1, 21)]
    assert (report.recorded, report.degraded) == (20, False)


def test_a_writer_that_cannot_go_on_tells_its_run(store, clock, monkeypatch):
    def dies(*_, **__):
        raise SystemExit

    stops = []
    recorder = make(store, clock, on_stop=stops.append)
    recorder.claim()
    monkeypatch.setattr(Draft, "_numbered", dies)
    recorder.record("thinking")
    wait_until(lambda: stops)
    assert stops == [Stop.ENDED]
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.stop, report.unrecorded, report.end_pending) == (Stop.ENDED, 2, False)


def test_a_pause_and_the_cancel_that_was_asked_for_are_one_write(store, clock):
    """A worker that died between two would leave a run that waits, that nobody would end for most of a day."""
    failing = FailingStore(store)
    recorder = make(failing, clock)
    recorder.claim()
    cancel(store, ALICE, "r1", now_ms=clock)
    recorder.end(RunStatus.WAITING, "May I?")
    assert failing.last_append["end"].status is RunStatus.CANCELLED
    assert [step.step for step in failing.last_append["steps"]] == ["waiting", "cancelled"]
    assert [step.step for step in all_steps(store)] == ["waiting", "cancelled"]


def test_steps_that_found_no_room_are_counted_in_the_record(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "QUEUE_MAX_STEPS", 3)
    recorder = make(store, clock)
    for _ in range(5):
        recorder.record("thinking")
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert json.loads(all_steps(store)[-1].metadata_json)["unrecorded"] == report.unrecorded == 2


def test_a_wall_clock_that_jumps_ends_no_run(store, clock, beating):
    stops = []
    recorder = make(store, clock, on_stop=stops.append, remaining_ms=60_000, monotonic=lambda: 0.0)
    recorder.claim()
    clock.now_ms += HOUR_MS
    recorder.record("thinking")
    wait_until(lambda: store.read("r1").seq == 1)
    assert not recorder.end(RunStatus.COMPLETE, "Done").degraded
    assert (stops, store.read("r1").status) == ([], RunStatus.COMPLETE)


def test_a_heartbeat_that_lands_late_does_not_set_the_lease_back(store, clock):
    store.claim("r1", worker="w1", owner=ALICE, agent="terrain", job_id=None, lease_until_ms=clock() + 1_000)
    beat = {"worker": "w1", "expected_seq": 0}
    store.append("r1", **beat, lease_until_ms=clock() + 9_000)
    with pytest.raises(AppendRefused):
        store.append("r1", **beat, lease_until_ms=clock() + 5_000)
    assert store.read("r1").lease_until_ms == clock() + 9_000


@pytest.mark.parametrize("queued", [True, False])
def test_a_record_that_vanishes_is_an_end_for_its_worker(store, dynamodb, clock, beating, queued):
    stops = []
    recorder = make(store, clock, on_stop=stops.append)
    recorder.claim()
    delete(dynamodb)
    if queued:
        recorder.record("thinking")
    wait_until(lambda: stops)
    assert (stops, recorder.end(RunStatus.COMPLETE, "Done").stop) == ([Stop.ENDED], Stop.ENDED)
    assert dynamodb.scan(TableName=TABLE_NAME)["Items"] == []


def test_a_record_that_has_expired_takes_no_more_writes(store, dynamodb, clock, beating):
    stops = []
    recorder = make(store, clock, on_stop=stops.append)
    recorder.claim()
    run = store.read("r1")
    before = dynamodb.scan(TableName=TABLE_NAME)["Items"]
    clock.now_ms = run.expires_at_ms
    wait_until(lambda: stops)
    recorder.end(RunStatus.COMPLETE, "Done")
    step = Step("error", "Closed", 0.0, clock(), 1)
    for write in (
        lambda: store.end(run, step, _END),
        lambda: store.ask_to_cancel("r1", ALICE),
        lambda: store.append("r1", worker="w1", expected_seq=0, lease_until_ms=clock() + 1, steps=[step]),
    ):
        with pytest.raises(RunGone):
            write()
    assert stops == [Stop.TIME_UP]  # its time ends before its record does
    beats = {"leaseUntil", "updatedAt"}
    assert [{name: value for name, value in item.items() if name not in beats} for item in before] == [
        {name: value for name, value in item.items() if name not in beats}
        for item in dynamodb.scan(TableName=TABLE_NAME)["Items"]
    ]


def test_a_cancel_and_a_closer_that_a_vanishing_record_crosses_find_nothing(store, dynamodb, clock):
    class Vanishing(FailingStore):
        def read(self, request_id):
            run = super().read(request_id)
            delete(dynamodb)
            return run

    claim = {"worker": "w1", "owner": ALICE, "agent": "terrain", "job_id": None, "lease_until_ms": clock() + 1_000}
    store.claim("r1", **claim)
    assert cancel(Vanishing(store), ALICE, "r1", now_ms=clock) is None
    store.claim("r1", **claim)
    assert close_dead(Vanishing(store), "r1", invocation="w1", now_ms=lambda: clock() + 60_000) is None
    assert dynamodb.scan(TableName=TABLE_NAME)["Items"] == []


@pytest.mark.parametrize("off_ms", [-15_000, -3 * HOUR_MS, 3 * HOUR_MS, 0])
def test_a_worker_whose_clock_is_off_writes_by_the_servers(dynamodb, off_ms):
    server = ServerClock(lambda: epoch_ms() + off_ms)
    server.listen(dynamodb)
    store = RunStore(dynamodb, TABLE_NAME, now_ms=server)
    recorder = make(store, server)
    began = epoch_ms()
    recorder.claim()
    recorder.record("thinking")
    wait_until(lambda: store.read("r1").seq == 1)
    run = store.read("r1")
    for written, expected in (
        (run.created_at_ms, began),
        (run.lease_until_ms, began + limits.LEASE_MS),
        (run.steps[0].timestamp, began),
    ):
        assert abs(written - expected) < 10_000
    assert run.steps[0].elapsed < 10
    recorder.end(RunStatus.COMPLETE, "Done")


@pytest.mark.parametrize("off_ms", [-3 * 3_600_000, 3 * 3_600_000])
def test_steps_that_were_recorded_before_the_servers_time_was_known_have_it_too(off_ms):
    """The first steps of a process are recorded before its first answer from the server."""
    machine, memory = Machine(lambda: START_MS, off_ms), DynamoDBInMemory()
    create_agent_progress(memory, "AgentProgress")
    store = RunStore(machine.client(memory), "AgentProgress", now_ms=machine.now_ms)
    recorder = Recorder(
        store,
        request_id="r1",
        owner=ALICE,
        agent="terrain",
        worker="w1",
        monotonic=machine.seconds,
        remaining_ms=60_000,
    )
    recorder.record("init")
    assert recorder.claim() is Claim.CLAIMED
    recorder.record("thinking")
    recorder.end(RunStatus.COMPLETE, "Done")
    for step in RunStore(memory, "AgentProgress", now_ms=lambda: START_MS).read("r1").steps:
        assert abs(step.timestamp - START_MS) <= 1_000
        assert step.elapsed <= 1

"""Runs that are stopped before their end: cancelled, out of time, or taken away."""

from __future__ import annotations

import threading

import pytest

from runcast import limits
from runcast.record.assignment import Claim, Stop
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import RunStatus
from runcast.record.reader import read_progress
from runcast.record.store import End
from tests.unit.record.recording import ALICE, FailingStore, Live, all_steps, make
from tests.waiting import wait_until


@pytest.fixture
def beating(monkeypatch):
    """Hearts beat at once."""
    monkeypatch.setattr("runcast.record.writer.limits.HEARTBEAT_SECONDS", 0.001)


@pytest.fixture
def beating_soon(monkeypatch):
    """Hearts beat some time after what a test does at once."""
    monkeypatch.setattr("runcast.record.writer.limits.HEARTBEAT_SECONDS", 0.2)


class Stops(list):
    """Remembers what it was told to stop for."""

    def __call__(self, stop):
        self.append(stop)


@pytest.mark.parametrize("fates", [[], ["before"], ["after"], ["after", "after", "before"]])
def test_a_worker_learns_at_its_next_beat_that_it_shall_stop_and_writes_the_end(store, clock, beating, fates):
    stops, live, failing = Stops(), Live(store), FailingStore(store)
    recorder = make(failing, clock, on_stop=stops, send=live)
    recorder.claim()
    recorder.record("thinking")
    wait_until(lambda: store.read("r1").seq == 1)
    failing.script(fates)
    cancel(store, ALICE, "r1", now_ms=clock)
    wait_until(lambda: stops)
    assert read_progress(store, ALICE, "r1", now_ms=clock)["liveness"] == "cancelling"
    recorder.record("executing", "the tool that was running")
    report = recorder.end(RunStatus.CANCELLED, "Cancelled")

    assert stops == [Stop.CANCELLED]
    assert [step.step for step in all_steps(store)] == ["thinking", "executing", "cancelled"]
    assert (report.stop, report.recorded, report.unrecorded) == (Stop.CANCELLED, 3, 0)
    assert [message["seq"] for message in live.messages] == [1, 2, 3]
    answer = read_progress(store, ALICE, "r1", now_ms=clock)
    assert (answer["status"], answer["liveness"]) == ("cancelled", "done")


def test_a_step_that_meets_the_mark_is_recorded_all_the_same(store, clock):
    stops = Stops()
    recorder = make(store, clock, on_stop=stops)
    recorder.claim()
    cancel(store, ALICE, "r1", now_ms=clock)
    recorder.record("thinking")
    wait_until(lambda: stops)
    wait_until(lambda: store.read("r1").seq == 1)
    recorder.end(RunStatus.CANCELLED, "Cancelled")
    assert [step.step for step in all_steps(store)] == ["thinking", "cancelled"]


def test_a_run_that_was_done_before_it_could_be_stopped_is_complete(store, clock):
    stops = Stops()
    recorder = make(store, clock, on_stop=stops)
    recorder.claim()
    cancel(store, ALICE, "r1", now_ms=clock)
    report = recorder.end(RunStatus.COMPLETE, "Done", result="flat")
    run = store.read("r1")
    assert (run.status, run.result, run.seq) == (RunStatus.COMPLETE, "flat", 1)
    assert (stops, report.degraded) == ([], False)


def test_a_run_that_would_wait_though_it_is_to_be_cancelled_does_not(store, clock):
    live = Live(store)
    recorder = make(store, clock, send=live)
    recorder.claim()
    cancel(store, ALICE, "r1", now_ms=clock)
    recorder.end(RunStatus.WAITING, "May I?")
    run = store.read("r1")
    assert [(step.seq, step.step) for step in run.steps] == [(1, "waiting"), (2, "cancelled")]
    assert run.status is RunStatus.CANCELLED
    assert [message["status"] for message in live.messages] == ["waiting", "cancelled"]


def test_before_the_workers_deadline_the_run_is_ended_and_nothing_follows(store, clock, beating):
    stops, live = Stops(), Live(store)
    recorder = make(store, clock, on_stop=stops, send=live, remaining_ms=60_000 + limits.DEADLINE_MARGIN_MS)
    recorder.claim()
    recorder.record("thinking")
    wait_until(lambda: store.read("r1").seq == 1)
    clock.now_ms += 60_000
    wait_until(lambda: store.read("r1").status is RunStatus.ERROR)
    recorder.record("thinking", "too late")
    report = recorder.end(RunStatus.COMPLETE, "Done", result="flat")

    run = store.read("r1")
    message = "The worker's time was up before the run had ended."
    assert [(step.step, step.live_status) for step in run.steps] == [
        ("thinking", "agent_invoking"), ("error", "agent_error"),
    ]  # fmt: skip
    assert (run.error, run.result, run.steps[-1].message) == (message, None, message)
    assert [message["status"] for message in live.messages] == ["agent_invoking", "agent_error"]
    assert stops == [Stop.TIME_UP]
    assert (report.stop, report.recorded, report.unrecorded, report.degraded) == (Stop.TIME_UP, 2, 2, True)
    assert recorder.progress().steps[-1]["step"] == "error"


def test_a_worker_that_has_only_seconds_keeps_three_quarters_of_them(store, clock, beating):
    stops = Stops()
    recorder = make(store, clock, on_stop=stops, remaining_ms=4_000)
    recorder.claim()
    clock.now_ms += 2_999
    recorder.record("thinking")
    wait_until(lambda: store.read("r1").seq == 1)
    assert stops == []
    clock.now_ms += 1
    wait_until(lambda: stops)
    recorder.end(RunStatus.CANCELLED, "Stopped")
    assert [step.step for step in store.read("r1").steps] == ["thinking", "error"]


def test_a_worker_learns_that_its_time_is_up_though_the_table_does_not_answer(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "CLAIM_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 0.02)
    monkeypatch.setattr(limits, "ANSWER_SECONDS", limits.DEADLINE_MARGIN_MS / 1000 - 0.02)
    told, failing = threading.Event(), FailingStore(store, ["before"] * 1_000_000)
    recorder = make(failing, clock, on_stop=lambda stop: told.set(), remaining_ms=60_000 + limits.DEADLINE_MARGIN_MS)
    assert recorder.claim() is Claim.UNANSWERED
    clock.now_ms += 60_000
    assert told.wait(10)
    assert recorder.end(RunStatus.CANCELLED, "Stopped").stop is Stop.TIME_UP
    failing.script([])


def test_an_end_that_comes_in_time_is_the_only_one(store, clock):
    failing = FailingStore(store, ["fine", "hang"])
    recorder = make(failing, clock, remaining_ms=60_000 + limits.DEADLINE_MARGIN_MS)
    recorder.claim()
    ending = threading.Thread(target=recorder.end, args=(RunStatus.COMPLETE, "Done"))
    ending.start()
    wait_until(lambda: failing.writes == 2)
    clock.now_ms += 60_000
    failing.hang.set()
    ending.join()
    assert [step.step for step in store.read("r1").steps] == ["complete"]


@pytest.mark.parametrize("end", ["closed", "cancelled"])
def test_a_frozen_worker_whose_run_has_been_ended_leaves_no_trace_and_is_told(store, clock, end):
    stops, live = Stops(), Live(store)
    recorder = make(store, clock, on_stop=stops, send=live)
    recorder.claim()
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
    if end == "closed":
        close_dead(store, "r1", now_ms=clock)
    else:
        cancel(store, ALICE, "r1", now_ms=clock)
    before = store.read("r1")
    recorder.record("thinking", "thawed")
    wait_until(lambda: stops)
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert store.read("r1") == before
    assert live.messages == []
    assert (stops, report.stop, report.unrecorded) == ([Stop.ENDED], Stop.ENDED, 2)


def test_a_frozen_worker_whose_run_was_left_alone_goes_on(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    clock.now_ms += limits.LEASE_MS + 5_000
    assert read_progress(store, ALICE, "r1", now_ms=clock)["liveness"] == "lost"
    recorder.record("thinking", "thawed")
    wait_until(lambda: read_progress(store, ALICE, "r1", now_ms=clock)["liveness"] == "live")
    assert store.read("r1").seq == 1
    assert not recorder.end(RunStatus.COMPLETE, "Done").degraded


def test_a_step_that_landed_unseen_before_another_ended_the_run_is_shown_once(store, clock):
    """The write took effect, its answer was lost, and a closer came before the next try."""
    live = Live(store)

    class Crossed(FailingStore):
        def append(self, request_id, *, steps=(), **more):
            super().append(request_id, steps=steps, **more)
            if steps and self.writes == 2:
                run = store.read(request_id)
                store.end(run, run.steps[-1].__class__("error", "Closed", 0, 0, run.seq + 1), End(RunStatus.ERROR))
                raise TimeoutError

    recorder = make(Crossed(store), clock, send=live)
    recorder.claim()
    recorder.record("thinking")
    wait_until(lambda: live.messages)
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert [(step.seq, step.step) for step in store.read("r1").steps] == [(1, "thinking"), (2, "error")]
    assert [message["seq"] for message in live.messages] == [1]
    assert (report.recorded, report.unrecorded) == (1, 1)


def test_whoever_cannot_stop_does_not_stop_the_record(store, clock, beating):
    def refuse(stop):
        raise RuntimeError

    recorder = make(store, clock, on_stop=refuse)
    recorder.claim()
    cancel(store, ALICE, "r1", now_ms=clock)
    wait_until(lambda: recorder.stop)
    assert not recorder.end(RunStatus.CANCELLED, "Cancelled").degraded


def test_a_worker_that_leaves_its_part_to_another_does_not_renew_the_lease(store, clock, beating_soon):
    recorder = make(store, clock)
    recorder.claim()
    lease_until_ms = store.read("r1").lease_until_ms
    recorder.abandon()
    clock.now_ms += 1_000
    recorder.await_settled(10)
    assert store.read("r1").lease_until_ms == lease_until_ms

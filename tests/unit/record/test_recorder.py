"""The recorder against a real table (moto) behind a store that fails on cue."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record import recorder as recorder_module
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import End
from runcast.record.writer import Claim

ALICE = Owner("acme", "alice")


class FailingStore:
    """A store whose writes fail as a script says: "before" or "after" they took effect, or "fine"."""

    def __init__(self, store, script=()):
        self._store = store
        self._script = deque(script)
        self.writes = 0
        self.hang = threading.Event()

    def claim(self, *args, **kwargs):
        return self._write(self._store.claim, args, kwargs)

    def append(self, *args, **kwargs):
        return self._write(self._store.append, args, kwargs)

    def _write(self, write, args, kwargs):
        self.writes += 1
        fate = self._script.popleft() if self._script else "fine"
        if fate == "hang":
            self.hang.wait()
        if fate in ("before", "hang"):
            raise StoreUnavailable("no answer")
        answer = write(*args, **kwargs)
        if fate == "after":
            raise StoreUnavailable("no answer")
        return answer


class Live:
    """Takes status messages, checking at once that each stands in the record already."""

    def __init__(self, store):
        self._store = store
        self.messages = []
        self.too_early = []

    def __call__(self, messages):
        stored = {step.seq for step in self._store.read(messages[0]["requestId"]).steps}
        self.too_early += [message for message in messages if message["seq"] not in stored]
        self.messages += messages
        return len(messages)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    """Back off for no time at all."""
    monkeypatch.setattr("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0)


def make(store, clock, **more):
    return Recorder(
        store, **{"request_id": "r1", "owner": ALICE, "agent": "terrain", "worker": "w1", "now_ms": clock, **more}
    )


def test_a_run_is_recorded_step_by_step_then_shown_then_ended(store, clock):
    live = Live(store)
    recorder = make(store, clock, publish=live, job_id="j1")
    assert recorder.claim() is Claim.CLAIMED
    recorder.record("init", "Starting")
    clock.now_ms += 2500
    recorder.record("executing", "Calling slope", tool_name="slope", status="calling_tool", metadata={"cells": 4})
    report = recorder.end(RunStatus.COMPLETE, "Done", result="flat")

    run = store.read("r1")
    assert [step.to_json() for step in run.steps] == recorder.progress().steps
    assert [(s.seq, s.step, s.live_status, s.elapsed) for s in run.steps] == [
        (1, "init", "agent_invoking", 0.0),
        (2, "executing", "calling_tool", 2.5),
        (3, "complete", "agent_complete", 2.5),
    ]
    assert (run.status, run.result, run.error, run.seq) == (RunStatus.COMPLETE, "flat", None, 3)
    assert (report.recorded, report.unrecorded, report.unpublished, report.degraded) == (3, 0, 0, False)
    assert [message["seq"] for message in live.messages] == [1, 2, 3]
    assert live.too_early == []
    assert live.messages[1] == {
        "userId": "alice", "tenantId": "acme", "jobId": "j1", "requestId": "r1", "agentName": "terrain",
        "status": "calling_tool", "message": "Calling slope", "timestamp": clock.now_ms,
        "metadata": {"toolName": "slope", "cells": 4}, "seq": 2, "schemaVersion": 1,
    }  # fmt: skip


def test_elapsed_counts_from_the_beginning_of_the_record(store, clock):
    store.create("r1", owner=ALICE, agent="terrain")
    clock.now_ms += 1500
    recorder = make(store, clock)
    recorder.claim()
    assert recorder.elapsed_seconds() == 1.5
    recorder.end(RunStatus.COMPLETE, "Done")
    assert store.read("r1").steps[0].elapsed == 1.5


def test_only_one_of_two_workers_gets_the_run(store, clock):
    first, second = make(store, clock, worker="w1"), make(store, clock, worker="w2")
    assert first.claim() is Claim.CLAIMED
    assert second.claim() is Claim.REFUSED
    first.end(RunStatus.COMPLETE, "Done")
    assert store.read("r1").worker == "w1"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.sampled_from(["fine", "before", "after"]), max_size=14),
    groups=st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=5),
)
def test_whatever_fails_the_record_is_exact(make_store, fates, groups):
    """Writes fail before or after they took effect: no step is lost, repeated or moved, and one end is written."""
    store = make_store()
    live = Live(store)
    recorder = Recorder(
        FailingStore(store, fates), request_id="r1", owner=ALICE, agent="terrain", worker="w1", publish=live
    )
    recorder.claim()
    total = 0
    for group in groups:
        for _ in range(group):
            total += 1
            recorder.record("thinking", f"step {total}")
    report = recorder.end(RunStatus.COMPLETE, f"step {total + 1}")
    run = store.read("r1")
    assert [(step.seq, step.message) for step in run.steps] == [(n, f"step {n}") for n in range(1, total + 2)]
    assert run.status is RunStatus.COMPLETE
    assert not report.degraded
    assert [message["seq"] for message in live.messages] == list(range(1, total + 2))
    assert live.too_early == []


def test_a_burst_costs_few_writes(store, clock):
    failing = FailingStore(store)
    recorder = make(failing, clock)
    recorder.claim()
    for n in range(1000):
        recorder.record("thinking", f"{n}")
    recorder.end(RunStatus.COMPLETE, "Done")
    assert failing.writes <= 100
    assert store.read("r1").seq == 1001


def test_nothing_is_recorded_after_the_end(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.ERROR, "Failed", error="why")
    recorder.record("thinking", "late")
    run = store.read("r1")
    assert ([step.step for step in run.steps], run.status, run.error) == (["error"], RunStatus.ERROR, "why")


def until(condition):
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_step_that_is_queued_behind_the_end_is_left_out_and_counted(store, clock, monkeypatch):
    told, go_on = threading.Event(), threading.Event()

    class Slow:
        def __str__(self):
            told.set()
            assert go_on.wait(10)
            return "slow"

    monkeypatch.setattr(recorder_module.limits, "ADDED_TIME_SECONDS", 60)
    failing = FailingStore(store, ["fine", "hang"])
    recorder = make(failing, clock)
    recorder.claim()
    recorder.record("init")
    reports = []
    late = threading.Thread(target=recorder.record, args=("thinking",), kwargs={"metadata": {"x": Slow()}})
    end = threading.Thread(target=lambda: reports.append(recorder.end(RunStatus.COMPLETE, "Done", result="flat")))
    late.start()
    assert told.wait(10)
    end.start()
    until(lambda: recorder._queue.qsize() == 1)
    go_on.set()
    late.join()
    failing.hang.set()
    end.join()
    run = store.read("r1")
    assert ([step.step for step in run.steps], run.status, run.result) == (["init", "complete"], "complete", "flat")
    assert (reports[0].recorded, reports[0].unrecorded) == (2, 1)


def test_the_end_is_stored_before_anything_else_is_sent(store, clock, monkeypatch):
    monkeypatch.setattr(recorder_module.limits, "ADDED_TIME_SECONDS", 60)
    sending, go_on, statuses = threading.Event(), threading.Event(), []

    def publish(messages):
        statuses.append(store.read("r1").status)
        sending.set()
        assert go_on.wait(10)
        return len(messages)

    failing = FailingStore(store, ["hang"])
    recorder = make(failing, clock, publish=publish)
    for n in range(120):
        recorder.record("thinking", str(n))
    failing.hang.set()
    recorder.claim()
    assert sending.wait(10)
    end = threading.Thread(target=recorder.end, args=(RunStatus.COMPLETE, "Done"))
    end.start()
    until(lambda: recorder._queue.qsize() == 1)
    go_on.set()
    end.join()
    assert statuses[0] == "in_progress"
    assert set(statuses[1:]) == {"complete"}


def test_a_channel_that_fails_is_not_waited_for_again_and_again(store, clock):
    sent = []
    recorder = make(store, clock, publish=lambda messages: sent.append(messages) or 0)
    for n in range(120):
        recorder.record("thinking", str(n))
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unrecorded, report.unpublished) == (121, 0, 121)
    assert len(sent) <= 2


def test_a_run_ended_by_another_takes_no_more_and_says_what_it_lost(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    store.append("r1", worker="w1", expected_seq=0, lease_until_ms=0, end=End(RunStatus.CANCELLED))
    recorder.record("thinking")
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unrecorded, report.degraded) == (0, 2, True)
    assert store.read("r1").status is RunStatus.CANCELLED


@pytest.mark.parametrize(("script", "claim"), [(["hang"], Claim.UNANSWERED), (["fine", "hang"], Claim.CLAIMED)])
def test_a_table_that_does_not_answer_is_given_up_in_time_and_nothing_is_lost_silently(
    store, clock, monkeypatch, script, claim
):
    monkeypatch.setattr(recorder_module.limits, "ADDED_TIME_SECONDS", 0.02)
    monkeypatch.setattr(recorder_module.limits, "CLAIM_WAIT_SECONDS", 0.01 if claim is Claim.UNANSWERED else 10)
    failing = FailingStore(store, script)
    recorder = make(failing, clock)
    assert recorder.claim() is claim
    recorder.record("init")
    report = recorder.end(RunStatus.COMPLETE, "Done")
    failing.hang.set()
    assert (report.recorded, report.unrecorded, report.degraded) == (0, 2, True)


def test_a_table_that_answers_late_gets_every_step(store, clock, monkeypatch):
    monkeypatch.setattr(recorder_module.limits, "CLAIM_WAIT_SECONDS", 0.01)
    failing = FailingStore(store, ["hang"])
    recorder = make(failing, clock)
    assert recorder.claim() is Claim.UNANSWERED
    recorder.record("init")
    failing.hang.set()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.degraded) == (2, False)
    assert [step.step for step in store.read("r1").steps] == ["init", "complete"]


def test_an_idle_recorder_beats(store, clock, monkeypatch):
    monkeypatch.setattr("runcast.record.writer.limits.HEARTBEAT_SECONDS", 0.001)
    beaten = threading.Event()
    failing = FailingStore(store)
    recorder = make(failing, clock)
    recorder.claim()
    clock.now_ms += 5000
    original = failing.append

    def append(*args, **kwargs):
        original(*args, **kwargs)
        beaten.set()

    failing.append = append
    assert beaten.wait(10)
    run = store.read("r1")
    recorder.end(RunStatus.COMPLETE, "Done")
    assert (run.seq, run.updated_at_ms, run.lease_until_ms) == (0, clock.now_ms, clock.now_ms + 15_000)


def test_the_lease_never_goes_past_the_workers_deadline(store, clock):
    recorder = make(store, clock, deadline_ms=clock.now_ms + 3000)
    recorder.claim()
    assert store.read("r1").lease_until_ms == clock.now_ms + 3000
    recorder.end(RunStatus.COMPLETE, "Done")


def test_a_waiting_run_keeps_its_lease_as_long_as_its_record(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": []})
    run = store.read("r1")
    assert run.status is RunStatus.WAITING
    assert run.lease_until_ms == run.expires_at_epoch_s * 1000


def test_a_full_record_drops_visibly_and_still_ends(store, clock, monkeypatch):
    # Less than there really is room for: moto counts what an update replaces as well.
    monkeypatch.setattr(recorder_module.limits, "STEPS_MAX_BYTES", 100 * 1024)
    recorder = make(store, clock)
    recorder.claim()
    for _ in range(60):
        recorder.record("thinking", metadata={"text": "x" * 8000})
    report = recorder.end(RunStatus.COMPLETE, "Done", result="y" * 60_000)
    run = store.read("r1")
    dropped = 61 - run.seq
    assert dropped > 0
    assert report.unrecorded == dropped
    assert run.steps[-1].step == "complete"
    assert json.loads(run.steps[-1].metadata_json) == {"unrecorded": dropped}
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))


def test_progress_is_cut_to_the_last_steps_and_says_so(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    for n in range(limits.ANSWER_MAX_STEPS):
        recorder.record("thinking", str(n))
    recorder.end(RunStatus.COMPLETE, "Done")
    progress = recorder.progress()
    assert progress.cut is True
    assert [step["seq"] for step in progress.steps] == list(range(2, limits.ANSWER_MAX_STEPS + 2))


class Unwritable:
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("told", "as_stored"),
    [
        ({"message": Unwritable()}, ("unnamed", "What was told of this step is unreadable", None)),
        ({"metadata": {"x": Unwritable()}}, ("thinking", "", {"unreadable": "RuntimeError"})),
        ({"metadata": [1, 2]}, ("thinking", "", {"unreadable": "TypeError"})),
        ({"metadata": MappingProxyType({"a": 1}), "tool_name": "t"}, ("thinking", "", {"a": 1})),
        ({"tool_name": {"not": "a name"}}, ("thinking", "", None)),
        ({"message": "half a pair \ud800"}, ("thinking", "half a pair ?", None)),
        ({"status": "", "agent_name": ""}, ("thinking", "", None)),
    ],
)
def test_whatever_is_told_reaches_neither_the_run_nor_the_next_step(store, clock, told, as_stored):
    live = Live(store)
    recorder = make(store, clock, publish=live)
    recorder.claim()
    recorder.record("init")
    recorder.record("thinking", **told)
    recorder.end(RunStatus.COMPLETE, "Done")
    steps = recorder.progress().steps
    assert [step["step"] for step in steps] == ["init", as_stored[0], "complete"]
    assert (steps[1]["step"], steps[1]["message"], steps[1].get("metadata")) == as_stored
    assert [message["seq"] for message in live.messages] == [1, 2, 3]
    assert store.read("r1").status is RunStatus.COMPLETE


def test_an_over_long_message_is_shortened_and_takes_no_more_room_than_that(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("thinking", "x" * 300_000)
    assert recorder.end(RunStatus.COMPLETE, "Done").unrecorded == 0
    message = store.read("r1").steps[0].message
    assert len(message) == limits.MESSAGE_MAX_CHARACTERS
    assert message.endswith("[shortened from 300000 characters]")


@pytest.mark.parametrize("result", [{(1, 2): 3}, {"x": Unwritable()}, float("nan")])
def test_a_result_that_is_no_json_ends_the_run_all_the_same(store, clock, result):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.COMPLETE, "Done", result=result)
    run = store.read("r1")
    assert run.status is RunStatus.COMPLETE
    assert list(run.result) == ["unreadable"]


def test_a_run_that_only_ends_shows_its_end(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.CANCELLED, "Cancelled")
    assert store.read("r1").steps[0].live_status == "cancelled"


def test_more_than_memory_shall_hold_is_counted(store, clock, monkeypatch):
    monkeypatch.setattr(recorder_module.limits, "QUEUE_MAX_STEPS", 3)
    recorder = make(store, clock)
    for _ in range(5):
        recorder.record("thinking")
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unrecorded) == (4, 2)


def test_messages_that_nobody_took_are_counted(store, clock):
    recorder = make(store, clock, publish=lambda messages: 0)
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unpublished, report.degraded) == (1, 1, False)


@pytest.mark.parametrize("fate", ["fine", "before", "after"])
def test_a_step_names_the_step_that_started_it(store, clock, fate):
    store.create("r1", owner=ALICE, agent="terrain")
    recorder = make(FailingStore(store, ["fine", fate]), clock)
    recorder.claim(wait_seconds=0)  # a step's number is not known to whoever records it
    first = recorder.record("agent")
    call = recorder.record("executing", metadata={"cells": 4}, parent=first)
    recorder.record("agent", parent=call)
    recorder.end(RunStatus.COMPLETE, "Done")

    steps = [step.to_json() for step in store.read("r1").steps]
    assert [step.get("metadata") for step in steps] == [None, {"cells": 4, "parentSeq": 1}, {"parentSeq": 2}, None]


def test_a_step_whose_parent_found_no_room_has_none(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "STEPS_MAX_BYTES", 1_000)
    recorder = make(store, clock)
    recorder.claim()
    lost = recorder.record("executing", "x" * 900)
    recorder.record("thinking", parent=lost)
    recorder.end(RunStatus.COMPLETE, "Done")
    assert lost.seq is None
    assert [step.metadata_json for step in store.read("r1").steps] == [None, '{"unrecorded": 1}']


def test_the_last_step_says_what_the_model_calls_have_used(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.add_usage({"inputTokens": 10, "outputTokens": 2})
    recorder.add_usage({"inputTokens": 5, "outputTokens": 1, "cacheReadInputTokens": 4})
    recorder.end(RunStatus.COMPLETE, "Done", metadata={"cells": 4})
    usage = {"inputTokens": 15, "outputTokens": 3, "cacheReadInputTokens": 4}
    assert store.read("r1").steps[-1].to_json()["metadata"] == {"cells": 4, "usage": usage}

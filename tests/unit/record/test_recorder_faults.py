"""The recorder against a real table (moto) behind a store that fails on cue."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runcast.record import recorder as recorder_module
from runcast.record.assignment import Claim
from runcast.record.model import RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import End
from tests.unit.record.recording import ALICE, FailingStore, Live, make
from tests.waiting import wait_until


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.sampled_from(["fine", "before", "after"]), max_size=14),
    groups=st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=5),
)
def test_whatever_fails_the_record_is_exact(make_store, fates, groups):
    """Writes fail before or after they took effect: no step is lost, repeated or moved, and one end is written."""
    store = make_store()
    live = Live(store)
    recorder = Recorder(
        FailingStore(store, fates), request_id="r1", owner=ALICE, agent="terrain", worker="w1", send=live
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


def test_a_step_that_is_queued_behind_the_end_is_left_out_and_counted(store, clock):
    told, go_on = threading.Event(), threading.Event()

    class Slow:
        def __str__(self):
            told.set()
            assert go_on.wait(10)
            return "slow"

    failing = FailingStore(store, ["fine", "hang"])
    recorder = make(failing, clock)
    recorder.claim()
    recorder.record("init")
    wait_until(lambda: failing.writes == 2)  # the claim's, and the one that hangs
    reports = []
    late = threading.Thread(target=recorder.record, args=("thinking",), kwargs={"metadata": {"x": Slow()}})
    end = threading.Thread(target=lambda: reports.append(recorder.end(RunStatus.COMPLETE, "Done", result="flat")))
    late.start()
    assert told.wait(10)
    end.start()
    wait_until(lambda: recorder._queue.end)
    go_on.set()
    late.join()
    failing.hang.set()
    end.join()
    run = store.read("r1")
    assert ([step.step for step in run.steps], run.status, run.result) == (["init", "complete"], "complete", "flat")
    assert (reports[0].recorded, reports[0].unrecorded) == (2, 1)


def test_a_slow_channel_holds_up_neither_the_steps_nor_the_end(store, clock):
    sending, go_on, batches = threading.Event(), threading.Event(), []

    def publish(messages):
        sending.set()
        assert go_on.wait(10)
        batches.append([message["seq"] for message in messages])
        return len(messages)

    recorder = make(store, clock, send=publish)
    recorder.claim()
    recorder.record("init")
    assert sending.wait(10)
    recorder.record("thinking")
    end = threading.Thread(target=recorder.end, args=(RunStatus.COMPLETE, "Done"))
    end.start()
    wait_until(lambda: store.read("r1").status is RunStatus.COMPLETE)
    go_on.set()
    end.join()
    assert (batches[0], [seq for batch in batches for seq in batch]) == ([1], [1, 2, 3])


def test_a_channel_that_fails_is_not_waited_for_again_and_again(store, clock):
    sent = []
    failing = FailingStore(store)
    recorder = make(failing, clock, send=lambda messages: sent.append(messages) or 0)
    for n in range(120):
        recorder.record("thinking", str(n))
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unrecorded, report.unsent) == (121, 0, 121)
    assert len(sent) <= failing.writes


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


def test_more_than_memory_shall_hold_is_counted(store, clock, monkeypatch):
    monkeypatch.setattr(recorder_module.limits, "QUEUE_MAX_STEPS", 3)
    recorder = make(store, clock)
    for _ in range(5):
        recorder.record("thinking")
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unrecorded) == (4, 2)


def test_messages_that_nobody_took_are_counted(store, clock):
    recorder = make(store, clock, send=lambda messages: 0)
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.recorded, report.unsent, report.degraded) == (1, 1, False)

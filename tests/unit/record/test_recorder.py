"""The recorder against a real table (moto)."""

from __future__ import annotations

import threading

import pytest

from runcast import limits
from runcast.errors import InvalidInput
from runcast.record.answer import answer
from runcast.record.assignment import Claim
from runcast.record.model import RunStatus
from runcast.record.store import RunStore
from tests.unit.record.recording import ALICE, FailingStore, Live, make

HOUR_MS = 3_600_000


def test_a_run_is_recorded_step_by_step_then_shown_then_ended(store, clock):
    live = Live(store)
    recorder = make(store, clock, send=live, job_id="j1")
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
    assert (report.recorded, report.unrecorded, report.unsent, report.degraded) == (3, 0, 0, False)
    assert [message["seq"] for message in live.messages] == [1, 2, 3]
    assert live.too_early == []
    assert live.messages[1] == {
        "userId": "alice", "tenantId": "acme", "jobId": "j1", "requestId": "r1", "agentName": "terrain",
        "toolName": "slope", "status": "calling_tool", "message": "Calling slope", "timestamp": clock.now_ms,
        "metadata": {"cells": 4}, "seq": 2, "schemaVersion": 1,
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
    recorder = make(store, clock, remaining_ms=14_000)
    recorder.claim()
    assert store.read("r1").lease_until_ms == clock.now_ms + 14_000
    recorder.end(RunStatus.COMPLETE, "Done")


@pytest.mark.parametrize(
    ("began_hours_before", "question_hours", "kept_hours"),
    [
        (0, 168, 168),
        (23, 168, 23 + 168),
        (0, 1, 24),  # a question never shortens a life
    ],
)
def test_waiting_extends_the_life_of_the_record(dynamodb, clock, began_hours_before, question_hours, kept_hours):
    store = RunStore(dynamodb, "AgentProgress", question_retention_seconds=question_hours * 3600, now_ms=clock)
    began_ms = clock.now_ms
    store.create("r1", owner=ALICE, agent="terrain")
    clock.now_ms += began_hours_before * HOUR_MS
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": []})
    run = store.read("r1")
    assert (run.status, run.expires_at_ms) == (RunStatus.WAITING, began_ms // 1000 * 1000 + kept_hours * HOUR_MS)
    assert run.lease_until_ms == run.expires_at_ms - 15 * 60_000


def test_waiting_again_extends_it_at_most_to_the_life_of_its_pages(store, clock):
    record = store.create("r1", owner=ALICE, agent="terrain")
    assert record.pages_expire_at_epoch_s == record.expires_at_epoch_s + 168 * 3600
    for part in (1, 2):
        clock.now_ms += 23 * HOUR_MS
        recorder = make(store, clock, part=part)
        recorder.claim()
        recorder.end(RunStatus.WAITING, "May I?", metadata={"interrupts": [{"id": "q"}]}, snapshot_key="snapshots/x")
        run = store.read("r1")
        answer(store, ALICE, "r1", {"q": "yes"}, key_of=lambda run, part: f"answers/{part}", put=lambda key: None)
    assert run.expires_at_epoch_s == run.pages_expire_at_epoch_s == record.pages_expire_at_epoch_s


@pytest.mark.parametrize(("left_ms", "ends"), [(15 * 60_000, True), (15 * 60_000 + 20_000, False)])
def test_a_worker_ends_its_part_before_the_record_expires(store, clock, left_ms, ends):
    run = store.create("r1", owner=ALICE, agent="terrain")
    clock.now_ms = run.expires_at_ms - left_ms
    recorder = make(store, clock, remaining_ms=None)
    recorder.claim()
    if not ends:
        recorder.end(RunStatus.COMPLETE, "Done")
    recorder.await_settled(5)
    assert store.read("r1").reason == ("timed_out" if ends else "complete")


@pytest.mark.parametrize("request_id", ["", "x" * 129, "r1#7"])
def test_an_id_that_could_be_a_pages_is_refused(store, clock, request_id):
    with pytest.raises(InvalidInput, match="1 to 128 characters without '#'"):
        make(store, clock, request_id=request_id)


def test_progress_is_cut_to_the_last_steps_and_says_so(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    for n in range(limits.ANSWER_MAX_STEPS):
        recorder.record("thinking", str(n))
    recorder.end(RunStatus.COMPLETE, "Done")
    progress = recorder.progress()
    assert progress.cut is True
    assert [step["seq"] for step in progress.steps] == list(range(2, limits.ANSWER_MAX_STEPS + 2))


def test_a_run_that_only_ends_shows_its_end(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.CANCELLED, "Cancelled")
    assert store.read("r1").steps[0].live_status == "cancelled"


@pytest.mark.parametrize("fate", ["fine", "before", "after"])
def test_a_step_names_the_step_that_started_it(store, clock, fate):
    store.create("r1", owner=ALICE, agent="terrain")
    recorder = make(FailingStore(store, ["fine", fate]), clock)
    recorder.claim(wait_seconds=0)  # the caller does not know its step's number
    first = recorder.record("agent")
    call = recorder.record("executing", metadata={"cells": 4}, parent=first)
    recorder.record("agent", parent=call)
    recorder.end(RunStatus.COMPLETE, "Done")

    steps = [step.to_json() for step in store.read("r1").steps]
    metadata = [step.get("metadata") for step in steps]
    assert metadata == [None, {"cells": 4, "parentSeq": 1}, {"parentSeq": 2}, {"elapsed": 0.0}]


def test_a_step_whose_parent_found_no_room_has_none(store, clock, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_MAX_BYTES", 500)
    monkeypatch.setattr(limits, "PAGES_MAX", 0)
    recorder = make(store, clock)
    recorder.claim()
    lost = recorder.record("executing", "x" * 900)
    recorder.record("thinking", parent=lost)
    recorder.end(RunStatus.COMPLETE, "Done")
    assert lost.seq is None
    assert [step.to_json().get("metadata") for step in store.read("r1").steps] == [
        None,
        {"elapsed": 0.0, "unrecorded": 1},
    ]


def test_the_last_step_says_what_the_model_calls_have_used(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.add_usage({"inputTokens": 10, "outputTokens": 2})
    recorder.add_usage({"inputTokens": 5, "outputTokens": 1, "cacheReadInputTokens": 4})
    recorder.end(RunStatus.COMPLETE, "Done", metadata={"cells": 4})
    usage = {"inputTokens": 15, "outputTokens": 3, "cacheReadInputTokens": 4}
    assert store.read("r1").steps[-1].to_json()["metadata"] == {"cells": 4, "usage": usage, "elapsed": 0.0}

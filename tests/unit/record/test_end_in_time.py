"""The end of a run is stored or handed over despite any fault of the table: no answered run reads as lost."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest

from runcast import limits
from runcast.errors import InvalidInput, Unavailable
from runcast.record.assignment import Claim, Stop
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.end_watch import EndWatch
from runcast.record.handed_over import HandedOverEnd, write_handed_over
from runcast.record.handover import HANDED_OVER_END, EndHandover
from runcast.record.model import RunStatus
from tests.unit.record.recording import ALICE, FailingStore, Live, all_steps, make
from tests.waiting import wait_until

DEADLINE_MS = 60_000
PROJECT = Path(__file__).parents[3]


class Closer:
    """Takes handed-over ends, and writes them on demand."""

    def __init__(self, store, *, takes=True):
        self.store = store
        self.takes = takes
        self.events = []
        self.ended = []
        self.live = []

    def __call__(self, event):
        self.events.append(json.loads(json.dumps(event)))
        return self.takes

    def write(self, store=None, *, tries=1_000):
        [event] = self.events
        left = iter(range(tries))
        return write_handed_over(
            store or self.store,
            HandedOverEnd.of_event(event),
            send=lambda messages: self.live.extend(messages) or len(messages),
            on_end=self.ended.append,
            give_up=lambda: next(left, None) is None,
        )


def unrecorded(step):
    return json.loads(step.metadata_json).get("unrecorded")


def test_an_end_that_nobody_waits_for_may_take_until_the_deadline(store, clock, brief):
    failing = FailingStore(store, ["fine", *["before"] * 30])
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, awaited=False, monotonic=lambda: 0.0)
    recorder.claim()
    for number in range(1, 100):
        recorder.record("thinking", f"step {number}")
    report = recorder.end(RunStatus.COMPLETE, "step 100")
    assert (report.recorded, report.degraded, report.end_pending) == (100, False, False)
    assert [step.message for step in all_steps(store)] == [f"step {number}" for number in range(1, 101)]


def test_an_end_that_hangs_is_handed_over_and_written_with_what_is_missing(store, clock, brief):
    failing, closer = FailingStore(store, ["fine", "fine", "hang"]), Closer(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer)
    recorder.claim()
    recorder.record("init")
    wait_until(lambda: store.read("r1").seq == 1)
    for _ in range(3):
        recorder.record("thinking")
    wait_until(lambda: failing.writes == 3)
    report = recorder.end(RunStatus.COMPLETE, "Done", result={"roof": "flat"}, metadata={"calls": 3})
    assert (report.end_pending, report.degraded, report.stop) == (True, True, None)
    assert store.read("r1").status is RunStatus.IN_PROGRESS

    assert closer.write()
    failing.hang.set()
    run = store.read("r1")
    assert (run.status, run.result, run.seq) == (RunStatus.COMPLETE, {"roof": "flat"}, 2)
    assert (run.steps[-1].step, run.steps[-1].live_status, unrecorded(run.steps[-1])) == (
        "complete", "agent_complete", 3,
    )  # fmt: skip
    assert json.loads(run.steps[-1].metadata_json)["calls"] == 3
    assert [(message["seq"], message["status"]) for message in closer.live] == [(2, "agent_complete")]
    assert [(ended.status, ended.steps) for ended in closer.ended] == [(RunStatus.COMPLETE, 2)]
    assert closer.write() is False  # delivered again


def test_a_late_write_of_the_worker_may_land_while_the_closer_writes(store, clock, brief):
    """Its steps are kept, and the end follows them."""
    failing, closer = FailingStore(store, ["fine", "hang"]), Closer(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer)
    recorder.claim()
    recorder.record("thinking", "late")
    wait_until(lambda: failing.writes == 2)
    late = dict(failing.last_append)
    recorder.end(RunStatus.COMPLETE, "Done")

    class Crossed(FailingStore):
        def append(self, *args, **kwargs):
            if self.writes == 1:  # its claim
                self.writes += 1
                store.append("r1", **late)
            return super().append(*args, **kwargs)

    assert closer.write(Crossed(store))
    failing.hang.set()
    assert [(step.seq, step.step) for step in all_steps(store)] == [(1, "thinking"), (2, "complete")]
    assert unrecorded(all_steps(store)[-1]) is None


@pytest.mark.parametrize("fates", [["before"], ["after"], ["fine", "before"], ["fine", "after", "before"]])
def test_the_closer_tries_again(store, clock, brief, fates):
    closer = handed_over(store, clock)
    assert closer.write(FailingStore(store, fates))
    assert [step.step for step in all_steps(store)] == ["complete"]


def test_a_closer_whose_time_is_over_asks_to_be_called_again(store, clock, brief):
    closer = handed_over(store, clock)
    with pytest.raises(Unavailable):
        closer.write(FailingStore(store, ["before"] * 5), tries=5)
    assert closer.write()


def test_a_run_that_could_not_be_claimed_in_time_is_claimed_by_its_closer(store, clock, brief, monkeypatch):
    monkeypatch.setattr(limits, "CLAIM_WAIT_SECONDS", 0.01)
    failing, closer = FailingStore(store, ["hang"]), Closer(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer, job_id="j1")
    assert recorder.claim() is Claim.UNANSWERED
    recorder.record("init")
    assert recorder.end(RunStatus.ERROR, "Failed", error="Failed").end_pending
    assert closer.write()
    failing.hang.set()
    run = store.read("r1")
    assert (run.status, run.error, run.owner, run.job_id, run.worker) == (
        RunStatus.ERROR, "Failed", ALICE, "j1", "w1",
    )  # fmt: skip
    assert unrecorded(run.steps[-1]) == 1


@pytest.mark.parametrize("other", ["another worker", "closed", "cancelled"])
def test_a_handed_over_end_yields_to_another(store, clock, brief, other):
    closer = handed_over(store, clock, claimed=other != "another worker")
    if other == "another worker":
        store.claim("r1", worker="w2", owner=ALICE, agent="terrain", job_id=None, lease_until_ms=clock() + 15_000)
    else:
        clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
        end = {"closed": lambda: close_dead(store, "r1", now_ms=clock)}
        end.get(other, lambda: cancel(store, ALICE, "r1", now_ms=clock))()
    before = store.read("r1")
    assert closer.write() is False
    assert store.read("r1") == before


def test_a_pause_that_is_handed_over_ends_if_a_cancel_was_asked_for(store, clock, brief):
    closer = handed_over(store, clock, status=RunStatus.WAITING)
    cancel(store, ALICE, "r1", now_ms=clock)
    assert closer.write()
    assert [step.step for step in all_steps(store)] == ["waiting", "cancelled"]
    assert store.read("r1").status is RunStatus.CANCELLED


def test_the_largest_end_in_any_script_fits_in_one_asynchronous_invocation(store, clock, brief):
    closer, failing = Closer(store), FailingStore(store, ["fine", "hang"])
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer)
    recorder.claim(wait_seconds=10)
    text = "é" * (limits.RESULT_MAX_BYTES // 2 - 1)
    questions = {"interrupts": [{"id": "1", "name": "q", "reason": text[:32_000]}], "more": text[:4_000]}
    assert recorder.end(RunStatus.WAITING, "é" * 1_000, result=text, error="é" * 2_000, metadata=questions).end_pending
    failing.hang.set()
    sent = []

    class Client:
        """Takes what Lambda's client takes."""

        def invoke(self, *, FunctionName, InvocationType, Payload):  # noqa: N803 - boto3's names
            sent.append(Payload)

    assert EndHandover(Client, "run_closer").send(closer.events[0])
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert len(sent[0]) <= 256 * 1024
    assert json.loads(sent[0])[HANDED_OVER_END]["result"] == json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"requestId": "r1#2"},
        {"requestId": "\ud800"},
        {"requestId": str(uuid5(NAMESPACE_URL, "terrain/1"))},
        {"requestId": None},
        {"worker": None},
        {"jobId": "#"},
        {"tenantId": "acme#alice"},
        {"userId": None},
    ],
)
def test_a_handed_over_end_names_its_run_and_owner_as_any_event_does(store, clock, brief, wrong):
    [event] = handed_over(store, clock).events
    with pytest.raises((InvalidInput, TypeError)):
        HandedOverEnd.of_event({HANDED_OVER_END: event[HANDED_OVER_END] | wrong})


def test_a_handed_over_end_finds_its_run_in_any_case(store, clock, brief):
    [event] = handed_over(store, clock).events
    upper = "123E4567-E89B-12D3-A456-426614174000"
    handed = HandedOverEnd.of_event({HANDED_OVER_END: event[HANDED_OVER_END] | {"requestId": upper}})
    assert handed.assignment.request_id == upper.lower()


def handed_over(store, clock, *, claimed=True, status=RunStatus.COMPLETE):
    """A run whose end its worker could not store, and has handed over."""
    closer, failing = Closer(store), FailingStore(store, ["fine", "hang"] if claimed else ["hang"])
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer)
    recorder.claim(wait_seconds=10 if claimed else 0)
    assert recorder.end(status, "Done").end_pending
    failing.hang.set()
    return closer


def test_near_its_bound_the_end_is_written_alone(store, clock, brief, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_MAX_BYTES", 1024)
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 10)
    monkeypatch.setattr(limits, "END_ALONE_SECONDS", 10)
    monkeypatch.setattr(limits, "HAND_OVER_SECONDS", 0)
    failing, live = FailingStore(store, ["fine", "hang"]), Live(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, send=live)
    recorder.claim()
    recorder.record("init")
    wait_until(lambda: failing.writes == 2)
    for _ in range(100):
        recorder.record("thinking")
    recorder.queue_end(RunStatus.COMPLETE, "Done", result="flat")
    wait_until(lambda: recorder._writer._end_alone)
    failing.hang.set()
    report = recorder.await_end()
    run = store.read("r1")
    assert [step.step for step in all_steps(store)] == ["init", "complete"]
    assert (run.status, run.result, unrecorded(run.steps[-1])) == (RunStatus.COMPLETE, "flat", 100)
    assert (report.recorded, report.unrecorded, report.degraded, report.end_pending) == (2, 100, True, False)
    assert [message["seq"] for message in live.messages] == [1, 2]


@pytest.mark.parametrize("fate", ["before", "after"])
def test_what_was_in_flight_when_the_end_comes_alone_is_kept_once(store, clock, brief, fate, monkeypatch):
    """Whether the write in flight has landed decides the number of the end, not whether there is one."""
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 10)
    monkeypatch.setattr(limits, "END_ALONE_SECONDS", 10)
    monkeypatch.setattr(limits, "HAND_OVER_SECONDS", 0)
    failing, live = FailingStore(store, ["fine", "pause"]), Live(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, send=live)
    recorder.claim()
    recorder.record("init")
    wait_until(lambda: failing.writes == 2)
    recorder.record("thinking")
    recorder.queue_end(RunStatus.COMPLETE, "Done")
    wait_until(lambda: recorder._writer._end_alone)
    failing.script([fate])
    failing.hang.set()
    recorder.await_end()
    assert [(step.seq, step.step) for step in all_steps(store)] == [(1, "init"), (2, "complete")]
    assert [message["seq"] for message in live.messages] == [1, 2]


def test_outside_a_lambda_nothing_is_dropped(store, clock, brief):
    failing = FailingStore(store, ["fine", "hang"])
    recorder = make(failing, clock, monotonic=lambda: 0.0)
    recorder.claim()
    for _ in range(50):
        recorder.record("thinking")
    report = recorder.end(RunStatus.COMPLETE, "Done")
    assert (report.end_pending, report.degraded) == (True, True)
    failing.hang.set()
    wait_until(lambda: store.read("r1").status is RunStatus.COMPLETE)
    assert len(all_steps(store)) == 51
    assert unrecorded(all_steps(store)[-1]) is None


def test_an_end_for_want_of_time_is_handed_over_too(store, clock, brief, monkeypatch):
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.001)
    monkeypatch.setattr(limits, "ANSWER_SECONDS", limits.DEADLINE_MARGIN_MS / 1000 - 0.2)
    stops, closer = [], Closer(store)
    failing = FailingStore(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer, on_stop=stops.append)
    recorder.claim()
    failing.script(["before"] * 100_000)
    clock.now_ms += DEADLINE_MS - limits.DEADLINE_MARGIN_MS
    wait_until(lambda: closer.events)
    failing.script([])
    assert stops == [Stop.TIME_UP]
    assert closer.write()
    run = store.read("r1")
    assert (run.status, run.error) == (RunStatus.ERROR, "The worker's time was up before the run had ended.")
    assert recorder.end(RunStatus.COMPLETE, "Done").stop is Stop.TIME_UP


def test_an_end_is_handed_over_even_if_the_watching_thread_does_not_get_to_run(store, clock, brief, monkeypatch):
    """What answers without handing over is frozen by Lambda: its run would read as lost."""
    freed = threading.Event()
    work = EndWatch.work
    monkeypatch.setattr(EndWatch, "work", lambda watch: freed.wait(60) and work(watch))
    closer, failing = Closer(store), FailingStore(store)
    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=closer, monotonic=time.monotonic)
    recorder.claim()
    failing.script(["before"] * 100_000)
    assert recorder.end(RunStatus.COMPLETE, "Done").end_pending
    freed.set()
    assert closer.write()
    assert store.read("r1").status is RunStatus.COMPLETE


def test_an_end_is_handed_over_once(store, clock, brief):
    """Whoever waits for the end does not wait for the thread that is handing it over."""
    handing, freed = threading.Event(), threading.Event()
    closer, failing = Closer(store), FailingStore(store)

    def hand_over(event):
        handing.set()
        return freed.wait(60) and closer(event)

    recorder = make(failing, clock, remaining_ms=DEADLINE_MS, hand_over=hand_over, monotonic=time.monotonic)
    recorder.claim()
    failing.script(["before"] * 100_000)
    recorder.queue_end(RunStatus.COMPLETE, "Done")
    assert handing.wait(60)
    assert recorder.await_end().end_pending
    freed.set()
    wait_until(lambda: closer.events)
    assert closer.write()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_without_threads_nothing_is_claimed_and_the_end_is_handed_over(store, clock, brief, monkeypatch, which):
    """A run that is claimed, and that nobody could end, would read as live for ever."""
    started = []

    def start(thread, *, really=threading.Thread.start):
        if len(started) == which:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        really(thread)
        if thread.name == "recorder-r1":  # it writes the record, and may claim the run before the next thread starts
            wait_until(lambda: store.read("r1"))

    closer = Closer(store)
    recorder = make(store, clock, remaining_ms=DEADLINE_MS, hand_over=closer)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert recorder.claim() is Claim.UNANSWERED
    recorder.record("init")
    assert store.read("r1") is None
    assert recorder.end(RunStatus.COMPLETE, "Done").end_pending
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()
    assert closer.write()
    assert unrecorded(store.read("r1").steps[-1]) == 1


def test_an_end_is_stored_though_memory_and_permissions_were_missing_for_a_while(store, clock, brief):
    """Outside Lambda, nobody else writes it: its worker tries again as long as its process lives."""
    failing = FailingStore(store)
    recorder = make(failing, clock)
    recorder.claim()
    failing.script(["before"] * 3 + ["hang", "no memory", "no memory"])
    assert recorder.end(RunStatus.COMPLETE, "Done").end_pending
    failing.hang.set()
    wait_until(lambda: store.read("r1").status is RunStatus.COMPLETE)


@pytest.mark.parametrize("wrong", [{"status": "in_progress"}, {"metadata": "["}, {"metadata": "[]"}, {"result": "{"}])
def test_a_handed_over_end_whose_record_nobody_could_read_is_refused(store, clock, brief, wrong):
    [event] = handed_over(store, clock).events
    with pytest.raises((TypeError, ValueError)):
        HandedOverEnd.of_event({HANDED_OVER_END: event[HANDED_OVER_END] | wrong})

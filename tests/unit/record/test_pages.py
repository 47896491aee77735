"""Long runs: their earlier steps are on pages, which readers do not notice."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.items import stored_size_bytes, stored_step, to_item
from runcast.record.model import Run, RunStatus, Step
from runcast.record.reader import read_progress
from tests.unit.conftest import START_MS
from tests.unit.record.recording import ALICE, FailingStore, Live, all_steps, make
from tests.waiting import wait_until


class Meter:
    """A record in memory, which counts its writes and what DynamoDB would charge: a unit for each KB of the item."""

    def __init__(self):
        self.writes = 0
        self.units = 0
        self.pages_read = 0
        self._pages = {}
        self._run = None

    def learn_time(self):
        """The clock is the test's."""

    def claim(self, request_id, *, worker, owner, agent, job_id, lease_until_ms, part, **_):
        now, never_epoch_s = START_MS, 2**33
        times = (now, now, never_epoch_s, never_epoch_s, lease_until_ms)
        self._run = Run(request_id, owner, agent, RunStatus.IN_PROGRESS, 0, (), *times)
        return self._run

    def append(self, request_id, *, expected_seq, steps=(), pages=(), end=None, **_):
        run = self._run
        assert run.seq == expected_seq
        last_on_page = pages[-1] if pages else 0
        self._run = replace(
            run,
            status=end.status if end else run.status,
            seq=run.seq + len(steps),
            steps=tuple(step for step in (*run.steps, *steps) if step.seq > last_on_page),
            pages=(*run.pages, *pages),
        )
        self._count(max(size_of(run.steps, run.pages), size_of(self._run.steps, self._run.pages)))

    def put_page(self, request_id, owner, steps, *, expires_at_epoch_s, claim_number):
        self._pages[steps[-1].seq] = list(steps)
        self._count(size_of(steps))

    def read(self, request_id):
        return self._run

    def read_pages(self, request_id, owner, last_seqs):
        self.pages_read += len(last_seqs)
        return [step for last in last_seqs for step in self._pages[last]]

    def _count(self, size_bytes):
        self.writes += 1
        self.units += -(-size_bytes // 1024)


def size_of(steps, pages=()):
    return len(json.dumps(to_item({"steps": [stored_step(step) for step in steps], "pages": list(pages)})))


def record(store, clock, steps, **more):
    recorder = make(store, clock, **more)
    for n in range(1, steps + 1):
        recorder.record("thinking", f"step {n}")
    recorder.claim()
    return recorder


def read_on(store, clock, after_seq=None):
    """Read to the end; return the answers."""
    answers = [read_progress(store, ALICE, "r1", after_seq, now_ms=clock)]
    while (after_seq := answers[-1]["nextSeq"]) is not None:
        answers.append(read_progress(store, ALICE, "r1", after_seq, now_ms=clock))
    return answers


def test_ten_thousand_steps_are_read_in_full_and_cost_ten_times_a_thousand(clock):
    short, long = Meter(), Meter()
    for meter, steps in ((short, 1_000), (long, 10_000)):
        report = record(meter, clock, steps - 1).end(RunStatus.COMPLETE, "Done")
        assert (report.recorded, report.unrecorded) == (steps, 0)
    assert short.writes <= 100
    assert 9 < long.units / short.units < 11

    answers = read_on(long, clock)
    steps = [step for answer in answers for step in answer["steps"]]
    assert [step["seq"] for step in steps] == list(range(1, 10_001))
    assert [step["message"] for step in steps[:-1]] == [f"step {n}" for n in range(1, 10_000)]
    assert all(len(answer["steps"]) <= limits.READ_MAX_STEPS for answer in answers)


def test_steps_that_come_one_by_one_cost_no_more_than_their_page(clock):
    """Each write costs its item, so a step costs half a page on average, however long the run."""
    cost = {}
    for steps in (100, 800):
        meter = Meter()
        recorder = make(meter, clock)
        recorder.claim()
        for n in range(steps):
            recorder.record("thinking", f"step {n}")
            wait_until(lambda n=n, recorder=recorder: recorder._writer.seq > n)
        recorder.end(RunStatus.COMPLETE, "Done")
        cost[steps] = meter.units
    assert 6 < cost[800] / cost[100] < 10


def test_only_pages_that_hold_newer_steps_are_read(clock):
    meter = Meter()
    record(meter, clock, 1_000).end(RunStatus.COMPLETE, "Done")
    pages = meter.read("r1").pages
    assert len(pages) > 5
    for after_seq, expected in ((pages[-1], 0), (pages[-1] - 1, 1), (pages[-3], 2), (2_000, 0)):
        meter.pages_read = 0
        read_progress(meter, ALICE, "r1", after_seq, now_ms=clock)
        assert meter.pages_read == expected


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(limits, "PAGE_MAX_BYTES", 1024)


def test_no_reader_sees_the_seam(store, dynamodb, clock, small_pages):
    live = Live(store)
    report = record(store, clock, 30, send=live).end(RunStatus.COMPLETE, "Done", result="flat")
    run = store.read("r1")
    assert len(run.pages) > 3
    for after_seq in (None, *run.pages, *(last - 1 for last in run.pages)):
        [answer] = read_on(store, clock, after_seq)
        assert [step["seq"] for step in answer["steps"]] == list(range((after_seq or 0) + 1, 32))
    assert (report.recorded, report.degraded, run.result) == (31, False, "flat")
    assert [message["seq"] for message in live.messages] == list(range(1, 32))
    assert live.too_early == []


def test_a_page_holds_steps_owner_claim_and_end_of_life_and_is_in_no_index(store, dynamodb, clock, small_pages):
    record(store, clock, 12).end(RunStatus.COMPLETE, "Done")
    run = store.read("r1")
    page = dynamodb.get_item(TableName="AgentProgress", Key=to_item({"requestId": f"r1#{run.pages[0]}"}))["Item"]
    # An item needs both keys of an index to be in it: `createdAt` of `byOwner`, `openSince` of `byOpen`.
    assert set(page) == {"requestId", "owner", "steps", "expiresAt", "claim"}
    assert page["expiresAt"] == {"N": str(run.expires_at_epoch_s + limits.QUESTION_RETENTION_SECONDS)}
    assert store.read(f"r1#{run.pages[0]}") is None


def test_no_item_holds_more_than_a_page_of_steps(store, dynamodb, clock):
    recorder = make(store, clock)
    recorder.claim()
    for n in range(7):
        recorder.record("thinking", "é" * 999, metadata={"text": "x" * (1_500 * n)})
    recorder.end(RunStatus.COMPLETE, "Done", result="y" * 60_000)
    sizes = [sum(stored_size_bytes(step) for step in steps) for steps in (store.read("r1").steps, *pages_of(store))]
    assert len(sizes) > 2
    assert max(sizes) <= limits.PAGE_MAX_BYTES


def test_the_greatest_step_fits_on_a_page():
    text, name = "💧" * limits.MESSAGE_MAX_CHARACTERS, "💧" * limits.NAME_MAX_CHARACTERS
    step = Step(name, text, 10**9 / 7, 10**15, 10**6, name, name, name, json.dumps("x" * limits.METADATA_MAX_BYTES))
    assert len(json.dumps(stored_step(step), default=str, ensure_ascii=False).encode()) <= stored_size_bytes(step)
    assert stored_size_bytes(step) <= limits.PAGE_MAX_BYTES


@pytest.mark.parametrize("fates", [["fine", "fine", fate, *more] for fate in ("before", "after") for more in
                                   ([], ["before"], ["after"], ["before", "after"])])  # fmt: skip
def test_a_page_and_the_write_that_lists_it_may_fail_in_any_way(store, clock, small_pages, fates):
    """The first write fills the item, the second puts its page, the third lists it."""
    failing = FailingStore(store, fates)
    report = record(failing, clock, 9).end(RunStatus.COMPLETE, "Done")
    assert [step.seq for step in all_steps(store)] == list(range(1, 11))
    assert len(store.read("r1").pages) >= 1
    assert not report.degraded


def test_a_page_whose_worker_died_before_listing_it_is_never_read(store, dynamodb, clock, small_pages):
    failing = FailingStore(store, ["fine", "fine", "fine", "hang"])
    recorder = record(failing, clock, 9)
    wait_until(lambda: failing.writes == 4)
    run = store.read("r1")
    assert len(dynamodb.scan(TableName="AgentProgress")["Items"]) == 3  # two pages are there
    assert run.pages == ()
    answer = read_progress(store, ALICE, "r1", now_ms=clock)
    assert [step["seq"] for step in answer["steps"]] == list(range(1, run.seq + 1))
    failing.hang.set()
    recorder.end(RunStatus.COMPLETE, "Done")
    assert [step.seq for step in all_steps(store)] == list(range(1, 11))


def test_a_new_run_under_an_expired_id_does_not_see_the_old_pages(store, clock, small_pages):
    record(store, clock, 12).end(RunStatus.COMPLETE, "Done")
    assert store.read("r1").pages
    clock.now_ms += limits.RETENTION_SECONDS * 1000
    store.create("r1", owner=ALICE, agent="terrain")
    record(store, clock, 1).end(RunStatus.COMPLETE, "Done")
    assert [step["message"] for step in read_on(store, clock)[0]["steps"]] == ["step 1", "Done"]


def test_a_page_that_is_gone_is_not_passed_over(store, dynamodb, clock, small_pages):
    record(store, clock, 12).end(RunStatus.COMPLETE, "Done")
    dynamodb.delete_item(TableName="AgentProgress", Key=to_item({"requestId": f"r1#{store.read('r1').pages[0]}"}))
    with pytest.raises(StoreUnavailable, match="Read it again"):
        read_progress(store, ALICE, "r1", now_ms=clock)


def test_a_run_over_its_limit_drops_visibly_and_still_ends(store, clock, small_pages, monkeypatch):
    monkeypatch.setattr(limits, "PAGES_MAX", 2)
    report = record(store, clock, 30).end(RunStatus.COMPLETE, "Done", metadata={"text": "z" * 900})
    steps = all_steps(store)
    assert len(store.read("r1").pages) == 2
    assert [step.seq for step in steps] == list(range(1, report.recorded + 1))
    assert steps[-1].step == "complete"
    assert json.loads(steps[-1].metadata_json)["unrecorded"] == report.unrecorded == 31 - report.recorded > 0


def pages_of(store):
    run = store.read("r1")
    steps = store.read_pages("r1", run.owner, run.pages)
    return [[step for step in steps if first < step.seq <= last] for first, last in pairwise((0, *run.pages))]

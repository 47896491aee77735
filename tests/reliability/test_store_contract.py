"""Runs the record's own tests of moto on every other engine, because conditions must mean the same everywhere."""

from __future__ import annotations

import pytest

from runcast.record.listing import list_runs
from runcast.record.model import Owner, RunStatus
from runcast.record.reader import read_progress
from tests.reliability.backends import why_no_judge
from tests.unit.record.recording import ALICE, make
from tests.unit.record.test_close import TestCancel, TestCloseDead, TestEndUnclaimed, TestTheLoser, create, work
from tests.unit.record.test_store import TestAppend, TestClaim, TestCreate, TestCreateInJob, TestRead
from tests.unit.record.test_turns import TestConversations, TestTurns

__all__ = [
    "TestAppend",
    "TestCancel",
    "TestClaim",
    "TestCloseDead",
    "TestConversations",
    "TestCreate",
    "TestCreateInJob",
    "TestEndUnclaimed",
    "TestRead",
    "TestTheLoser",
    "TestTurns",
    "create",
    "work",
]


def test_the_judge_is_here():
    """Where it is not, this one test says why."""
    if why_no_judge():
        pytest.skip(str(why_no_judge()))


def test_a_long_run_is_kept_in_pages_and_read_without_a_seam(store, clock):
    recorder = make(store, clock)
    for n in range(1, 1_200):
        recorder.record("thinking", f"step {n}", metadata={"n": n})
    recorder.claim()
    report = recorder.end(RunStatus.COMPLETE, "Done", result="flat")
    assert (report.recorded, report.degraded) == (1_200, False)
    assert len(store.read("r1").pages) > 5
    seqs, after_seq = [], 0
    while after_seq is not None:
        answer = read_progress(store, ALICE, "r1", after_seq, now_ms=clock)
        seqs += [step["seq"] for step in answer["steps"]]
        after_seq = answer["nextSeq"]
    assert seqs == list(range(1, 1_201))


def test_runs_are_listed_by_owner_newest_first(store, clock):
    for n in range(5):
        store.create(f"a{n}", owner=ALICE, agent="terrain")
        store.create(f"b{n}", owner=Owner("acme", "bob"), agent="terrain")
        clock.now_ms += 1
    ids, cursor = [], None
    while cursor or not ids:
        answer = list_runs(store, ALICE, limit=2, cursor=cursor, now_ms=clock)
        ids += [run["requestId"] for run in answer["runs"]]
        cursor = answer["nextCursor"]
    assert ids == ["a4", "a3", "a2", "a1", "a0"]

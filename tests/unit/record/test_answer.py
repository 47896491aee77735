"""Answers that compete: whatever comes between the read of a record and the write, one of them counts, and only one."""

from __future__ import annotations

import json

import pytest

from runcast import limits
from runcast.errors import Conflict
from runcast.record.answer import answer
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import ANSWERED, EndReason, RunStatus, Step
from runcast.record.store import End, Lives
from tests.unit.record.recording import ALICE

NO_ANSWER = "The run waited for an answer, and nobody gave one in time."


@pytest.fixture
def waiting(store, clock):
    """A run that waits for the answer to one question."""
    lease = clock.now_ms + limits.LEASE_MS
    run = store.claim("r1", worker="w/1", owner=ALICE, agent="buyer", job_id=None, lease_until_ms=lease)
    asked = json.dumps({"interrupts": [{"id": "q", "name": "approve"}]})
    store.append(
        "r1", worker="w/1", expected_seq=0, lease_until_ms=lease,
        steps=[Step("waiting", "", 0.0, clock.now_ms, 1, metadata_json=asked)],
        end=End(RunStatus.WAITING, snapshot_key="snapshots/x"),
        lives=Lives(run.expires_at_epoch_s, run.pages_expire_at_epoch_s),
    )  # fmt: skip
    return store.read("r1")


def give(store, clock, given, meanwhile=lambda: None):
    """Answer; `meanwhile` happens after the record was read and before it is written."""
    once = [meanwhile]
    return answer(
        store, ALICE, "r1", {"q": given}, key_of=lambda run, part: f"answers/{part}/{given}", now_ms=clock,
        put=lambda key: once.pop()() if once else None,
    )  # fmt: skip


def overtaken(store, monkeypatch, method, meanwhile):
    """Let something happen just before the store's next call of this method."""
    real = getattr(store, method)

    def late(*args, **kwargs):
        monkeypatch.setattr(store, method, real)
        meanwhile()
        return real(*args, **kwargs)

    monkeypatch.setattr(store, method, late)


def test_of_two_different_answers_at_once_one_counts(store, clock, waiting):
    with pytest.raises(Conflict) as refused:
        give(store, clock, "no", lambda: give(store, clock, "yes"))
    assert str(refused.value) == "This run does not wait for an answer: it was answered, and is in_progress."
    run = store.read("r1")
    assert (run.part, run.answers_key, [step.step for step in run.steps]) == (
        2, "answers/1/yes", ["waiting", ANSWERED],
    )  # fmt: skip


def test_the_same_answer_twice_at_once_counts_once_and_both_succeed(store, clock, waiting):
    result = give(store, clock, "yes", lambda: give(store, clock, "yes"))
    assert (result.run, result.update) == (store.read("r1"), None)
    assert [step.step for step in result.run.steps] == ["waiting", ANSWERED]


def test_an_answer_that_a_cancel_overtakes_is_refused(store, clock, waiting):
    with pytest.raises(Conflict) as refused:
        give(store, clock, "yes", lambda: cancel(store, ALICE, "r1", now_ms=clock))
    assert str(refused.value) == "This run does not wait for an answer: it is cancelled."
    run = store.read("r1")
    assert (run.status, run.part, run.answers_key) == (RunStatus.CANCELLED, 1, None)


def test_a_cancel_that_an_answer_overtakes_cancels_the_next_part(store, clock, waiting, monkeypatch):
    overtaken(store, monkeypatch, "end", lambda: give(store, clock, "yes"))
    result = cancel(store, ALICE, "r1", now_ms=clock)
    assert (result.run.status, result.run.part) == (RunStatus.CANCELLED, 2)
    assert [step.step for step in store.read("r1").steps] == ["waiting", ANSWERED, "cancelled"]


def too_late(clock, run):
    clock.now_ms = run.lease_until_ms + limits.CLOSE_GRACE_MS + 1


def test_an_answer_that_the_sweep_overtakes_is_refused(store, clock, waiting):
    def swept():
        too_late(clock, waiting)
        close_dead(store, "r1", now_ms=clock)

    with pytest.raises(Conflict) as refused:
        give(store, clock, "yes", swept)
    assert str(refused.value) == "This run does not wait for an answer: it is error."
    run = store.read("r1")
    assert (run.reason, run.error) == (EndReason.NOT_ANSWERED, NO_ANSWER)


def test_a_sweep_that_an_answer_overtakes_leaves_the_run_alone(store, clock, waiting, monkeypatch):
    began_ms = clock.now_ms

    def in_time():
        clock.now_ms = began_ms
        give(store, clock, "yes")

    too_late(clock, waiting)
    overtaken(store, monkeypatch, "end", in_time)
    assert close_dead(store, "r1", now_ms=clock) is None
    assert (store.read("r1").status, store.read("r1").part) == (RunStatus.IN_PROGRESS, 2)


def test_an_answer_to_a_record_that_expires_meanwhile_finds_no_run(store, clock, waiting):
    def expire():
        clock.now_ms = waiting.expires_at_ms + 1

    assert give(store, clock, "yes", expire) is None
    assert give(store, clock, "yes") is None


def test_an_answer_in_the_last_moment_counts(store, clock, waiting):
    """The last moment is `EXPIRY_MARGIN_MS` before the record expires."""
    clock.now_ms = waiting.expires_at_ms - limits.EXPIRY_MARGIN_MS
    assert give(store, clock, "yes").run.part == 2


def test_an_answer_after_the_last_moment_is_refused(store, clock, waiting):
    clock.now_ms = waiting.expires_at_ms - limits.EXPIRY_MARGIN_MS + 1
    with pytest.raises(Conflict) as refused:
        give(store, clock, "yes")
    assert str(refused.value) == "This run waited for an answer, and its time is over."

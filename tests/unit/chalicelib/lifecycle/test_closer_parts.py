"""Parts of runs that were answered: handed out again while nothing of them has run, and ended otherwise."""

from __future__ import annotations

import json

import pytest
from chalicelib.lifecycle.closer import close_failed, sweep

from runcast import limits
from runcast.errors import Conflict, RunStopped
from runcast.record.answer import answer
from runcast.record.cancel import cancel
from runcast.record.close import overdue_ids
from runcast.record.model import EndReason, Owner, RunStatus, Step
from runcast.record.store import End

ANA = Owner("acme", "ana")
ID = "123e4567-e89b-12d3-a456-426614174000"
INVOCATION = "e4b46cbf-b738-xmpl-8880-a18cdf61200e"


@pytest.fixture
def results():
    """The results that were announced or handed out."""
    return []


@pytest.fixture
def answered(store, clock):
    """A run in its second part, which no worker has claimed."""
    lease = clock.now_ms + limits.LEASE_MS
    store.claim(ID, worker="first/abc", owner=ANA, agent="buyer", job_id=None, lease_until_ms=lease)
    asked = json.dumps({"interrupts": [{"id": "q", "name": "approve"}]})
    waiting = Step("waiting", "", 0.0, clock.now_ms, 1, metadata_json=asked)
    end = End(RunStatus.WAITING, snapshot_key="snapshots/x")
    until = clock.now_ms + limits.RETENTION_SECONDS * 900
    store.append(ID, worker="first/abc", expected_seq=0, lease_until_ms=until, steps=[waiting], end=end)
    key_of, put = (lambda run, part: f"answers/{part}"), (lambda key: None)
    return answer(store, ANA, ID, {"q": "yes"}, key_of=key_of, put=put).run


def claim(store, clock, part=2, steps=0):
    lease = clock.now_ms + limits.LEASE_MS
    worker = f"{INVOCATION}/def"
    run = store.claim(ID, worker=worker, owner=ANA, agent="buyer", job_id=None, lease_until_ms=lease, part=part)
    if steps:
        step = Step("warm", "", 0.0, clock.now_ms, run.seq + 1)
        store.append(ID, worker=worker, expected_seq=run.seq, lease_until_ms=lease, steps=[step])


def swept(store, clock, results):
    return sweep(store, results.append, remaining_ms=lambda: 60_000, now_ms=clock)


def failed(store, clock, results, part, number, error=None, **more):
    payload = {"requestId": ID, "userId": "ana", "tenantId": "acme", "part": part, "try": number, **more}
    about = {"condition": "RetriesExhausted", "requestId": INVOCATION}
    record = {"requestContext": about, "requestPayload": payload, "responsePayload": {"errorType": error}}
    return close_failed(record, store, results.append, now_ms=clock)


def test_a_part_that_nobody_claims_is_handed_out_three_times_in_all(store, clock, answered, results):
    for tries in (2, 3):
        clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
        assert swept(store, clock, results) == 0
        assert [(result.hand_out, result.run.part, result.run.part_tries) for result in results] == [(True, 2, tries)]
        assert swept(store, clock, results) == 0
        results.clear()
    clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert swept(store, clock, results) == 1
    run = store.read(ID)
    assert (run.status, run.reason, run.part_tries) == (RunStatus.ERROR, EndReason.NEVER_CLAIMED, 3)
    assert run.error == "The run was not started: no worker took it."


def test_a_part_whose_worker_has_the_answers_does_not_find_those_of_an_earlier_part(store, clock, answered):
    claim(store, clock)
    worker, lease = f"{INVOCATION}/def", clock.now_ms + limits.LEASE_MS
    waiting = Step("waiting", "", 0.0, clock.now_ms, answered.seq + 1, metadata_json="{}")
    end = End(RunStatus.WAITING)
    store.append(ID, worker=worker, expected_seq=answered.seq, lease_until_ms=lease, steps=[waiting], end=end)
    run = store.read(ID)
    assert run.answers_key == "answers/1"
    next_part = store.begin_next_part(run, run.next_step("answered", "Answered", clock.now_ms), None)
    assert (next_part.part, next_part.answers_key, store.read(ID).answers_key) == (3, None, None)


def test_the_sweep_finds_a_part_of_a_young_run(store, clock, answered):
    clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert clock.now_ms - answered.created_at_ms < limits.SWEEP_AGE_MS
    assert list(overdue_ids(store, now_ms=clock)) == [ID]


def test_a_worker_that_dies_before_its_first_step_is_replaced(store, clock, answered, results):
    claim(store, clock)
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert swept(store, clock, results) == 0
    [result] = results
    assert (result.hand_out, result.run.worker, result.run.part_tries) == (True, None, 2)
    claim(store, clock)  # and its successor may claim it


def test_a_worker_that_dies_after_its_first_step_ends_the_run(store, clock, answered, results):
    claim(store, clock, steps=1)
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert swept(store, clock, results) == 1
    run = store.read(ID)
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.WORKER_DIED)


def test_a_failure_report_counts_for_the_current_part_and_try_only(store, clock, answered, results):
    for part, number in ((2, 2), (3, 1)):
        assert failed(store, clock, results, part, number) == 0
        assert store.read(ID) == answered
    assert results == []
    assert failed(store, clock, results, 1, 1) == 0  # perhaps the next part was not asked for
    assert (results.pop().hand_out, store.read(ID)) == (True, answered)
    assert failed(store, clock, results, 2, 1) == 0
    [result] = results
    assert (result.hand_out, result.run.part_tries) == (True, 2)
    assert failed(store, clock, results, 2, 1) == 0  # delivered twice
    assert len(results) == 1


def test_a_failure_report_ends_a_part_that_has_begun(store, clock, answered, results):
    claim(store, clock, steps=1)
    assert failed(store, clock, results, 2, 1) == 1
    assert store.read(ID).reason == EndReason.WORKER_DIED


@pytest.mark.parametrize("error", [Conflict, RunStopped])
def test_a_second_delivery_that_did_not_get_the_run_says_nothing_about_the_worker_that_has_it(
    store, clock, answered, results, error
):
    claim(store, clock, steps=1)
    assert failed(store, clock, results, 2, 1, error.__name__) == 0
    assert store.read(ID).status is RunStatus.IN_PROGRESS
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1  # that worker has died, too
    assert failed(store, clock, results, 2, 1, error.__name__) == 1
    assert store.read(ID).reason == EndReason.WORKER_DIED


def test_a_failure_of_an_earlier_run_says_nothing_about_a_later_one_with_its_id(store, clock, answered, results):
    created_at_ms = answered.created_at_ms
    assert failed(store, clock, results, 2, 1, createdAt=created_at_ms - 1) == 0
    assert (results, store.read(ID)) == ([], answered)
    assert failed(store, clock, results, 2, 1, createdAt=created_at_ms) == 0
    assert [result.hand_out for result in results] == [True]


def test_the_worker_of_the_first_part_cannot_write_any_more(store, clock, answered):
    from runcast.errors import AppendRefused

    step = Step("thinking", "", 0.0, clock.now_ms, answered.seq + 1)
    with pytest.raises(AppendRefused):
        store.append(ID, worker="first/abc", expected_seq=answered.seq, lease_until_ms=clock.now_ms, steps=[step])


def test_an_answered_run_that_nobody_has_claimed_is_cancelled_at_once(store, clock, answered):
    result = cancel(store, ANA, ID, now_ms=clock)
    assert (result.run.status, result.run.reason) == (RunStatus.CANCELLED, EndReason.CANCEL_REQUESTED)


def test_a_marked_part_that_has_not_begun_is_ended_instead_of_handed_out(store, clock, answered, results):
    claim(store, clock)
    cancel(store, ANA, ID, now_ms=clock)
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert swept(store, clock, results) == 1
    assert store.read(ID).status is RunStatus.ERROR

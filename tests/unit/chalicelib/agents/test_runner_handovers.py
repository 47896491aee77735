"""The hand-over from one part to the next, and what competes with it: cancels, deliveries, deaths and lost writes."""

from __future__ import annotations

from functools import partial

import pytest
from chalicelib.lifecycle import closer
from strands import tool

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.handover import NEXT_PART
from runcast.record.model import Owner, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.parts import ANA, checkpointing, hand_over, invoked, next_part
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("digger")


def test_a_cancel_before_the_hand_over_wins(bench, store, clock, ground, asked):
    @tool
    async def dig() -> str:
        """Dig."""
        cancel(store, ANA, "run-1", now_ms=clock)
        ground.dug.append(1)
        hand_over()
        return "dug"

    checkpointing(bench, dig)
    bench.run(Call("dig"))
    run = store.read("run-1")
    assert (run.status, run.reason, run.part) == (RunStatus.CANCELLED, "cancel_requested", 1)
    assert (asked, invoked(bench)) == ([], [])


def test_a_cancel_between_two_parts_ends_the_run_at_once(bench, store, clock, ground):
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    cancel(store, ANA, "run-1", now_ms=clock)
    assert store.read("run-1").status is RunStatus.CANCELLED
    assert invoked(bench) == []
    assert next_part(bench, event)[0] == 409
    assert ground.dug == [1]


def test_only_the_first_delivery_of_a_part_runs(bench, ground):
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    assert invoked(bench) == [event]
    assert next_part(bench, event, Call("dig", {"metres": 2}), Say("Done"))[0] == 200
    assert next_part(bench, event)[0] == 409
    assert (invoked(bench), ground.dug) == ([], [1, 2])


def test_the_worker_can_be_left_behind_by_another_part(bench, store):
    """A late delivery of the first part's event does not run the second."""
    bench.run(Call("dig", {"late": True}))
    wait_until(lambda: store.read("run-1").part_is_queued)
    assert bench.run()[0] == 409
    assert store.read("run-1").part_is_queued


def test_a_hand_over_whose_invocation_was_lost_is_left_to_the_sweep(bench, store, clock):
    bench.run(Call("dig", {"late": True}))
    clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
    handed_out = []
    closer.sweep(store, handed_out.append, remaining_ms=lambda: 60_000, now_ms=clock)
    assert [(each.hand_out, each.run.part, each.run.part_tries) for each in handed_out] == [(True, 2, 2)]


def test_the_failure_report_of_an_earlier_part_asks_for_the_next_one(bench, store, clock):
    bench.run(Call("dig", {"late": True}))
    before = store.read("run-1")
    dead = partial(close_dead, store, "run-1", owner=Owner("acme", "ana"), invocation="lambda-request-1", now_ms=clock)
    result = dead()
    assert (result.hand_out, result.run, store.read("run-1")) == (True, before, before)
    [event] = invoked(bench)
    next_part(bench, event, Say("Done"))
    assert dead() is None


def test_a_hand_over_that_is_not_stored_in_time_is_written_by_the_closer(bench, store, asked, monkeypatch):
    real = store.append

    def no_hand_over(*args, next_part=None, **kwargs):
        if next_part:
            raise StoreUnavailable("DynamoDB did not answer.")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", no_hand_over)
        patch.setattr(limits, "ADDED_TIME_SECONDS", 0.5)
        _, body = bench.run(Call("dig", {"late": True}))
    assert (body["continuing"], body["endPending"]) == (True, True)
    [event] = asked
    assert closer.write_end(
        event, store, send=len, on_end=bench.ended.append, remaining_ms=lambda: 60_000
    )  # fmt: skip
    assert store.read("run-1").part_is_queued
    assert bench.ended == []
    [event] = invoked(bench)
    assert next_part(bench, event, Say("Done"))[0] == 200


def test_a_frozen_worker_hands_nothing_over_if_another_one_has_the_run(bench, store, clock, ground, asked):
    events = []

    @tool
    async def dig() -> str:
        """Dig."""
        ground.dug.append(1)
        if not events:  # frozen here for so long that its run continues in the second part
            close_dead(store, "run-1", owner=ANA, invocation="lambda-request-1", now_ms=clock)
            events.extend(invoked(bench))
            hand_over()
        return "dug"

    checkpointing(bench, dig)
    status_code, body = bench.run(Call("dig"))
    assert (status_code, "continuing" in body, asked) == (500, False, [])
    [event] = events
    assert store.read("run-1").part_is_queued
    assert next_part(bench, event, Say("Done"))[0] == 200
    run = store.read("run-1")
    assert (run.status, run.part, ground.dug) == (RunStatus.COMPLETE, 2, [1])
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))


def test_an_event_that_names_no_run_is_ignored(bench, caplog):
    assert invoked(bench, {NEXT_PART: 5}) == []
    assert "ignoring the event: it names no run" in caplog.text
    assert invoked(bench, {NEXT_PART: "unknown"}) == []

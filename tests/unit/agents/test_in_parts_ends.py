"""Parts in functions and processes of their own that are refused, stopped or not begun, or that fail."""

from __future__ import annotations

import asyncio
import threading

import pytest
from strands import Agent, ToolContext, tool

from runcast import limits, run_in_parts
from runcast.errors import (
    ConfigurationMissing,
    Conflict,
    NotResumable,
    RunStopped,
    SnapshotUnusable,
    StoreUnavailable,
    Unavailable,
)
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import EndReason, RunStatus
from runcast.record.store import RunStore
from runcast.runs.scope import current_scope
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.ground import ANA, EVENT, read
from tests.unit.conftest import TABLE_NAME
from tests.waiting import wait_until


@pytest.mark.parametrize("other", [{"userId": "bob"}, {"tenantId": "other"}, {"agent": "another"}])
def test_only_the_run_of_the_same_owner_and_agent_is_continued(records, ground, other):
    ground.part(Call("dig", {"late": True}))
    before = read(records)
    with pytest.raises(Conflict):
        ground.part(Say("never"), event={**EVENT, **other})
    assert (read(records), ground.model.calls) == (before, [])


def test_a_run_that_another_worker_has_or_that_has_ended_is_not_continued(dynamodb, ground):
    store = RunStore(dynamodb, TABLE_NAME)  # with the time of this machine
    lease_until_ms = store.now_ms() + 60_000
    store.claim("r1", worker="x/1", owner=ANA, agent="digger", job_id=None, lease_until_ms=lease_until_ms)
    with pytest.raises(Conflict, match="Another worker has already claimed this run"):
        ground.part(Say("never"))
    close_dead(store, "r1", invocation="x")
    with pytest.raises(Conflict, match="has already ended"):
        ground.part(Say("never"))
    assert ground.model.calls == []


def test_a_cancel_wins_over_a_hand_over(records, ground):
    @tool
    async def dig() -> str:
        """Dig."""
        cancel(records, ANA, "r1")
        current_scope().run.stop.hand_over()
        return "dug"

    with pytest.raises(RunStopped):
        ground.part(Call("dig"), tools=[dig])
    assert read(records).status is RunStatus.CANCELLED


def test_a_cancel_that_interrupts_the_agent_leaves_no_result(records, ground):
    @tool
    def dig() -> str:
        """Dig."""
        cancel(records, ANA, "r1")
        run = current_scope().run
        run.recorder.record("executing", "Digging")
        wait_until(lambda: run.stop.reason)
        return "dug"

    with pytest.raises(RunStopped):
        ground.part(Call("dig"), Say("Not reached."), tools=[dig])
    assert read(records).status is RunStatus.CANCELLED


def test_a_cancel_wins_over_a_question(records, ground):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        cancel(records, ANA, "r1")
        return tool_context.interrupt("sure")

    with pytest.raises(RunStopped):
        ground.part(Call("ask"), tools=[ask])
    assert read(records).status is RunStatus.CANCELLED


def test_an_agent_that_its_own_tool_stops_has_a_result(records, ground):
    @tool(context=True)
    def dig(tool_context: ToolContext) -> str:
        """Dig."""
        tool_context.agent.cancel(after_current_tools=True, message="Deep enough")
        return "dug"

    assert str(ground.part(Call("dig"), Say("Not reached."), tools=[dig])).strip() == "Deep enough"
    assert read(records).status is RunStatus.COMPLETE


def test_an_error_of_the_agent_ends_the_run_and_is_raised(records, ground):
    with pytest.raises(Exception, match="no model"):
        ground.part(ValueError("no model"))
    run = read(records)
    assert (run.status, run.error) == (RunStatus.ERROR, "ValueError: no model")


def test_a_state_that_is_gone_ends_the_run(records, ground, bucket):
    ground.part(Call("dig", {"late": True}))
    bucket.delete_object(Bucket="results", Key=read(records).snapshot_key)
    with pytest.raises(SnapshotUnusable):
        ground.part(Say("never"))
    run = read(records)
    assert (run.reason, run.error) == (
        EndReason.SNAPSHOT_UNUSABLE, "The agent's saved state, or the answer, is missing or damaged.",
    )  # fmt: skip


def test_a_bucket_that_does_not_answer_leaves_the_part_to_another_worker(records, ground, monkeypatch):
    ground.part(Call("dig", {"late": True}))
    with monkeypatch.context() as patch:
        patch.setenv("RESULTS_BUCKET", "unknown")
        with pytest.raises(Unavailable, match="The part was not begun here: "):
            ground.part(Say("never"))
    run = read(records)
    assert (run.status, run.part_has_begun) == (RunStatus.IN_PROGRESS, False)


def test_without_a_confirmed_claim_nothing_begins_and_a_later_call_takes_the_run(records, ground, monkeypatch):
    def unanswered(*args, **kwargs):
        raise StoreUnavailable("DynamoDB did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(limits, "PART_BEGIN_SECONDS", 0.1)
        patch.setattr(RunStore, "claim", unanswered)
        with pytest.raises(Unavailable) as raised:
            ground.part(Say("never"))
        wait_until(lambda: not recording())
    assert str(raised.value) == "The run was not begun here: its claim was not confirmed in time."
    assert (records.read("r1"), ground.model.calls) == (None, [])
    assert str(ground.part(Say("Done"))).strip() == "Done"


def test_a_part_whose_first_step_is_not_stored_is_left_to_another_worker(records, ground, monkeypatch):
    ground.part(Call("dig", {"late": True}))

    def unanswered(*args, **kwargs):
        patch.setattr(limits, "PART_BEGIN_SECONDS", 0.1)  # not before the claim
        raise StoreUnavailable("DynamoDB did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "append", unanswered)
        with pytest.raises(Unavailable) as raised:
            ground.part(Say("never"))
        wait_until(lambda: not recording())
    assert str(raised.value) == "The part was not begun here: its first step was not stored in time"
    run = read(records)
    assert (run.status, run.part_has_begun, ground.model.calls) == (RunStatus.IN_PROGRESS, False, [])
    result = close_dead(records, "r1", invocation=run.worker.split("/")[0], part=(2, 1))
    assert (result.hand_out, result.run.part_tries) == (True, 2)
    assert str(ground.part(Say("Done"))).strip() == "Done"
    assert ground.dug == [1]


def recording():
    return [thread for thread in threading.enumerate() if thread.name == "recorder-r1"]


def test_a_state_that_cannot_be_saved_ends_the_run(records, ground, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    monkeypatch.setenv("RESULTS_BUCKET", "unknown")
    with pytest.raises(Unavailable):
        ground.part(Call("dig"))
    run = read(records)
    assert (run.reason, ground.dug) == (EndReason.SNAPSHOT_NOT_SAVED, [])
    assert run.error == "The agent's state could not be saved, so the run could not continue."


def test_a_run_is_not_continued_for_ever(records, ground, monkeypatch):
    ground.part(Call("dig", {"late": True}))
    monkeypatch.setattr(limits, "MAX_RUN_HOURS", -1)
    with pytest.raises(RunStopped):
        ground.part(Say("never"))
    run = read(records)
    assert (run.reason, ground.model.calls) == (EndReason.TIMED_OUT, [])


def test_what_is_missing_is_named(ground, monkeypatch):
    with pytest.raises(NotResumable, match=r"takes an Agent that is built with checkpointing=True\."):
        asyncio.run(run_in_parts(Agent(model=ScriptedModel([])), EVENT))
    for name in ("RESULTS_BUCKET", "AGENT_PROGRESS_TABLE"):
        with monkeypatch.context() as patch:
            patch.delenv(name)
            with pytest.raises(ConfigurationMissing, match=name):
                ground.part(Say("never"))

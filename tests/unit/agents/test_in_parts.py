"""Checkpointing agents in functions and processes of their own: each call is a part, as in another process."""

from __future__ import annotations

import asyncio
import json
import threading

import boto3
import pytest
from strands import Agent, ToolContext, tool

from runcast import idempotent, limits, note_fact, run_in_parts
from runcast.agents.checkpoints import CheckpointedWork
from runcast.errors import (
    AttachmentUnusable,
    ConfigurationMissing,
    Conflict,
    NotResumable,
    RunStopped,
    SnapshotUnusable,
    StoreUnavailable,
    Unavailable,
)
from runcast.record.answer import answer
from runcast.record.attachments import upload_key
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.handover import EndHandover
from runcast.record.model import EndReason, Owner, RunStatus
from runcast.record.objects import PrivateObjects
from runcast.record.store import RunStore
from runcast.runs.scope import current_scope
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.conftest import TABLE_NAME
from tests.waiting import wait_until

ANA = Owner("acme", "ana")
FILE_ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
PNG = b"\x89PNG\r\n\x1a\n"
EVENT = {"requestId": "r1", "userId": "ana", "tenantId": "acme", "agent": "digger", "query": "Dig."}


@pytest.fixture(autouse=True)
def bucket(records, aws, monkeypatch):
    """The bucket that the environment names."""
    monkeypatch.setenv("RESULTS_BUCKET", "results")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="results")
    return client


class Ground:
    """A tool that digs and what has been dug.

    Attributes:
        dug: What has been dug.
        dies: Whether the next worker dies in its tool, as by SIGKILL, and `run_closer` hears of it.
    """

    def __init__(self, store):
        self._store = store
        self.dug = []
        self.dies = False
        self.model = None

    def tool(self, mark=lambda tool: tool):
        @mark
        @tool(context=True)
        async def dig(tool_context: ToolContext, metres: int = 1, late: bool = False) -> str:
            """Dig."""
            self.dug.append(metres)
            note_fact(tool_context, "depth", sum(self.dug), "m")
            if self.dies:
                self.dies = False
                close_dead(self._store, "r1", invocation=current_scope().run.recorder.assignment.worker.split("/")[0])
                raise SystemExit
            if late:
                current_scope().run.stop.hand_over()
            return f"dug {metres} m"

        return dig

    def part(self, *script, tools=(), event=EVENT, **about):
        """Run one part, as in a new process."""
        self.model = ScriptedModel(script)
        self.model.usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
        agent = Agent(
            model=self.model, tools=[*(tools or [self.tool()])], checkpointing=True, callback_handler=None,
        )  # fmt: skip
        return asyncio.run(run_in_parts(agent, event, **about))


@pytest.fixture
def ground(records):
    return Ground(records)


def read(records):
    run = records.read("r1")
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))
    return run


def test_a_run_continues_in_each_call_and_is_one_record_without_a_gap(records, ground):
    assert ground.part(Call("dig", {"late": True})) is None
    assert read(records).part_is_queued
    assert ground.part(Call("dig", {"metres": 2, "late": True})) is None
    assert str(ground.part(Say("Done"))).strip() == "Done"
    run = read(records)
    assert (run.status, run.part, run.owner, ground.dug) == (RunStatus.COMPLETE, 3, ANA, [1, 2])
    assert json.loads(run.result_json) == {"text": "Done", "facts": {"depth": {"value": 3, "unit": "m"}}}
    assert json.loads(run.steps[-1].metadata_json)["usage"]["totalTokens"] == 15
    assert [step.message for step in run.steps if step.step == "continuing"] == ["Continuing in another worker"] * 2


def test_run_closer_is_asked_to_invoke_the_next_part(ground, monkeypatch):
    events = []
    monkeypatch.setenv("RUN_CLOSER_FUNCTION", "run_closer")
    monkeypatch.setattr(EndHandover, "send", lambda self, event: events.append(event))
    ground.part(Call("dig", {"late": True}))
    assert events == [{"nextPart": "r1"}]
    ground.part(Say("Done"))
    assert len(events) == 1


def test_the_event_of_the_next_part_continues_the_run(records, ground):
    assert ground.part(Call("dig", {"late": True})) is None
    event = {key: value for key, value in EVENT.items() if key != "query"} | {"part": 2, "try": 1}
    assert str(ground.part(Say("Done"), event=event)).strip() == "Done"
    assert (read(records).status, ground.dug) == (RunStatus.COMPLETE, [1])
    with pytest.raises(Conflict):
        ground.part(Say("never"), event=event)


@pytest.mark.parametrize(("mark", "dug"), [(lambda tool: tool, [1]), (idempotent, [1, 1])])
def test_after_a_crash_no_tool_runs_twice_unless_it_may(records, ground, mark, dug):
    ground.dies = True
    with pytest.raises(SystemExit):
        ground.part(Call("dig"), tools=[ground.tool(mark)])
    assert read(records).part_is_queued
    assert str(ground.part(Say("Done"), tools=[ground.tool(mark)])).strip() == "Done"
    assert (read(records).status, ground.dug) == (RunStatus.COMPLETE, dug)
    [status] = [block["toolResult"]["status"] for block in ground.model.calls[-1][-1]["content"]]
    assert status == ("error" if dug == [1] else "success")


@pytest.mark.parametrize(("remaining_ms", "at_least", "at_most"), [(60_000, 1, 28.5), (900_000, 700, 777)])
def test_the_run_is_handed_over_in_time_before_the_deadline(ground, monkeypatch, remaining_ms, at_least, at_most):
    """`HANDOVER_SECONDS` before the worker's time is up, but not in the first half of it."""
    handed_over = []
    init = CheckpointedWork.__init__

    def noted(work, *args, **kwargs):
        handed_over.append(kwargs["hand_over_after_seconds"])
        init(work, *args, **kwargs)

    monkeypatch.setattr(CheckpointedWork, "__init__", noted)
    ground.part(Say("Done"), event={**EVENT, "lambdaContext": Context(remaining_ms=remaining_ms)})
    [seconds] = handed_over
    assert at_least < seconds <= at_most


def test_a_process_chooses_when_to_hand_over(records, ground):
    assert ground.part(Say("never"), hand_over_after_seconds=0) is None
    assert ground.model.calls == []
    assert read(records).part_is_queued


def attached(bucket):
    """The event of a run with a picture, which has been uploaded."""
    stored = bucket.put_object(Bucket="results", Key=upload_key(ANA, FILE_ID), Body=PNG)
    named = {"attachmentId": FILE_ID, "name": "site", "contentType": "image/png", "eTag": stored["ETag"]}
    return {**EVENT, "attachments": [named]}


@pytest.mark.parametrize("before", ["the model", "the end"])
def test_files_are_part_of_the_state_and_read_once(records, ground, bucket, before):
    event, at_once = attached(bucket), {"hand_over_after_seconds": 0} if before == "the model" else {}
    assert ground.part(Call("dig", {"late": True}), event=event, **at_once) is None
    bucket.delete_object(Bucket="results", Key=upload_key(ANA, FILE_ID))
    assert str(ground.part(Say("Done"), event=event)).strip() == "Done"
    assert read(records).status is RunStatus.COMPLETE
    image = {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert ground.model.calls[-1][0]["content"] == [{"text": "Dig."}, image]


def test_a_file_that_is_gone_ends_the_run_with_its_reason(records, ground, bucket):
    event = attached(bucket)
    bucket.delete_object(Bucket="results", Key=upload_key(ANA, FILE_ID))
    with pytest.raises(AttachmentUnusable):
        ground.part(Say("never"), event=event)
    assert (read(records).status, read(records).reason) == (RunStatus.ERROR, EndReason.ATTACHMENT_UNUSABLE)


def test_questions_are_answered_in_a_later_part(records, ground, bucket):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        return f"the user said {tool_context.interrupt('sure', reason='?')}"

    ids = []
    for part, given in enumerate(["yes", "no"], 1):
        [question] = ground.part(Call("ask"), tools=[ask]).interrupts
        run = read(records)
        assert run.status is RunStatus.WAITING
        [asked] = json.loads(run.steps[-1].metadata_json)["interrupts"]
        ids.append(question.id)
        assert asked == {"id": f"{part}:{question.id}", "name": "sure", "reason": "?"}
        answers = {asked["id"]: given}

        def put(key, answers=answers):
            bucket.put_object(Bucket="results", Key=key, Body=json.dumps(answers))

        answer(records, ANA, "r1", answers, key_of=lambda run, part: f"answers/x/r1/{part}", put=put)
    assert str(ground.part(Say("{tool_result}"), tools=[ask])).strip() == "the user said no"
    assert (len(set(ids)), read(records).status) == (1, RunStatus.COMPLETE)  # the model has used its ids again


def test_saving_the_state_of_an_agent_that_asks_is_retried(records, ground, monkeypatch):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        failures.extend([Unavailable("no answer")] * 2)
        return tool_context.interrupt("sure")

    put, failures = PrivateObjects.put, []

    def failing(objects, key, text):
        if failures:
            raise failures.pop()
        put(objects, key, text)

    monkeypatch.setattr("runcast.agents.patience._BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(PrivateObjects, "put", failing)
    ground.part(Call("ask"), tools=[ask])
    assert (failures, read(records).status) == ([], RunStatus.WAITING)


def test_a_run_whose_questions_cannot_be_recorded_ends(records, ground):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        return tool_context.interrupt("n" * 70_000)

    with pytest.raises(NotResumable, match="its questions cannot be recorded"):
        ground.part(Call("ask"), tools=[ask])
    assert read(records).reason == EndReason.NOT_RESUMABLE


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


class Thinking(ScriptedModel):
    """A model that does not answer, so each of its calls is cancelled at the hand-over."""

    async def stream(self, messages, tool_specs=None, system_prompt=None, **kwargs):
        await asyncio.Event().wait()
        yield {}


def test_parts_without_progress_count_towards_the_hours_of_a_run(records, ground, bucket):
    assert ground.part(Call("dig", {"late": True})) is None
    worked_seconds = []
    for _ in range(3):
        agent = Agent(model=Thinking([]), tools=[ground.tool()], checkpointing=True, callback_handler=None)
        assert asyncio.run(run_in_parts(agent, EVENT, hand_over_after_seconds=0)) is None
        saved = bucket.get_object(Bucket="results", Key=read(records).snapshot_key)["Body"].read()
        worked_seconds.append(json.loads(saved)["workedSeconds"])
    assert worked_seconds == sorted(set(worked_seconds))
    assert str(ground.part(Say("Done"))).strip() == "Done"
    assert (read(records).status, ground.dug) == (RunStatus.COMPLETE, [1])

"""Checkpointing agents in functions and processes of their own: each call is a part, as in another process."""

from __future__ import annotations

import asyncio
import json

import pytest
from strands import Agent, ToolContext, tool

from runcast import idempotent, run_in_parts
from runcast.agents.checkpoints import CheckpointedWork
from runcast.errors import (
    AttachmentUnusable,
    Conflict,
    NotResumable,
    Unavailable,
)
from runcast.record.answer import answer
from runcast.record.attachments import upload_key
from runcast.record.handover import EndHandover
from runcast.record.model import EndReason, RunStatus
from runcast.record.objects import PrivateObjects
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.ground import ANA, EVENT, read

FILE_ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
PNG = b"\x89PNG\r\n\x1a\n"


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
    run = read(records)
    assert run.status is RunStatus.COMPLETE
    assert [(step.step, step.message) for step in run.steps][:2] == [
        ("agent", "Strands Agents begins"),
        ("attachments", "Reading site.png"),
    ]
    assert [step.step for step in run.steps].count("attachments") == 1
    image = {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert ground.model.calls[-1][0]["content"] == [{"text": "Dig."}, image]


def test_a_file_that_is_gone_ends_the_run_with_its_reason(records, ground, bucket):
    event = attached(bucket)
    bucket.delete_object(Bucket="results", Key=upload_key(ANA, FILE_ID))
    with pytest.raises(AttachmentUnusable):
        ground.part(Say("never"), event=event)
    run = read(records)
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.ATTACHMENT_UNUSABLE)
    assert [step.step for step in run.steps] == ["agent", "attachments", "error"]


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

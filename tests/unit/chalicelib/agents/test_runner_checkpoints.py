"""Runs that continue in another worker: each part in a separate runner call, as in another process."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from strands import Agent, ToolContext, tool

from runcast import track
from runcast.agents import checkpoints
from runcast.record.model import EndReason, RunStatus
from runcast.runs.scope import current_scope
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.parts import (
    HANDED_OVER,
    answered,
    checkpointing,
    hand_over,
    invoked,
    next_part,
    plain,
    steps,
)

pytestmark = pytest.mark.usefixtures("digger")

JOB = "123e4567-e89b-12d3-a456-426614174000"


def test_a_run_continues_in_another_worker_and_is_one_record_without_a_gap(bench, store, ground, asked):
    bench.with_build(
        lambda run: track(
            Agent(model=run.model, tools=[ground.tool()], checkpointing=True, callback_handler=None), text=True
        )
    )
    bench.model.usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    status_code, body = bench.run(Call("dig", text="Let me see. "), Call("dig", {"metres": 2, "late": True}))
    assert (status_code, body["success"], body["continuing"], body["result"]) == (200, True, True, None)
    run = store.read("run-1")
    assert (run.status, run.part, run.worker, run.part_is_queued) == (RunStatus.IN_PROGRESS, 2, None, True)
    assert json.loads(run.steps[-1].metadata_json)["part"] == 2
    assert asked == [HANDED_OVER]
    [event] = invoked(bench)
    ids = {"agent": "survey", "requestId": "run-1", "userId": "ana", "tenantId": "acme", "jobId": None}
    created_at_ms = run.created_at_ms
    assert event == {**ids, "createdAt": created_at_ms, "part": 2, "try": 1, "awaited": False}

    status_code, body = next_part(bench, event, Say("Thank you"))
    assert (status_code, body["result"]) == (
        200, {"text": "Thank you", "facts": {"depth": {"value": 3, "unit": "m"}}},
    )  # fmt: skip
    assert ground.dug == [1, 2]
    run = store.read("run-1")
    turn = ["thinking", "executing", "executed"]
    assert steps(bench) == [
        *("init", "bedrock", "tools", "agent", "ready", "thinking", "text", "executing", "executed"),
        *turn, "continuing", "warm", "thinking", "text", "complete",
    ]  # fmt: skip
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))
    texts = [json.loads(step.metadata_json)["offset"] for step in run.steps if step.step == "text"]
    assert texts == [0, 12]
    last = json.loads(run.steps[-1].metadata_json)
    assert last["usage"] == {"inputTokens": 9, "outputTokens": 6, "totalTokens": 15}
    assert (run.status, run.reason, run.part) == (RunStatus.COMPLETE, "complete", 2)
    assert [ended.status for ended in bench.ended] == [RunStatus.COMPLETE]


class Limited(Agent):
    """An agent whose own code gives Strands a limit."""

    limits = None

    def stream_async(self, *args, **kwargs):
        return super().stream_async(*args, **{**kwargs, "limits": self.limits})


@pytest.mark.parametrize("limit", [{"turns": 2}, {"total_tokens": 10}, {"output_tokens": 3}])
@pytest.mark.parametrize("late", [True, False])
def test_strands_limits_count_over_all_parts(bench, store, ground, monkeypatch, limit, late):
    monkeypatch.setattr(Limited, "limits", limit)
    bench.model.usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    bench.with_build(
        lambda run: Limited(model=run.model, tools=[ground.tool()], checkpointing=True, callback_handler=None)
    )
    script = [Call("dig", {"late": late}) for _ in range(6)]
    bench.run(*script)
    while events := invoked(bench):
        next_part(bench, *events, *script)
    run = store.read("run-1")
    assert ground.dug == [1, 1]  # as many as in one part
    assert (run.status, run.part) == (RunStatus.ERROR, 3 if late else 1)
    assert run.error == f"The agent stopped before it was done: limit_{next(iter(limit))}."


def test_strands_limits_count_across_an_answer(bench, store, ground, monkeypatch):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        ground.dug.append(tool_context.interrupt("where", reason="?"))
        return "dug"

    monkeypatch.setattr(Limited, "limits", {"turns": 2})
    bench.with_build(lambda run: Limited(model=run.model, tools=[ask], checkpointing=True, callback_handler=None))
    [question] = bench.run(Call("ask"))[1]["interrupts"]
    for answer in ("here", "there"):
        _, [event] = answered(bench, {question["id"]: answer})
        _, body = next_part(bench, event, Call("ask"))
        [question] = body.get("interrupts") or [None]
    assert ground.dug == ["here", "there"]
    assert store.read("run-1").error == "The agent stopped before it was done: limit_turns."


def test_the_steps_of_an_agent_in_a_later_part_are_under_its_call(bench, store, ground):
    bench.with_build(
        lambda run: plain(
            run, name="outer", checkpointing=True, tools=[ground.tool(), plain(run, name="inner").as_tool()]
        )
    )
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    next_part(bench, event, Call("inner", {"input": "Look."}), Say("I see"), Say("Done"))
    run = store.read("run-1")
    [called] = [step for step in run.steps if step.step == "executing" and step.tool_name == "inner"]
    [begun, *rest, ended] = [step for step in run.steps if step.agent_name == "inner"]
    [returned] = [step for step in run.steps if step.step == "executed" and step.tool_name == "inner"]
    assert [json.loads(step.metadata_json)["parentSeq"] for step in (begun, ended, returned)] == [
        called.seq, begun.seq, called.seq,
    ]  # fmt: skip
    assert {json.loads(step.metadata_json)["parentSeq"] for step in rest} == {begun.seq}
    assert called.seq > next(step.seq for step in run.steps if step.step == "continuing")


def test_a_run_may_take_many_parts(bench, ground):
    bench.run(Call("dig", {"late": True}))
    for part in range(2, 6):
        [event] = invoked(bench)
        assert event["part"] == part
        next_part(bench, event, Call("dig", {"metres": part, "late": True}))
    [event] = invoked(bench)
    assert next_part(bench, event, Say("Done"))[1]["result"]["text"] == "Done"
    assert ground.dug == [1, 2, 3, 4, 5]


def test_the_state_is_saved_and_named_before_a_tool_begins(bench, store):
    named = []

    @tool
    def dig() -> str:
        """Dig."""
        saved = bench.objects.get(store.read("run-1").snapshot_key)
        named.append([list(block) for block in saved["agent"]["data"]["messages"][-1]["content"]])
        return "dug"

    checkpointing(bench, dig)
    bench.run(Call("dig"), Call("dig"), Say("Done"))
    assert named == [[["toolUse"]], [["toolUse"]]]
    assert len(bench.objects.texts) == 3  # that before the first model call, too


class Silent:
    """The model's stream, which is silent in its nth call until it is interrupted."""

    def __init__(self, bench, call):
        self._bench, self._call, self._stream = bench, call, bench.model.stream
        self.calls = 0

    async def stream(self, *args, **kwargs):
        self.calls += 1
        if self.calls == self._call:
            asyncio.get_running_loop().call_soon(current_scope().run.stop.hand_over)
            await asyncio.Event().wait()
        async for event in self._stream(*args, **kwargs):
            yield event


@pytest.mark.parametrize("call", [1, 2])
def test_a_model_call_that_is_running_is_repeated_by_the_next_part(bench, store, ground, call):
    bench.model.stream = Silent(bench, call).stream
    script = [Call("dig"), Say("Done, {tool_result}")]
    _, body = bench.run(*script[: call - 1])
    assert body["continuing"] is True
    [event] = invoked(bench)
    _, body = next_part(bench, event, *script[call - 1 :])
    assert (body["result"]["text"], ground.dug) == ("Done, dug 1 m", [1])
    assert store.read("run-1").status is RunStatus.COMPLETE


def test_the_worker_hands_over_before_its_time_is_up(bench, store):
    started = threading.Event()

    async def stream(*args, **kwargs):
        started.set()
        await asyncio.Event().wait()
        yield

    bench.model.stream = stream
    _, body = bench.run(context=Context(remaining_ms=4_000))
    assert started.is_set()
    assert body["continuing"] is True
    assert store.read("run-1").part_is_queued


def test_a_tool_that_begins_as_the_agent_is_interrupted_does_not_run(bench, ground):
    """The last moment: a tool's task has been made, and nothing of it has run."""
    original = asyncio.BaseEventLoop.create_task
    tasks = []

    def create_task(loop, coroutine, **about):
        if current_scope() and "_task" in getattr(coroutine, "__qualname__", ""):
            tasks.append(1)
            current_scope().run.stop.hand_over()
        return original(loop, coroutine, **about)

    async def at_once(stop, function):
        return function()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "create_task", create_task)
        patch.setattr(checkpoints, "patiently", at_once)  # so that the journal gives no time to stop the task
        _, body = bench.run(Call("dig"))
    assert (tasks, body["continuing"], ground.dug) == ([1], True, [])
    [event] = invoked(bench)
    next_part(bench, event, Say("Done"))
    assert ground.dug == [1]


def test_an_answer_and_a_hand_over_go_together(bench, ground):
    @tool(context=True)
    async def ask(tool_context: ToolContext) -> str:
        """Ask."""
        answer = tool_context.interrupt("where", reason="?")
        hand_over()
        ground.dug.append(answer)
        return f"dug {answer}"

    checkpointing(bench, ask)
    [question] = bench.run(Call("ask"))[1]["interrupts"]
    _, [event] = answered(bench, {question["id"]: "here"})
    assert next_part(bench, event)[1]["continuing"] is True
    [event] = invoked(bench)
    assert next_part(bench, event, Say("{tool_result}"))[1]["result"] == "dug here"
    assert ground.dug == ["here"]


def test_a_run_is_not_continued_for_ever(bench, store):
    bench.runner._parts._max_run_hours = 0
    bench.run(Call("dig", {"late": True}))
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.TIMED_OUT)
    assert run.error == "The run was not done after 0 hours of work (max_run_hours)."


def test_the_hours_of_all_parts_count(bench, store):
    bench.run(Call("dig", {"late": True}))
    [key] = {store.read("run-1").snapshot_key}
    saved = json.loads(bench.objects.texts[key])
    bench.objects.texts[key] = json.dumps({**saved, "workedSeconds": 8 * 3600})
    [event] = invoked(bench)
    next_part(bench, event, Call("dig", {"late": True}))
    assert store.read("run-1").error == "The run was not done after 8 hours of work (max_run_hours)."


def test_an_agent_of_a_job_continues_too(bench, store, ground):
    assert bench.run(Call("dig", {"late": True}), jobId=JOB)[0] == 200
    [event] = invoked(bench)
    assert event["jobId"] == JOB
    assert next_part(bench, event, Say("Done"))[0] == 200
    run = store.read("run-1")
    assert (run.status, run.part, run.job_id, ground.dug) == (RunStatus.COMPLETE, 2, JOB, [1])

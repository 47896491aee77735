"""Runs that continue in another worker: each part in a separate runner call, as in another process."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial

import pytest
from chalicelib.lifecycle import closer
from chalicelib.lifecycle.answer import hand_out
from strands import Agent, ToolContext, tool
from strands.multiagent import GraphBuilder, Swarm
from strands.session.file_session_manager import FileSessionManager

from runcast import limits, note_fact, track
from runcast.agents.checkpoints import CheckpointedWork
from runcast.errors import StoreUnavailable
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.handover import NEXT_PART
from runcast.record.model import EndReason, Owner, RunStatus
from runcast.runs.scope import current_scope
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.test_runner_parts import ANA, FUNCTIONS, Invoker, answered, next_part
from tests.unit.record.recording import until

HANDED_OVER = {NEXT_PART: "run-1"}
JOB = "123e4567-e89b-12d3-a456-426614174000"


def hand_over():
    """Do what the worker's timer does when its time is nearly up."""
    current_scope().run.stop.hand_over()


class Ground:
    """A tool that digs, and what has been dug. If asked to, the worker's time is nearly up as it begins."""

    def __init__(self):
        self.dug = []

    def tool(self):
        @tool(context=True)
        async def dig(tool_context: ToolContext, metres: int = 1, late: bool = False) -> str:
            """Dig."""
            if late:
                hand_over()
            self.dug.append(metres)
            note_fact(tool_context, "depth", sum(self.dug), "m")
            return f"dug {metres} m"

        return dig


@pytest.fixture
def ground():
    return Ground()


@pytest.fixture
def asked(bench):
    """The events with which the worker has asked `run_closer`."""
    events = []

    def take(event):
        events.append(event)
        return True

    bench.runner._destination = bench.runner._destination._replace(hand_over=take)
    return events


@pytest.fixture(autouse=True)
def digger(bench, ground, asked):
    checkpointing(bench, ground.tool())


def checkpointing(bench, *tools, **about):
    bench.with_build(
        lambda run: Agent(model=run.model, tools=[*tools], checkpointing=True, callback_handler=None, **about)
    )


def invoked(bench, event=HANDED_OVER):
    """Let `run_closer` handle the event; return the events with which it has invoked the agent."""
    invoker = Invoker()
    closer.continue_run(event, bench.store, lambda result: hand_out(result.run, invoker, FUNCTIONS))
    return invoker.events


def unanswered(*args, **kwargs):
    raise StoreUnavailable("DynamoDB did not answer.")


def steps(bench):
    return [step.step for step in bench.store.read("run-1").steps]


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
    assert event == {**ids, "part": 2, "try": 1, "awaited": False}

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

    async def at_once(work, function):
        return function()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "create_task", create_task)
        patch.setattr(CheckpointedWork, "_patiently", at_once)  # so that the journal gives no time to stop the task
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


def test_if_the_state_cannot_be_saved_no_tool_begins(bench, store, ground, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    bench.objects.broken = True
    bench.run(Call("dig"))
    run = store.read("run-1")
    assert (run.status, run.reason, ground.dug) == (RunStatus.ERROR, EndReason.SNAPSHOT_NOT_SAVED, [])
    assert run.error == "The agent's state could not be saved, so the run could not continue."


@pytest.mark.parametrize("refuses", ["bucket", "table"])
def test_a_state_that_cannot_be_saved_at_a_hand_over_ends_the_run(bench, store, ground, monkeypatch, refuses):
    @tool
    async def dig() -> str:
        """Dig."""
        ground.dug.append(1)
        hand_over()
        monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        if refuses == "bucket":
            bench.objects.broken = True
        else:
            monkeypatch.setattr(store, "name_snapshot", unanswered)
        return "dug"

    checkpointing(bench, dig)
    bench.run(Call("dig"))
    run = store.read("run-1")
    assert (run.status, run.reason, run.part, ground.dug) == (RunStatus.ERROR, EndReason.SNAPSHOT_NOT_SAVED, 1, [1])
    assert run.error == "The agent's state could not be saved, so the run could not continue."


def test_a_bucket_that_does_not_answer_the_next_part_leaves_it_to_another_worker(bench, store, clock, ground):
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    bench.objects.broken = True
    assert next_part(bench, event)[0] == 500
    assert store.read("run-1").part_has_begun is False
    bench.objects.broken = False
    result = close_dead(store, "run-1", owner=ANA, invocation="lambda-request-2-1", part=(2, 1), now_ms=clock)
    assert result.hand_out
    assert next_part(bench, {**event, "try": 2}, Say("Done"))[0] == 200
    assert ground.dug == [1]


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


def test_if_the_state_cannot_be_named_no_tool_begins(bench, store, ground, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(store, "name_snapshot", unanswered)
    bench.run(Call("dig"))
    assert (store.read("run-1").reason, ground.dug) == (EndReason.SNAPSHOT_NOT_SAVED, [])


def test_a_short_failure_of_the_bucket_is_waited_for(bench, ground, monkeypatch):
    failures = [True]
    put = bench.objects.put

    def put_later(key, text):
        bench.objects.broken = bool(failures)
        try:
            put(key, text)
        finally:
            failures.clear()

    monkeypatch.setattr(bench.objects, "put", put_later)
    assert bench.run(Call("dig"), Say("Done"))[0] == 200
    assert ground.dug == [1]


def test_a_worker_that_has_lost_its_run_begins_no_tool(bench, store, clock, ground, monkeypatch):
    """It was frozen while its state was saved, and the run was ended meanwhile."""
    put = bench.objects.put

    def frozen(key, text):
        put(key, text)
        close_dead(store, "run-1", invocation="lambda-request-1", now_ms=clock)

    monkeypatch.setattr(bench.objects, "put", frozen)
    status_code, _ = bench.run(Call("dig"))
    assert (status_code, store.read("run-1").reason, ground.dug) == (500, "worker_died", [])


def test_an_agent_that_is_no_longer_checkpointing_ends_the_run(bench, store, ground):
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    bench.with_build(lambda run: Agent(name="digger", model=run.model, callback_handler=None))
    next_part(bench, event)
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.SNAPSHOT_UNUSABLE)
    assert run.error == "digger cannot continue: it is no longer built with checkpointing=True."


def test_a_checkpoint_of_another_version_of_strands_ends_the_run(bench, store):
    bench.run(Call("dig", {"late": True}))
    key = store.read("run-1").snapshot_key
    bench.objects.texts[key] = bench.objects.texts[key].replace('"schema_version":"1.0"', '"schema_version":"9"')
    [event] = invoked(bench)
    next_part(bench, event)
    assert store.read("run-1").error.endswith("cannot continue: another version of Strands saved it.")


def plain(run, **about):
    return Agent(model=run.model, callback_handler=None, **about)


NESTED = (
    "The agent inner, which {outer} uses, is built with checkpointing=True. It would stop before its first tool. "
    "Build only the run's own agent with checkpointing=True."
)
TWICE = (
    "The agent digger is built with checkpointing=True and with {}, so another worker cannot continue it. "
    "Use only one of the two."
)


@pytest.mark.parametrize("kind", ["tool", "tool of a tool", "graph", "swarm", "session", "background"])
def test_what_cannot_be_continued_is_refused_by_name(bench, store, tmp_path, kind):
    def build(run):
        inner = partial(plain, run, name="inner", checkpointing=True)
        if kind == "tool":
            return plain(run, name="outer", tools=[inner().as_tool()])
        if kind == "tool of a tool":
            return plain(run, tools=[plain(run, name="outer", tools=[inner().as_tool()]).as_tool()])
        if kind == "graph":
            builder = GraphBuilder()
            builder.add_node(inner(), "inner")
            builder.set_graph_id("outer")
            builder.set_max_node_executions(1)
            return builder.build()
        if kind == "swarm":
            return Swarm([inner()], id="outer")
        if kind == "session":
            session = FileSessionManager("run-1", storage_dir=str(tmp_path))
            return plain(run, name="digger", checkpointing=True, session_manager=session)
        return plain(run, name="digger", checkpointing=True, background_tasks=True)

    bench.with_build(build)
    bench.run()
    message = {
        "tool": NESTED.format(outer="outer"),
        "tool of a tool": NESTED.format(outer="outer"),
        "graph": NESTED.format(outer="outer"),
        "swarm": NESTED.format(outer="outer"),
        "session": TWICE.format("a session manager"),
        "background": TWICE.format("background_tasks"),
    }[kind]
    run = store.read("run-1")
    assert (run.reason, run.error, bench.model.calls) == (EndReason.NOT_RESUMABLE, message, [])


def test_an_agent_of_a_job_continues_too(bench, store, ground):
    assert bench.run(Call("dig", {"late": True}), jobId=JOB)[0] == 200
    [event] = invoked(bench)
    assert event["jobId"] == JOB
    assert next_part(bench, event, Say("Done"))[0] == 200
    run = store.read("run-1")
    assert (run.status, run.part, run.job_id, ground.dug) == (RunStatus.COMPLETE, 2, JOB, [1])


def test_an_event_that_names_no_run_is_ignored(bench, caplog):
    assert invoked(bench, {NEXT_PART: 5}) == []
    assert "ignoring the event: it names no run" in caplog.text
    assert invoked(bench, {NEXT_PART: "unknown"}) == []


def test_the_worker_can_be_left_behind_by_another_part(bench, store):
    """A late delivery of the first part's event does not run the second."""
    bench.run(Call("dig", {"late": True}))
    until(lambda: store.read("run-1").part_is_queued)
    assert bench.run()[0] == 409
    assert store.read("run-1").part_is_queued

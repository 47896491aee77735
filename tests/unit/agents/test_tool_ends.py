"""Every tool call has an end, which says how the call ended, however it ended."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from strands import tool
from strands.hooks import AfterToolCallEvent, BeforeToolCallEvent, BeforeToolsEvent
from strands.middleware import ExecuteToolStage, ToolResultEvent
from strands.tools.executors import SequentialToolExecutor

from runcast import limits, track
from runcast.json_text import json_text
from runcast.record.model import RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.agents.conftest import named, scripted


class Seconds:
    """A clock that a tool moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def ends(records, request_id="r1"):
    """Return each end of a tool call: tool, live status, outcome and message. Each call has exactly one."""
    steps = [step.to_json() for step in records.read(request_id).steps]
    calls = [step["seq"] for step in steps if step.get("status") == "calling_tool"]
    found = [step for step in steps if step["step"] == "executed" and "toolName" in step]
    assert sorted(step["metadata"]["parentSeq"] for step in found) == calls
    return [(step["toolName"], step["status"], step["metadata"]["outcome"], step["message"]) for step in found]


@tool
def slope() -> str:
    """Return the slope."""
    return "3.5 degrees"


@pytest.fixture(params=[None, SequentialToolExecutor()], ids=["concurrent", "sequential"])
def executor(request):
    return request.param


def test_a_call_that_works(records, executor):
    clock = Seconds()

    @tool
    def price_of() -> str:
        """Return the price."""
        clock.now += 0.25
        return "3 euros"

    agent = scripted(Call("price_of"), Say("done"), tools=[price_of], tool_executor=executor)
    track(agent, monotonic=clock)("?", invocation_state=named("r1"))
    assert ends(records) == [("price_of", "tool_complete", "ok", "price_of ended after 0.2 s")]
    end = records.read("r1").steps[3].to_json()
    assert end["metadata"] == {"toolUseId": "t1", "outcome": "ok", "seconds": 0.25, "parentSeq": 3}


def test_a_call_that_raises_names_the_exception_but_not_its_text(records, executor):
    @tool
    def price_of() -> str:
        """Return the price."""
        raise TimeoutError("key=secret")

    agent = scripted(Call("price_of"), Say("done"), tools=[price_of], tool_executor=executor)
    track(agent, monotonic=Seconds())("?", invocation_state=named("r1"))
    assert ends(records) == [("price_of", "tool_error", "error", "price_of failed after 0.0 s: TimeoutError")]


@pytest.mark.parametrize("name", ["nowhere", "not a name!"])
def test_a_tool_that_is_not_there(records, name):
    track(scripted(Call(name), Say("done"), tools=[slope]))("?", invocation_state=named("r1"))
    ((_, status, outcome, _),) = ends(records)
    assert status == "tool_error"
    assert outcome == ("error" if name == "nowhere" else "denied")


def test_a_call_that_a_hook_denies(records):
    def deny(event: BeforeToolCallEvent) -> None:
        event.cancel_tool = "needs approval"

    track(scripted(Call("slope"), Say("done"), tools=[slope], hooks=[deny]))("?", invocation_state=named("r1"))
    assert ends(records) == [("slope", "tool_error", "denied", "slope was denied: needs approval")]


def test_calls_that_a_hook_denies_together(records):
    def deny(event: BeforeToolsEvent) -> None:
        event.cancel = "not today"

    track(scripted(Call("slope"), Say("done"), tools=[slope], hooks=[deny]))("?", invocation_state=named("r1"))
    assert ends(records) == [("slope", "tool_error", "denied", "slope was denied: not today")]


def test_a_call_that_a_middleware_answers(records):
    agent = scripted(Call("slope"), Say("{tool_result}"), tools=[slope])

    async def cached(context, go_on):
        yield ToolResultEvent(
            {"toolUseId": context.tool_use["toolUseId"], "status": "success", "content": [{"text": "flat"}]}
        )

    agent.add_middleware(ExecuteToolStage, cached)
    assert str(track(agent)("?", invocation_state=named("r1"))).strip() == "flat"
    assert [end[:3] for end in ends(records)] == [("slope", "tool_complete", "ok")]


@pytest.mark.parametrize("asks", ["hook", "tool", "middleware"])
def test_a_call_that_asks_a_person(records, asks):
    @tool(context=True)
    def pay(tool_context) -> str:
        """Pay."""
        return tool_context.interrupt("approve")

    def hook(event: BeforeToolCallEvent) -> None:
        event.interrupt("approve")

    async def middleware(context, go_on):
        context.interrupt("approve")
        async for event in go_on(context):
            yield event

    agent = scripted(Call("pay"), tools=[pay], hooks=[hook] if asks == "hook" else [])
    if asks == "middleware":
        agent.add_middleware(ExecuteToolStage, middleware)
    track(agent)("?", invocation_state=named("r1"))
    assert records.read("r1").status is RunStatus.WAITING
    assert ends(records) == [("pay", "tool_error", "asked", "pay waits for an answer")]


def test_a_call_that_is_retried_is_two_calls(records):
    results = iter([ValueError("busy"), "3.5"])

    @tool
    def measure() -> str:
        """Measure."""
        match next(results):
            case ValueError() as error:
                raise error
            case result:
                return result

    def retry(event: AfterToolCallEvent) -> None:
        event.retry = event.exception is not None

    track(scripted(Call("measure"), Say("done"), tools=[measure], hooks=[retry]))("?", invocation_state=named("r1"))
    assert [end[2] for end in ends(records)] == ["error", "ok"]


async def test_a_call_that_is_stopped_while_it_runs_is_unknown(records):
    begun = asyncio.Event()

    @tool
    async def pay() -> str:
        """Pay."""
        begun.set()
        await asyncio.Event().wait()

    agent = track(scripted(Call("pay"), tools=[pay]))
    task = asyncio.create_task(agent.invoke_async("?", invocation_state=named("r1")))
    await asyncio.wait_for(begun.wait(), 60)
    task.cancel()
    await asyncio.wait([task], timeout=60)
    ((_, status, outcome, _),) = ends(records)
    assert (records.read("r1").status, status, outcome) == (RunStatus.CANCELLED, "tool_error", "unknown")


def both(*inputs, tool_use_id=None):
    """A model that asks for `measure` once for each input, all in one turn, and then says nothing more.

    The id of a call is its input, unless `tool_use_id` is given.
    """
    script = iter([inputs, ()])

    async def stream(*_, **__):
        yield {"messageStart": {"role": "assistant"}}
        calls = next(script)
        for where in calls:
            yield {"contentBlockStart": {"start": {"toolUse": {"toolUseId": tool_use_id or where, "name": "measure"}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps({"where": where})}}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if calls else "end_turn"}}

    return stream


def outcomes(records):
    """Return the outcome of each call by its id."""
    ends(records)
    found = [step.to_json()["metadata"] for step in records.read("r1").steps if step.step == "executed"]
    return {each["toolUseId"]: each["outcome"] for each in found}


def test_the_next_call_of_an_agent_that_was_cancelled(records):
    @tool(context=True)
    def measure(tool_context, where: str) -> str:
        """Measure."""
        tool_context.agent.cancel()
        return where

    agent = scripted(tools=[measure], tool_executor=SequentialToolExecutor())
    agent.model.stream = both("north", "south")
    track(agent)("?", invocation_state=named("r1"))
    assert outcomes(records) == {"north": "ok", "south": "cancelled"}


def test_parallel_calls_are_told_apart_by_their_ids(records):
    together = threading.Barrier(2)

    @tool
    def measure(where: str) -> str:
        """Measure."""
        together.wait(60)
        if where == "north":
            raise ValueError(where)
        return where

    agent = scripted(tools=[measure])
    agent.model.stream = both("north", "south")
    track(agent)("?", invocation_state=named("r1"))
    assert outcomes(records) == {"north": "error", "south": "ok"}


@pytest.mark.parametrize("fails", ["north", "south", None])
def test_parallel_calls_with_one_id_have_an_end_each(records, executor, fails):
    """Ollama's models give each call the tool's name as its id."""

    @tool
    async def measure(where: str) -> str:
        """Measure."""
        for _ in range(3):
            await asyncio.sleep(0)  # the calls take turns
        if where == fails:
            raise ValueError(where)
        return where

    agent = scripted(tools=[measure], tool_executor=executor)
    agent.model.stream = both("north", "south", tool_use_id="measure")
    track(agent, tool_io=True)("?", invocation_state=named("r1"))
    assert len(ends(records)) == 2
    found = [step.to_json()["metadata"] for step in records.read("r1").steps if step.step == "executed"]
    assert {each["input"]["where"]: each["outcome"] for each in found} == {
        where: "error" if where == fails else "ok" for where in ("north", "south")
    }


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_calls_with_one_id_of_an_agent_whose_events_a_tool_passes_on(records, answered):
    calls = [{"toolUse": {"toolUseId": "measure", "name": "measure", "input": {}}}] * 2
    results = [{"toolResult": {"toolUseId": "measure", "status": "success", "content": []}}] * answered

    @tool
    async def remote():
        """Ask a remote agent."""
        yield {"init_event_loop": True}
        yield {"message": {"role": "assistant", "content": calls}}
        yield {"message": {"role": "user", "content": results}}

    track(scripted(Call("remote"), Say("done"), tools=[remote]))("?", invocation_state=named("r1"))
    found = [end[2] for end in ends(records) if end[0] == "measure"]
    assert found == ["ok"] * answered + ["unknown"] * (2 - answered)


class TestToolIo:
    def io_of(self, records, argument, **about):
        @tool
        def echo(text: str) -> str:
            """Return the text."""
            return text

        agent = scripted(Call("echo", {"text": argument}), Say("done"), tools=[echo])
        track(agent, **about)("?", invocation_state=named("r1"))
        return records.read("r1").steps[3].to_json()["metadata"]

    def test_it_is_private_by_default(self, records):
        assert self.io_of(records, "secret").keys() == {"toolUseId", "outcome", "seconds", "parentSeq"}

    def test_it_holds_input_and_result(self, records):
        metadata = self.io_of(records, "steep", tool_io=True)
        assert (metadata["input"], metadata["result"]) == ({"text": "steep"}, [{"text": "steep"}])

    def test_it_holds_for_the_agents_that_the_agent_uses(self, records):
        inner = scripted(Call("slope"), Say("steep"), name="inner", tools=[slope])
        outer = scripted(Call("inner", {"input": "?"}), Say("done"), tools=[inner.as_tool()])
        track(outer, tool_io=True)("?", invocation_state=named("r1"))
        found = [step.to_json() for step in records.read("r1").steps if step.tool_name and step.step == "executed"]
        results = {step["toolName"]: step["metadata"]["result"] for step in found}
        assert results["slope"] == [{"text": "3.5 degrees"}]
        assert results.keys() == {"slope", "inner"}

    def test_it_is_shortened_visibly(self, records):
        metadata = self.io_of(records, "x" * 100_000, tool_io=True)
        for kept in (metadata["input"], metadata["result"]):
            assert kept.endswith(" characters]")
            assert 3_000 < len(json_text(kept).encode()) <= limits.TOOL_IO_MAX_BYTES

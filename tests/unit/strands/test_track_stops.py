"""Tracked agents that are stopped: in any process, whichever way they are invoked."""

from __future__ import annotations

import asyncio
import threading

import pytest
from strands import Agent, tool

from runcast import limits, track
from runcast.errors import RunStopped
from runcast.record.ending import cancel, close_dead
from runcast.record.model import PUBLIC, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.record.recording import until
from tests.unit.strands.conftest import named, scripted


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(limits, "STOP_SECONDS", 0.05)


@pytest.fixture
def patient(monkeypatch):
    """For agents that stop by themselves: nobody interrupts them, however slow this machine is."""
    monkeypatch.setattr(limits, "STOP_SECONDS", 10.0)


def cancel_run(records):
    """Cancel the run as soon as it is claimed, which an agent does not wait for."""
    until(lambda: records.read("run-1"))
    cancel(records, PUBLIC, "run-1")


def talking(begun):
    async def stream(*_, **__):
        yield {"messageStart": {"role": "assistant"}}
        begun.set()
        while True:
            yield {"contentBlockDelta": {"delta": {"text": "and "}}}
            await asyncio.sleep(0.001)

    return stream


def silent(begun):
    async def stream(*_, **__):
        yield {"messageStart": {"role": "assistant"}}
        begun.set()
        await asyncio.Event().wait()

    return stream


def thinking(model_stream):
    """An agent whose model does so, and what is set when it has begun."""
    begun = asyncio.Event()
    agent = track(scripted(Say("done")))
    agent.model.stream = model_stream(begun)
    return agent, begun


@pytest.mark.usefixtures("patient")
async def test_an_agent_that_stops_by_itself_returns_and_may_be_used_again(records):
    agent, begun = thinking(talking)
    task = asyncio.create_task(agent.invoke_async("Go", invocation_state=named("run-1")))
    await begun.wait()
    await asyncio.to_thread(cancel_run, records)
    assert (await task).stop_reason == "cancelled"
    assert (records.read("run-1").status, records.read("run-1").steps[-1].step) == (RunStatus.CANCELLED, "cancelled")

    del agent.model.stream
    assert str(await agent.invoke_async("Again", invocation_state=named("run-2"))).strip() == "done"
    assert records.read("run-2").status is RunStatus.COMPLETE


async def test_an_agent_that_does_not_is_interrupted_and_its_caller_is_not(records):
    agent, begun = thinking(silent)

    async def caller():
        with pytest.raises(RunStopped, match=r"^The run was stopped before its end\.$"):
            await agent.invoke_async("Go", invocation_state=named("run-1"))
        await asyncio.sleep(0)  # where a cancelled task would end
        return asyncio.current_task().cancelling()

    task = asyncio.create_task(caller())
    await begun.wait()
    await asyncio.to_thread(cancel_run, records)
    assert await task == 0
    assert records.read("run-1").status is RunStatus.CANCELLED


async def test_whoever_reads_the_events_is_not_interrupted_in_what_they_do_with_them(records):
    agent, _ = thinking(talking)
    waited = []

    async def reader():
        async for event in agent.stream_async("Go", invocation_state=named("run-1")):
            if "data" in event and not waited:
                await asyncio.to_thread(cancel_run, records)
                await asyncio.sleep(6 * limits.STOP_SECONDS)
                waited.append(True)

    with pytest.raises(RunStopped):
        await reader()
    assert waited == [True]
    assert records.read("run-1").status is RunStatus.CANCELLED


async def test_a_task_that_is_cancelled_by_its_owner_is_cancelled(records):
    agent, begun = thinking(silent)
    task = asyncio.create_task(agent.invoke_async("Go", invocation_state=named("run-1")))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert records.read("run-1").status is RunStatus.CANCELLED


@pytest.mark.usefixtures("patient")
def test_a_synchronous_call_is_stopped_too(records):
    begun = threading.Event()
    agent = track(scripted())
    agent.model.stream = talking(begun)

    def stop():
        assert begun.wait(10)
        cancel_run(records)

    thread = threading.Thread(target=stop)
    thread.start()
    assert agent("Go", invocation_state=named("run-1")).stop_reason == "cancelled"
    thread.join()
    assert records.read("run-1").status is RunStatus.CANCELLED


async def test_an_agent_that_is_a_tool_stops_with_the_one_that_uses_it(records):
    inner, begun = thinking(silent)
    inner.name = "inner"
    outer = track(Agent(model=scripted(Call("inner", {"input": "Go"}), Say("never")).model, tools=[inner.as_tool()]))
    task = asyncio.create_task(outer.invoke_async("Go", invocation_state=named("run-1")))
    await begun.wait()
    await asyncio.to_thread(cancel_run, records)
    with pytest.raises(RunStopped):
        await task
    assert records.read("run-1").status is RunStatus.CANCELLED


@pytest.mark.usefixtures("patient")
async def test_a_run_that_another_has_ended_is_stopped_and_stays_as_it_ended(records):
    @tool
    def close() -> str:
        """End this run."""
        # Asked of the record, not of the clock: the step of its own call is there.
        until(lambda: "executing" in [step.step for step in getattr(records.read("run-1"), "steps", ())])
        run = records.read("run-1")
        close_dead(records, "run-1", invocation=run.worker.partition("/")[0])
        return "closed"

    agent = track(scripted(Call("close"), tools=[close]))
    agent_stream = agent.model.stream
    begun = asyncio.Event()

    async def stream(*args, **more):
        async for event in (agent_stream if agent.model.script else talking(begun))(*args, **more):
            yield event

    agent.model.stream = stream
    assert (await agent.invoke_async("Go", invocation_state=named("run-1"))).stop_reason == "cancelled"
    run = records.read("run-1")
    assert (run.status, run.steps[-1].step) == (RunStatus.ERROR, "error")

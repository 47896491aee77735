"""Tracked agents that are stopped: in any process, invoked in any way."""

from __future__ import annotations

import asyncio
import threading

import pytest
from strands import Agent, tool
from strands.hooks import BeforeModelCallEvent, BeforeToolCallEvent

from runcast import limits, track
from runcast.clock import epoch_ms
from runcast.errors import RunStopped
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import PUBLIC, Owner, RunStatus
from runcast.record.store import RunStore
from runcast.runs.scope import current_scope
from runcast.runs.tracked import TrackedRun
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.conftest import named, scripted
from tests.unit.conftest import TABLE_NAME
from tests.waiting import wait_until


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
    wait_until(lambda: records.read("run-1"))
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


@pytest.mark.usefixtures("patient")
async def test_a_silent_model_call_is_ended_at_once_and_the_agent_may_be_used_again(records):
    agent, begun = thinking(silent)
    task = asyncio.create_task(agent.invoke_async("Go", invocation_state=named("run-1")))
    await begun.wait()
    await asyncio.to_thread(cancel_run, records)
    result = await task
    assert (result.stop_reason, str(result).strip()) == ("cancelled", "Cancelled by user")
    assert records.read("run-1").status is RunStatus.CANCELLED

    del agent.model.stream
    assert str(await agent.invoke_async("Again", invocation_state=named("run-2"))).strip() == "done"
    assert records.read("run-2").status is RunStatus.COMPLETE


async def test_an_agent_that_does_not_stop_is_interrupted_and_its_caller_is_not(records):
    begun = asyncio.Event()

    async def hang(event: BeforeModelCallEvent) -> None:
        begun.set()
        await asyncio.Event().wait()

    agent = track(scripted(Say("never"), hooks=[hang]))

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


@pytest.mark.usefixtures("patient")
async def test_an_agent_that_is_a_tool_stops_with_the_one_that_uses_it(records):
    inner, begun = thinking(silent)
    inner.name = "inner"
    outer = track(Agent(model=scripted(Call("inner", {"input": "Go"}), Say("never")).model, tools=[inner.as_tool()]))
    task = asyncio.create_task(outer.invoke_async("Go", invocation_state=named("run-1")))
    await begun.wait()
    await asyncio.to_thread(cancel_run, records)
    assert (await task).stop_reason == "cancelled"
    run = records.read("run-1")
    assert (run.status, [step.step for step in run.steps].count("thinking")) == (RunStatus.CANCELLED, 2)


@pytest.mark.usefixtures("patient")
async def test_a_run_that_another_has_ended_is_stopped_and_stays_as_it_ended(records):
    @tool
    def close() -> str:
        """End this run."""
        # Wait for the record, not for time: the step of this call is there.
        wait_until(lambda: "executing" in [step.step for step in getattr(records.read("run-1"), "steps", ())])
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


class Together(ScriptedModel):
    """Calls a tool for each run of one agent, and says its user's name when all have called."""

    def __init__(self, runs, begun):
        super().__init__([])
        self._runs = runs
        self.begun = begun
        self.waiting = 0
        self.go_on = asyncio.Event()

    async def stream(self, messages, *args, invocation_state=None, **kwargs):
        yield {"messageStart": {"role": "assistant"}}
        self.waiting += 1
        if self.waiting == self._runs:
            self.begun.set()
        await self.go_on.wait()
        async for event in ScriptedModel([Say(invocation_state["runcast"]["userId"])]).stream(messages):
            yield event


@pytest.mark.usefixtures("patient")
async def test_a_cancel_of_one_run_leaves_the_other_runs_of_the_agent_alone(records):
    model = Together(3, begun := asyncio.Event())
    agent = track(Agent(model=model, callback_handler=None, concurrent_invocation_mode="unsafe_reentrant"))
    tasks = {
        user: asyncio.create_task(agent.invoke_async("?", invocation_state=named(f"run-{user}", userId=user)))
        for user in ("ana", "ben", "cid")
    }
    await begun.wait()
    await asyncio.to_thread(wait_until, lambda: all(records.read(f"run-{user}") for user in tasks))
    cancel(records, Owner("ben", "ben"), "run-ben")
    assert (await tasks["ben"]).stop_reason == "cancelled"
    model.go_on.set()
    results = {user: str(await task).strip() for user, task in tasks.items()}
    assert results == {"ana": "ana", "ben": "Cancelled by user", "cid": "cid"}
    statuses = {user: records.read(f"run-{user}").status for user in tasks}
    complete = RunStatus.COMPLETE
    assert statuses == {"ana": complete, "ben": RunStatus.CANCELLED, "cid": complete}


@pytest.mark.usefixtures("patient")
async def test_a_cancelled_run_of_a_shared_agent_calls_no_further_tool(records):
    called = []

    @tool
    def first() -> str:
        """Ask for a cancel, and wait until this run has seen it."""
        cancel_run(records)
        wait_until(lambda: records.read("run-1").cancel_requested_at_ms)
        wait_until(lambda: current_scope().run.stop.reason)
        return "done"

    @tool
    def second() -> str:
        """Count."""
        called.append(True)
        return "done"

    script = [Call("first"), Call("second"), Say("never")]
    agent = track(scripted(*script, tools=[first, second], concurrent_invocation_mode="unsafe_reentrant"))
    result = await agent.invoke_async("?", invocation_state=named("run-1"))
    assert (result.stop_reason, called, len(agent.model.calls)) == ("cancelled", [], 1)


class TestARefusedClaim:
    @pytest.fixture
    def called(self):
        return []

    @pytest.fixture
    def agent(self, called):
        @tool
        def dig() -> str:
            """Dig."""
            called.append(True)
            return "dug"

        return track(scripted(Call("dig"), Say("done"), tools=[dig]))

    @pytest.fixture
    def slow_claim(self, records, monkeypatch):
        """A claim that is answered only when a tool is about to be called."""
        asked, hold, claim = threading.Event(), TrackedRun.may_call_tool, RunStore.claim

        async def held(run):
            asked.set()
            return await hold(run)

        def slow(*args, **about):
            assert asked.wait(10)
            return claim(*args, **about)

        monkeypatch.setattr(TrackedRun, "may_call_tool", held)
        monkeypatch.setattr(RunStore, "claim", slow)
        monkeypatch.setattr(limits, "CLAIM_WAIT_SECONDS", 10.0)

    @pytest.fixture
    def cancelled(self, dynamodb):
        store = RunStore(dynamodb, TABLE_NAME)
        store.create("run-1", owner=PUBLIC, agent="Strands Agents")
        cancel(store, PUBLIC, "run-1")

    @pytest.fixture
    def delivered(self, dynamodb):
        lease_until_ms = epoch_ms() + limits.LEASE_MS
        RunStore(dynamodb, TABLE_NAME).claim(
            "run-1", worker="w1", owner=PUBLIC, agent="terrain", job_id=None, lease_until_ms=lease_until_ms
        )

    @pytest.mark.parametrize("before", ["cancelled", "delivered"])
    @pytest.mark.usefixtures("patient")
    async def test_it_stops_the_agent_before_its_first_tool(self, records, agent, called, request, before):
        request.getfixturevalue(before)
        request.getfixturevalue("slow_claim")
        record = records.read("run-1")
        result = await agent.invoke_async("?", invocation_state=named("run-1"))
        assert (result.stop_reason, called) == ("cancelled", [])
        assert records.read("run-1") == record

    @pytest.mark.usefixtures("patient", "cancelled", "slow_claim")
    async def test_no_tool_begins_before_the_recorder_has_told_the_run(self, records, agent, called, monkeypatch):
        monkeypatch.setattr(TrackedRun, "_stop_agents", lambda *_: None)
        result = await agent.invoke_async("?", invocation_state=named("run-1"))
        assert (result.stop_reason, called) == ("cancelled", [])

    @pytest.mark.usefixtures("slow_claim")
    async def test_a_claim_that_is_granted_lets_the_tool_begin(self, records, agent, called):
        assert str(await agent.invoke_async("?", invocation_state=named("run-1"))).strip() == "done"
        assert (called, records.read("run-1").status) == ([True], RunStatus.COMPLETE)

    async def test_a_claim_that_is_not_answered_holds_a_tool_for_a_bounded_time(
        self, records, agent, called, monkeypatch
    ):
        monkeypatch.setattr(limits, "CLAIM_WAIT_SECONDS", 0.05)
        monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 0.1)
        let_go = threading.Event()
        claim = RunStore.claim
        monkeypatch.setattr(RunStore, "claim", lambda *given, **more: let_go.wait() and claim(*given, **more))
        try:
            assert str(await agent.invoke_async("?", invocation_state=named("run-1"))).strip() == "done"
        finally:
            let_go.set()
        assert called == [True]

    async def test_an_agent_that_is_given_an_answer_goes_on(self, records):
        def ask(event: BeforeToolCallEvent) -> None:
            event.interrupt("approve")

        called = []

        @tool
        def dig() -> str:
            """Dig."""
            called.append(True)
            return "dug"

        agent = track(scripted(Call("dig"), Say("done"), tools=[dig], hooks=[ask]))
        asked = await agent.invoke_async("?", invocation_state=named("run-1"))
        answers = [{"interruptResponse": {"interruptId": each.id, "response": "yes"}} for each in asked.interrupts]
        result = await agent.invoke_async(answers, invocation_state=named("run-1"))
        assert (str(result).strip(), called) == ("done", [True])
        assert records.read("run-1").status is RunStatus.COMPLETE


def test_a_run_ends_though_no_thread_can_wait_for_its_end(records, monkeypatch):
    start = threading.Thread.start

    def refused(thread):
        if thread.name == "runcast-end":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    track(scripted(Say("done")))("?", invocation_state=named("r1"))
    wait_until(lambda: records.read("r1"), lambda run: run is not None and run.status is RunStatus.COMPLETE)
    assert [step.step for step in records.read("r1").steps] == ["agent", "thinking", "complete"]

"""Runs that are stopped while their agent works: cancelled, out of time, or ended by another."""

from __future__ import annotations

import asyncio
import threading

import pytest
from chalicelib.agents import registry
from strands import Agent, tool
from strands.multiagent import GraphBuilder, Swarm
from strands.types.exceptions import ModelThrottledException

from runcast import limits
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import Owner, RunStatus
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say
from tests.waiting import wait_until

ANA = Owner("acme", "ana")
TIME_UP = "The worker's time was up before the run had ended."
ENDED = "Somebody else has ended this run, or works on it; what was done here is not recorded."


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Nobody waits long."""
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(limits, "STOP_SECONDS", 0.05)
    monkeypatch.setattr(limits, "TIME_UP_STOP_SECONDS", 0.05)


class Wait:
    """Something that waits for ever, in one of the ways in which a model or a tool may."""

    def __init__(self, way):
        self.way = way
        self.begun = threading.Event()
        self.let_go = threading.Event()

    async def stream(self, *_, **__):
        yield {"messageStart": {"role": "assistant"}}
        self.begun.set()
        if self.way == "back-off":
            raise ModelThrottledException("slow down")
        while self.way == "talks":
            yield {"contentBlockDelta": {"delta": {"text": "and "}}}
            await asyncio.sleep(0.001)
        if self.way == "blocks a thread":
            await asyncio.to_thread(self.let_go.wait)
        while self.way == "swallows":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield {"contentBlockDelta": {"delta": {"text": "still here"}}}
        await asyncio.Event().wait()


@pytest.fixture
def waiting():
    """Makes such things, and lets them go in the end."""
    made = []

    def make(way):
        made.append(Wait(way))
        return made[-1]

    yield make
    for wait in made:
        wait.let_go.set()


@pytest.fixture
def meanwhile():
    """Do something on another thread as soon as an event is set, while the run is under way."""
    threads = []

    def start(event, do):
        def work():
            assert event.wait(10)
            do()

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def steps(store):
    return [step.step for step in store.read("run-1").steps]


@pytest.mark.parametrize("way", ["talks", "is silent", "blocks a thread", "back-off", "swallows"])
def test_a_run_is_cancelled_while_its_model_thinks(bench, store, waiting, meanwhile, way):
    wait = waiting(way)
    bench.model.stream = wait.stream
    meanwhile(wait.begun, lambda: cancel(store, ANA, "run-1"))
    status_code, body = bench.run()
    assert (status_code, body["success"], body["error"]) == (500, False, "The run was cancelled.")
    run = store.read("run-1")
    assert (run.status, run.result, steps(store)[-2:]) == (RunStatus.CANCELLED, None, ["thinking", "cancelled"])
    assert [(ended.status, ended.steps) for ended in bench.ended] == [(RunStatus.CANCELLED, run.seq)]
    assert bench.published[-1]["status"] == "cancelled"

    del bench.model.stream  # the process is as good as before
    assert bench.run(Say("done"), requestId="run-2")[1]["result"] == "done"


@pytest.mark.parametrize("step", range(1, 9))
def test_a_run_may_be_cancelled_at_each_of_its_steps(bench, store, monkeypatch, step):
    """Each step of a run is stored before the next is begun, so that the mark comes exactly between two of them."""
    append = store.append

    def crossed(*args, steps=(), **more):
        append(*args, steps=steps, **more)
        if steps and steps[0].seq <= step <= steps[-1].seq:
            cancel(store, ANA, "run-1")

    monkeypatch.setattr(store, "append", crossed)
    script = [Call("slope"), Call("roughness"), Say("done")]
    status_code, body = bench.run(*script)
    run = store.read("run-1")
    assert (status_code, run.status) in [(500, RunStatus.CANCELLED), (200, RunStatus.COMPLETE)]
    assert body["success"] == (run.status is RunStatus.COMPLETE)
    assert [each.seq for each in run.steps] == list(range(1, run.seq + 1))
    assert [ended.status for ended in bench.ended] == [run.status]


def test_a_tool_that_runs_is_let_finish_and_nothing_follows(bench, store, meanwhile):
    begun, let_go, done = threading.Event(), threading.Event(), []

    @tool
    def dig() -> str:
        """Dig."""
        begun.set()
        assert let_go.wait(10)
        done.append(True)
        return "dug"

    def stop():
        cancel(store, ANA, "run-1")
        # Long enough to expose code that does not wait for the tool.
        deadline = threading.Event()
        assert not deadline.wait(5 * limits.STOP_SECONDS)
        assert store.read("run-1").status is RunStatus.IN_PROGRESS
        let_go.set()

    bench.with_tools(dig)
    meanwhile(begun, stop)
    assert bench.run(Call("dig"), Say("never said"))[0] == 500
    assert (done, len(bench.model.calls)) == ([True], 1)
    assert (store.read("run-1").status, steps(store)[-2:]) == (RunStatus.CANCELLED, ["executed", "cancelled"])


def graph(run):
    builder = GraphBuilder()
    builder.add_node(Agent(name="first", model=run.model, callback_handler=None), "first")
    builder.add_node(Agent(name="second", model=run.model, callback_handler=None), "second")
    builder.add_edge("first", "second")
    builder.set_execution_timeout(60)
    return builder.build()


def swarm(run):
    return Swarm([Agent(name="second", model=run.model, callback_handler=None)])


@pytest.mark.parametrize("way", ["talks", "is silent"])
@pytest.mark.parametrize("build", [graph, swarm])
def test_a_graph_and_a_swarm_are_cancelled_and_keep_what_was_done(
    bench, store, monkeypatch, waiting, meanwhile, build, way
):
    wait, scripted = waiting(way), bench.model.stream
    monkeypatch.setattr(registry, "load", lambda name: build)

    async def stream(*args, **more):
        async for event in (scripted if bench.model.script else wait.stream)(*args, **more):
            yield event

    bench.model.stream = stream
    meanwhile(wait.begun, lambda: cancel(store, ANA, "run-1"))
    bench.run(*([Say("flat")] if build is graph else []))
    run = store.read("run-1")
    assert (run.status, run.error) == (RunStatus.CANCELLED, "The run was cancelled.")
    assert run.result == ("first: flat" if build is graph else None)


@pytest.mark.parametrize("way", ["talks", "is silent", "blocks a thread", "back-off", "swallows"])
def test_a_run_whose_time_is_up_answers_that(bench, store, waiting, clock, meanwhile, way):
    wait = waiting(way)
    bench.model.stream = wait.stream
    bench.runner._monotonic = lambda: clock() / 1000

    def later():
        clock.now_ms += 60_000 - limits.DEADLINE_MARGIN_MS

    meanwhile(wait.begun, later)
    status_code, body = bench.run(context=Context(remaining_ms=60_000))
    assert (status_code, body["error"], body["result"]) == (500, TIME_UP, None)
    run = store.read("run-1")
    assert (run.status, run.error, steps(store)[-1]) == (RunStatus.ERROR, TIME_UP, "error")
    assert [ended.status for ended in bench.ended] == [RunStatus.ERROR]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_when_time_is_up_no_tool_is_waited_for(bench, store, clock, meanwhile, waiting, checkpointing):
    wait = waiting("blocks a thread")

    @tool
    def dig() -> str:
        """Dig for ever."""
        wait.begun.set()
        wait.let_go.wait()
        return "dug"

    def cancelled_in_vain():
        cancel(store, ANA, "run-1", now_ms=clock)
        wait_until(lambda: store.read("run-1").cancel_requested_at_ms)
        clock.now_ms += 60_000 - limits.DEADLINE_MARGIN_MS

    bench.with_build(
        lambda run: Agent(model=run.model, tools=[dig], checkpointing=checkpointing, callback_handler=None)
    )
    bench.runner._monotonic = lambda: clock() / 1000
    meanwhile(wait.begun, cancelled_in_vain)
    status_code, body = bench.run(Call("dig"), Say("never said"), context=Context(remaining_ms=60_000))
    assert (status_code, body["error"]) == (500, "The worker's time was up while the tool dig was still running.")
    assert store.read("run-1").error == body["error"]


@pytest.mark.parametrize("way", ["talks", "is silent", "blocks a thread", "back-off"])
def test_a_run_that_another_has_ended_is_stopped_and_says_so(bench, store, waiting, meanwhile, way):
    wait = waiting(way)
    bench.model.stream = wait.stream
    meanwhile(wait.begun, lambda: close_dead(store, "run-1", invocation="lambda-request-1"))
    status_code, body = bench.run()
    assert (status_code, body["error"]) == (500, ENDED)
    assert steps(store).count("error") == 1
    assert bench.ended == []

"""What the agent Lambda makes of an agent that stops, asks, fails, is cancelled or exits."""

from __future__ import annotations

import sys
from datetime import date

import pytest
from chalicelib.agents import registry
from strands import Agent, ToolContext, tool
from strands.tools import ToolProvider
from strands.vended_tools import stop

from runcast.record.model import RunStatus
from tests.fakes.scripted_model import Call, Say


@pytest.mark.parametrize("reason", ["content_filtered", "guardrail_intervened", "max_tokens"])
def test_a_model_that_stops_too_early_fails_the_run(bench, store, reason):
    status_code, body = bench.run(Say("It is", reason))
    assert (status_code, body["success"], body["result"]) == (500, False, "It is")
    assert body["error"] == f"The agent stopped before it was done: {reason}."
    run = store.read("run-1")
    assert (run.status, run.error, run.steps[-1].step) == (RunStatus.ERROR, body["error"], "error")
    assert run.result == "It is"
    assert bench.published[-1]["status"] == "agent_error"


def test_an_agent_that_its_own_tool_ends_is_complete(bench, store):
    bench.with_tools(stop)
    status_code, body = bench.run(Call("stop", {"message": "All measured"}), Say("never said"))
    assert (status_code, body["result"], store.read("run-1").status) == (200, "All measured", RunStatus.COMPLETE)


class Server(ToolProvider):
    """Stands for an MCP server: starts with the first agent that uses it, stops with the last."""

    def __init__(self):
        self.users, self.stops = set(), 0

    async def load_tools(self, **_):
        return []

    def add_consumer(self, consumer_id, **_):
        self.users.add(consumer_id)

    def remove_consumer(self, consumer_id, **_):
        self.users.discard(consumer_id)
        self.stops += not self.users


@pytest.mark.parametrize("inside", [False, True])
def test_the_servers_of_an_agent_stop_when_its_run_ends(bench, monkeypatch, inside):
    server, agents = Server(), []  # the agents are kept, so that no garbage collector stops their servers

    def build(run):
        agents.append(Agent(model=run.model, tools=[server], callback_handler=None, name="inner"))
        if inside:
            agents.append(Agent(model=run.model, tools=[agents[-1].as_tool()], callback_handler=None))
        return agents[-1]

    monkeypatch.setattr(registry, "load", lambda name: build)
    assert bench.run(Say("done"))[0] == 200
    assert (server.users, server.stops) == (set(), 1)


def test_a_stop_sequence_is_an_end(bench):
    status_code, body = bench.run(Say("Enough", "stop_sequence"))
    assert (status_code, body["result"]) == (200, "Enough")


def test_a_model_error_fails_the_run_and_is_named(bench, store):
    status_code, body = bench.run(ConnectionError("no route to the model"))
    assert (status_code, body["error"]) == (500, "ConnectionError: no route to the model")
    assert store.read("run-1").steps[-1].message == "ConnectionError: no route to the model"


def test_a_cancelled_agent_is_cancelled(bench, store):
    @tool(context=True)
    def stop(tool_context: ToolContext) -> str:
        """Stop everything."""
        tool_context.agent.cancel()
        return "stopped"

    bench.with_tools(stop)
    status_code, body = bench.run(Call("stop"), Say("never said"))
    assert (status_code, body["error"]) == (500, "The run was cancelled.")
    run = store.read("run-1")
    assert (run.status, run.steps[-1].step) == (RunStatus.CANCELLED, "cancelled")
    assert bench.published[-1]["status"] == "cancelled"


def test_an_agent_that_asks_is_waiting_and_has_not_ended(bench, store):
    @tool(context=True)
    def approve(tool_context: ToolContext) -> str:
        """Ask for approval."""
        return str(tool_context.interrupt("approval", reason={"costEuros": 5}))

    bench.with_tools(approve)
    status_code, body = bench.run(Call("approve"))
    assert (status_code, body["success"], body["result"]) == (200, True, None)
    [question] = body["interrupts"]
    assert (question["name"], question["reason"]) == ("approval", {"costEuros": 5})
    run = store.read("run-1")
    assert (run.status, run.status.ended) == (RunStatus.WAITING, False)
    assert run.steps[-1].to_json()["metadata"] == {"interrupts": [question]}
    assert bench.published[-1]["status"] == "waiting"


def test_a_question_that_is_no_json_is_refused(bench, store):
    @tool(context=True)
    def approve(tool_context: ToolContext) -> str:
        """Ask for approval."""
        return str(tool_context.interrupt("approval", reason={"until": date(2026, 1, 2)}))

    bench.with_tools(approve)
    status_code, body = bench.run(Call("approve"))
    run = store.read("run-1")
    assert (status_code, run.status, run.reason) == (500, RunStatus.ERROR, "not_resumable")
    assert body["error"].endswith("Give questions, and the agent's state, JSON values only.")


def test_a_tool_that_exits_fails_its_run_and_nothing_else(bench, store):
    @tool
    def leave() -> str:
        """Leave."""
        sys.exit(3)

    bench.with_tools(leave)
    status_code, body = bench.run(Call("leave"), Say("done"))
    assert (status_code, body["error"]) == (500, "SystemExit: 3")
    assert store.read("run-1").status == RunStatus.ERROR

"""Each kind of question, of a checkpointing agent: it is answered in another worker, also if that worker dies first."""

from __future__ import annotations

import pytest
from strands import Agent, ToolContext, tool
from strands.hooks import BeforeToolCallEvent, BeforeToolsEvent
from strands.interventions import Confirm, InterventionHandler
from strands.vended_tools import handoff_to_user

from runcast.record.model import RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.deaths import died
from tests.unit.chalicelib.agents.parts import answered, next_part


@tool
def send() -> str:
    """Send."""
    return "sent"


@tool(context=True)
def pay(tool_context: ToolContext) -> str:
    """Pay."""
    return f"paid: {tool_context.interrupt('approve', reason='Pay?')}"


class Confirming(InterventionHandler):
    name = "confirming"

    def before_tool_call(self, event):
        return Confirm(prompt="Send it?") if event.tool_use["name"] == "send" else None


def asking(event):
    event.interrupt("approve", reason="Send it?")


KINDS = {
    "tool": (Call("pay"), "paid: yes"),
    "hook": (Call("send"), "sent"),
    "hook of a turn": (Call("send"), "sent"),
    "confirm": (Call("send"), "sent"),
    "handoff": (Call("handoff_to_user", {"message": "Pay?"}), "yes"),
}


def built(kind):
    def build(run):
        about = {"interventions": [Confirming()]} if kind == "confirm" else {}
        agent = Agent(
            name="asker", model=run.model, tools=[send, pay, handoff_to_user], checkpointing=True,
            callback_handler=None, **about,
        )  # fmt: skip
        if kind == "hook":
            agent.add_hook(asking, BeforeToolCallEvent)
        elif kind == "hook of a turn":
            agent.add_hook(asking, BeforeToolsEvent)
        return agent

    return build


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
def test_the_answer_continues_the_agent_in_another_worker(bench, store, clock, kind, dies):
    call, said = KINDS[kind]
    bench.with_build(built(kind))
    [question] = bench.run(call)[1]["interrupts"]
    _, [event] = answered(bench, {question["id"]: "yes"})
    if dies:
        stream = bench.model.stream

        def dying(*args, **kwargs):
            events.append(died(bench, clock, (2, 1)))
            raise SystemExit

        events = []
        bench.model.stream = dying
        next_part(bench, event)
        bench.model.stream = stream
        [event] = events
    status_code, body = next_part(bench, event, Say("{tool_result}"))
    assert (status_code, body["result"]) == (200, said)
    run = store.read("run-1")
    assert (run.status, run.part) == (RunStatus.COMPLETE, 3 if dies else 2)
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))


def test_a_sub_agent_is_answered(bench):
    def build(run):
        buyer = Agent(name="buyer", model=run.model, tools=[pay], callback_handler=None)
        tools = [buyer.as_tool(name="buyer")]
        return Agent(name="asker", model=run.model, tools=tools, checkpointing=True, callback_handler=None)

    bench.with_build(build)
    [question] = bench.run(Call("buyer", {"input": "Buy"}), Call("pay"))[1]["interrupts"]
    _, [event] = answered(bench, {question["id"]: "yes"})
    status_code, body = next_part(bench, event, Say("inner {tool_result}"), Say("outer {tool_result}"))
    assert (status_code, body["result"]) == (200, "outer inner paid: yes")

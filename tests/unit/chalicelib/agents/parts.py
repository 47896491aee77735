"""What the tests of runs with several parts share: what happens between two parts, and a tool that digs."""

from __future__ import annotations

import json

from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.lifecycle import closer
from chalicelib.lifecycle.answer import answer_run, hand_out
from strands import Agent, ToolContext, tool

from runcast import note_fact
from runcast.errors import StoreUnavailable
from runcast.record.handover import NEXT_PART
from runcast.record.model import Owner
from runcast.runs.scope import current_scope
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call

ANA = Owner("acme", "ana")
FUNCTIONS = {"survey": "runcast-agent"}
HANDED_OVER = {NEXT_PART: "run-1"}


class Invoker:
    """A Lambda client that keeps the events that it is asked to invoke with."""

    def __init__(self):
        self.events = []

    def invoke(self, **request):
        assert (request["FunctionName"], request["InvocationType"]) == ("runcast-agent", "Event")
        self.events.append(json.loads(request["Payload"]))


@tool(context=True)
def pay(tool_context: ToolContext, amount: int = 5) -> str:
    """Pay."""
    note_fact(tool_context, "amount", amount, "EUR")
    return f"paid: {tool_context.interrupt('approve', reason={'question': 'Pay?'})}"


def waiting(bench, *script, tools=(pay,), **about):
    """Run the first part, and return the questions."""
    bench.with_tools(*tools)
    _, body = bench.run(*(script or (Call("pay"),)), **about)
    return body.get("interrupts", [])


def answered(bench, answers, *, invoker=None, owner=ANA, functions=FUNCTIONS):
    """Answer the run, and return the event of its next part."""
    invoker = invoker or Invoker()
    told = answer_run(
        owner,
        "run-1",
        answers,
        store=bench.store,
        objects=bench.objects,
        functions=AgentFunctions(invoker, functions),
        outside=frozenset(),
        admit=lambda owner: None,
        announce=lambda result: None,
        hand_over=lambda event: None,
    )
    return told, invoker.events


def next_part(bench, event, *script):
    """Run a later part by its event."""
    bench.model.script = list(script)
    answer = bench.runner.run(event, Context(f"lambda-request-{event['part']}-{event['try']}"))
    return answer["statusCode"], json.loads(answer["body"])


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


def checkpointing(bench, *tools, **about):
    bench.with_build(
        lambda run: Agent(model=run.model, tools=[*tools], checkpointing=True, callback_handler=None, **about)
    )


def plain(run, **about):
    return Agent(model=run.model, callback_handler=None, **about)


def invoked(bench, event=HANDED_OVER):
    """Let `run_closer` handle the event; return the events with which it has invoked the agent."""
    invoker = Invoker()
    closer.continue_run(event, bench.store, lambda result: hand_out(result.run, AgentFunctions(invoker, FUNCTIONS)))
    return invoker.events


def steps(bench):
    return [step.step for step in bench.store.read("run-1").steps]


def unanswered(*args, **kwargs):
    raise StoreUnavailable("DynamoDB did not answer.")

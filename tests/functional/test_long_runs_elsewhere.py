"""A run of several parts in a function of its own: `run_closer` invokes the function again after each."""

from __future__ import annotations

import asyncio

import pytest
from strands import Agent, tool

from runcast import run_in_parts
from runcast.runs.from_environment import forget_clients
from runcast.runs.scope import current_scope
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.functional.test_answers import ID, read
from tests.functional.test_answers_elsewhere import ANSWERED, handed_out, without_time

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ASKED = ("run_closer", {"nextPart": ID})


class Function:
    """The function of the agent `elsewhere`. Each invocation has a new process's memory."""

    def __init__(self):
        self.dug = []

    def __call__(self, event, *script, invocation="lambda-request-1"):
        @tool
        async def dig() -> str:
            """Dig."""
            self.dug.append(len(self.dug) + 1)
            current_scope().run.stop.hand_over()
            return "dug"

        agent = Agent(
            name="elsewhere", model=ScriptedModel(script), tools=[dig], checkpointing=True, callback_handler=None
        )
        return asyncio.run(run_in_parts(agent, {**event, "lambdaContext": Context(invocation)}))


@pytest.fixture
def function(lambdas):
    forget_clients()
    yield Function()
    forget_clients()


def test_a_run_continues_in_the_function_of_its_agent(lambdas, function):
    start = {"agent": "elsewhere", "query": "Dig.", "requestId": ID}
    assert lambdas.request("POST", "/runs", json_body=start).status == 202
    assert function(handed_out(lambdas), Call("dig")) is None
    lambdas.call(*ASKED)
    event = handed_out(lambdas)
    assert without_time(event) == ANSWERED
    assert function(event, Call("dig"), invocation="lambda-request-2") is None
    lambdas.call(*ASKED)
    event = handed_out(lambdas)
    assert without_time(event) == ANSWERED | {"part": 3}
    assert str(function(event, Say("Done"), invocation="lambda-request-3")).strip() == "Done"
    run = read(lambdas)
    assert (run["status"], run["result"], function.dug) == ("complete", "Done", [1, 2])
    assert [step["seq"] for step in run["steps"]] == list(range(1, len(run["steps"]) + 1))

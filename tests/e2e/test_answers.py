"""Runs that ask, on what Terraform has built: answered by a second client, over GraphQL, REST and the command."""

import asyncio
import json
import os
import re
import subprocess
import sys

import pytest
import requests

from local.deployment import client_environment
from local.settings import ROOT
from tests.e2e.conftest import DEADLINE_SECONDS, Caller, deployed, events_of
from tests.e2e.demo import jobs
from tests.e2e.test_web_client import recorded, report, shown
from tests.waiting import wait_until

# The agent of the document, as an agent of this deployment. Its tool asks before it buys.
[ASKING_AGENT] = re.findall(
    r"^```python\n(from strands import .*?)^```$", (ROOT / "docs/going-on.md").read_text(), re.M | re.S
)
FUNCTIONS = (
    "agent_function_name",
    "run_starter_function_name",
    "rest_api_function_name",
    "run_closer_function_arn",
    "orchestrator_function_name",
)
# One agent that asks in each of the ways that Strands has, as its query says.
ALL_KINDS_AGENT = '''
from strands import Agent, ToolContext, tool
from strands.hooks import BeforeToolCallEvent
from strands.interventions import Confirm, InterventionHandler
from strands.multiagent import GraphBuilder, Swarm


@tool(context=True)
def buy(tool_context: ToolContext) -> str:
    """Buy."""
    return "Bought: " + tool_context.interrupt("approve", reason={"costs": 5})


@tool
def send() -> str:
    """Send."""
    return "Sent"


def ask(event: BeforeToolCallEvent) -> None:
    event.interrupt("approve", reason={"costs": 5})


class Confirming(InterventionHandler):
    name = "confirming"

    def before_tool_call(self, event):
        return Confirm(prompt="Send it?")


def build(run):
    """Asks in the way that its query names."""

    def agent(*tools, **about):
        return Agent(name="asker", model=run.model, tools=[*tools], callback_handler=None, **about)

    match run.query:
        case "tool":
            return agent(buy)
        case "hook":
            return agent(send, hooks=[ask])
        case "confirm":
            return agent(send, interventions=[Confirming()])
        case "sub-agent":
            return agent(agent(buy).as_tool(name="buyer"))
        case "swarm":
            return Swarm([agent(buy)])
        case "graph":
            builder = GraphBuilder()
            builder.add_node(agent(buy), "buyer")
            builder.add_node(agent(), "writer")
            builder.add_edge("buyer", "writer")
            return builder.build()
'''
PLAYBOOK = {"description": "Buys.", "stages": [{"name": "buying", "agents": [{"agent": "buyer", "query": "${query}"}]}]}
ENDINGS = {"agent_complete", "agent_error"}


@pytest.fixture(scope="module", autouse=True)
def buyer(stack):
    """Deploy the agent `buyer` with the others, and a playbook that has it alone."""
    files = {
        "chalicelib/agents/buyer.py": ASKING_AGENT,
        "chalicelib/agents/asker.py": ALL_KINDS_AGENT,
        "chalicelib/playbooks/buying.json": json.dumps(PLAYBOOK),
    }
    with deployed(stack, FUNCTIONS, files):
        yield


@pytest.fixture(scope="module")
def second(stack):
    """Alice on another machine."""
    return Caller(stack, stack.state.users[0])


@pytest.fixture(scope="module")
def asked(stack):
    """The events of runs that wait."""
    with events_of(stack, "run.waiting") as of:
        yield of


class OverGraphql:
    def __init__(self, stack):
        pass

    def answer(self, caller, request_id, answers):
        answer = caller.ask("answerAgentRun", requestId=request_id, answers=json.dumps(answers))
        if "errors" in answer:
            return answer["errors"][0]["errorType"], answer["errors"][0]["message"]
        return answer["data"]["answerAgentRun"]


class OverRest:
    def __init__(self, stack):
        self._url = stack.state.outputs["rest_url"]

    def answer(self, caller, request_id, answers):
        response = requests.post(
            f"{self._url}/runs/{request_id}/answers",
            json={"answers": answers},
            headers={"Authorization": caller.id_token},
            timeout=DEADLINE_SECONDS,
        )
        body = response.json()
        if response.status_code in (200, 404):
            assert body["success"] is (response.status_code == 200)
            return body
        assert response.status_code == {"Conflict": 409, "BadRequest": 400}[body["error"]["type"]]
        return body["error"]["type"], body["error"]["message"]


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, stack):
    return request.param(stack)


def start(caller, agent="buyer", query="Buy turbines."):
    answer = caller.ask("startAgentRun", agent=agent, query=query)
    return answer["data"]["startAgentRun"]["requestId"]


def until_it_asks(caller, request_id):
    """Wait until a run waits; return its record and its question."""
    record = wait_until(lambda: caller.read(request_id), lambda record: record["status"] != "in_progress")
    assert record["status"] == "waiting", record
    [question] = json.loads(record["steps"][-1]["metadata"])["interrupts"]
    return record, question


async def test_a_run_is_answered_by_a_second_client_and_who_watches_misses_nothing(way, alice, second, bob, asked):
    async with alice.socket() as socket:
        assert (await socket.start(userId=alice.user.user_id))["type"] == "start_ack"
        request_id = await asyncio.to_thread(start, alice)
        before, question = await asyncio.to_thread(until_it_asks, second, request_id)
        answers = {question["id"]: "yes"}
        refused = await asyncio.to_thread(way.answer, bob, request_id, answers)
        state = await asyncio.to_thread(way.answer, second, request_id, answers)
        updates = [each for each in await socket.updates(request_id) if each["requestId"] == request_id]

    assert (question["name"], refused["success"], bob.read(request_id)["success"]) == ("approve", False, False)
    assert (state["success"], state["status"]) == (True, "in_progress")
    record = alice.read_to_its_end(request_id)
    steps = record["steps"]
    assert (record["status"], "Bought" in record["result"]) == ("complete", True)
    assert steps[: len(before["steps"])] == before["steps"]
    assert steps[len(before["steps"])]["step"] == "answered"
    assert [step["seq"] for step in steps] == list(range(1, len(steps) + 1))
    assert {update["seq"] for update in updates} == {step["seq"] for step in steps}

    assert way.answer(second, request_id, answers)["status"] == "complete"
    assert way.answer(second, request_id, {question["id"]: "no"})[0] == "Conflict"
    assert alice.read(request_id) == record
    [event] = wait_until(lambda: asked(request_id))
    assert (event["agent"], event["userId"], event["questions"]) == ("buyer", alice.user.user_id, [question])


@pytest.mark.long
@pytest.mark.parametrize("kind", ["tool", "hook", "confirm", "sub-agent", "swarm", "graph"])
def test_each_kind_of_question_is_answered_by_a_second_client(stack, alice, second, kind):
    request_id = start(alice, "asker", kind)
    before, question = until_it_asks(second, request_id)
    assert OverGraphql(stack).answer(second, request_id, {question["id"]: "yes"})["status"] == "in_progress"
    record = alice.read_to_its_end(request_id)
    assert (record["status"], record["error"]) == ("complete", None)
    assert record["steps"][: len(before["steps"])] == before["steps"]
    assert [step["seq"] for step in record["steps"]] == list(range(1, len(record["steps"]) + 1))
    outcomes = [json.loads(step["metadata"])["outcome"] for step in record["steps"] if step["step"] == "executed"]
    assert "ok" in outcomes


def test_a_job_waits_for_the_answer_to_its_agent_and_goes_on(stack, alice, second, bob):
    job_id = jobs.start(alice, "buying", "Buy turbines.")
    job = wait_until(
        lambda: jobs.read(alice, job_id),
        lambda job: job["status"] != "in_progress",
        deadline_seconds=jobs.DEADLINE_SECONDS,
    )
    assert job["status"] == "waiting", job
    [run] = job["runs"]
    assert (run["status"], job["liveness"]) == ("waiting", "live")
    _, question = until_it_asks(second, run["requestId"])
    assert OverGraphql(stack).answer(bob, run["requestId"], {question["id"]: "yes"})["success"] is False
    assert OverGraphql(stack).answer(second, run["requestId"], {question["id"]: "yes"})["status"] == "in_progress"
    job = jobs.read_to_its_end(alice, job_id)
    assert job["status"] == "complete", job
    assert "Bought" in json.loads(job["result"])["texts"]["buyer"]


def test_a_run_is_answered_on_the_terminal_and_watched_from_its_first_step(stack, alice):
    def runcast(*arguments, typed=None):
        command = [sys.executable, "-m", "runcast.client.terminal.command", *arguments]
        environment = os.environ | client_environment(stack.state, alice.user)
        return subprocess.run(command, env=environment, input=typed, capture_output=True, text=True, timeout=120)

    request_id = start(alice)
    watched = runcast("watch", request_id)
    assert (watched.returncode, watched.stderr) == (
        5, f"It waits for an answer. To answer it: runcast answer {request_id}\n",
    )  # fmt: skip
    answered = runcast("answer", request_id, typed="no\n")
    assert (answered.returncode, "approve" in answered.stderr) == (0, True), answered.stderr
    [*steps, summary] = map(json.loads, runcast("watch", request_id, "--json").stdout.splitlines())
    assert (summary["status"], summary["missing"]) == ("complete", 0)
    assert "The user did not approve it." in summary["result"]
    assert [step["seq"] for step in steps] == list(range(1, summary["recorded"] + 1))


@pytest.mark.long
def test_a_page_shows_a_question_that_another_tab_answers(stack, alice):
    page = report("answer", stack, agent="buyer")

    assert "failed" not in page, page
    [question] = page["questions"]
    assert (question["name"], page["sameQuestions"]) == ("approve", [question])
    assert (page["answered"]["status"] in ("in_progress", "complete"), page["answered"]["questions"]) == (True, [])
    assert page["tooLate"] == "Conflict"
    record = alice.read_to_its_end(page["id"])
    assert shown(page["view"], page["id"]) == shown(page["other"], page["id"]) == recorded(record)
    assert "Bought" in page["view"]["result"]

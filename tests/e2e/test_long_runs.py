"""Runs that continue in many invocations, on what Terraform has built: one run to clients, and each tool runs once."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.e2e.conftest import deployed

PARTS = 20  # Lambda stops loops after 16 invocations, unless the functions allow them
PART_SECONDS = 20
DIGS = 10
# The scripted model calls each tool once. Each tool appends to a file outside of the run.
AGENT = '''
import asyncio
import json
import os
import signal
from pathlib import Path

from botocore.client import BaseClient
from strands import Agent, tool
from strands.agent.conversation_manager import NullConversationManager

from runcast.runs.scope import current_scope

FOLDER = Path("{folder}")
send = BaseClient._make_api_call
plan = {{}}


def came_to(moment):
    """Kill this process by SIGKILL if the run has now come to this moment for the nth time."""
    if plan.get("dies_after") != moment:
        return
    with (FOLDER / (plan["run"] + " moments")).open("a") as moments:
        moments.write(".")
        times = moments.tell()
    if times == plan["nth"]:
        os.kill(os.getpid(), signal.SIGKILL)


def sent(client, operation, request):
    """Send a request to AWS; once it is answered, the run has come to a moment."""
    answer = send(client, operation, request)
    if moment := moment_of(operation, request):
        came_to(moment)
    return answer


def moment_of(operation, request):
    if operation == "PutObject":
        return "snapshot written"
    if operation == "PutItem" and "#call/" in request["Item"]["requestId"]["S"]:
        return "journal " + request["Item"]["state"]["S"]
    if operation == "UpdateItem" and ":snapshotKey" in request["ExpressionAttributeValues"]:
        return "record written" if ":part" in request["ExpressionAttributeValues"] else "snapshot named"
    if operation == "Invoke" and b"nextPart" in request["Payload"]:
        return "next part invoked"
    return None


BaseClient._make_api_call = sent


def digging(number):
    @tool(name=f"dig_{{number}}")
    async def dig() -> str:
        """Dig."""
        await asyncio.sleep(plan.get("seconds", 0))
        with (FOLDER / plan["run"]).open("a") as file:
            file.write(f"{{number}}\\n")
        came_to("tool done")
        if "seconds" not in plan:
            current_scope().run.stop.hand_over()  # what the worker's timer does when its time is nearly up
        return f"dug {{number}}"

    return dig


def build(run):
    """Digs in many places, as its query says in JSON."""
    plan.clear()
    plan.update(json.loads(run.query), run=run.request_id)
    if (FOLDER / plan["run"]).exists():
        came_to("claim")  # of a later part
    tools = [digging(number) for number in range(1, plan["digs"] + 1)]
    return Agent(
        name="digger", model=run.model, tools=tools, checkpointing=True, callback_handler=None,
        conversation_manager=NullConversationManager(),  # the scripted model has to see which tools it has called
    )
'''
# How often a run of one dig a part comes to each moment, and which of them are left out: before the first state is
# named, a death ends the run.
MOMENTS = {
    "claim": 1,
    "snapshot written": 2,
    "snapshot named": 1,
    "journal begun": 1,
    "tool done": 1,
    "journal ended": 1,
    "record written": 1,
    "next part invoked": 1,
}
SHORT = [("claim", 1), ("tool done", 2), ("record written", 1)]
LONG = [
    (moment, nth)
    for moment, first in MOMENTS.items()
    for nth in range(first, first + DIGS)
    if (moment, nth) not in SHORT
]


@pytest.fixture(scope="module")
def dug(stack, tmp_path_factory) -> Path:
    """Deploy the agent `digger`; return the folder with the files to which the tools of each run append."""
    folder = tmp_path_factory.mktemp("dug")
    files = {"chalicelib/agents/digger.py": AGENT.format(folder=folder)}
    with deployed(stack, ("agent_function_name", "run_starter_function_name", "run_closer_function_arn"), files):
        yield folder


@pytest.fixture
def short_parts(stack):
    """Let each worker of the agent live for `PART_SECONDS`."""
    functions, name = stack.client("lambda"), stack.state.outputs["agent_function_name"]
    seconds = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=PART_SECONDS)
    yield
    functions.update_function_configuration(FunctionName=name, Timeout=seconds)


def dig(alice, **plan):
    return alice.start(json.dumps(plan), agent="digger")


async def watched(alice, **plan):
    """Run the agent and watch it; return its record once every step has been seen."""
    async with alice.socket() as socket:
        assert (await socket.start(userId=alice.user.user_id))["type"] == "start_ack"
        request_id = await asyncio.to_thread(dig, alice, **plan)
        updates = [each for each in await socket.updates(request_id) if each["requestId"] == request_id]
    record = await asyncio.to_thread(alice.read_to_its_end, request_id)
    assert {update["seq"] for update in updates} == {step["seq"] for step in record["steps"]}
    return record


def require_whole(record, dug, digs):
    """Check that a run is complete and without a gap, and that its tools have dug in these places once each."""
    assert (record["status"], record["error"]) == ("complete", None)
    assert [step["seq"] for step in record["steps"]] == list(range(1, len(record["steps"]) + 1))
    assert (dug / record["requestId"]).read_text().split() == [str(number) for number in digs]


async def test_a_run_of_many_parts_is_watched_without_a_gap_and_each_tool_runs_once(alice, dug):
    record = await watched(alice, digs=PARTS - 1)
    require_whole(record, dug, range(1, PARTS))
    assert [step["step"] for step in record["steps"]].count("continuing") == PARTS - 1


@pytest.mark.long
async def test_a_run_of_two_minutes_finishes_although_each_worker_lives_for_20_seconds(alice, dug, short_parts):
    record = await watched(alice, digs=30, seconds=4)
    require_whole(record, dug, range(1, 31))
    assert [step["step"] for step in record["steps"]].count("continuing") >= 120 / PART_SECONDS
    assert record["steps"][-1]["timestamp"] - record["steps"][0]["timestamp"] >= 120_000


@pytest.mark.parametrize(("moment", "nth"), [*SHORT, *(pytest.param(*each, marks=pytest.mark.long) for each in LONG)])
def test_whenever_the_worker_is_killed_the_run_finishes_and_each_tool_runs_at_most_once(alice, dug, moment, nth):
    digs = nth + 1 if (moment, nth) in SHORT else DIGS
    request_id = dig(alice, digs=digs, dies_after=moment, nth=nth)
    record = alice.read_to_its_end(request_id)
    assert len((dug / f"{request_id} moments").read_text()) >= nth  # it was killed
    not_done = {nth} if moment == "journal begun" else set()  # the killed call: its entry says only that it began
    require_whole(record, dug, [number for number in range(1, digs + 1) if number not in not_done])

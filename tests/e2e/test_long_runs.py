"""Runs that continue in many invocations, on what Terraform has built: one run to clients, and each tool runs once."""

import asyncio
import contextlib

import pytest

from tests.e2e.conftest import deployed

PARTS = 20  # Lambda stops loops after 16 invocations, unless the functions allow them
# The scripted model calls each tool once. Each does what the worker's timer does when its time is nearly up.
AGENT = '''
from strands import Agent, tool

from runcast.runs.scope import current_scope


def digging(number):
    @tool(name=f"dig_{{number}}")
    async def dig() -> str:
        """Dig."""
        with open("{path}", "a") as file:
            file.write(f"{{number}}\\n")
        current_scope().run.stop.hand_over()
        return f"dug {{number}}"

    return dig


def build(run):
    """Digs in many places."""
    tools = [digging(number) for number in range(1, {parts})]
    return Agent(name="digger", model=run.model, tools=tools, checkpointing=True, callback_handler=None)
'''


@pytest.fixture(scope="module")
def dug(stack, tmp_path_factory):
    """Deploy the agent `digger`; return the file outside of its runs to which its tools append."""
    path = tmp_path_factory.mktemp("dug") / "places"
    files = {"chalicelib/agents/digger.py": AGENT.format(path=path, parts=PARTS)}
    with contextlib.ExitStack() as undo:
        for name in ("agent_function_name", "run_starter_function_name", "run_closer_function_arn"):
            undo.enter_context(deployed(stack, name, files))
        yield path


async def test_a_run_of_many_parts_is_watched_without_a_gap_and_each_tool_runs_once(stack, alice, dug):
    async with alice.socket() as socket:
        assert (await socket.start(userId=alice.user.user_id))["type"] == "start_ack"
        started = await asyncio.to_thread(alice.ask, "startAgentRun", agent="digger", query="Dig.")
        request_id = started["data"]["startAgentRun"]["requestId"]
        updates = [each for each in await socket.updates(request_id) if each["requestId"] == request_id]
    record = await asyncio.to_thread(alice.read_to_its_end, request_id)
    steps = record["steps"]
    assert (record["status"], record["error"]) == ("complete", None)
    assert [step["seq"] for step in steps] == list(range(1, len(steps) + 1))
    assert {update["seq"] for update in updates} == {step["seq"] for step in steps}
    assert [step["step"] for step in steps].count("continuing") == PARTS - 1
    assert dug.read_text().split() == [str(number) for number in range(1, PARTS)]

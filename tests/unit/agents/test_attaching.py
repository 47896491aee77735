"""The ways to attach Runcast to an agent: `track`, a plugin, and agents that start inside a run."""

from __future__ import annotations

import asyncio

import pytest
from strands import Agent, tool
from strands.multiagent import GraphBuilder
from strands.multiagent.base import MultiAgentBase, MultiAgentResult, NodeResult, Status

from runcast import Runcast, track
from runcast.record.model import RunStatus
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.conftest import named, scripted, tree


class TestPlugin:
    def test_an_agent_with_the_plugin_is_recorded(self, records):
        scripted(Say("done"), plugins=[Runcast(text=True)])("?", invocation_state=named("r1"))
        assert [step.step for step in records.read("r1").steps] == ["agent", "thinking", "text", "complete"]

    def test_an_agent_that_is_made_with_anothers_plugins_is_recorded(self, records):
        plugin = Runcast()
        scripted(plugins=[plugin])
        scripted(Say("done"), plugins=[plugin])("?", invocation_state=named("r1"))
        assert records.read("r1").status is RunStatus.COMPLETE

    def test_a_graph_with_the_plugin_is_recorded(self, records):
        builder = GraphBuilder()
        builder.add_node(scripted(Say("done")), "only")
        builder.set_execution_timeout(60)
        builder.set_plugins([Runcast()])
        builder.build()("?", invocation_state=named("r1"))
        assert ("only", "agent_complete", None, 2) in tree(records.read("r1"))


FILE = {
    "attachmentId": "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11",
    "name": "site",
    "contentType": "image/png",
    "eTag": '"1"',
}


def test_a_run_with_files_names_them_in_its_second_step(records):
    track(scripted(Say("flat")))("?", invocation_state=named("r1", attachments=[FILE]))
    steps = records.read("r1").steps
    assert [step.step for step in steps] == ["agent", "attachments", "thinking", "complete"]
    assert steps[1].to_json()["metadata"] == {"attachments": ["site.png"]}


def test_files_of_another_form_do_not_harm_the_run(records):
    track(scripted(Say("flat")))("?", invocation_state=named("r1", attachments=[{"name": "site.png"}]))
    run = records.read("r1")
    assert (run.status, [step.step for step in run.steps]) == (RunStatus.COMPLETE, ["agent", "thinking", "complete"])


class Chorus(MultiAgentBase):
    """Invokes its agents itself; `stream_async` is Strands' default."""

    id = "chorus"

    def __init__(self, *agents: Agent) -> None:
        self._agents = agents

    async def invoke_async(self, task, invocation_state=None, **kwargs):
        said = {
            agent.name: NodeResult(await agent.invoke_async(task), status=Status.COMPLETED) for agent in self._agents
        }
        return MultiAgentResult(Status.COMPLETED, said)


async def called(agent):
    return await asyncio.to_thread(agent, "?", named("r1"))


async def invoked(agent):
    return await agent.invoke_async("?", named("r1"))


async def streamed(agent):
    return [event async for event in agent.stream_async("?", named("r1"))][-1]["result"]


@pytest.mark.parametrize("invoke", [called, invoked, streamed])
async def test_a_multi_agent_of_ones_own_is_recorded_once_with_its_agents(records, invoke):
    result = await invoke(track(Chorus(scripted(Say("flat"), name="survey"))))
    assert str(result).strip() == "survey: flat"
    run = records.read("r1")
    assert (run.status, run.agent) == (RunStatus.COMPLETE, "chorus")
    assert tree(run) == [
        (None, "agent_invoking", None, None),
        ("survey", "agent_invoking", None, 1),
        ("survey", "thinking", None, 2),
        ("survey", "agent_complete", None, 2),
        (None, "agent_complete", None, None),
    ]


def test_the_tokens_of_an_agent_that_a_tool_makes_are_the_runs(records):
    class Counting(ScriptedModel):
        async def stream(self, *args, **kwargs):
            async for event in super().stream(*args, **kwargs):
                yield event
            usage = {"inputTokens": 9, "outputTokens": 1, "totalTokens": 10}
            yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}

        def get_config(self):
            return {"model_id": "scripted-1"}

    @tool
    async def ask() -> str:
        """Ask an agent."""
        return str(await Agent(model=Counting([Say("steep")]), callback_handler=None).invoke_async("?"))

    track(Agent(model=Counting([Call("ask"), Say("done")]), tools=[ask], callback_handler=None))(
        "?", invocation_state=named("r1")
    )
    metadata = records.read("r1").steps[-1].to_json()["metadata"]
    assert (metadata["usage"]["totalTokens"], metadata["models"]) == (30, ["scripted-1"])


def test_an_agent_outside_a_run_is_left_alone(records, dynamodb):
    track(scripted())
    agent = scripted(Say("done"))
    agent("?")
    assert type(agent) is Agent
    assert dynamodb.scan(TableName="AgentProgress")["Items"] == []

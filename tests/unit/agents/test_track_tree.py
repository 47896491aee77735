"""Agents that use agents: each step names its agent, and the step that started it."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise

import pytest
from strands import tool
from strands.hooks import BeforeToolCallEvent
from strands.multiagent import GraphBuilder, Swarm
from strands.tools.executors import SequentialToolExecutor

from runcast import track
from runcast.record.model import RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.agents.conftest import named, scripted, tree


@tool
def slope() -> str:
    """Return the slope."""
    return "3.5 degrees"


def analyst():
    return scripted(Call("slope"), Say("steep"), name="analyst", tools=[slope])


def editor(**about):
    return scripted(Call("analyst", {"input": "?"}), Say("{tool_result}"), name="editor", tools=[analyst()], **about)


def graph(*nodes):
    builder = GraphBuilder()
    for name, agent in nodes:
        builder.add_node(agent, name)
    for (first, _), (second, _) in pairwise(nodes):
        builder.add_edge(first, second)
    builder.set_execution_timeout(60)
    return builder.build()


@pytest.mark.parametrize("executor", [None, SequentialToolExecutor()])
def test_an_agent_that_is_a_tool_hangs_under_its_call(records, executor):
    track(editor(tool_executor=executor))("?", invocation_state=named("r1"))
    assert tree(records.read("r1")) == [
        (None, "agent_invoking", None, None),
        (None, "thinking", None, None),
        (None, "calling_tool", "analyst", None),
        ("analyst", "agent_invoking", None, 3),
        ("analyst", "thinking", None, 4),
        ("analyst", "calling_tool", "slope", 4),
        ("analyst", "tool_complete", "slope", 6),
        ("analyst", "thinking", None, 4),
        ("analyst", "agent_complete", None, 4),
        (None, "tool_complete", "analyst", 3),
        (None, "thinking", None, None),
        (None, "agent_complete", None, None),
    ]


def test_a_graph_of_three_agents_one_of_which_uses_another_is_a_tree(records):
    nodes = ("survey", scripted(Say("flat"), name="a")), ("edit", editor()), ("print", scripted(Say("done"), name="c"))
    result = track(graph(*nodes))("?", invocation_state=named("r1", agent="report"))
    assert str(result).endswith("print: done")
    run = records.read("r1")
    assert tree(run) == [
        (None, "agent_invoking", None, None),
        ("survey", "agent_invoking", None, 1),
        ("survey", "thinking", None, 2),
        ("survey", "agent_complete", None, 2),
        ("edit", "agent_invoking", None, 1),
        ("edit", "thinking", None, 5),
        ("edit", "calling_tool", "analyst", 5),
        ("analyst", "agent_invoking", None, 7),
        ("analyst", "thinking", None, 8),
        ("analyst", "calling_tool", "slope", 8),
        ("analyst", "tool_complete", "slope", 10),
        ("analyst", "thinking", None, 8),
        ("analyst", "agent_complete", None, 8),
        ("edit", "tool_complete", "analyst", 7),
        ("edit", "thinking", None, 5),
        ("edit", "agent_complete", None, 5),
        ("print", "agent_invoking", None, 1),
        ("print", "thinking", None, 17),
        ("print", "agent_complete", None, 17),
        (None, "agent_complete", None, None),
    ]
    assert (run.agent, run.status, run.result) == ("report", RunStatus.COMPLETE, str(result).strip())


def test_a_swarm_hands_on(records):
    first = scripted(Call("handoff_to_agent", {"agent_name": "b", "message": "yours"}), Say(""), name="a")
    swarm = Swarm([first, scripted(Say("done"), name="b")])
    track(swarm)("?", invocation_state=named("r1"))
    steps = [step for step in tree(records.read("r1")) if step[1] != "thinking"]
    assert steps == [
        (None, "agent_invoking", None, None),
        ("a", "agent_invoking", None, 1),
        ("a", "calling_tool", "handoff_to_agent", 2),
        ("a", "tool_complete", "handoff_to_agent", 4),
        ("a", "agent_complete", None, 2),
        ("b", "agent_invoking", None, 1),
        ("b", "agent_complete", None, 8),
        (None, "agent_complete", None, None),
    ]


def test_a_graph_in_a_graph_hangs_under_its_node(records):
    track(graph(("outer", graph(("inner", scripted(Say("done")))))))("?", invocation_state=named("r1"))
    assert tree(records.read("r1")) == [
        (None, "agent_invoking", None, None),
        ("outer", "agent_invoking", None, 1),
        ("inner", "agent_invoking", None, 2),
        ("inner", "thinking", None, 3),
        ("inner", "agent_complete", None, 3),
        ("outer", "agent_complete", None, 2),
        (None, "agent_complete", None, None),
    ]


@pytest.mark.parametrize("track_inner", [True, False])
def test_an_agent_that_a_tools_code_makes_is_a_child_with_its_tokens(records, track_inner):
    @tool
    def ask() -> str:
        """Ask somebody."""
        somebody = scripted(Say("steep"), name="somebody")
        return str((track(somebody) if track_inner else somebody)("?"))

    track(scripted(Call("ask"), Say("done"), tools=[ask]))("?", invocation_state=named("r1"))
    assert [step for step in tree(records.read("r1")) if step[0]] == [
        ("somebody", "agent_invoking", None, 3),
        ("somebody", "thinking", None, 4),
        ("somebody", "agent_complete", None, 4),
    ]


def test_a_run_inside_a_run_can_be_one_of_its_own(records):
    @tool
    def begin() -> str:
        """Begin another run."""
        return str(track(scripted(Say("inner")))("?", invocation_state=named("r2")))

    track(scripted(Call("begin"), Say("outer"), tools=[begin]))("?", invocation_state=named("r1"))
    assert [records.read(run).result for run in ("r1", "r2")] == ["outer", "inner"]
    assert all(step[0] is None for step in tree(records.read("r1")))


def test_a_part_of_a_tracked_agent_begins_no_run_on_its_own(records, dynamodb):
    part = scripted(Say("a"), Say("b"))
    track(graph(("part", part)))("?", invocation_state=named("r1"))
    part("?", invocation_state=named("r2"))
    assert [item["requestId"]["S"] for item in dynamodb.scan(TableName="AgentProgress")["Items"]] == ["r1"]


def test_a_node_that_fails_is_told_of_and_ends_the_run(records):
    with pytest.raises(ValueError, match="no such map"):
        track(graph(("survey", scripted(ValueError("no such map")))))("?", invocation_state=named("r1"))
    run = records.read("r1")
    end = run.steps[-2]
    assert (end.live_status, end.agent_name) == ("agent_error", "survey")
    assert re.fullmatch(r"survey failed after \d+\.\d s: ValueError: no such map", end.message)
    assert (run.status, run.error) == (RunStatus.ERROR, "ValueError: no such map")


def test_a_graph_whose_node_asks_is_waiting(records):
    def ask(event: BeforeToolCallEvent) -> None:
        event.interrupt("approve")

    node = scripted(Call("slope"), tools=[slope], hooks=[ask])
    track(graph(("survey", node)))("?", invocation_state=named("r1"))
    run = records.read("r1")
    assert run.status is RunStatus.WAITING
    assert [question["name"] for question in run.steps[-1].to_json()["metadata"]["interrupts"]] == ["approve"]


async def test_parallel_nodes_keep_their_steps_apart(records):
    builder = GraphBuilder()
    for name in "abc":
        builder.add_node(analyst(), name)
    builder.set_execution_timeout(60)
    await asyncio.wait_for(track(builder.build()).invoke_async("?", named("r1")), 60)
    steps = tree(records.read("r1"))
    for name in "abc":
        own = [(seq, *step) for seq, step in enumerate(steps, 1) if step[0] == name]
        begun = own[0][0]
        assert [step[2:] for step in own] == [
            ("agent_invoking", None, 1),
            ("thinking", None, begun),
            ("calling_tool", "slope", begun),
            ("tool_complete", "slope", own[2][0]),
            ("thinking", None, begun),
            ("agent_complete", None, begun),
        ]

"""Facts that tools note: the run's result with them, from every kind of agent, and their limits."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from strands import ToolContext, tool
from strands.multiagent import GraphBuilder, Swarm

from runcast import limits, note_fact, track
from runcast.json_text import result_json
from runcast.record.model import RunStatus
from runcast.record.recorder import Recorder
from runcast.runs.outcome import outcome_of
from tests.fakes.scripted_model import Call, Say
from tests.unit.agents.conftest import named, scripted


@tool(context=True)
def measure(name: str, value: float, tool_context: ToolContext) -> str:
    """Measure something."""
    note_fact(tool_context, name, value, "m")
    return "measured"


def surveyor(*facts, **about):
    calls = [Call("measure", {"name": name, "value": value}) for name, value in facts]
    return scripted(*calls, Say("It is high."), tools=[measure], **about)


def noting(*facts):
    """What comes of an agent whose tool notes these, given as name and value."""

    @tool(context=True)
    def note(tool_context: ToolContext) -> str:
        """Note all of them."""
        for name, value in facts:
            note_fact(tool_context, name, value)
        return "noted"

    return outcome_of(scripted(Call("note"), Say("Noted."), tools=[note])("?")).result


def metres(**facts):
    return {name: {"value": value, "unit": "m"} for name, value in facts.items()}


def graph(*nodes):
    builder = GraphBuilder()
    for name, agent in nodes:
        builder.add_node(agent, name)
    builder.set_execution_timeout(60)
    return builder.build()


def test_a_result_is_the_text_and_the_facts(records):
    track(surveyor(("height", 3.5), ("width", 2.0)))("?", invocation_state=named("r1"))
    assert records.read("r1").result == {"text": "It is high.", "facts": metres(height=3.5, width=2.0)}


def test_without_facts_it_is_the_text(records):
    track(surveyor())("?", invocation_state=named("r1"))
    assert records.read("r1").result == "It is high."


def test_a_fact_noted_again_has_its_last_value(records):
    track(surveyor(("height", 3.5), ("height", 4.0)))("?", invocation_state=named("r1"))
    assert records.read("r1").result["facts"] == metres(height=4.0)


def test_a_state_that_is_used_again_brings_no_facts_along(records):
    state = named("r1")
    track(surveyor(("height", 3.5)))("?", invocation_state=state)
    state |= named("r2")
    track(surveyor(("width", 2.0)))("?", invocation_state=state)
    assert records.read("r2").result["facts"] == metres(width=2.0)


def test_facts_of_an_agent_that_is_a_tool_are_the_runs(records):
    inner = surveyor(("height", 3.5), name="surveyor")
    outer = scripted(Call("surveyor", {"input": "?"}), Say("done"), name="editor", tools=[inner])
    track(outer)("?", invocation_state=named("r1"))
    assert records.read("r1").result == {"text": "done", "facts": metres(height=3.5)}


def test_facts_of_an_agent_that_a_tool_calls_are_the_runs_unless_it_is_a_run_of_its_own(records):
    @tool
    async def ask(request_id: str) -> str:
        """Ask another agent, in the run of that name."""
        other = track(surveyor((f"height_{request_id}", 3.5)))
        return str(await other.invoke_async("?", invocation_state=named(request_id)))

    script = Call("ask", {"request_id": "r1"}), Call("ask", {"request_id": "r2"}), Say("done")
    track(scripted(*script, tools=[ask]))("?", invocation_state=named("r1"))
    assert records.read("r1").result["facts"] == metres(height_r1=3.5)
    assert records.read("r2").result["facts"] == metres(height_r2=3.5)


def test_facts_of_a_graphs_nodes_are_the_runs(records):
    nodes = ("a", surveyor(("height", 3.5))), ("b", surveyor(("width", 2.0))), ("c", scripted(Say("flat")))
    track(graph(*nodes))("?", invocation_state=named("r1"))
    run = records.read("r1")
    assert (run.status, run.result["facts"]) == (RunStatus.COMPLETE, metres(height=3.5, width=2.0))
    assert sorted(run.result["text"].splitlines()) == ["a: It is high.", "b: It is high.", "c: flat"]


def test_facts_of_a_graph_within_a_graph_are_the_runs(records):
    track(graph(("outer", graph(("inner", surveyor(("height", 3.5)))))))("?", invocation_state=named("r1"))
    assert records.read("r1").result["facts"] == metres(height=3.5)


def test_facts_of_a_swarm_are_the_runs(records):
    first = scripted(
        Call("measure", {"name": "height", "value": 3.5}),
        Call("handoff_to_agent", {"agent_name": "b", "message": "yours"}),
        Say(""),
        name="a",
        tools=[measure],
    )
    track(Swarm([first, surveyor(("width", 2.0), name="b")]))("?", invocation_state=named("r1"))
    assert records.read("r1").result["facts"] == metres(height=3.5, width=2.0)


def test_the_one_who_owns_the_recorder_sees_the_same(store):
    recorder = Recorder(store, request_id="r1", owner=None, agent="a", worker="w")
    result = track(surveyor(("height", 3.5)))("?", invocation_state={"runcast": recorder})
    assert outcome_of(result).result["facts"] == metres(height=3.5)


class Unspeakable:
    def __str__(self):
        raise OSError("no")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        ([1, {"a": (2, 3)}], [1, {"a": [2, 3]}]),
        ({1, }, [1]),
        (Decimal("2.50"), 2.5),
        (10**400, {"unreadable": "a number beyond 1.8e308", "path": "$.facts.a.value"}),
        (float("nan"), {"unreadable": "NaN", "path": "$.facts.a.value"}),
        (Unspeakable(), {"unreadable": "OSError", "path": "$.facts.a.value"}),
        ("x" * 10_000, {"shortened": True, "bytes": 10_012}),
    ],
)  # fmt: skip
def test_any_value_becomes_json(value, kept):
    assert noting(("a", value))["facts"] == {"a": {"value": kept, "unit": None}}


def test_a_deep_value_is_cut_where_the_result_ends(records):
    deep: object = 1
    for _ in range(200):
        deep = {"a": deep}
    result = noting(("a", deep), ("b", 2))
    assert json.loads(result_json(result)) == result
    assert json.dumps(result).count('"a": {"a"') == 48
    assert result["facts"]["b"] == {"value": 2, "unit": None}


def test_a_value_is_kept_as_it_was_when_it_was_noted():
    value = [1]

    @tool(context=True)
    def note(tool_context: ToolContext) -> str:
        """Note it."""
        note_fact(tool_context, "a", value)
        value.append(2)
        return "noted"

    result = outcome_of(scripted(Call("note"), Say("Noted."), tools=[note])("?")).result
    assert result["facts"]["a"]["value"] == [1]


def test_names_and_units_are_shortened(records):
    @tool(context=True)
    def note(tool_context: ToolContext) -> str:
        """Note it."""
        note_fact(tool_context, "n" * 1_000, 1, "u" * 1_000)
        note_fact(tool_context, Unspeakable(), 2)
        return "noted"

    track(scripted(Call("note"), Say("Noted."), tools=[note]))("?", invocation_state=named("r1"))
    run = records.read("r1")
    ((name, fact),) = run.result["facts"].items()
    assert (len(name), fact["unit"], fact["value"]) == (100, "… [shortened from 1000 characters]", 1)
    assert "shortened from 1000 characters" in name
    assert run.status is RunStatus.COMPLETE


def test_more_facts_than_fit_are_replaced_and_then_counted():
    result = noting(*((f"fact {number}", "x" * 5_000) for number in range(500)))
    values = [fact["value"] for fact in result["facts"].values()]
    whole = [value for value in values if isinstance(value, str)]
    assert len(whole) == limits.FACTS_MAX_BYTES // 5_040
    assert all(value == {"shortened": True, "bytes": 5_002} for value in values[len(whole) :])
    left_out = 500 - len(values)
    assert 0 < left_out < 500 - 50
    assert result["text"] == f"Noted.\n\n[{left_out} more facts were noted than fit into the result]"
    assert json.loads(result_json(result)) == result


def test_a_long_text_gives_way_to_the_facts():
    agent = surveyor(("height", 3.5))
    agent.model.script[-1] = Say("é" * 100_000)
    result = outcome_of(agent("?")).result
    assert "shortened from 100000 characters" in result["text"]
    assert result["facts"] == metres(height=3.5)
    stored = result_json(result)
    assert json.loads(stored) == result
    assert limits.RESULT_MAX_BYTES * 0.9 < len(stored.encode()) <= limits.RESULT_MAX_BYTES

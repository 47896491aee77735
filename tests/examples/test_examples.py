"""Each example, unchanged: run on a scripted model, recorded in moto's table, drawn as users see it."""

from __future__ import annotations

import io
import re
import sys
from importlib import import_module, util
from pathlib import Path

import pytest
from chalicelib.agents import registry, run_context
from rich.console import Console

from runcast import track
from runcast.client.step import WatchedStep
from runcast.client.terminal.view import TerminalView
from runcast.record.model import Owner, RunStatus
from tests.fakes.scripted_model import Call, Say, ScriptedModel

FOLDER = Path(__file__).parents[2] / "examples"
TEXT = {"text": "to be or not to be"}
SCRIPTS = {
    "my_agents/hello": [Call("count_words", TEXT), Say("{tool_result} words")],
    "yielding_tool": [Call("weigh_words", TEXT), Say("{tool_result}")],
    "agent_as_tool": [
        Call("analyst", {"input": "How long?"}), Call("count_words", TEXT), Say("{tool_result}"), Say("{tool_result}"),
    ],
    "graph_of_agents": [
        Say("read"), Call("analyst", {"input": "How long?"}), Call("count_letters", TEXT), Say("{tool_result}"),
        Say("{tool_result} letters"), Say("edited"),
    ],
    "structured_output": [Call("Site", {"name": "Horns Rev", "area_km2": 20.0, "buildable": True})],
    "swarm_of_agents": [
        Call("count_words", TEXT), Call("handoff_to_agent", {"agent_name": "critic", "message": "6 words"}), Say(""),
        Say("too few"),
    ],
}  # fmt: skip
DRAWN = {
    "my_agents/hello": """
agent_invoking hello begins
thinking Thinking
calling_tool count_words Calling count_words
tool_complete count_words count_words ended
thinking Thinking
agent_complete Complete""",
    "yielding_tool": """
agent_invoking weigher begins
thinking Thinking
calling_tool weigh_words Calling weigh_words
  executing weigh_words ██░░░░░░░░ 1 of 6 words
  executing weigh_words 13 letters in 6 words
tool_complete weigh_words weigh_words ended
thinking Thinking
agent_complete Complete""",
    "agent_as_tool": """
agent_invoking writer begins
thinking Thinking
calling_tool analyst Calling analyst
  analyst: agent_invoking analyst begins
    analyst: thinking Thinking
    analyst: calling_tool count_words Calling count_words
    analyst: tool_complete count_words count_words ended
    analyst: thinking Thinking
  analyst: agent_complete analyst ended
tool_complete analyst analyst ended
thinking Thinking
agent_complete Complete""",
    "graph_of_agents": """
agent_invoking default_graph begins
  read: agent_invoking read begins
    read: thinking Thinking
  read: agent_complete read ended
  write: agent_invoking write begins
    write: thinking Thinking
    write: calling_tool analyst Calling analyst
      analyst: agent_invoking analyst begins
        analyst: thinking Thinking
        analyst: calling_tool count_letters Calling count_letters
          analyst: executing count_letters ██░░░░░░░░ 1 of 6 words
          analyst: executing count_letters 13
        analyst: tool_complete count_letters count_letters ended
        analyst: thinking Thinking
      analyst: agent_complete analyst ended
    write: tool_complete analyst analyst ended
    write: thinking Thinking
  write: agent_complete write ended
  edit: agent_invoking edit begins
    edit: thinking Thinking
  edit: agent_complete edit ended
agent_complete Complete""",
    "structured_output": """
agent_invoking assessor begins
thinking Thinking
calling_tool Site Calling Site
tool_complete Site Site ended
agent_complete Complete""",
    "swarm_of_agents": """
agent_invoking default_swarm begins
  reader: agent_invoking reader begins
    reader: thinking Thinking
    reader: calling_tool count_words Calling count_words
    reader: tool_complete count_words count_words ended
    reader: thinking Thinking
    reader: calling_tool handoff_to_agent Calling handoff_to_agent
    reader: tool_complete handoff_to_agent handoff_to_agent ended
    reader: thinking Thinking
  reader: agent_complete reader ended
  critic: agent_invoking critic begins
    critic: thinking Thinking
  critic: agent_complete critic ended
agent_complete Complete""",
}


SERVED = {"agentcore_runtime", "fastapi_streams", "mcp_tools"}
"""Examples that need a server; `test_served_examples.py` has it."""


def load(name):
    spec = util.spec_from_file_location(f"examples.{Path(name).stem}", FOLDER / f"{name}.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(run) -> str:
    """The run as `runcast show` draws it, without numbers, times and columns."""
    console = Console(file=io.StringIO(), width=200)
    view = TerminalView(console)
    for step in run.steps:
        blank = dict.fromkeys(("agentName", "toolName", "metadata"))
        seen = blank | step.to_json()
        view.step(
            WatchedStep(
                seen["seq"], seen["status"], seen["message"], 0.0, 0,
                agent_name=seen["agentName"], tool_name=seen["toolName"], metadata=seen["metadata"],
            )
        )  # fmt: skip
    lines = [line[len("   1     0.00 s  ") :] for line in console.file.getvalue().splitlines()]
    lines = [re.sub(r" ended after \d+\.\d s$", " ended", line) for line in lines]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    return "\n".join(" " * indent + " ".join(line.split()) for indent, line in zip(indents, lines, strict=True))


def test_every_example_is_tried():
    found = {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.py")}
    assert found == {*SCRIPTS, *SERVED, "outside_lambda", "plain_agent"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_recorded_and_drawn(name, records):
    model = ScriptedModel(SCRIPTS[name])
    agent = track(load(name).build(run_context.RunContext("How long is it?", {}, model)), monotonic=lambda: 0.0)
    agent("How long is it?", invocation_state={"runcast": {"requestId": "r1", "userId": "ana", "tenantId": "acme"}})
    run = records.read("r1")
    assert drawn(run) == DRAWN[name].strip("\n")
    assert (run.status, run.owner, model.script) == (RunStatus.COMPLETE, Owner("acme", "ana"), [])


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_an_agent_once_it_is_in_your_folder(name, tmp_path, monkeypatch):
    (tmp_path / "hello_of_this_test.py").write_text((FOLDER / f"{name}.py").read_text())
    monkeypatch.setattr(registry, "OWN_FOLDER", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    registry._files.cache_clear()
    try:
        assert registry.names() == ("hello_of_this_test",)
        assert registry.description("hello_of_this_test").endswith(".")
        assert callable(registry.load("hello_of_this_test"))
    finally:
        registry._files.cache_clear()
        sys.modules.pop("hello_of_this_test", None)


def test_examples_are_short():
    assert len((FOLDER / "my_agents" / "hello.py").read_text().splitlines()) < 30
    assert all(len(path.read_text().splitlines()) < 40 for path in FOLDER.glob("*.py"))


def test_structured_output_is_the_result(records):
    model = ScriptedModel(SCRIPTS["structured_output"])
    agent = track(load("structured_output").build(run_context.RunContext("Where?", {}, model)))
    agent("Where?", invocation_state={"runcast": {"requestId": "r1"}})
    assert records.read("r1").result == {"name": "Horns Rev", "area_km2": 20.0, "buildable": True}


def test_in_plain_python_it_is_the_same(records):
    event = {"agent": "weather", "query": "How windy?", "parameters": {"speeds": [8, 10]}, "requestId": "r1"}
    answer = load("plain_agent").handler(event | {"userId": "ana", "tenantId": "acme"}, None)
    assert answer["statusCode"] == 200
    run = records.read("r1")
    assert (run.owner, run.agent, run.result) == (
        Owner("acme", "ana"),
        "weather",
        {"text": "The wind blows at 9.0 m/s.", "facts": {"meanSpeed": {"value": 9.0, "unit": "m/s"}}},
    )
    assert [step.step for step in run.steps] == ["agent", "executing", "executed", "complete"]


def test_outside_lambda_it_is_the_same(records, capsys):
    model = ScriptedModel([Call("count_words", TEXT), Say("There are {tool_result} words.")])
    answer = import_module("examples.outside_lambda").answer("How long?", user_id="ana", tenant_id="acme", model=model)
    assert answer.strip() == "There are 6 words."
    run = records.read(capsys.readouterr().out.strip())
    assert (run.owner, run.agent, run.result) == (Owner("acme", "ana"), "counter", "There are 6 words.")
    assert [step.step for step in run.steps] == [
        *("agent", "thinking", "executing", "executed", "thinking", "text", "text", "complete")
    ]

"""The hooks on a real Strands agent with a scripted model."""

from __future__ import annotations

import pytest
from strands import Agent, tool

from runcast.strands import RunHooks
from tests.fakes.scripted_model import Call, Say, ScriptedModel


@tool
def slope() -> str:
    """Return the slope."""
    return "3.5 degrees"


class Recorder:
    def __init__(self, error: Exception | None = None):
        self.error = error
        self.steps = []

    def record(self, step, message="", **about):
        if self.error:
            raise self.error
        self.steps.append((step, message, about))


def answer(recorder) -> str:
    model = ScriptedModel([Call("slope"), Say("{tool_result}")])
    agent = Agent(model=model, tools=[slope], hooks=[RunHooks(recorder)], callback_handler=None)
    return str(agent("How steep is it?")).strip()


def test_model_calls_and_tool_calls_become_steps():
    recorder = Recorder()
    assert answer(recorder) == "3.5 degrees"
    assert recorder.steps == [
        ("thinking", "Thinking", {}),
        ("executing", "Calling slope", {"tool_name": "slope", "status": "calling_tool"}),
        ("thinking", "Thinking", {}),
    ]


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyError("tool_use")])
def test_a_recorder_that_fails_does_not_reach_the_agent(error, caplog):
    assert answer(Recorder(error)) == "3.5 degrees"
    assert caplog.text.count("a step was not recorded") == 3

"""One agent of a module, serving many runs at once."""

from __future__ import annotations

import asyncio
import json

import pytest
from strands import Agent, ToolContext, tool
from strands.agent.conversation_manager import NullConversationManager
from strands.types.agent import ConcurrentInvocationMode

from runcast import note_fact, track
from runcast.clock import epoch_ms
from runcast.record.model import Owner, Run, RunStatus
from runcast.runs import from_environment
from runcast.runs.from_environment import Destination
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.conftest import named


@tool(context=True)
def slope(tool_context: ToolContext, reason: str = "") -> str:
    """Return the slope."""
    note_fact(tool_context, "reason", reason)
    return "3.5 degrees"


class MemoryStore:
    """Takes what writers write; moto would take most of the test's time."""

    now_ms = staticmethod(epoch_ms)

    def __init__(self):
        self.runs = {}

    def claim(self, request_id, *, lease_until_ms, **_):
        assert request_id not in self.runs
        self.runs[request_id] = ([], None)
        return Run(request_id, Owner("t", "u"), "", RunStatus.IN_PROGRESS, 0, (), 0, 0, 2**33, 2**33, lease_until_ms)

    def learn_time(self):
        pass

    def is_cancel_hinted(self, request_id, worker):
        return False

    def append(self, request_id, *, expected_seq, steps=(), end=None, **_):
        recorded, _ = self.runs[request_id]
        assert len(recorded) == expected_seq
        self.runs[request_id] = ([*recorded, *steps], end)


class Reentrant(ScriptedModel):
    """Knows by `invocation_state` whom it answers: calls the tool once, then says the name.

    It answers nobody before all have asked, each time: so all runs are really under way at once.
    """

    def __init__(self, runs):
        super().__init__([])
        self._all_have_asked = asyncio.Barrier(runs)

    async def stream(self, messages, *args, invocation_state=None, **kwargs):
        name = invocation_state["name"]
        async with asyncio.timeout(60):
            await self._all_have_asked.wait()
        script = Say(name) if invocation_state.get("asked") else Call("slope", {"reason": name})
        invocation_state["asked"] = True
        async for event in ScriptedModel([script]).stream([{"content": []}]):
            yield event
        usage = {"inputTokens": int(name), "outputTokens": 1, "totalTokens": int(name) + 1}
        yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}


@pytest.mark.parametrize("runs", [40, pytest.param(200, marks=pytest.mark.long)])
async def test_runs_of_one_agent_at_once_never_mix(monkeypatch, runs):
    memory = MemoryStore()
    monkeypatch.setattr(from_environment, "destination_of_environment", lambda: Destination(memory, None))
    agent = track(
        Agent(
            model=Reentrant(runs),
            tools=[slope],
            callback_handler=None,
            conversation_manager=NullConversationManager(),
            concurrent_invocation_mode=ConcurrentInvocationMode.UNSAFE_REENTRANT,
        ),
        text=True,
    )
    names = [str(number) for number in range(runs)]
    await asyncio.gather(*(agent.invoke_async("?", invocation_state={**named(name), "name": name}) for name in names))
    for name in names:
        steps, end = memory.runs[name]
        assert steps[3].message.startswith("slope ended after ")
        steps = [(step.step, step.message) for step in steps[1:] if step.step != "executed"]
        assert steps == [
            ("thinking", "Thinking"),
            ("executing", f"Calling slope: {name}"),
            ("thinking", "Thinking"),
            ("text", name),
            ("complete", "Complete"),
        ]
        assert json.loads(end.result_json) == {"text": name, "facts": {"reason": {"value": name, "unit": None}}}
        assert memory.runs[name][0][-1].to_json()["metadata"]["usage"]["inputTokens"] == 2 * int(name)

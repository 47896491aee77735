"""Records an agent whose events a tool yields: `async for event in sub_agent.stream_async(...): yield event`.

Its events become its steps, under the tool. Otherwise they would be recorded as the tool's progress, in raw JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runcast.record.assignment import StepRef
from runcast.runs.scope import Scope

_BEGINS = "init_event_loop"
# An agent's event has one of these keys, or one of those below and no other.
_KEYS = {_BEGINS, "delta", "event_loop_throttled_delay", "tool_stream_event", "force_stop"}
_ONLY_KEYS = (
    *("start", "start_event_loop", "event", "message", "result"),
    *("structured_output", "tool_cancel_event", "tool_interrupt_event"),
)


class StreamedAgent:
    """Records the agent that a tool streams; a no-op if the tool streams something else.

    Args:
        scope: The scope of the tool call.
        name: The agent's name.
    """

    def __init__(self, scope: Scope, name: str) -> None:
        self._scope = scope
        self._name = name
        self._begun: StepRef | None = None
        self._streams = False
        self._nodes: dict[str, StreamedAgent] = {}

    def took(self, value: object) -> bool:
        """Process a value that the tool yielded; return whether it is an agent's event."""
        if not isinstance(value, Mapping):
            return False
        if str(value.get("type")).startswith("multiagent_"):  # of a Graph or a Swarm
            if "node_id" in value and "event" in value:
                self._nodes.setdefault(value["node_id"], StreamedAgent(self._scope, value["node_id"])).took(
                    value["event"]
                )
            return True
        if value.get(_BEGINS) is True:
            self._streams = True
            self._begin()
        if not self._streams or not (value.keys() & _KEYS or (len(value) == 1 and next(iter(value)) in _ONLY_KEYS)):
            return False
        if self._begun:
            self._record(value)
        return True

    def _begin(self) -> None:
        """Record that the agent begins, unless it is tracked and does so itself."""
        run, under = self._scope.run, self._scope.agents_under
        if under not in run.parents_of_agents:
            self._begun = run.recorder.record(
                "agent", f"{self._name} begins", agent_name=self._name, status="agent_invoking", parent=under
            )

    def _record(self, event: Mapping[str, Any]) -> None:
        record = self._scope.run.recorder.record
        if event.get("start_event_loop") is True:
            record("thinking", "Thinking", agent_name=self._name, parent=self._begun)
        for tool_name in _tools_asked_for(event.get("message")):
            record(
                "executing",
                f"Calling {tool_name}",
                agent_name=self._name,
                tool_name=tool_name,
                status="calling_tool",
                parent=self._begun,
            )
        part = event.get("event")
        usage = part.get("metadata", {}).get("usage") if isinstance(part, Mapping) else None
        if usage:
            self._scope.run.recorder.add_usage({kind: count for kind, count in usage.items() if isinstance(count, int)})


def _tools_asked_for(message: object) -> Iterator[str]:
    if isinstance(message, Mapping) and message.get("role") == "assistant":
        for block in message.get("content", ()):
            if "toolUse" in block:
                yield block["toolUse"]["name"]

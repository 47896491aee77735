"""Records an agent whose events a tool yields: `async for event in sub_agent.stream_async(...): yield event`.

Its events become its steps, under the tool. Otherwise they would be recorded as the tool's progress, in raw JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from strands.agent import AgentResult

from runcast.agents.messages import blocks
from runcast.live.publish import calling
from runcast.record.assignment import StepRef
from runcast.runs.outcome import outcome_of
from runcast.runs.scope import Scope
from runcast.runs.work_end import WorkOutcome, agent_end, tool_end, work_outcome

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
        monotonic: A monotonic clock in seconds.
    """

    def __init__(self, scope: Scope, name: str, monotonic: Callable[[], float]) -> None:
        self._scope = scope
        self._name = name
        self._monotonic = monotonic
        self._began_seconds = 0.0
        self._begun: StepRef | None = None
        self._streams = False
        self._nodes: dict[str, StreamedAgent] = {}
        self._calls: dict[str, list[_Call]] = {}

    def took(self, value: object) -> bool:
        """Process a value that the tool yielded; return whether it is an agent's event."""
        if not isinstance(value, Mapping):
            return False
        if str(value.get("type")).startswith("multiagent_"):  # of a Graph or a Swarm
            if "node_id" in value and "event" in value:
                node = self._nodes.setdefault(
                    value["node_id"], StreamedAgent(self._scope, value["node_id"], self._monotonic)
                )
                node.took(value["event"])
            return True
        if value.get(_BEGINS) is True:
            self._streams = True
            self._begin()
        if not self._streams or not (value.keys() & _KEYS or (len(value) == 1 and next(iter(value)) in _ONLY_KEYS)):
            return False
        if self._begun:
            self._record(value)
        return True

    def end(self, outcome: WorkOutcome, why: str | None = None) -> None:
        """Record the end of the agent, of its tool calls and of its nodes, unless they have ended."""
        for node in self._nodes.values():
            node.end(outcome, why)
        for tool_use_id, calls in self._calls.items():
            while calls:
                self._end_call(tool_use_id, WorkOutcome.UNKNOWN)
        begun, self._begun = self._begun, None
        if begun:
            seconds = self._monotonic() - self._began_seconds
            self._scope.run.recorder.record(**agent_end(self._name, outcome, seconds, begun=begun, why=why))

    def _begin(self) -> None:
        """Record that the agent begins, unless it is tracked and does so itself."""
        run, under = self._scope.run, self._scope.agents_under
        if under not in run.parents_of_agents:
            self._began_seconds = self._monotonic()
            self._begun = run.recorder.record(
                "agent", f"{self._name} begins", agent_name=self._name, status="agent_invoking", parent=under
            )

    def _record(self, event: Mapping[str, Any]) -> None:
        record = self._scope.run.recorder.record
        if event.get("start_event_loop") is True:
            record("thinking", "Thinking", agent_name=self._name, parent=self._begun)
        for tool_use in blocks(event.get("message"), "assistant", "toolUse"):
            name = tool_use["name"]
            call = record(
                "executing",
                calling(name),
                agent_name=self._name,
                tool_name=name,
                status="calling_tool",
                parent=self._begun,
            )
            self._calls.setdefault(tool_use["toolUseId"], []).append(_Call(name, call, self._monotonic()))
        for result in blocks(event.get("message"), "user", "toolResult"):
            outcome = WorkOutcome.ERROR if result.get("status") == "error" else WorkOutcome.OK
            self._end_call(result["toolUseId"], outcome)
        part = event.get("event")
        usage = part.get("metadata", {}).get("usage") if isinstance(part, Mapping) else None
        if usage:
            self._scope.run.recorder.add_usage(usage)
        if isinstance(came_out := event.get("result"), AgentResult):
            outcome, why = work_outcome(outcome_of(came_out))
            self.end(outcome, why)

    def _end_call(self, tool_use_id: str, outcome: WorkOutcome) -> None:
        if calls := self._calls.get(tool_use_id):
            call = calls.pop(0)
            seconds = self._monotonic() - call.began_seconds
            end = tool_end(call.tool_name, outcome, seconds, call=call.step, tool_use_id=tool_use_id)
            self._scope.run.recorder.record(agent_name=self._name, **end)


class _Call(NamedTuple):
    tool_name: str
    step: StepRef
    began_seconds: float

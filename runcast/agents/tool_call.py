"""Records one tool call and the progress that the tool yields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.agents.pace import Pace
from runcast.agents.streamed import StreamedAgent
from runcast.plain_json import plain
from runcast.record.model import Json
from runcast.runs.facts import State
from runcast.runs.scope import Scope
from runcast.text import shortened


class ToolCall:
    """Records a tool call when it begins, and then the values that the tool yields.

    Args:
        agent_scope: The scope of the calling agent.
        tool_name: The tool.
        tool_input: The tool's arguments; `reason`, if present, is shown.
        invocation_state: The agent's state. It keeps the tool's facts, unless the agent's scope names another place.
        pace: Limits how often yielded values are recorded.

    Attributes:
        scope: The scope of the tool call.
    """

    def __init__(
        self, agent_scope: Scope, tool_name: str, tool_input: object, invocation_state: State, pace: Pace
    ) -> None:
        reason = tool_input.get("reason") if isinstance(tool_input, Mapping) else None
        message = f"Calling {tool_name}: {reason}" if reason and isinstance(reason, str) else f"Calling {tool_name}"
        call = agent_scope.record("executing", message, tool_name=tool_name, status="calling_tool")
        facts_in = invocation_state if agent_scope.facts_in is None else agent_scope.facts_in
        self.scope = Scope(
            agent_scope.run,
            agent_scope.agent_name,
            steps_under=call,
            agents_under=call,
            facts_in=facts_in,
            text=agent_scope.text,
        )
        self._work = agent_scope.work
        self._streamed = StreamedAgent(self.scope, tool_name)
        self._tool_name = tool_name
        self._pace = pace
        self._latest: list[Any] = []

    def saw(self, event: Mapping[str, Any]) -> None:
        """Extract the yielded value from an event; record it if a step is due, or later if no value follows."""
        if event.get("type") != "tool_stream":
            return
        value = event["tool_stream_event"]["data"]
        if self._streamed.took(value):
            return
        self._latest = [value]
        if self._pace.due():
            self.done()

    def delegates(self, delegating: bool) -> None:
        """Set whether the calling agent passes on the events of this tool, which is an agent, as its own."""
        if self._work:
            self._work.delegating = delegating

    def done(self) -> None:
        """Record the last yielded value, unless it is already recorded."""
        latest, self._latest = self._latest, []
        for yielded in latest:
            value, _ = plain(yielded)
            progress = _progress(value)
            metadata = {"progress": progress} if progress else None
            message = _message(value, progress)
            self.scope.record("executing", message, tool_name=self._tool_name, metadata=metadata)


def _progress(value: Any) -> Json | None:
    """Return `done`, `total` and `unit` of a yielded value; None if `done` is not a number."""
    if not isinstance(value, Mapping) or not _is_count(value.get("done")):
        return None
    progress: Json = {"done": value["done"]}
    if _is_count(value.get("total")):
        progress["total"] = value["total"]
    if value.get("unit"):
        progress["unit"] = shortened(value["unit"], limits.UNIT_MAX_CHARACTERS)
    return progress


def _message(value: Any, progress: Json | None) -> str:
    if isinstance(value, str):
        return value
    if progress:
        if isinstance(value.get("message"), str):
            return str(value["message"])
        total = f" of {progress['total']}" if "total" in progress else ""
        return f"{progress['done']}{total} {progress.get('unit', '')}".rstrip()
    return shortened(json.dumps(value, ensure_ascii=False), limits.MESSAGE_MAX_CHARACTERS)


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0

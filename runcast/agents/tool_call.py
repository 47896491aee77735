"""Records one tool call: its beginning, the progress that the tool yields, and its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from runcast import limits
from runcast.agents.pace import Pace
from runcast.agents.streamed import StreamedAgent
from runcast.live.publish import calling
from runcast.plain_json import plain
from runcast.record.model import Json
from runcast.runs.facts import State
from runcast.runs.scope import Scope
from runcast.runs.work_end import WorkOutcome, tool_end
from runcast.text import shortened


class ToolCall:
    """Records a tool call when it begins, then the values that the tool yields, and then its end.

    Args:
        agent_scope: The scope of the calling agent.
        tool_use: The model's request: the tool's name, the call's id and the arguments; `reason`, if present, is shown.
        invocation_state: The agent's state. It keeps the tool's facts, unless the agent's scope names another place.
        monotonic: A monotonic clock in seconds.

    Attributes:
        scope: The scope of the tool call.
        tool_use: The model's request.
        ended: Whether its end is recorded.
    """

    def __init__(
        self,
        agent_scope: Scope,
        tool_use: Mapping[str, Any],
        invocation_state: State,
        monotonic: Callable[[], float],
    ) -> None:
        tool_input = tool_use.get("input")
        reason = tool_input.get("reason") if isinstance(tool_input, Mapping) else None
        name = self._tool_name = str(tool_use["name"])
        message = calling(name, reason if isinstance(reason, str) else None)
        call = agent_scope.record("executing", message, tool_name=name, status="calling_tool")
        facts_in = invocation_state if agent_scope.facts_in is None else agent_scope.facts_in
        self.scope = Scope(
            agent_scope.run,
            agent_scope.agent_name,
            steps_under=call,
            agents_under=call,
            facts_in=facts_in,
            text=agent_scope.text,
            live_text=agent_scope.live_text,
            tool_io=agent_scope.tool_io,
        )
        self._work = agent_scope.work
        self._streamed = StreamedAgent(self.scope, name, monotonic)
        self.tool_use = tool_use
        self._monotonic = monotonic
        self._began_seconds = monotonic()
        self._pace = Pace(monotonic)
        self._latest: list[Any] = []
        self.ended = False

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

    def end(self, outcome: WorkOutcome, *, why: str | None = None, result: Mapping[str, Any] | None = None) -> None:
        """Record the end of the call; only the first end counts."""
        if self.ended:
            return
        self.ended = True
        self.done()
        self._streamed.end(WorkOutcome.UNKNOWN)
        about = tool_end(
            self._tool_name,
            outcome,
            self._monotonic() - self._began_seconds,
            call=self.scope.steps_under,
            tool_use_id=str(self.tool_use.get("toolUseId") or "") or None,
            why=why,
            tool_io=(self.tool_use.get("input"), result and result.get("content")) if self.scope.tool_io else None,
        )
        self.scope.run.recorder.record(agent_name=self.scope.agent_name, **about)

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

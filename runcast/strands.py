"""Listening to a Strands agent: its model calls and tool calls become steps of a run.

Strands lets an exception in a hook into the agent's run, so nothing here may raise: a run is never harmed by being
watched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from strands.hooks import BeforeModelCallEvent, BeforeToolCallEvent, HookCallback, HookProvider, HookRegistry

from runcast.record.recorder import Recorder

logger = logging.getLogger(__name__)


class RunHooks(HookProvider):
    """Records a `thinking` step for each model call and an `executing` step for each tool call.

    Strands announces each attempt at a model call, so a throttled call is seen as often as it is tried.

    Args:
        recorder: Takes the steps.

    Source: https://strandsagents.com/latest/documentation/docs/user-guide/concepts/agents/hooks/
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        """Subscribe to the agent's events."""
        registry.add_callback(BeforeModelCallEvent, _harmless(self._on_model_call))
        registry.add_callback(BeforeToolCallEvent, _harmless(self._on_tool_call))

    def _on_model_call(self, _: BeforeModelCallEvent) -> None:
        self._recorder.record("thinking", "Thinking")

    def _on_tool_call(self, event: BeforeToolCallEvent) -> None:
        tool_name = event.tool_use["name"]
        self._recorder.record("executing", f"Calling {tool_name}", tool_name=tool_name, status="calling_tool")


def _harmless(callback: Callable[[Any], None]) -> HookCallback[Any]:
    def caught(event: Any) -> None:
        try:
            callback(event)
        except Exception:
            logger.exception("a step was not recorded")

    return caught

"""Extracts the tokens, the text and the end of one tracked agent's invocation from its events.

Strands merges `invocation_state` into some events, so an event counts only if all its keys are Strands' own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from strands.agent import AgentResult
from strands.multiagent.base import MultiAgentResult

from runcast.agents.harmless import harmless
from runcast.agents.messages import blocks
from runcast.agents.parts import model_id_of, name_of
from runcast.agents.text import TextSteps
from runcast.agents.tool_watch import ToolWatch
from runcast.runs.outcome import RunOutcome, failure, outcome_of, stopped_early
from runcast.runs.scope import Scope
from runcast.runs.stop import AgentWork
from runcast.runs.work_end import WorkOutcome, agent_end, work_outcome

logger = logging.getLogger(__name__)


class Invocation:
    """One invocation of an agent, from its first event to its end.

    Args:
        agent: The agent.
        work: The handle that can stop it.
        scope: Where its steps are recorded.
        text: Receives its text, if text is recorded.
        tools: Records its tool calls, if it is a Strands Agent.
        monotonic: A monotonic clock in seconds.

    Attributes:
        is_whole_run: Whether the run ends with it.
    """

    def __init__(
        self,
        agent: Any,
        work: AgentWork,
        scope: Scope,
        *,
        text: TextSteps | None,
        tools: ToolWatch | None,
        monotonic: Callable[[], float],
    ) -> None:
        self.work = work
        self.scope = scope
        self.is_whole_run = work.whole_run
        self._agent = agent
        self._recorder = scope.run.recorder
        self._text = text
        self._tools = tools
        self._monotonic = monotonic
        self._began_seconds = monotonic()
        self._asked_for: dict[str, Mapping[str, Any]] = {}
        self._over = False
        self._last: object = None

    def saw(self, event: object) -> AgentResult | MultiAgentResult | None:
        """Extract tokens and text from an event of the agent; return the result if the event contains it."""
        self._last = event
        if not isinstance(event, Mapping):
            return None
        if event.keys() == {"event"} and not self.work.delegating:
            self._saw_part(event["event"])
        elif event.keys() == {"message"} and isinstance(event["message"], Mapping):
            self._saw_message(event["message"])
        elif self._tools and event.keys() == {"tool_interrupt_event"} and not self.work.delegating:
            self._tools.asked(self.scope, event["tool_interrupt_event"]["tool_use"])
        return _result_in(event) if event.keys() <= {"type", "result"} else None

    async def came_to(self, result: AgentResult | MultiAgentResult) -> None:
        """End the run, or the part that the agent has in it, with the outcome of the agent's result."""
        signal = getattr(self._agent, "cancel_signal", None)
        stopped_itself = signal is not None and not signal.is_set()
        stop = self._recorder.stop
        await self._end(
            lambda: outcome_of(result, stop, stopped_itself=stopped_itself and stop is None, said=self.scope.run.said)
        )

    async def was_done(self) -> None:
        """End the run, or the agent's part, if it is still open, with the result in the agent's last event, if any."""
        if self._over:
            return
        result = _result_in(self._last)
        if result is None:
            await self._end(lambda: stopped_early("it gave no result", self.scope.run.said))
        else:
            await self.came_to(result)

    async def failed(self, error: BaseException) -> None:
        """End the run, or the part that the agent has in it, as an exception says."""
        await self._end(lambda: failure(error, self._recorder.stop, said=self.scope.run.said))

    def left(self) -> None:
        """End it without waiting, because the consumer stopped reading the agent's events."""
        outcome = stopped_early("nobody read its events any more", self.scope.run.said)
        with harmless():
            self._end_parts(outcome)
        if self.is_whole_run:
            with harmless():
                self.scope.run.end(outcome)

    def _saw_part(self, part: object) -> None:
        """Process one streamed part of the model's answer."""
        if not isinstance(part, Mapping):
            return
        if self._text and (words := part.get("contentBlockDelta", {}).get("delta", {}).get("text")):
            self._text.add(words)
        if usage := part.get("metadata", {}).get("usage"):
            self._recorder.add_usage(usage, model_id_of(self._agent))

    def _saw_message(self, message: Mapping[str, Any]) -> None:
        self._flush_text()
        self._saw_refusals(message)
        if self.is_whole_run and message.get("role") == "assistant":
            texts = [block["text"] for block in message.get("content", ()) if "text" in block]
            self.scope.run.said = "\n".join(texts).strip() or self.scope.run.said

    def _saw_refusals(self, message: Mapping[str, Any]) -> None:
        """Record the calls that were refused before they reached a hook: all of a turn together, or invalid ones."""
        if self._tools is None or self.work.delegating:
            return
        for tool_use in blocks(message, "assistant", "toolUse"):
            self._asked_for[tool_use["toolUseId"]] = tool_use
        for result in blocks(message, "user", "toolResult"):
            refused = self._asked_for.pop(result["toolUseId"], {})
            if refused and result.get("status") == "error":
                signal = getattr(self._agent, "cancel_signal", None)
                cancelled = self._recorder.stop is not None or (signal is not None and signal.is_set())
                self._tools.refused(self.scope, refused, result, cancelled=cancelled)
            self.scope.calls.pop(result["toolUseId"], None)

    async def _end(self, outcome: Callable[[], RunOutcome]) -> None:
        try:
            came_to = outcome()
        except Exception as error:  # noqa: BLE001 - a result may be of any type, and the run must still end
            came_to = failure(error)
        with harmless():
            self._end_parts(came_to)
        if not self.is_whole_run:
            return
        try:
            if ending := self.scope.run.end(came_to):
                await asyncio.wrap_future(ending)
        except Exception:
            logger.exception("the run was not ended")

    def _end_parts(self, came_to: RunOutcome) -> None:
        """Record what has to come before the agent's end, and its end if it works for another."""
        if self._over:
            return
        self._over = True
        self._flush_text()
        for calls in self.scope.calls.values():
            for call in calls:
                call.end(WorkOutcome.UNKNOWN)
        if not self.is_whole_run:
            outcome, why = work_outcome(came_to)
            name = self.scope.agent_name or name_of(self._agent)
            seconds = self._monotonic() - self._began_seconds
            self._recorder.record(**agent_end(name, outcome, seconds, begun=self.scope.steps_under, why=why))

    def _flush_text(self) -> None:
        if self._text:
            self._text.flush()


def _result_in(event: object) -> AgentResult | MultiAgentResult | None:
    result = event.get("result") if isinstance(event, Mapping) else None
    return result if isinstance(result, AgentResult | MultiAgentResult) else None

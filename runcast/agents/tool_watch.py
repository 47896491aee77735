"""Records the tool calls of a Strands agent, from their beginning to their end.

No single place in Strands sees every call. The middleware wraps the calls that run; `AfterToolCallEvent` has the final
result of those, and of the calls that a hook denied. A call that asks a person has no such event: the agent's stream
has one instead. Calls that are refused together have neither, and appear only in the message with the results.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from strands import Agent
from strands.hooks import AfterToolCallEvent, BeforeToolCallEvent
from strands.middleware import ExecuteToolContext, ExecuteToolStage

from runcast.agents.harmless import harmless
from runcast.agents.journal import OutcomeUnknown
from runcast.agents.tool_call import ToolCall
from runcast.runs.scope import Scope, current_scope, within
from runcast.runs.work_end import WorkOutcome

_GoOn = Callable[[ExecuteToolContext], AsyncGenerator[Any, None]]


class ToolWatch:
    """Watches the tool calls of one agent and of its copies.

    Args:
        monotonic: A monotonic clock in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic

    def attach(self, agent: Agent) -> None:
        """Add the hooks and the middleware to the agent."""
        agent.add_hook(_before_call, BeforeToolCallEvent)
        agent.add_hook(self._after_call, AfterToolCallEvent)
        agent.add_middleware(ExecuteToolStage, self._around_call)

    def asked(self, scope: Scope, tool_use: Mapping[str, Any]) -> None:
        """Record that a call has to wait for a person's answer."""
        self._call_of(scope, tool_use).end(WorkOutcome.ASKED)

    def refused(self, scope: Scope, tool_use: Mapping[str, Any], result: Mapping[str, Any], *, cancelled: bool) -> None:
        """Record the end of a call that has neither run nor reached a hook, unless it is recorded."""
        call = self._call_of(scope, tool_use)
        call.end(_refusal(cancelled=cancelled), why=_text_of(result), result=result)

    async def _around_call(self, context: ExecuteToolContext, go_on: _GoOn) -> AsyncGenerator[Any, None]:
        """Record a call that runs: Strands' middleware for `ExecuteToolStage`."""
        call = None
        scope = current_scope()
        if scope:
            scope.run.stop.begin_tool()
        with harmless():
            if scope:
                call = self._begin(scope, context.tool_use, context.invocation_state)
        if call is None:
            async for event in go_on(context):
                yield event
            return

        is_agent = getattr(context.tool, "tool_type", None) == "agent"  # its events are recorded as an agent's steps
        delegating = is_agent and getattr(context.tool, "delegate", False) is True
        try:
            async with aclosing(within(call.scope, go_on(context))) as scoped:
                with call.scope.run.stop.tool(str(context.tool_use["name"]), is_agent=is_agent):
                    call.delegates(delegating)
                    async for event in scoped:
                        with harmless():
                            if isinstance(event, OutcomeUnknown):
                                call.end(WorkOutcome.UNKNOWN, result=event.tool_result)
                            elif not is_agent:
                                call.saw(event)
                        yield event
        except Exception:
            raise  # Strands makes it the call's result, or asks a person
        except BaseException:
            with harmless():
                call.end(WorkOutcome.UNKNOWN)
            raise
        finally:
            call.delegates(False)
            with harmless():
                call.done()

    def _after_call(self, event: AfterToolCallEvent[Any]) -> None:
        scope = current_scope()
        if scope is None:
            return
        with harmless():
            if event.cancel_message is not None:
                call = self._begin(scope, event.tool_use, event.invocation_state)
                refusal = _refusal(cancelled=scope.run.stop.reason is not None)
                call.end(refusal, why=event.cancel_message, result=event.result)
                return
            call = self._call_of(scope, event.tool_use, event.invocation_state)
            if event.result.get("cancelled") is True:
                outcome, why = WorkOutcome.CANCELLED, None
            elif event.result.get("status") == "error":
                outcome = WorkOutcome.ERROR
                why = None if event.exception is None else type(event.exception).__name__
            else:
                outcome, why = WorkOutcome.OK, None
            call.end(outcome, why=why, result=event.result)

    def _call_of(
        self, scope: Scope, tool_use: Mapping[str, Any], invocation_state: dict[str, Any] | None = None
    ) -> ToolCall:
        """Return the call, which has begun now if nothing has recorded it.

        Some models give several calls of a turn the same id: Ollama's id is the tool's name.
        """
        calls: list[ToolCall] = scope.calls.get(str(tool_use.get("toolUseId")), [])
        open_calls = [call for call in calls if not call.ended]
        own = [call for call in open_calls if call.tool_use is tool_use]
        found = next(iter([*own, *open_calls, *reversed(calls)]), None)
        return self._begin(scope, tool_use, invocation_state or {}) if found is None else found

    def _begin(self, scope: Scope, tool_use: Mapping[str, Any], invocation_state: dict[str, Any]) -> ToolCall:
        call = ToolCall(scope, tool_use, invocation_state, self._monotonic)
        scope.calls.setdefault(str(tool_use.get("toolUseId")), []).append(call)
        return call


async def _before_call(event: BeforeToolCallEvent[Any]) -> None:
    """Refuse the tools of a run that has to stop, the same way as Strands refuses a cancelled agent's tools."""
    if scope := current_scope():
        with harmless():
            if not await scope.run.may_call_tool():
                event.cancel_tool = "Tool execution cancelled"


def _refusal(*, cancelled: bool) -> WorkOutcome:
    return WorkOutcome.CANCELLED if cancelled else WorkOutcome.DENIED


def _text_of(result: Mapping[str, Any]) -> str | None:
    """Return the first text of a tool's result; None if it has none."""
    return next((block["text"] for block in result.get("content", ()) if block.get("text")), None)

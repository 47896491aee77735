"""Keeps the journal of an agent's tool calls, so that a worker that continues after a crash calls no tool twice.

The middleware wraps each call of the agent's own tools. What a tool that is an agent calls in turn belongs to that one
call. A call that has ended is answered with its result; a call of which only the beginning is known is answered with an
error, because it may have taken effect.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol, TypeVar

from strands import Agent
from strands.interrupt import InterruptException
from strands.middleware import ExecuteToolContext, ExecuteToolStage, ToolResultEvent
from strands.tools.structured_output.structured_output_tool import StructuredOutputTool
from strands.types.session import decode_bytes_values, encode_bytes_values
from strands.types.tools import ToolResult

from runcast import limits
from runcast.errors import ObjectGone, RunStopped, Unavailable
from runcast.record.journal import Call, CallEntry, CallJournal, CallState, asked, ended
from runcast.runs.facts import facts_in, put_facts
from runcast.runs.tracked import TrackedRun

logger = logging.getLogger(__name__)

_IDEMPOTENT = "_runcast_idempotent"
_UNKNOWN = (
    "The worker that called this tool stopped before the call had ended, so it may or may not have taken effect. Find "
    "out before you call it again."
)
_NOT_RECORDED = "The tool was not called, because its call could not be recorded. Try again later."
_LOST = "The tool was called, but its result is lost. Find out what it has done before you call it again."

Tool = TypeVar("Tool")
Answer = TypeVar("Answer")


class Results(Protocol):
    """Keeps the results that are too large for an entry."""

    def put(self, text: str) -> str:
        """Store a text and return its key. Raises `Unavailable`."""

    def get(self, key: str) -> Any:
        """Return a stored text, parsed as JSON. Raises `Unavailable` and `ObjectGone`."""


def idempotent(tool: Tool) -> Tool:
    """Mark a tool that may be called again with the same input, because that has the same effect as one call.

    If the worker of a checkpointing agent dies while the tool runs, the next worker calls it again, instead of
    answering the model with an error.

    Args:
        tool: A tool, or a function that becomes one.

    Returns:
        The same tool.
    """
    for each in (tool, getattr(tool, "_tool_func", None)):
        if each is not None:
            setattr(each, _IDEMPOTENT, True)
    return tool


class OutcomeUnknown(ToolResultEvent):
    """Tells the model that an earlier worker has begun the call, so it may or may not have taken effect."""


class ToolJournal:
    """Keeps the journal of one agent in one worker.

    Args:
        run: The run.
        journal: The entries.
        results: Keeps large results.
        patiently: Calls a function on another thread, and retries it for a while if it raises `Unavailable`.
    """

    def __init__(
        self,
        run: TrackedRun,
        journal: CallJournal,
        results: Results,
        patiently: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        self._run = run
        self._journal = journal
        self._results = results
        self._patiently = patiently
        self._snapshot_key = ""
        self._attempts: Counter[str] = Counter()
        self._refused: dict[str, ToolResultEvent] = {}  # what every retry of such a call gets
        self._ending: set[asyncio.Task[None]] = set()
        self._changes = 0  # how many calls have ended, those of earlier workers since the saved state included

    def attach(self, agent: Agent, state: dict[str, Any]) -> None:
        """Add the middleware to the agent.

        Args:
            agent: The agent.
            state: The agent's `invocation_state`, which has the facts.
        """
        self._agent, self._state = agent, state
        agent.add_middleware(ExecuteToolStage, self._around_call)

    def follow(self, snapshot_key: str) -> None:
        """Set the saved state from which the next calls follow."""
        self._snapshot_key = snapshot_key
        self._attempts.clear()
        self._refused.clear()

    async def settle(self) -> None:
        """Wait until the ends of all calls are written."""
        await asyncio.gather(*self._ending)

    async def _around_call(
        self, context: ExecuteToolContext, go_on: Callable[[ExecuteToolContext], AsyncGenerator[Any, None]]
    ) -> AsyncGenerator[Any, None]:
        if isinstance(context.tool, StructuredOutputTool):  # its only effect is on this process, so it runs in each
            async for event in go_on(context):
                yield event
            return
        tool_use_id = str(context.tool_use["toolUseId"])
        if tool_use_id in self._refused:
            yield self._refused[tool_use_id]
            return
        self._attempts[tool_use_id] += 1
        recorder = self._run.recorder
        call = Call(
            recorder.request_id,
            recorder.owner,
            self._snapshot_key,
            tool_use_id,
            self._attempts[tool_use_id],
            recorder.assignment.expires_at_epoch_s,
        )
        try:
            entry = await self._patiently(partial(self._begin, call, _may_run_again(context.tool)))
        except Unavailable as error:
            logger.warning("a tool was not called: %s", error)
            yield ToolResultEvent(_error(tool_use_id, _NOT_RECORDED))
            return
        if self._is_own(entry):
            async for event in self._called(call, entry, go_on(context)):
                yield event
        else:
            yield await self._result_of(call, entry)

    def _begin(self, call: Call, may_run_again: bool) -> CallEntry:
        """Return the entry of a call, which is this worker's if the tool is to be called.

        Raises:
            RunStopped: A later part of the run has the call, so this worker does not have the run any more.
            StoreUnavailable: DynamoDB did not answer.
        """
        recorder = self._run.recorder
        entry = self._journal.begin(call, recorder.assignment.part, recorder.assignment.worker)
        if not self._is_own(entry):
            if entry.part > recorder.assignment.part:
                recorder.lose()
                raise RunStopped
            has_no_result = entry.state is CallState.BEGUN or entry.is_lost
            if entry.state is CallState.ASKED or (has_no_result and may_run_again):
                entry = self._journal.begin_again(call, entry, recorder.assignment.part, recorder.assignment.worker)
        return entry

    def _is_own(self, entry: CallEntry) -> bool:
        return entry.worker == self._run.recorder.assignment.worker and entry.state is CallState.BEGUN

    async def _result_of(self, call: Call, entry: CallEntry) -> ToolResultEvent:
        """Return what the model gets for a call that an earlier worker has made. An error is final for the call."""
        if entry.state is CallState.ENDED:
            try:
                get = partial(self._results.get, entry.result_key or "")
                stored = await self._patiently(get) if entry.result_key else json.loads(entry.result_json or "")
                result = decode_bytes_values(stored["result"])
                self._restore(stored)
                return ToolResultEvent(result)
            except (KeyError, ObjectGone, TypeError, Unavailable, ValueError) as error:
                logger.error("the result of a tool's call cannot be read: %s", type(error).__name__)
                told = ToolResultEvent(_error(call.tool_use_id, _LOST))
        else:
            told = OutcomeUnknown(_error(call.tool_use_id, _UNKNOWN))
        self._refused[call.tool_use_id] = told
        return told

    async def _called(
        self, call: Call, entry: CallEntry, events: AsyncGenerator[Any, None]
    ) -> AsyncGenerator[Any, None]:
        """Yield the events of a tool, and note how its call ends. A call that is interrupted stays `begun`."""
        result: Any = None
        has_asked = False
        try:
            async with aclosing(events) as opened:
                async for event in opened:
                    if isinstance(event, ToolResultEvent):
                        result = event.tool_result
                    has_asked = has_asked or "tool_interrupt_event" in event
                    if has_asked:
                        await self._end(call, asked(entry))
                    yield event
        except InterruptException:
            await self._end(call, asked(entry))
            raise
        if result is not None and not has_asked:
            ending = self._end_with(call, entry, result, self._changed())
            task = asyncio.create_task(ending)  # the model is asked meanwhile
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _changed(self) -> dict[str, Any]:
        """Return what the calls may have changed since the last saved state, beside their results."""
        self._changes += 1
        facts = copy.deepcopy(facts_in(self._state))
        return {"order": self._changes, "agentState": self._agent.state.get(), "facts": facts}

    def _restore(self, stored: dict[str, Any]) -> None:
        """Put back what the calls of an earlier worker had changed when this one ended, unless a later one is known."""
        if stored["order"] <= self._changes:
            return
        self._changes = stored["order"]
        for name, value in stored["agentState"].items():
            self._agent.state.set(name, value)
        put_facts(self._state, stored["facts"])

    async def _end_with(self, call: Call, entry: CallEntry, result: Any, changed: dict[str, Any]) -> None:
        try:
            text = json.dumps({"result": encode_bytes_values(result), **changed}, allow_nan=False)
            if len(text.encode()) > limits.JOURNAL_RESULT_MAX_BYTES:
                key = await self._patiently(partial(self._results.put, text))
                await self._end(call, ended(entry, result_key=key))
            else:
                await self._end(call, ended(entry, result_json=text))
        except (TypeError, ValueError, RecursionError, Unavailable) as error:
            logger.warning("the result of a tool's call is not stored, so it cannot be used again: %s", error)
            await self._end(call, ended(entry))

    async def _end(self, call: Call, entry: CallEntry) -> None:
        try:
            await self._patiently(partial(self._journal.end, call, entry))
        except Unavailable as error:
            logger.warning("the end of a tool's call could not be stored: %s", error)


def _may_run_again(tool: Any) -> bool:
    return any(getattr(each, _IDEMPOTENT, False) for each in (tool, getattr(tool, "_tool_func", None)))


def _error(tool_use_id: str, text: str) -> ToolResult:
    return {"toolUseId": tool_use_id, "status": "error", "content": [{"text": text}]}

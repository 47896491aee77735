"""`track`: one call after which what an agent does is recorded as a run.

An agent's work is one asynchronous stream of events, whichever way it is invoked, so `track` wraps that stream: it sees
the agent begin, speak and end, and passes every event and every exception on untouched. A hook tells of model calls,
a middleware surrounds tool calls. Strands lets an exception in any of them into the agent's run, so everything of ours
is caught: a run is never harmed by being watched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, nullcontext
from typing import Any, TypeVar

from strands import Agent
from strands.agent import AgentResult
from strands.agent.base import AgentBase
from strands.hooks import BeforeModelCallEvent
from strands.middleware import ExecuteToolContext, ExecuteToolStage
from strands.multiagent.base import MultiAgentBase, MultiAgentResult

from runcast.errors import RuncastError
from runcast.strands.facts import forget_facts
from runcast.strands.outcome import Outcome, failure, outcome_of, stopped_early
from runcast.strands.pace import Pace
from runcast.strands.run import open_run
from runcast.strands.scope import Scope, current_scope, within
from runcast.strands.text import TextSteps
from runcast.strands.tool_call import ToolCall

logger = logging.getLogger(__name__)

KEY = "runcast"
"""The key of `invocation_state` under which an agent is told which run it works for."""

SomeAgent = TypeVar("SomeAgent", bound="AgentBase | MultiAgentBase")
_Answer = TypeVar("_Answer")
_GoOn = Callable[[ExecuteToolContext], AsyncGenerator[Any, None]]


def track(agent: SomeAgent, *, text: bool = False, monotonic: Callable[[], float] = time.monotonic) -> SomeAgent:
    """Record what an agent does: its model calls, its tools, and the agents that it uses.

    Each invocation is a run, named by `invocation_state["runcast"]`: a mapping with `requestId`, `userId`, `tenantId`,
    `jobId` and `agent`, each where given (so an event of Runcast's is one as it stands), and in a Lambda
    `lambdaContext`; or a `Recorder`, whose run somebody else begins and ends. Without any, it is a new run of nobody's.
    An agent that is invoked inside a run works for that run.

    The table is named by `AGENT_PROGRESS_TABLE`, the Lambda that shows steps live, if any, by
    `STATUS_PUBLISHER_FUNCTION`; `RETENTION_HOURS` (24) says how long a record that is begun here is kept. Without a
    table there is one warning, and agents run unrecorded. Nothing here ever raises into the agent or changes its
    result. Tracking an agent again changes nothing.

    Args:
        agent: A Strands agent, Graph or Swarm; its nodes and the agents that are its tools are tracked with it.
        text: Whether to record what the model says, too.
        monotonic: Seconds, for how often tools and texts are recorded.

    Returns:
        The same agent, to be used as before.

    Raises:
        TypeError: It is none of Strands' agents.
    """
    if not callable(getattr(agent, "stream_async", None)):
        raise TypeError(f"track() takes a Strands agent, Graph or Swarm, not {type(agent).__name__}.")
    _tracked(agent, text=text, monotonic=monotonic).begins_runs = True
    return agent


def _tracked(agent: Any, *, text: bool, monotonic: Callable[[], float]) -> _TrackedStream:
    """Return the agent's tracked stream, made now if it has none yet."""
    stream = agent.stream_async
    if not isinstance(stream, _TrackedStream):
        stream = _TrackedStream(agent, text=text, monotonic=monotonic)
        agent.stream_async = stream
        if isinstance(agent, Agent):
            agent.add_hook(_on_model_call, BeforeModelCallEvent)
            agent.add_middleware(ExecuteToolStage, stream.around_tool)
    return stream


class _TrackedStream:
    """Stands in for an agent's `stream_async`.

    Attributes:
        begins_runs: Whether the agent may begin a run; one that is tracked only as a part of another may not.
        name_inside: What the agent is called where it is a part of another.
    """

    def __init__(self, agent: Any, *, text: bool, monotonic: Callable[[], float]) -> None:
        self.begins_runs = False
        self.name_inside = _name_of(agent)
        self._agent = agent
        self._stream = agent.stream_async
        self._text = text
        self._monotonic = monotonic

    async def __call__(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        events = self._stream(*args, **kwargs)
        state = kwargs.get("invocation_state", args[1] if len(args) > 1 else None)
        work = _harmlessly(self._begin, state.get(KEY) if isinstance(state, Mapping) else None)
        if work is None:
            async for event in events:
                yield event
            return

        if work.is_whole_run:
            _harmlessly(forget_facts, state)
        try:
            scoped = within(work.scope, events)
            obeyed = work.scope.run.stop.obeyed(self._agent, scoped, whole_run=work.is_whole_run)
            async with aclosing(scoped), aclosing(obeyed):
                async for event in obeyed:
                    _harmlessly(work.saw, event)
                    if result := _harmlessly(_result_in, event):
                        await work.came_to(result)
                    yield event
            await work.was_done()
        except GeneratorExit:
            work.left()
            raise
        except BaseException as error:
            await work.failed(error)
            raise

    async def around_tool(self, context: ExecuteToolContext, go_on: _GoOn) -> AsyncGenerator[Any, None]:
        """Record a tool call of the agent: Strands' middleware for `ExecuteToolStage`."""
        call = _harmlessly(self._call, context)
        if call is None:
            async for event in go_on(context):
                yield event
            return

        is_agent = getattr(context.tool, "tool_type", None) == "agent"  # what it streams is recorded as an agent's
        try:
            async with aclosing(within(call.scope, go_on(context))) as scoped:
                with nullcontext() if is_agent else call.scope.run.stop.tool():
                    async for event in scoped:
                        if not is_agent:
                            _harmlessly(call.saw, event)
                        yield event
        finally:
            _harmlessly(call.done)

    def _begin(self, given: object) -> _Work | None:
        for name, part in _parts(self._agent):
            _harmlessly(self._track_part, name, part)

        outer = current_scope()
        if outer and outer.run.includes(given):
            begun = outer.run.recorder.record(
                "agent",
                f"{self.name_inside} begins",
                agent_name=self.name_inside,
                status="agent_invoking",
                parent=outer.agents_under,
            )
            return self._work(
                Scope(outer.run, self.name_inside, steps_under=begun, agents_under=begun, facts_in=outer.facts_in)
            )

        name = _name_of(self._agent)
        run = open_run(given, agent=name) if self.begins_runs else None
        if run is None:
            return None
        # A run that is open is always handed on, or nobody would end it.
        started = _harmlessly(run.recorder.record, "agent", f"{name} begins") if run.owned else None
        return self._work(Scope(run, agents_under=started))

    def _track_part(self, name: str, part: Any) -> None:
        _tracked(part, text=self._text, monotonic=self._monotonic).name_inside = name

    def _work(self, scope: Scope) -> _Work:
        return _Work(scope, TextSteps(scope, Pace(self._monotonic)) if self._text else None)

    def _call(self, context: ExecuteToolContext) -> ToolCall | None:
        scope = current_scope()
        tool_use = context.tool_use
        if scope is None:
            return None
        return ToolCall(scope, tool_use["name"], tool_use["input"], context.invocation_state, Pace(self._monotonic))


class _Work:
    """One invocation of an agent, from its first event to its end."""

    def __init__(self, scope: Scope, text: TextSteps | None) -> None:
        self.scope = scope
        self._recorder = scope.run.recorder
        self._text = text
        self.is_whole_run = scope.agent_name is None

    def saw(self, event: Mapping[str, Any]) -> None:
        """Take the tokens and the words out of an event of the agent's own."""
        if "delta" in event:  # such an event is mixed with all that is in invocation_state
            if self._text and (words := event["delta"].get("text")):
                self._text.add(words)
        elif usage := event.get("event", {}).get("metadata", {}).get("usage"):
            tokens = {kind: count for kind, count in usage.items() if isinstance(count, int)}
            self._recorder.add_usage(tokens)
        elif self._text and "message" in event:
            self._text.flush()

    async def came_to(self, result: AgentResult | MultiAgentResult) -> None:
        """End the run as its agent's result says, if the run is this agent's."""
        await self._end(lambda: outcome_of(result, self._recorder.stop))

    async def was_done(self) -> None:
        """End the run if it is still open: the agent gave no result that is known."""
        await self._end(lambda: stopped_early("it gave no result"))

    async def failed(self, error: BaseException) -> None:
        """End the run as an exception says; where the agent is a part of another, tell of it."""
        if self.is_whole_run:
            await self._end(lambda: failure(error, self._recorder.stop))
        else:
            message = f"{self.scope.agent_name} stopped: {failure(error).message}"
            _harmlessly(self.scope.record, "executing", message)

    def left(self) -> None:
        """End the run without waiting: whoever was reading the agent's events has stopped."""
        if self.is_whole_run:
            _harmlessly(self._flush_text)
            _harmlessly(lambda: self.scope.run.end(stopped_early("nobody read its events any more")))

    async def _end(self, outcome: Callable[[], Outcome]) -> None:
        _harmlessly(self._flush_text)
        if not self.is_whole_run:
            return
        try:
            came_to = outcome()
        except Exception as error:  # noqa: BLE001 - a result may be of any kind, and the run must end all the same
            came_to = failure(error)
        try:
            if ending := self.scope.run.end(came_to):
                await asyncio.wrap_future(ending)
        except Exception:
            logger.exception("the run was not ended")

    def _flush_text(self) -> None:
        if self._text:
            self._text.flush()


def _on_model_call(event: BeforeModelCallEvent) -> None:  # noqa: ARG001 - Strands calls it by this name
    # Strands announces each attempt at a model call, so a throttled call is seen as often as it is tried.
    if scope := current_scope():
        _harmlessly(scope.record, "thinking", "Thinking")


def _parts(agent: Any) -> Iterator[tuple[str, Any]]:
    """Yield the agents that an agent uses as they are now: nodes of a Graph or Swarm, and tools that are agents."""
    if isinstance(agent, MultiAgentBase):
        for name, node in getattr(agent, "nodes", {}).items():
            yield name, node.executor
    elif isinstance(agent, Agent):
        for name, tool in agent.tool_registry.registry.items():
            if part := getattr(tool, "agent", None) if tool.tool_type == "agent" else None:
                yield name, part


def _result_in(event: Mapping[str, Any]) -> AgentResult | MultiAgentResult | None:
    result = event.get("result")
    return result if isinstance(result, AgentResult | MultiAgentResult) else None


def _name_of(agent: Any) -> str:
    return str(getattr(agent, "name", None) or getattr(agent, "id", None) or type(agent).__name__)


def _harmlessly(call: Callable[..., _Answer], *args: Any) -> _Answer | None:
    try:
        return call(*args)
    except RuncastError as error:
        logger.warning("what an agent did was not recorded: %s", error)
        return None
    except Exception:
        logger.exception("what an agent did was not recorded")
        return None

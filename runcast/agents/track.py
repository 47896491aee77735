"""`track`: one call that makes an agent record its work as runs.

Every way to invoke an agent produces one asynchronous stream of events, so `track` watches that stream. It sees the
agent begin, speak and end, and passes on every event and exception unchanged. Hooks and middlewares wrap model calls
and tool calls. Recording must never fail the agent, so all recording code runs inside `harmless`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import aclosing
from functools import wraps
from typing import Any, TypeVar

from strands import Agent
from strands.agent.base import AgentBase
from strands.hooks import AfterModelCallEvent, BeforeModelCallEvent
from strands.middleware import InvokeModelContext, InvokeModelStage
from strands.multiagent.base import MultiAgentBase

from runcast.agents.checkpoints import RESUME
from runcast.agents.harmless import harmless
from runcast.agents.invocation import Invocation
from runcast.agents.model_call import stoppable
from runcast.agents.parts import name_of, parts
from runcast.agents.text import TextSteps
from runcast.agents.tool_watch import ToolWatch
from runcast.agents.tracked_class import set_tracking, tracking_of
from runcast.record.attachments import named_attachments, record_attachments
from runcast.runs.facts import forget_facts
from runcast.runs.from_environment import make_clients
from runcast.runs.scope import Scope, closing, current_scope, within
from runcast.runs.stop import AgentWork
from runcast.runs.tracked import TrackedRun, open_run

logger = logging.getLogger(__name__)

_ADOPTS = "_runcast_adopts"
KEY = "runcast"
"""The key of `invocation_state` that names the agent's run."""

SomeAgent = TypeVar("SomeAgent", bound="AgentBase | MultiAgentBase")


def track(
    agent: SomeAgent,
    *,
    text: bool = False,
    live_text: bool = False,
    tool_io: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
) -> SomeAgent:
    """Record what an agent does: its model calls, its tools, and the agents that it uses.

    Each invocation is a run, named by `invocation_state["runcast"]`: a mapping or a `Recorder`. The mapping may have
    `requestId`, `userId`, `tenantId`, `jobId`, `agent` and, in a Lambda, `lambdaContext`; Runcast's own events are
    valid mappings. The caller claims and ends the run of a `Recorder`. Without the key, the run is new and has no
    owner. An agent that is invoked inside a run works for that run.

    The environment names the table (`AGENT_PROGRESS_TABLE`), the Lambda that shows steps live
    (`STATUS_PUBLISHER_FUNCTION`, optional), and how long a new record is kept (`RETENTION_HOURS`, 24). Without a
    table, one warning is logged and agents run unrecorded. Tracking never raises into the agent or changes its
    result, except to stop a run: see `docs/your-agent.md`.

    A copy of a tracked agent is tracked as well. Tracking an agent again only adds `text`, `live_text` and `tool_io`.

    Args:
        agent: A Strands agent, Graph or Swarm; its nodes and the agents that are its tools are tracked with it.
        text: Whether to record the model's text, too.
        live_text: Whether to record the model's text, at most twice a second, and to show it live up to ten times a
            second in between.
        tool_io: Whether the end of each tool call holds the tool's input and result, each shortened to
            `TOOL_IO_MAX_BYTES`. They are private, so by default they are left out. The agents that the agent uses
            follow its setting.
        monotonic: A monotonic clock in seconds, which limits how often tools and texts are recorded.

    Returns:
        The same agent.

    Raises:
        TypeError: The object is not a Strands agent, or it cannot be modified.
    """
    if not callable(getattr(agent, "stream_async", None)):
        raise TypeError(f"track() takes a Strands agent, Graph or Swarm, not {type(agent).__name__}.")
    tracking = _tracked(agent, monotonic)
    _adopt_agents()
    tracking.begins_runs = True
    tracking.text = tracking.text or text or live_text
    tracking.live_text = tracking.live_text or live_text
    tracking.tool_io = tracking.tool_io or tool_io
    return agent


def records_text(agent: Any) -> bool:
    """Return whether an agent is tracked with `text` or `live_text`."""
    tracking = tracking_of(agent)
    return isinstance(tracking, _Tracking) and tracking.text


def _tracked(agent: Any, monotonic: Callable[[], float]) -> _Tracking:
    """Return the agent's tracking; create it if it does not exist."""
    tracking = tracking_of(agent)
    if not isinstance(tracking, _Tracking):
        tracking = _Tracking(monotonic)
        set_tracking(agent, tracking)
        if isinstance(agent, Agent):
            agent.add_hook(tracking.before_model_call, BeforeModelCallEvent)
            agent.add_hook(tracking.after_model_call, AfterModelCallEvent)
            agent.add_middleware(InvokeModelStage, _around_model_call)
            tracking.tools.attach(agent)
    return tracking


def _adopt_agents() -> None:
    """Make every Agent that starts inside a run a part of that run, also one that a tool creates. Idempotent.

    Only the class sees agents that no caller has passed to `track`. Outside a run, nothing changes for them.
    """
    original = Agent.stream_async
    if hasattr(original, _ADOPTS):
        return

    @wraps(original)
    def stream_async(self: Agent, *args: Any, **kwargs: Any) -> AsyncIterable[Any]:
        if current_scope() is None or tracking_of(self) is not None:
            return original(self, *args, **kwargs)
        _track_part(None, self, time.monotonic)
        return self.stream_async(*args, **kwargs) if tracking_of(self) else original(self, *args, **kwargs)

    setattr(stream_async, _ADOPTS, True)
    Agent.stream_async = stream_async  # type: ignore[method-assign,assignment]


def _track_part(name: str | None, part: Any, monotonic: Callable[[], float]) -> None:
    try:
        _tracked(part, monotonic).name_inside = name
    except TypeError as error:
        logger.warning("what %s does is not recorded: %s", name or name_of(part), error)


class _Tracking:
    """Watches all invocations of an agent and of its copies. It holds no reference that would keep the agent alive.

    Attributes:
        begins_runs: Whether the agent may begin a run. False if it is tracked only as a part of another agent.
        text: Whether the model's text is recorded.
        live_text: Whether it is also shown live between its steps.
        tool_io: Whether the inputs and results of tools are recorded.
        name_inside: The agent's name as a part of another agent.
        tools: Records its tool calls.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.begins_runs = False
        self.text = False
        self.live_text = False
        self.tool_io = False
        self.name_inside: str | None = None
        self.tools = ToolWatch(monotonic)
        self._monotonic = monotonic

    async def watched(
        self, agent: Any, events: AsyncIterable[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Yield the events of one invocation by `agent.stream_async(*args, **kwargs)`, and record it."""
        prompt = args[0] if args else kwargs.get("prompt", kwargs.get("task"))
        state = kwargs.get("invocation_state", args[1] if len(args) > 1 else None)
        # Strands still accepts entries of invocation_state as keyword arguments, too.
        given = (state.get(KEY) if isinstance(state, Mapping) else None) or kwargs.get(KEY)
        invocation = None
        with harmless():
            invocation = await self._begin(agent, given, resumes=_resumes(prompt), answered=_answered(prompt))
        if invocation is None:
            async with closing(events) as untouched:
                async for event in untouched:
                    yield event
            return

        if invocation.is_whole_run and not _resumes(prompt):
            with harmless():
                forget_facts(state)
        try:
            scoped = within(invocation.scope, events)
            obeyed = invocation.scope.run.stop.obeyed(invocation.work, scoped)
            async with aclosing(scoped), aclosing(obeyed):
                async for event in obeyed:
                    result = None
                    with harmless():
                        result = invocation.saw(event)
                    if result is not None:
                        await invocation.came_to(result)
                    yield event
            await invocation.was_done()
        except GeneratorExit:
            invocation.left()
            raise
        except BaseException as error:
            await invocation.failed(error)
            raise

    def before_model_call(self, event: BeforeModelCallEvent) -> None:  # noqa: ARG002 - Strands calls it by this name
        """Record a call of the model. Strands calls this hook for each attempt, so a retry is a step with its wait."""
        scope = current_scope()
        if scope is None or scope.work is None:
            return
        with harmless():
            failed, scope.work.model_failure = scope.work.model_failure, None
            if failed is None:
                scope.record("thinking", "Thinking")
            else:
                error, failed_seconds = failed
                waited_seconds = round(self._monotonic() - failed_seconds, 3)
                message = f"Thinking again, {waited_seconds:.1f} s after {type(error).__name__}"
                scope.record("thinking", message, metadata={"waitedSeconds": waited_seconds})

    def after_model_call(self, event: AfterModelCallEvent) -> None:
        """Note when a call of the model failed. Strands' retry waits in a later callback of the same event."""
        if (scope := current_scope()) and scope.work:
            error = event.exception
            scope.work.model_failure = None if error is None else (error, self._monotonic())

    async def _begin(self, agent: Any, given: object, *, resumes: bool, answered: frozenset[str]) -> Invocation | None:
        for name, part in parts(agent):
            _track_part(name, part, self._monotonic)

        outer = current_scope()
        if outer and outer.run.includes(given):
            return self._begin_part(agent, outer)
        if not self.begins_runs:
            return None
        if given is None or isinstance(given, Mapping):
            await make_clients()
        name = name_of(agent)
        run = open_run(given, agent=name, resumes=resumes, answered=answered)
        if run is None:
            return None
        started = None
        with harmless():  # an open run must always be returned, because otherwise nothing ends it
            started = run.recorder.record("agent", f"{name} begins") if run.owned else None
            if run.owned and isinstance(given, Mapping) and not resumes:
                record_attachments(run.recorder, named_attachments(given.get("attachments")))
        return self._invocation(
            agent, run, agents_under=started, text=self.text, live_text=self.live_text, tool_io=self.tool_io
        )

    def _begin_part(self, agent: Any, outer: Scope) -> Invocation:
        name = self.name_inside or name_of(agent)
        under = outer.agents_under
        outer.run.parents_of_agents.add(under)
        begun = outer.run.recorder.record(
            "agent", f"{name} begins", agent_name=name, status="agent_invoking", parent=under
        )
        return self._invocation(
            agent,
            outer.run,
            agent_name=name,
            steps_under=begun,
            agents_under=begun,
            facts_in=outer.facts_in,
            text=self.text or outer.text,
            live_text=self.live_text or outer.live_text,
            tool_io=self.tool_io or outer.tool_io,
        )

    def _invocation(self, agent: Any, run: TrackedRun, **where: Any) -> Invocation:
        work = AgentWork(agent, whole_run="agent_name" not in where)
        scope = Scope(run, work=work, **where)
        return Invocation(
            agent,
            work,
            scope,
            text=TextSteps(scope, self._monotonic) if scope.text else None,
            tools=self.tools if isinstance(agent, Agent) else None,
            monotonic=self._monotonic,
        )


async def _around_model_call(
    context: InvokeModelContext, go_on: Callable[[InvokeModelContext], AsyncGenerator[Any, None]]
) -> AsyncGenerator[Any, None]:
    scope = current_scope()
    events = go_on(context)
    if scope and scope.work:
        if scope.run.stop.reason:
            scope.work.model_call.interrupt()
        events = stoppable(scope.work.model_call, events)
    async for event in events:
        yield event


def _resumes(prompt: object) -> bool:
    """Whether the prompt continues earlier work: it has answers to the agent's questions, or names a checkpoint."""
    if isinstance(prompt, Mapping):
        return RESUME in prompt
    return isinstance(prompt, list) and any(
        isinstance(each, Mapping) and "interruptResponse" in each for each in prompt
    )


def _answered(prompt: object) -> frozenset[str]:
    """Return the ids of the questions that the prompt answers."""
    responses = (
        [each.get("interruptResponse") for each in prompt if isinstance(each, Mapping)]
        if isinstance(prompt, list)
        else []
    )
    ids = [response.get("interruptId") for response in responses if isinstance(response, Mapping)]
    return frozenset(each for each in ids if isinstance(each, str))

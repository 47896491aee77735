"""The position of the current code in a run's tree: the run it works for, and the step that started it.

Agents call tools that call agents, on other tasks and threads. Strands passes `invocation_state` to a Graph's nodes
but not to agents used as tools; context variables reach all of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from runcast.live.publish import bound
from runcast.record.assignment import StepRef
from runcast.runs.facts import State, collecting_in
from runcast.runs.stop import AgentWork
from runcast.runs.tracked import TrackedRun


@dataclass(frozen=True)
class Scope:
    """The scope of one agent's work, or of one of its tool calls.

    Attributes:
        run: The run.
        agent_name: The agent, if it is not the run's main agent.
        steps_under: The parent of the steps recorded in this scope.
        agents_under: The parent of the agents that begin in this scope.
        facts_in: Where facts noted in this scope are kept; None for the agent's own `invocation_state`.
        text: Whether agents that begin in this scope record their models' text.
        live_text: Whether that text is also shown live between its steps.
        tool_io: Whether the ends of tool calls in this scope hold the tools' inputs and results.
        work: The agent's invocation; None in a tool call.
        calls: The tool calls that began in this scope, by their ids.
    """

    run: TrackedRun
    agent_name: str | None = None
    steps_under: StepRef | None = None
    agents_under: StepRef | None = None
    facts_in: State | None = None
    text: bool = False
    live_text: bool = False
    tool_io: bool = False
    work: AgentWork | None = None
    calls: dict[str, list[Any]] = field(default_factory=dict)

    def record(self, step: str, message: str, **about: Any) -> StepRef:
        """Record a step of this agent; `about` holds more arguments for `Recorder.record`."""
        return self.run.recorder.record(step, message, agent_name=self.agent_name, parent=self.steps_under, **about)


_current: ContextVar[Scope | None] = ContextVar("runcast_scope", default=None)


def current_scope() -> Scope | None:
    """Return the caller's scope; None outside of a run."""
    return _current.get()


async def within(scope: Scope, events: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    """Yield the events. The code that produces them sees the scope; the code that consumes them does not."""
    async with closing(events) as iterator:
        while True:
            token = _current.set(scope)
            try:
                with bound(scope.run.recorder), collecting_in(scope.facts_in):
                    event = await anext(iterator)
            except StopAsyncIteration:
                return
            finally:
                _current.reset(token)
            yield event


class closing:  # noqa: N801 - used as `contextlib.aclosing` is
    """Like `contextlib.aclosing`, but for any asynchronous iterable, which agents outside Strands may return.

    It is not a generator, because the event loop closes generators at shutdown while the enclosed code still runs.
    """

    def __init__(self, events: AsyncIterable[Any]) -> None:
        self._iterator = aiter(events)

    async def __aenter__(self) -> AsyncIterator[Any]:
        return self._iterator

    async def __aexit__(self, *_: object) -> None:
        if isinstance(self._iterator, AsyncGenerator):
            await self._iterator.aclose()

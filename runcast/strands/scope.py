"""Where in a run's tree some code is: which run it works for, and which step started it.

Agents call tools that call agents, on other tasks and other threads. Strands hands `invocation_state` to a Graph's
nodes but not to agents that are tools; context variables reach them all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from runcast.live.publish import bound
from runcast.record.assignment import StepRef
from runcast.strands.facts import State, collecting_in
from runcast.strands.run import TrackedRun
from runcast.strands.stop import AgentWork


@dataclass(frozen=True)
class Scope:
    """One agent's work, or one tool call of it.

    Attributes:
        run: The run that is worked for.
        agent_name: Which agent, where it is not the run's own.
        steps_under: What started the steps that are recorded here.
        agents_under: What started the agents that begin here.
        facts_in: Where facts that are noted here are kept; None for the agent's own `invocation_state`.
        text: Whether agents that begin here record what their models say.
        work: The agent's invocation; None in a tool call.
    """

    run: TrackedRun
    agent_name: str | None = None
    steps_under: StepRef | None = None
    agents_under: StepRef | None = None
    facts_in: State | None = None
    text: bool = False
    work: AgentWork | None = None

    def record(self, step: str, message: str, **about: Any) -> StepRef:
        """Record a step of this agent; `about` is what `Recorder.record` takes."""
        return self.run.recorder.record(step, message, agent_name=self.agent_name, parent=self.steps_under, **about)


_current: ContextVar[Scope | None] = ContextVar("runcast_scope", default=None)


def current_scope() -> Scope | None:
    """Return where the caller is; None outside of every run."""
    return _current.get()


async def within(scope: Scope, events: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    """Yield the events. The code that makes them sees its scope, the code that consumes them does not."""
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
    """Gives the iterator of some events, and closes it; an agent that is not Strands' own may have any iterable.

    Not a generator: the event loop closes those at its end, while what they surround is still at work.
    """

    def __init__(self, events: AsyncIterable[Any]) -> None:
        self._iterator = aiter(events)

    async def __aenter__(self) -> AsyncIterator[Any]:
        return self._iterator

    async def __aexit__(self, *_: object) -> None:
        if isinstance(self._iterator, AsyncGenerator):
            await self._iterator.aclose()

"""Where in a run's tree some code is: which run it works for, and which step started it.

Agents call tools that call agents, on other tasks and other threads. Strands hands `invocation_state` to a Graph's
nodes but not to agents that are tools; context variables reach them all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from runcast.live.publish import bound
from runcast.record.assignment import StepRef
from runcast.strands.facts import State, collecting_in
from runcast.strands.run import TrackedRun


@dataclass(frozen=True)
class Scope:
    """One agent's work, or one tool call of it.

    Attributes:
        run: The run that is worked for.
        agent_name: Which agent, where it is not the run's own.
        steps_under: What started the steps that are recorded here.
        agents_under: What started the agents that begin here.
        facts_in: Where facts that are noted here are kept; None for the agent's own `invocation_state`.
    """

    run: TrackedRun
    agent_name: str | None = None
    steps_under: StepRef | None = None
    agents_under: StepRef | None = None
    facts_in: State | None = None

    def record(self, step: str, message: str, **about: Any) -> StepRef:
        """Record a step of this agent; `about` is what `Recorder.record` takes."""
        return self.run.recorder.record(step, message, agent_name=self.agent_name, parent=self.steps_under, **about)


_current: ContextVar[Scope | None] = ContextVar("runcast_scope", default=None)


def current_scope() -> Scope | None:
    """Return where the caller is; None outside of every run."""
    return _current.get()


async def within(scope: Scope, events: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """Yield the events, letting the code that makes them know its scope, and whoever consumes them not."""
    try:
        while True:
            token = _current.set(scope)
            try:
                with bound(scope.run.recorder), collecting_in(scope.facts_in):
                    event = await anext(events)
            except StopAsyncIteration:
                return
            finally:
                _current.reset(token)
            yield event
    finally:
        if isinstance(events, AsyncGenerator):  # other agents than Strands' own may give any iterator
            await events.aclose()

"""Stops the agents of a run when its recorder asks for it.

A cancelled Strands agent stops between the parts of a model's answer and before its next tool, but not while a call is
silent. So a model call is ended at once (`model_call`), and an agent that has not stopped after `STOP_SECONDS` is
interrupted. A tool that has begun may finish, so that it is not left half done, unless the worker's time is up.

An agent that serves several runs at once has one cancel signal for all of them. Such an agent is not cancelled: only
the stopped run's model call is ended, and only its tools are refused.

An agent whose run is handed over to another worker is interrupted, too, but only while no tool has begun since the
point from which that worker continues. Otherwise the tool would run twice.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from runcast import limits
from runcast.errors import RunStopped
from runcast.record.assignment import Stop

_REENTRANT = "unsafe_reentrant"


class AgentStop:
    """Stops all agents of one run: those that are running, and those that begin later.

    Args:
        running_tools: Receives the names of the run's tools while they run.

    Attributes:
        reason: Why the run's agents should stop; None while they should continue.
        handing_over: Whether the run is handed over to another worker at its agent's next boundary.
    """

    def __init__(self, running_tools: list[str] | None = None) -> None:
        self.reason: Stop | None = None
        self.handing_over = False
        self._running_tools = [] if running_tools is None else running_tools
        self._tools_begun = 0
        self._lock = threading.Lock()
        self._works: dict[AgentWork, None] = {}  # an agent comes before the agents that it uses
        self._tools = 0

    def __call__(self, stop: Stop) -> None:
        """Stop the agents. Returns at once. Thread-safe."""
        with self._lock:
            self.reason = stop
            loops = {work.loop for work in self._works}
        for loop in loops:
            with suppress(RuntimeError):  # it is closed already
                loop.call_soon_threadsafe(self._stop_works, loop)

    async def obeyed(self, work: AgentWork, events: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        """Yield the events of an agent until it has to stop.

        Raises:
            RunStopped: It was interrupted.
        """
        with self._lock:
            self._works[work] = None
        if self.reason:
            self._stop_work(work)
        self._interrupt_to_hand_over(work)
        try:
            while True:
                try:
                    event = await work.next_event.of(events)
                except StopAsyncIteration:
                    return
                work.has_begun()
                yield event
        finally:
            with self._lock:
                del self._works[work]

    def hand_over(self) -> None:
        """Interrupt the run's agent, now or at its next boundary, because another worker continues the run.

        Call it on the agent's event loop.
        """
        self.handing_over = True
        for work in list(self._works):
            self._interrupt_to_hand_over(work)

    def at_boundary(self) -> None:
        """Note that another worker can continue the agent from here."""
        self._tools_begun = 0

    def begin_tool(self) -> None:
        """Note that a tool begins.

        Raises:
            RunStopped: The agent was interrupted, so the tool must not begin.
        """
        if self.handing_over and not self._tools_begun:
            raise RunStopped
        self._tools_begun += 1

    @contextmanager
    def tool(self, name: str, *, is_agent: bool) -> Iterator[None]:
        """Within this context, a tool of the run is running. A tool that is an agent stops by itself."""
        with self._lock:
            self._tools += not is_agent
            self._running_tools.append(name)
        try:
            yield
        finally:
            with self._lock:
                self._tools -= not is_agent
                self._running_tools.remove(name)

    def _interrupt_to_hand_over(self, work: AgentWork) -> None:
        if self.handing_over and not self._tools_begun and work.whole_run:
            work.next_event.interrupt()

    def _stop_works(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop all agents of a loop together; otherwise one would continue with another's interrupted work."""
        with self._lock:
            works = [work for work in self._works if work.loop is loop]
        for work in works:
            self._stop_work(work)

    def _stop_work(self, work: AgentWork) -> None:
        work.stop()
        if work.whole_run:
            seconds = limits.TIME_UP_STOP_SECONDS if self.reason is Stop.TIME_UP else limits.STOP_SECONDS
            work.loop.call_later(seconds, self._interrupt, work)

    def _interrupt(self, work: AgentWork) -> None:
        if work not in self._works:
            return
        if self._tools and self.reason is not Stop.TIME_UP:
            work.loop.call_later(limits.STOP_SECONDS, self._interrupt, work)
        else:
            work.next_event.interrupt()


class AgentWork:
    """One invocation of an agent, created on the event loop that runs it.

    Args:
        agent: The agent.
        whole_run: Whether all other agents of the run work for this one. Only such an agent is interrupted.

    Attributes:
        loop: Its event loop.
        next_event: Awaits the agent's events.
        model_call: Awaits the parts of a model's answer.
        model_failure: The error of the last call of the model, and when it failed; None if it did not.
        delegating: Whether the agent passes on the events of another agent, which then answers in its place.
    """

    def __init__(self, agent: Any, *, whole_run: bool) -> None:
        self.whole_run = whole_run
        self.loop = asyncio.get_running_loop()
        self.next_event = Interruptible()
        self.model_call = Interruptible()
        self.model_failure: tuple[Exception, float] | None = None
        self.delegating = False
        self._agent = agent
        self._begun = False
        self._stopping = False

    def has_begun(self) -> None:
        """Note that the agent now works for this invocation and not for an earlier one."""
        if not self._begun:
            self._begun = True
            self._cancel()

    def stop(self) -> None:
        """Stop the agent at its next safe point, and its current model call at once."""
        self._stopping = True
        self._cancel()
        self.model_call.interrupt()

    def _cancel(self) -> None:
        reentrant = getattr(self._agent, "concurrent_invocation_mode", None) == _REENTRANT
        cancel = getattr(self._agent, "cancel", None)
        if self._stopping and self._begun and not reentrant and callable(cancel):
            cancel()


class Interruptible:
    """Awaits events one by one until it is interrupted. Use it on one event loop only."""

    def __init__(self) -> None:
        self._interrupted = False
        self._waiting: asyncio.Task[Any] | None = None

    def interrupt(self) -> None:
        """Interrupt the current or next wait for an event; never the processing of an event."""
        if not self._interrupted:
            self._interrupted = True
            if self._waiting:
                self._waiting.cancel()

    async def of(self, events: AsyncIterator[Any]) -> Any:
        """Return the next event.

        Raises:
            RunStopped: The waiting was interrupted.
            StopAsyncIteration: There is no further event.
            asyncio.CancelledError: The task was cancelled by its owner.
        """
        if self._interrupted:
            raise RunStopped
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self._waiting = task
        cancels = task.cancelling()
        try:
            return await anext(events)
        except asyncio.CancelledError:
            if self._interrupted and task.cancelling() == cancels + 1:
                raise RunStopped from None
            raise
        finally:
            self._waiting = None
            if self._interrupted:
                task.uncancel()

"""Stopping the agents of a run when its recorder says so: an agent by itself, and its task where it does not.

A Strands agent that is asked to stop does so between the parts of a model's answer and before its next tool, never
within a call that is silent. So what has not stopped after `STOP_SECONDS` is interrupted. A tool that has begun is let
finish, because half of it may be done; only when the worker's time is up nothing is waited for.
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


class AgentStop:
    """Stops whatever agents of one run are at work, and those that begin later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: set[_Work] = set()
        self._tools = 0
        self._stop: Stop | None = None

    def __call__(self, stop: Stop) -> None:
        """Stop the agents. Returns at once; may be called on any thread."""
        with self._lock:
            self._stop = stop
            works = list(self._works)
        for work in works:
            with suppress(RuntimeError):  # its loop is closed already
                work.loop.call_soon_threadsafe(self._stop_work, work)

    async def obeyed(self, agent: Any, events: AsyncIterator[Any], *, whole_run: bool) -> AsyncGenerator[Any, None]:
        """Yield the events of an agent, until it has to stop.

        Args:
            agent: Whose events they are.
            events: What it does.
            whole_run: Whether all other agents of the run work for this one: then it is the one to be interrupted.

        Raises:
            RunStopped: It was interrupted.
        """
        work = _Work(agent, asyncio.get_running_loop(), whole_run)
        with self._lock:
            self._works.add(work)
        if self._stop:
            self._stop_work(work)
        try:
            while True:
                work.begin()
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    return
                except asyncio.CancelledError:
                    if work.interrupted:
                        raise RunStopped from None
                    raise
                finally:
                    work.pause()
                yield event
        finally:
            with self._lock:
                self._works.discard(work)

    @contextmanager
    def tool(self) -> Iterator[None]:
        """While a tool of the run is at work."""
        with self._lock:
            self._tools += 1
        try:
            yield
        finally:
            with self._lock:
                self._tools -= 1

    def _stop_work(self, work: _Work) -> None:
        if work not in self._works:  # its signal would meet the agent's next run
            return
        if callable(cancel := getattr(work.agent, "cancel", None)):
            cancel()
        if work.whole_run:
            seconds = limits.TIME_UP_STOP_SECONDS if self._stop is Stop.TIME_UP else limits.STOP_SECONDS
            work.loop.call_later(seconds, self._interrupt, work)

    def _interrupt(self, work: _Work) -> None:
        if work not in self._works:
            return
        if self._tools and self._stop is not Stop.TIME_UP:
            work.loop.call_later(limits.STOP_SECONDS, self._interrupt, work)
        else:
            work.interrupt()


class _Work:
    """One agent at work: in a task of its own loop while its next event is awaited, in none while it is consumed."""

    def __init__(self, agent: Any, loop: asyncio.AbstractEventLoop, whole_run: bool) -> None:
        self.agent = agent
        self.loop = loop
        self.whole_run = whole_run
        self.interrupted = False
        self._task: asyncio.Task[Any] | None = None

    def begin(self) -> None:
        """The next event is awaited."""
        if self.interrupted:
            raise RunStopped
        self._task = asyncio.current_task()

    def pause(self) -> None:
        """The next event is there, or none will be."""
        if self.interrupted and self._task:
            self._task.uncancel()
        self._task = None

    def interrupt(self) -> None:
        """End the waiting for the next event, now or when it begins; never what its consumer does with the last one."""
        if not self.interrupted:
            self.interrupted = True
            if self._task:
                self._task.cancel()

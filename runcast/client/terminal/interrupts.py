"""Ends the command the same way on Ctrl-C, SIGTERM and SIGHUP: it cleans up and reports what continues to run.

This module imports fast, so that the handlers are installed before any slow import begins.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Coroutine
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import asyncio

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """Raised when a signal asks the command to stop.

    Args:
        signal_number: The signal.
    """

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)


class Interrupts:
    """Within this context, the signals raise `Interrupted`. Signals that were ignored, as by `nohup`, stay ignored."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._received: int | None = None
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, work: Coroutine[Any, Any, int]) -> int:
        """Run a coroutine in a new event loop. A signal cancels it; a second signal raises at once.

        Raises:
            Interrupted: A signal cancelled it.
        """
        import asyncio

        async def cancellable() -> int:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - this is a task
            self._running = asyncio.get_running_loop(), task
            return await work

        try:
            return asyncio.run(cancellable())
        except asyncio.CancelledError:
            if self._received is None:
                raise
            raise Interrupted(self._received) from None
        finally:
            self._running = None

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._running is None or self._received is not None:
            raise Interrupted(number)
        self._received = number
        loop, task = self._running
        loop.call_soon_threadsafe(task.cancel)

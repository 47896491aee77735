"""Ctrl-C, SIGTERM and SIGHUP end the command alike, from its first line on: it cleans up and says what goes on.

Nothing here is slow to import, because a signal that comes during an import must find its handler.
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
    """A signal asked the command to stop.

    Args:
        signal_number: Which.
    """

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)


class Interrupts:
    """Within this context, the signals raise `Interrupted`. Those that were ignored before still are, as by `nohup`."""

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
        """Run a coroutine in an event loop of its own; a signal cancels it, and a second one does not wait for it.

        Raises:
            Interrupted: A signal has cancelled it.
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

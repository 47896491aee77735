"""Ends the runs that are still open at process exit, because daemon threads stop without writing their ends.

SIGTERM, by which containers are stopped, ends a Python process without its exit functions. So it is handled too, unless
the process handles it itself.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from typing import Protocol

from runcast import limits


class OpenRun(Protocol):
    """A run that is being recorded."""

    def end_at_exit(self) -> None:
        """End the run if its work has not ended it; return at once."""

    def await_settled(self, seconds: float) -> None:
        """Wait at most `seconds` until the run's end is stored."""


_open_runs: set[OpenRun] = set()


def register_open_run(run: OpenRun) -> None:
    """Register a run to be ended at exit, and by SIGTERM."""
    _open_runs.add(run)
    is_main = threading.current_thread() is threading.main_thread()  # only this one can set handlers
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end_on_sigterm)


def forget_open_run(run: OpenRun) -> None:
    """Unregister a run that has nothing left to write."""
    _open_runs.discard(run)


def end_open_runs() -> None:
    """End the open runs and wait for their ends, at most `ADDED_TIME_SECONDS` in total."""
    runs = list(_open_runs)
    for run in runs:
        run.end_at_exit()
    give_up_at = time.monotonic() + limits.ADDED_TIME_SECONDS
    for run in runs:
        run.await_settled(max(0.0, give_up_at - time.monotonic()))


def _end_on_sigterm(number: int, _: object) -> None:
    """End the open runs, then the process by the same signal, as if it had not been handled."""
    signal.signal(number, signal.SIG_DFL)

    def end() -> None:
        try:
            end_open_runs()
        finally:
            os.kill(os.getpid(), number)

    # On another thread, because the main one may hold a lock that this needs. Without one, the runs stay open.
    try:
        threading.Thread(target=end, name="runcast-sigterm", daemon=True).start()
    except RuntimeError:
        os.kill(os.getpid(), number)


atexit.register(end_open_runs)
# The writer threads do not survive a fork, and the runs still belong to the parent.
os.register_at_fork(after_in_child=_open_runs.clear)

"""Ending the runs that are still open when the process exits: its daemon threads would die with unwritten ends."""

from __future__ import annotations

import atexit
import os
import time
from typing import Protocol

from runcast import limits


class OpenRun(Protocol):
    """A run that is being recorded."""

    def end_at_exit(self) -> None:
        """End the run, if its work has not; return at once."""

    def await_settled(self, seconds: float) -> None:
        """Wait until its end is stored, at most this long."""


_open_runs: set[OpenRun] = set()


def register_open_run(run: OpenRun) -> None:
    """Look after a run until it is removed."""
    _open_runs.add(run)


def forget_open_run(run: OpenRun) -> None:
    """Forget a run: nothing of it is left to write."""
    _open_runs.discard(run)


def end_open_runs() -> None:
    """End the open runs and wait for their ends, `ADDED_TIME_SECONDS` in all."""
    runs = list(_open_runs)
    for run in runs:
        run.end_at_exit()
    give_up_at = time.monotonic() + limits.ADDED_TIME_SECONDS
    for run in runs:
        run.await_settled(max(0.0, give_up_at - time.monotonic()))


atexit.register(end_open_runs)
# The threads that write do not survive a fork, and the runs stay the parent's.
os.register_at_fork(after_in_child=_open_runs.clear)

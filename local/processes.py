"""Identifies processes that outlive the command that started them.

A process id alone does not identify a process, because the system reuses it. The id and the start time together do, so
both are stored, and `stop` only stops a process that matches both.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

_STOP_SECONDS = 10
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class LocalProcess:
    """A process, identified by its id and start time.

    Attributes:
        name: Its name in messages.
        pid: Its process id.
        began_at_epoch_s: Its start time, from the operating system.
    """

    name: str
    pid: int
    began_at_epoch_s: float

    @classmethod
    def of(cls, name: str, pid: int) -> "LocalProcess":
        """Return the process that has the id `pid` now.

        Raises:
            psutil.NoSuchProcess: There is no such process.
        """
        return cls(name, pid, psutil.Process(pid).create_time())

    @property
    def alive(self) -> bool:
        """Whether this process still runs."""
        return self._find() is not None

    def stop(self) -> None:
        """End it and its descendants with SIGTERM, and after 10 s with SIGKILL. A no-op if it has ended."""
        process = self._find()
        if process is None:
            return
        family = _family(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
        _wait([process], _STOP_SECONDS)
        # Workers usually end with their parent. Kill those that hang or were started in the meantime.
        family = [*dict.fromkeys([*family, *_family(process)])]
        left = _wait(family, 1)
        for member in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        _wait(left, _STOP_SECONDS)

    def wait(self) -> None:
        """Return when it has ended."""
        process = self._find()
        if process:
            process.wait()

    def _find(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            return process if process.create_time() == self.began_at_epoch_s and not _is_zombie(process) else None
        except psutil.NoSuchProcess:
            return None


def _family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and its descendants; only the process if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def _wait(processes: Sequence[psutil.Process], timeout_seconds: float) -> list[psutil.Process]:
    """Wait until the processes have ended, and return those that have not."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        _, left = psutil.wait_procs(processes, timeout=_LOOK_SECONDS)
        processes = []
        for process in left:
            if not _is_zombie(process):
                processes.append(process)
                continue
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(0)  # If this process is its parent, nobody else removes it.
        if not processes or time.monotonic() > deadline:
            return processes


def _is_zombie(process: psutil.Process) -> bool:
    """Return whether a process has ended, but its parent has not noticed yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True

"""Identifies processes that outlive the command that started them.

A process id alone does not identify a process, because the system reuses it. The id and the start time together do, so
both are stored, and `stop` only stops a process that matches both.
"""

import contextlib
from dataclasses import dataclass

import psutil

_STOP_SECONDS = 10


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
        psutil.wait_procs([process], timeout=_STOP_SECONDS)
        # Workers usually end with their parent. Kill those that hang or were started in the meantime.
        family = [*dict.fromkeys([*family, *_family(process)])]
        _, left = psutil.wait_procs(family, timeout=1)
        for member in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(left, timeout=_STOP_SECONDS)

    def wait(self) -> None:
        """Return when it has ended."""
        process = self._find()
        if process:
            process.wait()

    def _find(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = process.create_time() == self.began_at_epoch_s
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and its descendants; only the process if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]

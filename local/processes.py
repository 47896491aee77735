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
    """A process, known by its number and its beginning.

    Attributes:
        name: What it is called in messages.
        pid: Its process number.
        began_at_epoch_s: When it began, as the operating system says.
    """

    name: str
    pid: int
    began_at_epoch_s: float

    @classmethod
    def of(cls, name: str, pid: int) -> "LocalProcess":
        """Return the process that has the number `pid` now.

        Raises:
            psutil.NoSuchProcess: None has.
        """
        return cls(name, pid, psutil.Process(pid).create_time())

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self._find() is not None

    def stop(self) -> None:
        """End it and what it has started: politely, and after 10 s by force. Does nothing if it has ended."""
        process = self._find()
        if process is None:
            return
        family = _family(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
        psutil.wait_procs([process], timeout=_STOP_SECONDS)
        # Workers end with their parent as a rule; one that hangs, or was started meanwhile, must not be left behind.
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
    """Return a process and all that descend from it; itself alone if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]

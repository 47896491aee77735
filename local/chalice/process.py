"""Runs `chalice local` as a child process and restarts it when its sources change."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from local.chalice.deployed import DeployedApi
from local.settings import HOST, ROOT, no_proxy
from local.stack_state import StackState

_STOP_SECONDS = 5


class RestProcess:
    """An address, served by at most one process at a time. As a context manager it ends with the block.

    Args:
        listener: Where callers connect; it stays open.
        agents: The folder of the user's agents.
    """

    def __init__(self, listener: socket.socket, agents: Path | None) -> None:
        self._listener = listener
        self._agents = {"RUNCAST_AGENTS_FOLDER": str(agents)} if agents else {}
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    @property
    def alive(self) -> bool:
        """Whether a process serves the address."""
        return self._process is not None and self._process.poll() is None

    def serve(self, state: StackState, api: DeployedApi) -> None:
        """Serve the current sources, in place of the previous ones."""
        self.stop()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        local = {**state.endpoint.environment, **no_proxy()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.chalice", "--socket", str(self._listener.fileno())],
            cwd=ROOT,
            env={**inherited, **local, **api.environment, **self._agents},
            stdin=subprocess.PIPE,
            text=True,
            pass_fds=[self._listener.fileno()],
            # The parent handles Ctrl-C.
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(api.to_json() + "\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=_STOP_SECONDS)  # This closes its standard input.
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

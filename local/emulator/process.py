"""The emulator as a child process, for the local system and for tests."""

import os
import selectors
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from local.endpoint import Endpoint

REPOSITORY = Path(__file__).resolve().parents[2]


CERTIFICATE_FILE = "certificate.pem"
"""The certificate of the TLS port, beside the log."""

_SAVE_SECONDS = 120


class EmulatorFailed(Exception):
    """The emulator did not become ready; the message is its last output."""


class EmulatorProcess:
    """A running emulator.

    Args:
        interpreter: Python of the environment that has MiniStack.
        function_python: Python that runs the functions, without packages that they could import by accident.
        model_url: OpenAI-compatible server that answers for Bedrock.
        log: file for the emulator's log; it is overwritten. The certificate of the TLS port goes beside it.
        model_name: the model to ask it for; by default the one by Bedrock's id.
        model_key: its API key, if it requires one.
        port: port on 127.0.0.1; 0 takes a free one.
        keeps_state: whether it saves its state beside the log when it is stopped, and `restart` brings it back.

    Attributes:
        folder: where its log, its certificate and the functions' temporary files are.
        endpoint: its address and the root user's key, which is new each time.
    """

    def __init__(
        self,
        *,
        interpreter: Path,
        function_python: Path,
        model_url: str,
        log: Path,
        model_name: str = "",
        model_key: str = "",
        port: int = 0,
        keeps_state: bool = False,
    ) -> None:
        self._interpreter = interpreter
        self.folder = log.resolve().parent
        self._arguments = ["--model-url", model_url, "--function-python", str(function_python)]
        self._arguments += ["--model-name", model_name, "--folder", str(self.folder)]
        self._arguments += ["--keep-state"] if keeps_state else []
        self._port = str(port)
        self._model_key = model_key
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.endpoint = Endpoint.with_new_key()

    @property
    def url(self) -> str:
        """Its address, `http://127.0.0.1:<port>`; empty until it serves."""
        return self.endpoint.url

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            RuntimeError: it has not been started.
        """
        if self._process is None:
            raise RuntimeError("the emulator has not been started")
        return self._process.pid

    def start(self, *, timeout_seconds: float = 30) -> None:
        """Starts the emulator and waits until it serves requests.

        Raises:
            EmulatorFailed: it ended, or was not ready in time.
        """
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(self._interpreter), "-m", "local.emulator", "--port", self._port, *self._arguments],
                cwd=REPOSITORY,
                # The caller's environment must not reach the functions; their temporary files go beside the log.
                env={
                    **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                    "TMPDIR": str(self.folder),
                    **self.endpoint.key_variables,
                    "LOCAL_MODEL_KEY": self._model_key,
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # The caller handles Ctrl-C.
                start_new_session=True,
            )
        line = self._first_line(timeout_seconds)
        if not line.startswith("ready "):
            self.stop()
            said = self._log.read_text().strip().splitlines()
            raise EmulatorFailed(said[-1] if said else f"the emulator was not ready within {timeout_seconds} seconds")
        _, url, tls_url = line.split()
        self.endpoint = replace(self.endpoint, url=url, tls_url=tls_url)

    def restart(self) -> None:
        """Restarts the emulator at its address and with its key; only its TLS port changes.

        It has its state again if it `keeps_state`. Saving it may take long on a busy machine.

        Raises:
            EmulatorFailed: it was not ready in time.
        """
        self._port = self.url.rpartition(":")[2]
        self.stop(timeout_seconds=_SAVE_SECONDS)
        self.start(timeout_seconds=_SAVE_SECONDS)

    def stop(self, *, timeout_seconds: float = 15) -> int | None:
        """Stops the emulator and its children; returns its exit code, or None if it was never started."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout:
            process.stdout.close()
        return code

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _first_line(self, timeout_seconds: float) -> str:
        assert self._process is not None  # noqa: S101 - called by start() only
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            ready = selector.select(timeout_seconds)
        return self._process.stdout.readline() if ready else ""

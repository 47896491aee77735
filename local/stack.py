"""Starts and stops the local system: the model, the emulated AWS, and the deployment of the project's Terraform module.

A start either succeeds completely or leaves nothing behind. No state is kept between starts: the emulator loses
everything when it stops, so Terraform's state is deleted too.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from local.deployment import deploy
from local.emulator.process import EmulatorFailed, EmulatorProcess
from local.endpoint import Endpoint
from local.ground import check_ground
from local.processes import LocalProcess
from local.settings import ROOT, Settings
from local.stack_state import StackFailed, StackState, load_state, prepare_directory


class LocalStack:
    """One local machine. As a context manager it runs for the length of the block.

    Args:
        settings: Where it listens and keeps its state; a port of 0 takes a free one.
        say: Takes a line about each step.

    Attributes:
        state: Its state so far; complete after `start`.
    """

    def __init__(self, settings: Settings, *, say: Callable[[str], None] = print) -> None:
        self._settings = settings
        self._say = say
        self._servers: list[subprocess.Popen[str]] = []
        self._emulator: EmulatorProcess | None = None
        starter = LocalProcess.of("the starting command", os.getpid())
        unknown = Endpoint("", "", "")
        self.state = StackState(settings.directory, endpoint=unknown, model_url="", starter=starter)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it until a user can sign in and start a run; if a step fails, stop everything.

        Raises:
            GroundMissing: A prerequisite is missing or taken.
            StateDirectoryTaken: The state directory is not empty.
            StackFailed: A step failed.
        """
        check_ground(self._settings)
        prepare_directory(self._settings.directory)
        try:
            self._note()
            self._start_model()
            self._start_console()
            self._start_front()
            self.state = deploy(self.state, agents=self._settings.agents, say=self._say)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all processes and remove the state directory."""
        self.state.stop()
        # End processes that are not in the state yet, and reap the others.
        if self._emulator:
            self._emulator.stop()
        for server in self._servers:
            server.kill()
            server.communicate()

    def restart(self) -> None:
        """Restart the emulated AWS at the same address. It has its state again if the settings say that it keeps it.

        Raises:
            StackFailed: It did not start.
        """
        if self._emulator:
            self._begin_front(self._emulator, self._emulator.restart)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulated AWS, as its root user."""
        return self.state.endpoint.client(service)

    def _note(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.state.save()

    def _note_process(self, name: str, pid: int) -> None:
        self._note(processes=(*self.state.processes, LocalProcess.of(name, pid)))

    def _start_model(self) -> None:
        if self._settings.model_url:
            self._note(model_url=self._settings.model_url)
            return
        port = str(self._settings.model_port)
        self._note(model_url=self._start_server("the scripted model", "local.bedrock", "--port", port))

    def _start_console(self) -> None:
        directory = str(self.state.directory)
        self._note(console_url=self._start_server("the console", "local.console", "--directory", directory))

    def _start_server(self, name: str, module: str, *arguments: str) -> str:
        """Start a server of this project, and return the address that it prints."""
        log = self.state.directory / f"{module.removeprefix('local.')}.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                # A Ctrl-C is the starter's to handle.
                start_new_session=True,
            )
        self._servers.append(server)
        self._note_process(name, server.pid)
        line = server.stdout.readline() if server.stdout else ""
        if not line.startswith("ready "):
            raise StackFailed(f"{name.capitalize()} did not start: {log.read_text().strip()}")
        return line.split()[1]

    def _start_front(self) -> None:
        self._say("Starting the emulated AWS ...")
        self._emulator = EmulatorProcess(
            interpreter=self._settings.emulator_python,
            function_python=self._settings.function_python,
            model_url=self.state.model_url,
            model_name=self._settings.model_name if self._settings.model_url else "",
            model_key=self._settings.model_key if self._settings.model_url else "",
            log=self.state.directory / "emulator.log",
            port=self._settings.port,
            keeps_state=self._settings.keeps_state,
        )
        self._begin_front(self._emulator, self._emulator.start)

    def _begin_front(self, emulator: EmulatorProcess, begin: Callable[[], None]) -> None:
        try:
            begin()
        except EmulatorFailed as error:
            raise StackFailed(f"The emulated AWS did not start: {error}") from error
        self._note_process("the emulated AWS", emulator.pid)
        self._note(endpoint=emulator.endpoint)


def running_stack(settings: Settings) -> StackState | None:
    """Return the state of the running local machine; None if none is running, after removing leftovers.

    Raises:
        StackFailed: Another process is starting it.
    """
    state = load_state(settings.directory)
    if state is None or state.ready:
        return state
    if state.at_work:
        raise StackFailed(f"Process {state.starter.pid} is bringing the local machine up; wait for it or end it.")
    print("Removing a local machine that has stopped ...", flush=True)
    state.stop()
    return None

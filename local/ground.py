"""Checks the prerequisites of the local machine; each missing one is a line that says what to do."""

import errno
import shutil
import socket

from local.settings import HOST, Settings
from local.terraform import TerraformMissing, find_terraform


class GroundMissing(Exception):
    """A prerequisite is missing or taken. The message has a line for each."""


def check_ground(settings: Settings) -> None:
    """Check programs, virtual environments and ports.

    Raises:
        GroundMissing: A prerequisite is missing.
    """
    problems = []
    if shutil.which("node") is None:
        problems.append("node is not on the PATH: install Node 20 or later; AppSync's resolvers run on it.")
    try:
        find_terraform()
    except TerraformMissing as missing:
        problems.append(str(missing))
    problems += [
        f"{python} is missing: run `make setup`."
        for python in (settings.emulator_python, settings.function_python)
        if not python.exists()
    ]
    problems += _port_problem(settings.port, "RUNCAST_LOCAL_PORT")
    if settings.model_url is None:
        problems += _port_problem(settings.model_port, "RUNCAST_LOCAL_MODEL_PORT")
    if problems:
        raise GroundMissing("\n".join(problems))


def listen(port: int, variable: str) -> socket.socket:
    """Return a socket that listens on a port of this machine.

    Args:
        port: The port; 0 takes a free one.
        variable: The setting that it comes from.

    Raises:
        GroundMissing: The port is taken or cannot be used.
    """
    listener = socket.socket()
    # Like servers, so that connections left by the previous one do not block the port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise GroundMissing(f"Port {port} of {HOST} {reason}: free it, or choose another in {variable}.") from error
    return listener


def _port_problem(port: int, variable: str) -> list[str]:
    try:
        listen(port, variable).close()
    except GroundMissing as problem:
        return [str(problem)]
    return []

"""What must be there before the local machine can start; each missing thing is one line that says what to do."""

import errno
import shutil
import socket

from local.settings import HOST, Settings


class GroundMissing(Exception):
    """Something that the local machine needs is missing or taken. The message has one line for each such thing."""


def check_ground(settings: Settings) -> None:
    """Check programs, virtual environments and ports.

    Raises:
        GroundMissing: Not everything is there.
    """
    problems = []
    if shutil.which("node") is None:
        problems.append("node is not on the PATH: install Node 20 or later; AppSync's resolvers run on it.")
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


def _port_problem(port: int, variable: str) -> list[str]:
    with socket.socket() as probe:
        # As the servers do, so that a port they could take is not called taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            return [f"Port {port} of {HOST} {reason}: free it, or choose another in {variable}."]
    return []

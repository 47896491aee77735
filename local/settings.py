"""The local machine's ports and folders: read once from the environment, and validated together."""

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packager.agents_folder import agents_folder
from packager.errors import PackagingError

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
REGION = "us-east-1"
FUNCTION_PYTHON = ROOT / ".local" / "function-venv" / "bin" / "python"
RUNTIMES_FOLDER = "runtimes"
"""In the environment of `FUNCTION_PYTHON`: one environment for each runtime whose Python is on this machine."""

NO_PROXY_NAMES = ("NO_PROXY", "no_proxy")
"""Programs read one or the other."""


class InvalidSettings(Exception):
    """The environment has invalid values. The message names each of them on a line."""


@dataclass(frozen=True)
class Settings:
    """The local machine's settings.

    Attributes:
        port: Port of the emulated AWS, AppSync's WebSockets included (`RUNCAST_LOCAL_PORT`). 0, which only callers
            in Python can give, takes a free one.
        model_port: Port of the scripted model (`RUNCAST_LOCAL_MODEL_PORT`). 0 as above.
        rest_port: Port of `chalice local` (`RUNCAST_LOCAL_REST_PORT`).
        directory: Where state, logs and passwords are kept while it runs (`RUNCAST_LOCAL_DIR`).
        model_url: An OpenAI-compatible server to use instead of the scripted model, without its `/v1`
            (`LOCAL_MODEL_URL`).
        model_name: The model to ask that server for (`LOCAL_MODEL_NAME`).
        model_key: The server's API key, if it requires one (`LOCAL_MODEL_KEY`); not part of the printed form.
        agents: The folder of the user's agents, which replace the demo's (`AGENTS`).
        emulator_python: The interpreter that the emulator is installed for.
        function_python: A bare interpreter, which this project's functions run on (see `local/functions.py`).
        keeps_state: Whether `LocalStack.restart` brings the state back.
    """

    port: int = 4566
    model_port: int = 4620
    rest_port: int = 8000
    directory: Path = ROOT / ".local" / "stack"
    model_url: str | None = None
    model_name: str = ""
    model_key: str = field(default="", repr=False)
    agents: Path | None = None
    emulator_python: Path = ROOT / ".local" / "ministack-venv" / "bin" / "python"
    function_python: Path = FUNCTION_PYTHON
    keeps_state: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings, with defaults for unset variables. A relative directory is taken from the project's root.

        Raises:
            InvalidSettings: A port is invalid, two ports are equal, the model's address is not an HTTP address, the
                model has no name, or the folder of the agents does not exist.
        """
        problems: list[str] = []
        default = cls()
        ports = {
            "RUNCAST_LOCAL_PORT": default.port,
            "RUNCAST_LOCAL_MODEL_PORT": default.model_port,
            "RUNCAST_LOCAL_REST_PORT": default.rest_port,
        }
        ports = {name: _port(environment, name, port, problems) for name, port in ports.items()}
        problems += [
            f"{one} and {other} are both {ports[one]}; give two ports."
            for one, other in itertools.combinations(ports, 2)
            if ports[one] == ports[other] and not problems
        ]
        model_url = environment.get("LOCAL_MODEL_URL", "").rstrip("/").removesuffix("/v1") or None
        if model_url and not model_url.startswith(("http://", "https://")):
            problems.append(f"LOCAL_MODEL_URL is {model_url!r}; give an address that begins with http:// or https://.")
        model_name = environment.get("LOCAL_MODEL_NAME", "")
        if model_url and not model_name:
            problems.append("LOCAL_MODEL_NAME is not set; name a model that the server at LOCAL_MODEL_URL has.")
        agents = None
        try:
            agents = agents_folder(environment)
        except PackagingError as error:
            problems.append(str(error))
        if problems:
            raise InvalidSettings("\n".join(problems))
        return cls(
            port=ports["RUNCAST_LOCAL_PORT"],
            model_port=ports["RUNCAST_LOCAL_MODEL_PORT"],
            rest_port=ports["RUNCAST_LOCAL_REST_PORT"],
            directory=ROOT / (environment.get("RUNCAST_LOCAL_DIR") or default.directory),
            model_url=model_url,
            model_name=model_name,
            model_key=environment.get("LOCAL_MODEL_KEY", ""),
            agents=agents,
        )


def _port(environment: Mapping[str, str], name: str, default: int, problems: list[str]) -> int:
    text = environment.get(name) or str(default)
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    problems.append(f"{name} is {text!r}; give a port from 1 to 65535.")
    return default


def no_proxy(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment's no-proxy variables with this machine added, so that a program connects directly."""
    return {name: ",".join(filter(None, (HOST, environment.get(name)))) for name in NO_PROXY_NAMES}

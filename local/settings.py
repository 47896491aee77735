"""Where the local machine listens and keeps its state: read once from the environment, checked as a whole."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
REGION = "us-east-1"


class InvalidSettings(Exception):
    """The environment holds values that cannot be used. The message names each of them, one to a line."""


@dataclass(frozen=True)
class Settings:
    """The local machine's settings.

    Attributes:
        port: Port of the emulated AWS, AppSync's WebSockets included (`RUNCAST_LOCAL_PORT`). 0, which only callers
            in Python can give, takes a free one.
        model_port: Port of the scripted model (`RUNCAST_LOCAL_MODEL_PORT`). 0 as above.
        directory: Where state, logs and passwords are kept while it runs (`RUNCAST_LOCAL_DIR`).
        model_url: An OpenAI-compatible server to use instead of the scripted model, without its `/v1`
            (`LOCAL_MODEL_URL`).
        emulator_python: The interpreter that the emulator is installed for.
        function_python: A bare interpreter, which the Lambda functions run on.
    """

    port: int = 4566
    model_port: int = 4620
    directory: Path = ROOT / ".local" / "stack"
    model_url: str | None = None
    emulator_python: Path = ROOT / ".local" / "ministack-venv" / "bin" / "python"
    function_python: Path = ROOT / ".local" / "function-venv" / "bin" / "python"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; what is unset has its default. A relative directory is taken from the project's root.

        Raises:
            InvalidSettings: A port is no port, both ports are the same, or the model's address is no HTTP address.
        """
        problems: list[str] = []
        default = cls()
        port = _port(environment, "RUNCAST_LOCAL_PORT", default.port, problems)
        model_port = _port(environment, "RUNCAST_LOCAL_MODEL_PORT", default.model_port, problems)
        if port == model_port and not problems:
            problems.append(f"RUNCAST_LOCAL_PORT and RUNCAST_LOCAL_MODEL_PORT are both {port}; give two ports.")
        model_url = environment.get("LOCAL_MODEL_URL", "").rstrip("/").removesuffix("/v1") or None
        if model_url and not model_url.startswith(("http://", "https://")):
            problems.append(f"LOCAL_MODEL_URL is {model_url!r}; give an address that begins with http:// or https://.")
        if problems:
            raise InvalidSettings("\n".join(problems))
        return cls(
            port=port,
            model_port=model_port,
            directory=ROOT / (environment.get("RUNCAST_LOCAL_DIR") or default.directory),
            model_url=model_url,
        )


def _port(environment: Mapping[str, str], name: str, default: int, problems: list[str]) -> int:
    text = environment.get(name) or str(default)
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    problems.append(f"{name} is {text!r}; give a port from 1 to 65535.")
    return default

"""The platforms of a zip: Lambda runtimes and processors, and this machine.

Compiled modules fit only one Python version, processor type and C library. A deployed zip always gets Lambda's wheels.
Code that runs on this machine, in a test of a zip or as a local function, gets this machine's wheels.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from uv import find_uv_bin

from packager.errors import PackagingError

Architecture = Literal["x86_64", "arm64"]
"""Lambda's processor architectures."""

Runtime = Literal["python3.11", "python3.12", "python3.13", "python3.14"]
"""The Lambda runtimes that the zip can be built for."""

ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
DEFAULT_RUNTIME: Runtime = "python3.13"
DEFAULT_ARCHITECTURE: Architecture = "arm64"

_MACHINES: Mapping[str, Architecture] = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_UV_MACHINES: Mapping[Architecture, str] = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Platform:
    """The platform that the wheels of a zip must fit.

    Attributes:
        runtime: The Lambda runtime, whose Python the wheels and the bytecode are for.
        architecture: The processors.
        uv_platform: uv's name of the operating system and the C library; None means those of this machine.
    """

    runtime: Runtime
    architecture: Architecture
    uv_platform: str | None

    @property
    def python(self) -> str:
        """The version of Python, such as `3.13`."""
        return self.runtime.removeprefix("python")

    @property
    def cache_tag(self) -> str:
        """The part of bytecode file names that identifies the Python version, such as `cpython-313`."""
        return f"cpython-{self.python.replace('.', '')}"

    @property
    def name(self) -> str:
        """A unique name, for folders."""
        return f"{self.architecture}-{self.runtime}" + ("" if self.uv_platform else "-here")

    def __str__(self) -> str:
        """Return the name used in messages."""
        return f"{self.runtime}, {self.architecture}"


def lambda_platform(runtime: Runtime = DEFAULT_RUNTIME, architecture: Architecture = DEFAULT_ARCHITECTURE) -> Platform:
    """Return the platform of Lambda functions: Amazon Linux 2 with glibc 2.26 for Python 3.11, 2023 with 2.34 above.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    """
    # uv knows no platform between 2.17 and 2.26.
    glibc = "manylinux_2_17" if runtime == "python3.11" else "manylinux_2_34"
    return Platform(runtime, architecture, f"{_UV_MACHINES[architecture]}-{glibc}")


def other_architecture(platform: Platform) -> str:
    """Return the advice for a requirement without wheels for a platform of Lambda."""
    other = next(each for each in ARCHITECTURES if each != platform.architecture)
    return f"If there are wheels for {other}, use ARCHITECTURE={other}."


def own_platform(runtime: Runtime, *, system: str | None = None, machine: str | None = None) -> Platform:
    """Return the platform of functions that run on this machine.

    On Linux, it uses Lambda's wheels, so that the tested zip equals the one deployed to the same processor.

    Args:
        runtime: The runtime whose Python they run on.
        system: The operating system, as `platform.system()` names it; this machine's by default.
        machine: The processor, as `platform.machine()` names it; this machine's by default.

    Raises:
        PackagingError: No functions can run here.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    architecture = _MACHINES.get(machine)
    if system not in {"Linux", "Darwin"} or architecture is None:
        raise PackagingError(
            f"Runcast packages on Linux and macOS with x86_64 or arm64 processors, and this is {system} on {machine}. "
            "On Windows, work in WSL 2."
        )
    return lambda_platform(runtime, architecture) if system == "Linux" else Platform(runtime, architecture, None)


def runtime_of(interpreter: Path) -> Runtime:
    """Return the runtime that has an interpreter's version of Python.

    Raises:
        PackagingError: Lambda has no such runtime, or the interpreter cannot be run.
    """
    code = "import sys; print('python%d.%d' % sys.version_info[:2])"
    done = subprocess.run([interpreter, "-I", "-c", code], capture_output=True, text=True, check=False)
    runtime = next((each for each in RUNTIMES if each == done.stdout.strip()), None)
    if runtime is None:
        found = done.stdout.strip() or done.stderr.strip()
        raise PackagingError(f"{interpreter} is {found}; functions run on one of {', '.join(RUNTIMES)}.")
    return runtime


def find_interpreter(runtime: Runtime) -> Path | None:
    """Return this interpreter, or one from the PATH, uv or pyenv, that has a runtime's version of Python; else None."""
    wanted = runtime.removeprefix("python")
    if wanted == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, _pyenv_folders(wanted))])
    done = subprocess.run(
        [find_uv_bin(), "python", "find", "--system", "--no-project", "--no-python-downloads", wanted],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def require_interpreter(runtime: Runtime) -> Path:
    """Return an interpreter of a runtime's version of Python.

    Raises:
        PackagingError: There is none on this machine.
    """
    interpreter = find_interpreter(runtime)
    if interpreter is None:
        version = runtime.removeprefix("python")
        raise PackagingError(
            f"A zip for {runtime} is compiled and tried with Python {version}, which is not on this machine. Install "
            f"it, for example with `uv python install {version}`; or package for another runtime, such as "
            f"{_own_name()}: RUNTIME={_own_name()} for make, lambda_runtime in Terraform."
        )
    return interpreter


def _pyenv_folders(version: str) -> Iterator[Path]:
    """Yield the versions that pyenv has installed; its shims on the PATH run only the selected ones."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob(f"versions/{version}.*/bin"), reverse=True)


def _own_name() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"

"""Runs functions locally on the Python of their runtime, and packages this project's for an installed Python.

Each runtime has an environment without packages here, if its Python is on this machine: a function that imports what is
not in its zip fails, as on Lambda. The environment of the module's default runtime, or of the Python that the tools run
on, is the first choice: this project's functions are packaged for it.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from local.settings import FUNCTION_PYTHON, ROOT, RUNTIMES_FOLDER
from packager.build import build
from packager.platforms import DEFAULT_RUNTIME, RUNTIMES, Platform, find_interpreter, own_platform, runtime_of


def make_environments(folder: Path) -> None:
    """Create the environment of the first choice in a folder, and one for each runtime whose Python is on this machine.

    Args:
        folder: Its previous content is deleted.

    Raises:
        PackagingError: Lambda has no runtime for the Python that the tools run on, and no other was found.
    """
    shutil.rmtree(folder, ignore_errors=True)
    found = {runtime: python for runtime in RUNTIMES if (python := find_interpreter(runtime))}
    first_choice = found.get(DEFAULT_RUNTIME) or Path(sys.executable)
    runtime_of(first_choice)
    _make_environment(first_choice, folder)
    for runtime, interpreter in found.items():
        _make_environment(interpreter, folder / RUNTIMES_FOLDER / runtime)


def package_functions(
    target: Path, first_choice: Path = FUNCTION_PYTHON, *, say: Callable[[str], None], agents: Path | None = None
) -> Platform:
    """Package this project for this machine; return the package's platform.

    Args:
        target: Where the zip and its Terraform are written.
        first_choice: The interpreter that this project's functions run on.
        say: Called with a line before each step that takes seconds.
        agents: The folder of the user's agents, which replace the demo's.

    Raises:
        PackagingError: See `packager.build.build`.
    """
    platform = own_platform(runtime_of(first_choice))
    work = ROOT / "build" / "package"
    build(ROOT, work=work, target=target, platform=platform, interpreter=first_choice, agents=agents, say=say)
    return platform


def python_used(platform: Platform) -> str:
    """Return the line that says which Python this project's functions run on here."""
    if platform.runtime == DEFAULT_RUNTIME:
        return f"The functions run on Python {platform.python}, as on {platform.runtime}."
    missing = DEFAULT_RUNTIME.removeprefix("python")
    return (
        f"The functions run on Python {platform.python}, because `make setup` found no Python {missing}, which "
        f"{DEFAULT_RUNTIME} on AWS has. Install it, then `rm -r .local/function-venv`, to have the same here."
    )


def _make_environment(interpreter: Path, folder: Path) -> None:
    subprocess.run([interpreter, "-m", "venv", "--without-pip", folder], check=True)


if __name__ == "__main__":
    make_environments(FUNCTION_PYTHON.parents[1])

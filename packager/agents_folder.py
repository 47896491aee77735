"""The folder of your own agents, which lies outside the clone so that a `git pull` never conflicts with them.

Make passes its path in the variable AGENTS. Its files become `runcast_agents` in the zip. That folder comes last on the
path for imports, so the agents import each other's modules as they do on the author's machine.
"""

import ast
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.util import decode_source
from pathlib import Path

from packager.errors import PackagingError

REQUIREMENTS = "requirements.txt"
LOCK = "requirements.lock"
SETTINGS = "agent.tfvars"
"""Values of the module's variable `agent`, as Terraform reads them."""

REMEMBERED = ".agents-folder"
"""The file in the clone that holds the folder's path. Git ignores it, and make reads it."""

ZIP_FOLDER = "runcast_agents"
"""The folder's name in the zip. `chalicelib/agents/folders.py` reads it there."""

_TESTS = re.compile(r"(test_.*|.*_test|conftest)\.py")
_OURS = {"app", "chalicelib", "runcast"}


def agents_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder that AGENTS names; None if it is unset or empty.

    Raises:
        PackagingError: The folder does not exist.
    """
    given = environment.get("AGENTS", "").strip()
    if not given:
        return None
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise PackagingError(
            f"The folder of your agents, {given}, does not exist. Create it with make new AGENTS={given}, or delete "
            f"{REMEMBERED} to work with the demo's agents."
        )
    return folder


def stage(folder: Path, target: Path) -> None:
    """Copy what a zip needs of a folder: no hidden files, tests, virtual environments, requirements or README.

    Args:
        folder: The folder of the user's agents.
        target: Does not exist yet.

    Raises:
        PackagingError: A Python file has a syntax error, or is not text of its encoding; the message names the file and
            the line.
    """
    shutil.copytree(folder, target, ignore=_left_out)
    for file in sorted(path for path in target.rglob("*.py") if path.is_file()):
        try:
            ast.parse(decode_source(file.read_bytes()), file.name)
        except (SyntaxError, ValueError) as error:
            where = f"{folder / file.relative_to(target)}:{getattr(error, 'lineno', None) or 1}"
            raise PackagingError(f"{where}: {getattr(error, 'msg', error)}") from error


def sources(folder: Path) -> Iterator[Path]:
    """Yield the files that `stage` copies, sorted. Both follow links to folders."""
    for directory, subdirectories, names in os.walk(folder, followlinks=True):
        left_out = _left_out(directory, [*subdirectories, *names])
        subdirectories[:] = sorted(set(subdirectories) - left_out)
        yield from (Path(directory, name) for name in sorted(set(names) - left_out))


def is_packaged(path: Path) -> bool:
    """Return whether a zip takes a file or folder, as far as its name and content tell.

    Links that lead nowhere or to a folder around them are left out, and so are pipes and sockets.
    """
    name = path.name
    skipped = ("__pycache__", "tests", "node_modules", REQUIREMENTS, LOCK, SETTINGS, "README.md")
    is_environment = (path / "pyvenv.cfg").is_file()
    is_other = not (path.is_file() or path.is_dir()) or path.parent.resolve().is_relative_to(path.resolve())
    return not (name.startswith(".") or name in skipped or _TESTS.fullmatch(name) or is_environment or is_other)


def refuse_taken_names(folder: Path, site_packages: Path) -> None:
    """Refuse a module of the folder that has the name of another: one of them could not be imported.

    Args:
        folder: The folder as staged.
        site_packages: The installed dependencies.

    Raises:
        PackagingError: A module has a taken name; the message lists all of these.
    """
    installed = {path.name.partition(".")[0] for path in site_packages.iterdir() if path.suffix != ".dist-info"}
    taken = {*sys.stdlib_module_names, *installed, *_OURS}
    modules = {path.stem: path.name for path in folder.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    if clashes := [modules[name] for name in sorted(modules.keys() & taken)]:
        raise PackagingError(
            f"In the folder of your agents, {', '.join(clashes)} must have another name, because a Python module "
            "with this name exists already."
        )


def _left_out(directory: str, names: list[str]) -> set[str]:
    return {name for name in names if not is_packaged(Path(directory, name))}

"""The command behind `make new`: writes a folder for your own agents outside the clone, and remembers it."""

import argparse
import shutil
import sys
from pathlib import Path

from packager.agents_folder import REMEMBERED
from packager.errors import PackagingError

_PROJECT = Path(__file__).resolve().parent.parent
_TEMPLATE = Path("examples", "my_agents")


def new(project: Path, given: str) -> str:
    """Make a folder the one of your agents; fill it with a first agent, unless it contains anything.

    Args:
        project: The clone, which remembers the path.
        given: The path as typed: absolute, or relative to the clone.

    Returns:
        What has been done and what comes next.

    Raises:
        PackagingError: There is no path, or it is in the clone, contains it, or names a file.
    """
    given = given.strip()
    if not given:
        raise PackagingError("Name a folder outside of this one: make new AGENTS=../my-agents")
    folder = (project / Path(given).expanduser()).resolve()
    project = project.resolve()
    if folder.is_relative_to(project) or project.is_relative_to(folder):
        raise PackagingError(f"{given} must be outside of {project}, for example AGENTS=../my-agents.")
    if folder.exists() and not folder.is_dir():
        raise PackagingError(f"{given} is a file. Name a folder: make new AGENTS=../my-agents")
    has_content = folder.is_dir() and any(path.name != ".git" for path in folder.iterdir())
    if not has_content:
        shutil.copytree(
            project / _TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"), dirs_exist_ok=True
        )
    (project / REMEMBERED).write_text(f"{given}\n")
    done = "It has content, so nothing was written." if has_content else "It has an agent, hello, and a playbook."
    return f"{given} is the folder of your agents from now on. {done}\nNext: make demo"


def main() -> int:
    """Make the folder that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m packager.new", description="Start a folder for your own agents.")
    parser.add_argument("folder")
    try:
        print(new(_PROJECT, parser.parse_args().folder))
    except PackagingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

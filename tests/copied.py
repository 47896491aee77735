"""A copy of the project, for tests that change it or package it differently."""

import os
import shutil
from pathlib import Path

from local.settings import ROOT


def copy_of_project(target: Path) -> Path:
    """Copy what is deployed and what deploys it; what was packaged already need not be packaged again."""
    left_out = shutil.ignore_patterns("__pycache__", "node_modules", ".terraform*", "dependencies")
    for name in (
        "chalice_app",
        "runcast",
        "graphql",
        "terraform",
        "local",
        "packager",
        "deploy",
        "verify",
        "build/package",
    ):
        shutil.copytree(ROOT / name, target / name, ignore=left_out)
    for name in ("Makefile", "pyproject.toml", "requirements-dev.txt", "uv-requirements.txt"):
        shutil.copy2(ROOT / name, target / name)
    (target / "web").mkdir()
    shutil.copy2(ROOT / "web" / "package-lock.json", target / "web")
    (target / ".venv").symlink_to(ROOT / ".venv")
    (target / ".local").mkdir()
    (target / ".local" / "function-venv").symlink_to(ROOT / ".local" / "function-venv")
    (target / "build" / "package" / "dependencies").symlink_to(ROOT / "build" / "package" / "dependencies")
    return target


def clone_of_project(target: Path) -> Path:
    """Copy the project as `copy_of_project` does, with what `make setup` has installed, so that every target works."""
    copy_of_project(target)
    shutil.copytree(ROOT / "examples", target / "examples", ignore=shutil.ignore_patterns("__pycache__", ".terraform*"))
    for name in (".local/ministack-venv", "graphql/node_modules", "web/node_modules"):
        (target / name).symlink_to(ROOT / name)
    # If one of these were newer, make would install again, into what all tests share.
    for name in (
        *("requirements-dev.txt", "uv-requirements.txt", "pyproject.toml"),
        *("local/requirements.txt", "local/terraform-requirements.txt"),
        *("local/functions.py", "packager/platforms.py", "graphql/package-lock.json", "web/package-lock.json"),
    ):
        os.utime(target / name, (0, 0))
    built = Path("web", "console", "dist")
    shutil.copytree(ROOT / built, target / built)
    os.utime(target / built / "index.html")
    return target

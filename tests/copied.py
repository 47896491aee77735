"""A copy of the project, for tests that change it or package it differently."""

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
    for name in ("Makefile", "pyproject.toml", "requirements-dev.txt"):
        shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    (target / ".local").mkdir()
    (target / ".local" / "function-venv").symlink_to(ROOT / ".local" / "function-venv")
    (target / "build" / "package" / "dependencies").symlink_to(ROOT / "build" / "package" / "dependencies")
    return target

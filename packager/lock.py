"""Locks the requirements of the user's agents, in the user's folder, for the platform that they will run on.

The lock may only contain versions that agree with the versions that Runcast itself is locked to, and that have wheels
for Lambda. Versions that are locked already stay, so a new package upgrades nothing else.
"""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from uv import find_uv_bin

from packager.agents_folder import LOCK, REQUIREMENTS
from packager.errors import PackagingError
from packager.platforms import Platform, lambda_platform


def lock_requirements(folder: Path, platform: Platform, constraints: Path) -> str:
    """Bring a folder's lock file up to date, and return the locked requirements, empty if there are none.

    Without a change of the requirements, the constraints or the platform, nothing is written or downloaded.

    Args:
        folder: The folder of the user's agents.
        platform: Where they will run. The lock is for Lambda even if they run on this machine first.
        constraints: The locked requirements of Runcast.

    Raises:
        PackagingError: The requirements contradict each other or Runcast's, do not exist, or have no wheels.
    """
    requirements, lock = folder / REQUIREMENTS, folder / LOCK
    if not requirements.is_file() or not direct_requirements(folder):
        lock.unlink(missing_ok=True)
        return ""
    platform = lambda_platform(platform.runtime, platform.architecture)
    digest = hashlib.sha256(f"{platform}\0{requirements.read_text()}\0{constraints.read_text()}".encode()).hexdigest()
    header = (
        f"# Locked from {REQUIREMENTS} for Lambda ({platform}); do not edit, but commit. "
        f"To upgrade all packages, delete this file.\n# {digest}\n"
    )
    if lock.is_file() and lock.read_text().startswith(header):
        return lock.read_text()
    draft = folder / f".{LOCK}.partial"
    draft.write_text(lock.read_text() if lock.is_file() else "")
    try:
        _compile(folder, draft, platform, constraints)
        draft.write_text(header + draft.read_text())
        draft.replace(lock)
    finally:
        draft.unlink(missing_ok=True)
    return lock.read_text()


def direct_requirements(folder: Path) -> frozenset[str]:
    """Return the names of the packages that a folder's requirements name themselves, normalised."""
    requirements = folder / REQUIREMENTS
    lines = requirements.read_text().splitlines() if requirements.is_file() else []
    return frozenset(normalised(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line.strip())))


def normalised(name: str) -> str:
    """Return the name of a distribution as PyPI compares it.

    Source: https://packaging.python.org/en/latest/specifications/name-normalization/
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _compile(folder: Path, output: Path, platform: Platform, constraints: Path) -> None:
    """Resolve with uv, which keeps the versions that the output file already has."""
    command = [
        *(find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary=:all:"),
        "--generate-hashes",
        *("--python-version", platform.python, "--python-platform", str(platform.uv_platform)),
        *("--constraints", str(constraints.resolve()), "--output-file", output.name, REQUIREMENTS),
    ]
    environment = {"UV_SYSTEM_CERTS": "true", **os.environ}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(
            f"{folder / REQUIREMENTS} cannot be locked for Lambda ({platform}), which needs wheels, together with the "
            f"versions that Runcast needs ({constraints.name} in chalice_app):\n{done.stderr.strip()}"
        )

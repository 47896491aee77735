"""Locks the requirements of the user's agents, in the user's folder, for the platform that they will run on.

The lock may only contain versions that agree with the versions that Runcast itself is locked to, and that have wheels
for Lambda. Versions that are locked already stay, so a new package upgrades nothing else. If the same versions fit both
architectures, one lock serves both: the local machine packages for its own, which Lambda may not have.
"""

import hashlib
import os
import re
import subprocess
from pathlib import Path

from uv import find_uv_bin

from packager.agents_folder import LOCK, REQUIREMENTS
from packager.errors import PackagingError
from packager.platforms import Platform, lambda_platform, other_architecture

_HEADER = f"""\
# Locked from {REQUIREMENTS} for Lambda ({{runtime}}); do not edit, but commit. Delete it to upgrade all packages.
# {{digest}} for {{fits}}
"""


def lock_requirements(folder: Path, platform: Platform, constraints: Path) -> str:
    """Bring a folder's lock file up to date, and return the locked requirements, empty if there are none.

    Without a change of the requirements, the constraints or the runtime, each architecture is resolved once.

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
    on_lambda = lambda_platform(platform.runtime, platform.architecture)
    text = f"{on_lambda.runtime}\0{requirements.read_text()}\0{constraints.read_text()}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    before = lock.read_text() if lock.is_file() else ""
    fits, body = _fits(before, digest)
    if on_lambda.architecture in fits:
        return before
    draft = folder / f".{LOCK}.partial"
    draft.write_text(before)
    try:
        _compile(folder, draft, on_lambda, constraints, local=platform.uv_platform is None)
        locked = draft.read_text()
        fits = fits | {on_lambda.architecture} if locked == body else {on_lambda.architecture}
        draft.write_text(_HEADER.format(runtime=on_lambda.runtime, fits=" ".join(sorted(fits)), digest=digest) + locked)
        draft.replace(lock)
    finally:
        draft.unlink(missing_ok=True)
    return lock.read_text()


def _fits(lock: str, digest: str) -> tuple[set[str], str]:
    """Return the architectures that a lock of these inputs was resolved for, and its body; none for another lock."""
    lines = lock.split("\n", 2)
    if len(lines) < 3 or not lines[1].startswith(f"# {digest} for "):
        return set(), ""
    return set(lines[1].split()[3:]), lines[2]


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


def _compile(folder: Path, output: Path, platform: Platform, constraints: Path, *, local: bool) -> None:
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
        remedy = "" if local or "wheel" not in done.stderr else f"\n{other_architecture(platform)}"
        raise PackagingError(
            f"{folder / REQUIREMENTS} cannot be locked for Lambda ({platform}), which needs wheels, together with the "
            f"versions that Runcast needs ({constraints.name} in chalice_app):\n{done.stderr.strip()}{remedy}"
        )

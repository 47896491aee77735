"""Installs the requirements for one platform: only wheels that fit its Python, C library and processor.

Chalice's own builder supports one processor only, and only warns if a requirement has no wheel. uv installs for any
platform. A directory gets its final name only when it is complete.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from uv import find_uv_bin

from packager.bytecode import compile_bytecode
from packager.errors import PackagingError
from packager.platforms import Platform, other_architecture

_REASON = re.compile(r"\bBecause\s+(.*?)\s+and\s+you\s+require\b", re.DOTALL)


def install_dependencies(requirements: Path, platform: Platform, interpreter: Path, cache: Path) -> Path:
    """Return a directory with all requirements installed and compiled for a platform.

    Args:
        requirements: A requirements file with all packages, pinned, with the hashes of their files.
        platform: The platform that the wheels must fit.
        interpreter: A Python of the platform's version, which compiles them.
        cache: Keeps the newest directory of each platform.

    Raises:
        PackagingError: Requirements do not exist, have no wheel that fits (the message names each of them), or have
            other content than their hashes say.
    """
    with alone_in(cache):
        kept = cache / platform.name
        key = f"{platform} {platform.uv_platform} {requirements.read_text()}"
        installed = kept / hashlib.sha256(key.encode()).hexdigest()[:16]
        if installed.is_dir():
            return installed
        shutil.rmtree(kept, ignore_errors=True)
        partial = kept / "partial"
        partial.mkdir(parents=True)
        command = install_command(platform, interpreter, partial)
        # Pinned versions are the same in uv's cache. So building needs no network once they are there.
        locked = ("--require-hashes", "-r", str(requirements))
        refused = _run(command, "--offline", *locked) and _run(command, *locked)
        if refused:
            raise PackagingError(_explained(refused, requirements, platform, command))
        compile_bytecode(partial, interpreter)
        return partial.rename(installed)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Create the folder if it is missing, and lock it: two processes may package at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_command(platform: Platform, interpreter: Path, target: Path) -> list[str]:
    """Return the command line that installs wheels for a platform into a directory, without the requirements."""
    fitting = ["--python-platform", platform.uv_platform] if platform.uv_platform else []
    return [
        *(find_uv_bin(), "pip", "install", "--quiet", "--only-binary=:all:", "--no-deps"),
        *("--python", str(interpreter), "--python-version", platform.python, *fitting, "--target", str(target)),
    ]


def _run(command: list[str], *what: str) -> str:
    """Run uv; return its error output if it fails, else an empty text."""
    done = subprocess.run(
        [*command, *what],
        env={"UV_SYSTEM_CERTS": "true", **os.environ},  # companies use their own certificates
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else ""


def _explained(refused: str, requirements: Path, platform: Platform, command: list[str]) -> str:
    """Return an error that names every requirement that does not fit, because uv stops at the first."""
    pinned = [line.strip(" \\") for line in requirements.read_text().splitlines() if re.match(r"\s*\w", line)]
    reasons = []
    for requirement in pinned if _REASON.search(refused) else []:
        answer = _run(command, "--dry-run", requirement)
        if reason := _REASON.search(answer):
            words = reason[1].split()  # uv wraps its lines at the terminal's width
            reasons.append(f"  {requirement}: {' '.join(words)}")
    if not reasons:
        return f"{requirements.name}: {refused}"
    where = "Lambda" if platform.uv_platform else "This machine"
    remedy = [other_architecture(platform)] if platform.uv_platform else []
    return "\n".join([f"{where} ({platform}) needs wheels that fit it in {requirements.name}:", *reasons, *remedy])

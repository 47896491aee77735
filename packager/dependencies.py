"""Installs the requirements as Lambda needs them: wheels only, for its Python, its C library and either processor.

Chalice's own builder knows one processor, and its command only warns when a requirement has no wheel. uv installs for
any platform from any other, and here a directory gets its final name only when it is complete.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args

from uv import find_uv_bin

from packager.bytecode import compile_bytecode
from packager.errors import PackagingError

Architecture = Literal["x86_64", "arm64"]
"""The processors that Lambda has, as it calls them."""

ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)

# Python 3.11 runs on Amazon Linux 2, which has glibc 2.26; of the platforms that uv knows, these come last before it.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_PLATFORMS: dict[Architecture, str] = {"x86_64": "x86_64-manylinux_2_17", "arm64": "aarch64-manylinux_2_17"}
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_REASON = re.compile(r"\bBecause\s+(.*?)\s+and\s+you\s+require\b", re.DOTALL)


def install_dependencies(requirements: Path, architecture: Architecture, cache: Path) -> Path:
    """Return a directory with all requirements installed and compiled for Lambda and the Python that runs this.

    Args:
        requirements: A requirements file that lists everything, pinned.
        architecture: The processors to install for.
        cache: Where the directory is kept for the next time; holds only the newest of each architecture.

    Raises:
        PackagingError: Requirements do not exist or have no wheel for Lambda; the message names each of them.
    """
    platform = _PLATFORMS[architecture]
    key = f"{platform} {_PYTHON} {requirements.read_text()}"
    kept = cache / architecture
    installed = kept / hashlib.sha256(key.encode()).hexdigest()[:16]
    if installed.is_dir():
        return installed
    shutil.rmtree(kept, ignore_errors=True)
    partial = kept / "partial"
    partial.mkdir(parents=True)
    refused = _uv_install(platform, partial, "-r", str(requirements))
    if refused:
        raise PackagingError(_explained(refused, requirements, architecture, partial))
    compile_bytecode(partial)
    return partial.rename(installed)


def _uv_install(platform: str, target: Path, *what: str) -> str:
    """Install into a directory; return what uv says if it cannot."""
    options = ["--quiet", "--python", sys.executable, "--python-version", _PYTHON, "--python-platform", platform]
    done = subprocess.run(
        [find_uv_bin(), "pip", "install", *options, "--only-binary=:all:", "--no-deps", "--target", str(target), *what],
        env={"UV_SYSTEM_CERTS": "true", **os.environ},  # companies have certificates of their own
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else ""


def _explained(refused: str, requirements: Path, architecture: Architecture, target: Path) -> str:
    """Name every requirement that does not fit, because uv stops at the first."""
    pinned = [line.strip() for line in requirements.read_text().splitlines() if re.match(r"\s*\w", line)]
    reasons = []
    for requirement in pinned if _REASON.search(refused) else []:
        answer = _uv_install(_PLATFORMS[architecture], target, "--dry-run", requirement)
        if reason := _REASON.search(answer):
            words = reason[1].split()  # uv breaks its lines where the terminal ends
            reasons.append(f"  {requirement}: {' '.join(words)}")
    if not reasons:
        return f"{requirements.name}: {refused}"
    return "\n".join(
        [f"Lambda (Python {_PYTHON}, {architecture}) needs wheels that fit it in {requirements.name}:", *reasons]
    )

"""Installs the requirements as Lambda needs them, by Chalice's own builder rather than by its command.

The command only prints a warning when a requirement has no wheel that fits Lambda's C library, and on the next run it
takes the incomplete package for a finished one. The builder says the same by an exception, and here a directory gets
its final name only when it is complete.
"""

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from chalice.deploy.packager import (
    DependencyBuilder,
    MissingDependencyError,
    NoSuchPackageError,
    PackageDownloadError,
)
from chalice.utils import OSUtils

from packager.bytecode import compile_bytecode
from packager.errors import PackagingError


def install_dependencies(requirements: Path, cache: Path) -> Path:
    """Return a directory with all requirements installed and compiled for Lambda (x86_64, the Python that runs this).

    Args:
        requirements: A requirements file in which everything is pinned.
        cache: Where the directory is kept for the next time; holds only the newest.

    Raises:
        PackagingError: A requirement does not exist or has no wheel for Lambda.
    """
    abi = f"cp{sys.version_info.major}{sys.version_info.minor}"
    key = f"compiled {abi} {version('chalice')} {requirements.read_text()}"
    installed = cache / hashlib.sha256(key.encode()).hexdigest()[:16]
    if installed.is_dir():
        return installed
    shutil.rmtree(cache, ignore_errors=True)
    partial = cache / "partial"
    partial.mkdir(parents=True)
    try:
        DependencyBuilder(OSUtils()).build_site_packages(abi, str(requirements), str(partial))
    except MissingDependencyError as error:
        missing = ", ".join(sorted(package.identifier for package in error.missing))
        raise PackagingError(
            f"{missing}: no wheel for Lambda ({abi}, x86_64). Pin a version that has one in {requirements.name}."
        ) from error
    except (NoSuchPackageError, PackageDownloadError) as error:
        raise PackagingError(f"{requirements.name}: {error}") from error
    compile_bytecode(partial)
    return partial.rename(installed)

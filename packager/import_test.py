"""Proves that the zip is complete, by importing from it alone everything that the application's code imports anywhere.

A function that imports inside its body, as the Lambdas do to start fast, would otherwise fail on its first call. The
test runs in an interpreter that sees the standard library and the unpacked zip and nothing else.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packager.errors import PackagingError

_PROGRAM = Path(__file__).with_name("import_everything.py")


def import_test(archive: Path, *, handlers: Iterable[str], services: Iterable[str]) -> None:
    """Import everything that the application in a zip imports.

    Args:
        archive: The zip that will be uploaded.
        handlers: The functions' handlers, such as `app.agent`.
        services: The AWS services that clients can be made for.

    Raises:
        PackagingError: Something cannot be imported or made; the message lists all of it.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(unpacked)
        # Isolated (-I), without site-packages (-S), and writing no bytecode (-B), as on Lambda.
        python = [sys.executable, "-I", "-S", "-B", str(_PROGRAM)]
        arguments = [unpacked, *sorted(handlers), "--", *sorted(services)]
        done = subprocess.run([*python, *arguments], env={}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"The zip lacks what its code needs:\n{done.stdout.strip() or done.stderr.strip()}")

"""Unpacks each function's zip once, instead of once for each worker.

MiniStack unpacks a separate copy for every worker. For a zip of two thousand files, each copy takes a second, another
second for Python to compile, and fifty megabytes until the worker ends. A burst of events starts many workers at once.
Lambda's code directory is read-only, so workers can share one copy.
"""

import hashlib
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def shared_archive(directory: Path) -> type[zipfile.ZipFile]:
    """Returns a `ZipFile` whose `extractall` creates a link to an unpacked copy.

    Args:
        directory: Keeps one copy for each distinct zip.
    """
    unpacking = threading.Lock()

    class SharedArchive(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Iterable[Any] | None = None, pwd: bytes | None = None) -> None:
            content = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
            copy = directory / content
            with unpacking:
                if not copy.exists():
                    partial = directory / "partial"
                    super().extractall(partial, members, pwd)
                    partial.rename(copy)
            wanted = Path(path)
            wanted.rmdir()
            wanted.symlink_to(copy, target_is_directory=True)

    return SharedArchive

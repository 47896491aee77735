"""Unpacks each function's zip once, instead of once for each worker.

MiniStack gives every worker a copy of its own. For a zip of two thousand files that is a second for each, a second more
for Python to compile them, and fifty megabytes that stay until the worker ends; and a burst of events starts many
workers at a time. Lambda's code directory is read-only, so that functions may share theirs.
"""

import hashlib
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def shared_archive(directory: Path) -> type[zipfile.ZipFile]:
    """Returns a `ZipFile` whose `extractall` puts a link to an unpacked copy where files were asked for.

    Args:
        directory: keeps the copies, one for each content.
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

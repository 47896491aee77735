"""Compiles what is packaged, so that no cold start has to.

A function's folder is read-only on Lambda, so without bytecode in the zip each cold start compiles every module again.
The same sources give the same bytecode: it is stamped with their hash instead of a date, and made in a separate
process, in one order, because what Python has in memory shows in what it writes.
Source: https://docs.python.org/3.13/library/py_compile.html#py_compile.PycInvalidationMode
"""

import os
import shutil
import subprocess
from pathlib import Path

from packager.errors import PackagingError

_LAMBDA_TASK_ROOT = "/var/task"  # is the path in the bytecode, instead of the build folder's


def compile_bytecode(folder: Path, interpreter: Path) -> None:
    """Put bytecode beside each Python file in a folder, in place of any that is there.

    Args:
        folder: What will be the root of the zip, or a part of it.
        interpreter: The Python that compiles; its version is that of the functions.

    Raises:
        PackagingError: A file is not valid in that version of Python.
    """
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    arguments = ["-q", "-s", str(folder), "-p", _LAMBDA_TASK_ROOT, "--invalidation-mode", "unchecked-hash", str(folder)]
    done = subprocess.run(
        [interpreter, "-m", "compileall", *arguments],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackagingError(f"The sources cannot be compiled:\n{done.stdout.strip()}")

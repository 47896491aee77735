"""Compiles the packaged modules, so that cold starts need not.

A function's folder is read-only on Lambda, so without bytecode in the zip each cold start compiles every module again.
Equal sources give equal bytecode: it contains their hash instead of a date, and is compiled in a separate process in a
fixed order, because the interpreter's state affects the output. Source:
https://docs.python.org/3.13/library/py_compile.html#py_compile.PycInvalidationMode
"""

import os
import shutil
import subprocess
from pathlib import Path

from packager.errors import PackagingError

_LAMBDA_TASK_ROOT = "/var/task"  # the path in the bytecode, in place of the build folder


def compile_bytecode(folder: Path, interpreter: Path) -> None:
    """Write bytecode beside each Python file in a folder, and replace existing bytecode.

    Args:
        folder: The future root of the zip, or a part of it.
        interpreter: The Python that compiles, of the functions' version.

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

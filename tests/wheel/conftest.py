"""The wheel, built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # as make wheel does: setuptools keeps deleted modules
    subprocess.run(
        [UV, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, ROOT],
        check=True,
    )
    (path,) = folder.glob("*.whl")
    return path

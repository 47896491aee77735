"""Measures how long a new user waits: from a clone of the project until `make dev` answers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from bench.row import Row, single
from local.processes import LocalProcess
from local.settings import ROOT

_PORTS = {
    "RUNCAST_LOCAL_PORT": "14566",
    "RUNCAST_LOCAL_MODEL_PORT": "14620",
    "RUNCAST_LOCAL_REST_PORT": "18000",
}
_PATIENCE_SECONDS = 1200


def measure_newcomer() -> list[Row]:
    """Clone what is committed, and run `make dev` there until `GET /health` is answered with 200."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory) / "runcast"
        environment = {**os.environ, **_PORTS, "RUNCAST_LOCAL_DIR": str(project / ".local" / "stack")}
        began = time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(project)], check=True)
        make = subprocess.Popen(
            ["make", f"PYTHON={sys.executable}", "dev"],
            cwd=project,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        process = LocalProcess.of("make dev", make.pid)
        try:
            _wait_until_answered(f"http://127.0.0.1:{_PORTS['RUNCAST_LOCAL_REST_PORT']}/health", make)
            seconds = time.perf_counter() - began
        finally:
            process.stop()
            make.wait()
            down = [sys.executable, "-m", "local", "down"]
            subprocess.run(down, cwd=project, env=environment, check=True, capture_output=True)
    return [single("git clone until make dev answers, what it installs cached", seconds, "s", 90)]


def _wait_until_answered(url: str, make: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if make.poll() is not None:
            raise RuntimeError(f"make dev has ended with {make.returncode}")
        try:
            # Whoever comes before it serves is kept waiting, and answered or cut off in the end.
            if requests.get(url, timeout=_PATIENCE_SECONDS).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise TimeoutError(f"{url} has not answered within {_PATIENCE_SECONDS} s")

"""How late the console shows a step, and how long its page is busy when many steps arrive at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import Any

from bench.extra_agent import BENCH_AGENT
from bench.imports import AGENT
from bench.row import Row, single
from bench.watching import signed_in
from local.browser import chromium
from local.settings import ROOT
from local.stack import LocalStack

_SCRIPT = ROOT / "web" / "console" / "tests" / "measure.mjs"
_RUNS = 5
_STEPS = 1000


async def measure_screen(stack: LocalStack) -> list[Row]:
    """Start runs in the console. The first one, which starts cold, is not counted."""
    measured = _in_browser(stack)
    late_ms: list[list[float]] = []
    async with signed_in(stack) as client:
        for run in measured["shown"][1:]:
            emitted_ms = {str(step.seq): step.timestamp_ms async for step in client.watch(run["id"])}
            late_ms.append([at - emitted_ms[seq] for seq, at in run["epochMs"].items()])
    return [
        Row("emit to pixel in the console", "ms", late_ms),
        single(
            f"longest task of the console at {_STEPS:,} steps",
            max(measured["tasksMs"], default=0.0),
            "ms",
            note="0: no task took 50 ms",
        ),
    ]


def _in_browser(stack: LocalStack) -> Any:
    node = shutil.which("node")
    if node is None:
        raise RuntimeError("Node is missing: install Node 20 or later.")
    user = next(user for user in stack.state.users if user.name == "alice")
    settings = {
        "url": stack.state.console_url,
        "chromium": chromium(),
        "alice": {"name": user.name, "password": user.password},
        "agent": AGENT,
        "runs": 1 + _RUNS,
        "many": {"agent": BENCH_AGENT, "parameters": json.dumps({"steps": _STEPS})},
    }
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [node, str(_SCRIPT)],
            input=json.dumps(settings),
            env={**os.environ, "HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)

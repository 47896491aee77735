"""How long the local machine takes to come up, to start a Lambda, and to run the demonstration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.extra_agent import add_bench_agent, add_usual_agent
from bench.imports import AGENT, DOORS, Door
from bench.latency import QUERY
from bench.row import Row, single
from local.settings import ROOT, Settings
from local.stack import LocalStack

_REPETITIONS = 5


async def measure_starts(stack: LocalStack) -> list[Row]:
    """Let each Lambda answer one event, cold and then warm."""
    return [row for name, door in DOORS.items() if door.output for row in _starts(stack, name, door.output, door)]


@contextmanager
def measured_stack(rows: list[Row]) -> Iterator[LocalStack]:
    """Bring a local machine up for the length of the block, on free ports; add the row of how long that took."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(port=0, model_port=0, directory=Path(directory) / "stack")
        began = time.perf_counter()
        with LocalStack(settings, say=_silent) as stack:
            rows.append(single("make up, packaged already", time.perf_counter() - began, "s", 25))
            add_bench_agent(stack)
            add_usual_agent(stack)
            yield stack


def measure_demo() -> list[Row]:
    """Run `make demo` as a whole, on separate ports and with separate state."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            **os.environ,
            "RUNCAST_LOCAL_PORT": "14566",
            "RUNCAST_LOCAL_MODEL_PORT": "14620",
            "RUNCAST_LOCAL_DIR": f"{directory}/stack",
        }
        began = time.perf_counter()
        command = [sys.executable, "-m", "local", "demo", AGENT, QUERY]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
    return [
        single("make demo from ready dependencies", seconds, "s", 60),
        Row("  its run", note=done.stdout.partition("\n\nNext:\n")[0].splitlines()[-1]),
    ]


def _starts(stack: LocalStack, name: str, output: str, door: Door) -> list[Row]:
    function = stack.state.outputs[output]
    client = stack.client("lambda")
    seconds = []
    for _ in range(1 + _REPETITIONS):
        began = time.perf_counter()
        client.invoke(FunctionName=function, Payload=json.dumps(door.event).encode())["Payload"].read()
        seconds.append(time.perf_counter() - began)
    return [
        single(f"{name} answers one event, cold", seconds[0], "s"),
        Row("  warm", "s", [[each] for each in seconds[1:]]),
    ]


def _silent(_: str) -> None:
    """Say nothing: the table is what is printed."""

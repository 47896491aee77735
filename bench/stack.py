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

from bench.extra_agent import add_bench_agent
from bench.imports import AGENT, DOORS, Door
from bench.latency import QUERY
from bench.row import Row
from local.settings import ROOT, Settings
from local.stack import LocalStack


async def measure_starts(stack: LocalStack) -> list[Row]:
    """Let each Lambda answer one event, cold and then warm."""
    return [_starts(stack, name, door.output, door) for name, door in DOORS.items() if door.output]


@contextmanager
def measured_stack(rows: list[Row]) -> Iterator[LocalStack]:
    """Bring a local machine up for the length of the block, on free ports; add the row of how long that took."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(port=0, model_port=0, directory=Path(directory) / "stack")
        began = time.perf_counter()
        with LocalStack(settings, say=_silent) as stack:
            rows.append(Row("make up, packaged already", f"{time.perf_counter() - began:.1f} s", "under 25 s"))
            add_bench_agent(stack)
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
        Row("make demo from ready dependencies", f"{seconds:.1f} s", "under 60 s"),
        Row("its run", done.stdout.partition("\n\nNext:\n")[0].splitlines()[-1]),
    ]


def _starts(stack: LocalStack, name: str, output: str, door: Door) -> Row:
    function = stack.state.outputs[output]
    client = stack.client("lambda")
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        client.invoke(FunctionName=function, Payload=json.dumps(door.event).encode())["Payload"].read()
        seconds.append(time.perf_counter() - began)
    return Row(f"{name} answers one event", f"cold {seconds[0]:.2f} s, warm {seconds[1]:.3f} s")


def _silent(_: str) -> None:
    """Say nothing: the table is what is printed."""

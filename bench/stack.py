"""How long the local machine takes to come up, to start a Lambda, and to bring a step to the client; and its jobs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.costs import costs_of_run
from bench.imports import AGENT, DOORS, Door
from bench.jobs import measure_jobs
from bench.row import Row, percentiles
from bench.watching import signed_in
from local.settings import ROOT, Settings
from local.stack import LocalStack
from runcast.clock import epoch_ms

_RUNS = 10
_QUERY = "Where on this site could a wind farm be built?"


def measure_stack() -> list[Row]:
    """Bring a machine up, start its Lambdas cold and warm, watch runs and jobs on it, and say what they would cost."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(port=0, model_port=0, directory=Path(directory) / "stack")
        began = time.perf_counter()
        with LocalStack(settings, say=_silent) as stack:
            rows = [Row("make up, packaged already", f"{time.perf_counter() - began:.1f} s", "under 25 s")]
            rows += [_starts(stack, name, door.output, door) for name, door in DOORS.items() if door.output]
            rows += asyncio.run(_runs(stack))
            table = stack.state.outputs["agent_progress_table_name"]
            runs = stack.client("dynamodb").scan(TableName=table)["Items"]
            rows += costs_of_run(max(runs, key=lambda run: len(run["steps"]["L"])))  # one that began cold
            rows += asyncio.run(measure_jobs(stack))
        return rows


def measure_demo() -> list[Row]:
    """Run `make demo` as a whole, on ports and with state of its own."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            **os.environ,
            "RUNCAST_LOCAL_PORT": "14566",
            "RUNCAST_LOCAL_MODEL_PORT": "14620",
            "RUNCAST_LOCAL_DIR": f"{directory}/stack",
        }
        began = time.perf_counter()
        command = [sys.executable, "-m", "local", "demo", AGENT, _QUERY]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
    return [
        Row("make demo from ready dependencies", f"{seconds:.1f} s", "under 60 s"),
        Row("its last line", done.stdout.splitlines()[-1]),
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


async def _runs(stack: LocalStack) -> list[Row]:
    late_ms: list[float] = []
    first_ms: list[float] = []
    async with signed_in(stack) as client:
        for _ in range(_RUNS):
            watch = client.run(AGENT, _QUERY)
            first = True
            async for step in watch:
                received_ms = epoch_ms()
                late_ms.append(received_ms - step.timestamp_ms)
                if first and watch.began_ms:
                    first_ms.append(received_ms - watch.began_ms)
                first = False
    return [
        Row(f"emit to client, {_RUNS} runs", percentiles(late_ms, "ms"), "p95 under 100 ms"),
        Row("first step after the start, warm", percentiles(first_ms, "ms"), "within 900 ms"),
    ]


def _silent(_: str) -> None:
    """Say nothing: the table is what is printed."""

"""Adds the agent `bench` to a local stack, so that users can start it like any other."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from local.stack import LocalStack
from packager.build import ARCHIVE_NAME

BENCH_AGENT = "bench"


def add_bench_agent(stack: LocalStack) -> None:
    """Put the agent's file into the agent Lambda's code, and its name into what `run_starter` can start."""
    functions, outputs = stack.client("lambda"), stack.state.outputs
    applied = stack.state.directory / "terraform" / "terraform" / ARCHIVE_NAME
    code = io.BytesIO(applied.read_bytes())
    with zipfile.ZipFile(code, "a") as archive:
        archive.write(Path(__file__).with_name("agent.py"), f"chalicelib/agents/{BENCH_AGENT}.py")
    agent = functions.update_function_code(FunctionName=outputs["agent_function_name"], ZipFile=code.getvalue())
    starter = outputs["run_starter_function_name"]
    variables = functions.get_function_configuration(FunctionName=starter)["Environment"]["Variables"]
    arn_by_agent = json.dumps({BENCH_AGENT: agent["FunctionArn"]})
    functions.update_function_configuration(
        FunctionName=starter, Environment={"Variables": {**variables, "AGENT_FUNCTIONS": arn_by_agent}}
    )

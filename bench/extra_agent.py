"""Adds the agent `bench` to a local stack, which users start like any other, and the Lambdas of the usual way."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from local.stack import LocalStack
from packager.build import ARCHIVE_NAME

BENCH_AGENT = "bench"
USUAL_AGENT = "bench-usual-agent"
_USUAL_PUBLISHER = "bench-usual-publisher"
_USUAL_TABLE = "bench-usual-progress"


def add_bench_agent(stack: LocalStack) -> None:
    """Put the agent's file into the agent Lambda's code, and its name into what `run_starter` can start."""
    functions, outputs = stack.client("lambda"), stack.state.outputs
    code = _code_with(stack, "agent.py", f"chalicelib/agents/{BENCH_AGENT}.py")
    agent = functions.update_function_code(FunctionName=outputs["agent_function_name"], ZipFile=code)
    starter = outputs["run_starter_function_name"]
    variables = functions.get_function_configuration(FunctionName=starter)["Environment"]["Variables"]
    arn_by_agent = json.dumps({BENCH_AGENT: agent["FunctionArn"]})
    functions.update_function_configuration(
        FunctionName=starter, Environment={"Variables": {**variables, "AGENT_FUNCTIONS": arn_by_agent}}
    )


def add_usual_agent(stack: LocalStack) -> None:
    """Create the table and the two Lambdas of `bench.baseline`, with the settings of our agent and our publisher."""
    stack.client("dynamodb").create_table(
        TableName=_USUAL_TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "requestId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "requestId", "AttributeType": "S"}],
    )
    role = _role(stack)
    functions, outputs = stack.client("lambda"), stack.state.outputs
    code = _code_with(stack, "baseline.py", "baseline.py")
    added = {"USUAL_TABLE": _USUAL_TABLE, "USUAL_PUBLISHER": _USUAL_PUBLISHER}
    for name, handler, like in (
        (USUAL_AGENT, "agent", "agent_function_name"),
        (_USUAL_PUBLISHER, "publisher", "status_publisher_function_name"),
    ):
        ours = functions.get_function_configuration(FunctionName=outputs[like])
        functions.create_function(
            FunctionName=name,
            Handler=f"baseline.{handler}",
            Code={"ZipFile": code},
            Environment={"Variables": {**ours["Environment"]["Variables"], **added}},
            Role=role,
            **{key: ours[key] for key in ("Runtime", "MemorySize", "Timeout")},
        )


def _role(stack: LocalStack) -> str:
    """Create a role for the two Lambdas, which may do everything, and return its ARN."""
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    roles = stack.client("iam")
    arn: str = roles.create_role(RoleName=USUAL_AGENT, AssumeRolePolicyDocument=_policy(trusted))["Role"]["Arn"]
    roles.put_role_policy(RoleName=USUAL_AGENT, PolicyName="all", PolicyDocument=_policy(allowed))
    return arn


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _code_with(stack: LocalStack, source: str, path: str) -> bytes:
    """Return the applied zip with one more file."""
    applied = stack.state.directory / "terraform" / "terraform" / ARCHIVE_NAME
    code = io.BytesIO(applied.read_bytes())
    with zipfile.ZipFile(code, "a") as archive:
        archive.write(Path(__file__).with_name(source), path)
    return code.getvalue()

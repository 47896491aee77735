"""AWS's services act with the roles that they are given, and need the permissions that their guides name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.settings import REGION
from tests.local.appsync_api import Aws
from tests.local.emulator.test_emulator_compute import create_function, invoke, put_role
from tests.waiting import wait_until

TRACES = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
NETWORK = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
NETWORK += ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
ACCOUNT = "000000000000"


def allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


@pytest.mark.parametrize(
    ("needed", "setting"),
    [(TRACES, {"TracingConfig": {"Mode": "Active"}}), (NETWORK, {"VpcConfig": {"SubnetIds": ["subnet-1"]}})],
    ids=["traces", "network"],
)
def test_a_setting_of_a_function_needs_each_permission(aws: Aws, needed: list[str], setting: dict[str, Any]) -> None:
    name = "sets-" + next(iter(setting)).lower()
    create_function(aws, name, put_role(aws, name, allow(*needed)))
    functions, iam = aws.client("lambda"), aws.client("iam")
    functions.update_function_configuration(FunctionName=name, **setting)
    for action in needed:
        others = [each for each in needed if each != action]
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow(*others)]})
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=policy)
        with pytest.raises(functions.exceptions.InvalidParameterValueException) as refused:
            functions.update_function_configuration(FunctionName=name, **setting)
        assert action.partition(":")[2] in str(refused.value)


@pytest.mark.parametrize("lacking", [None, *LOGS])
def test_a_function_logs_with_its_role(aws: Aws, lacking: str | None) -> None:
    name = f"logs-{lacking or 'all'}".replace(":", "-")
    create_function(aws, name, put_role(aws, name, allow(*(each for each in LOGS if each != lacking), "s3:ListBucket")))
    assert invoke(aws, name, log="A line.\n")[0]
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert len(groups) == (lacking is None)


def machine(aws: Aws, name: str, role: str, **settings: Any) -> str:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}", "Payload": {}},
        "End": True,
    }
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": task}})
    states = aws.client("stepfunctions")
    arn: str = states.create_state_machine(name=name, definition=definition, roleArn=role, **settings)[
        "stateMachineArn"
    ]
    return arn


@pytest.mark.parametrize(("action", "status"), [("lambda:InvokeFunction", "SUCCEEDED"), ("s3:ListBucket", "FAILED")])
def test_an_execution_invokes_functions_with_the_role_of_its_machine(aws: Aws, action: str, status: str) -> None:
    name, states = f"machine-{status.lower()}", aws.client("stepfunctions")
    create_function(aws, name, put_role(aws, f"{name}-function", allow("s3:ListBucket")))
    arn = machine(aws, name, put_role(aws, name, allow(action)))
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    ended = wait_until(
        lambda: states.describe_execution(executionArn=execution), lambda found: found["status"] != "RUNNING"
    )
    assert (ended["status"], ended.get("error")) == (
        (status, None) if status == "SUCCEEDED" else (status, "Lambda.AWSLambdaException")
    )


@pytest.mark.parametrize(
    "settings",
    [{"loggingConfiguration": {"level": "ALL"}}, {"tracingConfiguration": {"enabled": True}}],
    ids=["logs", "traces"],
)
def test_a_machine_whose_role_may_not_log_or_trace_is_refused(aws: Aws, settings: dict[str, Any]) -> None:
    [kind] = settings
    role = put_role(aws, f"machine-{kind}", allow("lambda:InvokeFunction"))
    with pytest.raises(ClientError) as refused:
        machine(aws, f"machine-{kind}", role, **settings)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"

"""The alarms and the dashboard: created if enabled, on existing metrics, as docs/observability.md lists them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from chalicelib.runtime import metrics

from local.settings import REGION
from local.terraform import TerraformFailed
from tests.terraform.applied import Aws, Stack
from tests.terraform.test_module import FUNCTIONS

ON_CALL = "arn:aws:sns:us-east-1:000000000000:on-call"
AWS_METRICS = {
    ("AWS/ApiGateway", "5XXError"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "Latency"): {"ApiName", "Stage"},
    ("AWS/AppSync", "5XXError"): {"GraphQLAPIId"},
    ("AWS/AppSync", "ActiveConnections"): {"GraphQLAPIId"},
    ("AWS/AppSync", "ConnectClientError"): {"GraphQLAPIId"},
    ("AWS/AppSync", "ConnectServerError"): {"GraphQLAPIId"},
    ("AWS/AppSync", "Latency"): {"GraphQLAPIId"},
    ("AWS/AppSync", "PublishDataMessageSuccess"): {"GraphQLAPIId"},
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): {"TableName"},
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): {"TableName"},
    ("AWS/DynamoDB", "ReadThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "SystemErrors"): {"TableName", "Operation"},
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/Events", "FailedInvocations"): {"RuleName"},
    ("AWS/Lambda", "AsyncEventsDropped"): {"FunctionName"},
    ("AWS/Lambda", "DestinationDeliveryFailures"): {"FunctionName"},
    ("AWS/Lambda", "ConcurrentExecutions"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/States", "ExecutionTime"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsAborted"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsFailed"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsStarted"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsSucceeded"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsTimedOut"): {"StateMachineArn"},
}
"""What AWS measures by itself, of what is used here, and by which dimensions."""
OF_THE_ACCOUNT = {("AWS/Lambda", "ConcurrentExecutions"), ("AWS/Lambda", "Throttles")}
"""Of these AWS also gives the sum over all functions of the region, without a dimension."""
FREE_DASHBOARD_METRICS = 50


@pytest.fixture(scope="module")
def alarms(other: Stack, aws: Aws) -> dict[str, Any]:
    found = aws.cloudwatch.describe_alarms(AlarmNamePrefix="other-runcast-")["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix("other-runcast-"): alarm for alarm in found}


def exists(namespace: str, metric: str, dimensions: dict[str, str]) -> bool:
    """Whether such a metric is ever measured."""
    if namespace == metrics.NAMESPACE:
        return metric in metrics.UNITS and set(dimensions) == {"FunctionName"}
    if not dimensions:
        return (namespace, metric) in OF_THE_ACCOUNT
    return AWS_METRICS.get((namespace, metric)) == set(dimensions)


def test_by_default_there_is_neither(stack: Stack):
    assert not stack.types() & {"aws_cloudwatch_metric_alarm", "aws_cloudwatch_dashboard"}


def test_alarms_watch_metrics_that_exist_and_tell_whom_they_were_given(alarms: dict[str, Any]):
    names = {alarm["AlarmName"] for alarm in alarms.values()}
    assert all(name.startswith("other-") for name in names)
    for name, alarm in alarms.items():
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert exists(alarm["Namespace"], alarm["MetricName"], dimensions), name
        assert dimensions.get("FunctionName", "other-runcast-").startswith("other-runcast-")
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([ON_CALL], [ON_CALL])
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"][-1] in ".?"


def test_every_function_s_throttles_are_watched(alarms: dict[str, Any]):
    watched = {alarm["Dimensions"][0]["Value"] for name, alarm in alarms.items() if name.endswith("-throttles")} - {
        "other-AgentProgress"
    }
    assert watched == {f"other-runcast-{name}" for name in FUNCTIONS}


def test_the_dashboard_draws_metrics_that_exist(other: Stack, aws: Aws):
    body = json.loads(aws.cloudwatch.get_dashboard(DashboardName=f"other-runcast-{REGION}")["DashboardBody"])
    places, metrics_shown = set(), []
    for widget in body["widgets"]:
        assert widget["properties"]["region"] == REGION
        places.add((widget["x"], widget["y"]))
        for namespace, metric, *pairs, drawn in widget["properties"]["metrics"]:
            assert exists(namespace, metric, dict(zip(pairs[::2], pairs[1::2], strict=True))), (namespace, metric)
            assert drawn["stat"] in {"Sum", "Maximum", "p50", "p95"}
            metrics_shown.append((namespace, metric, *pairs, drawn["stat"]))
    assert len(set(metrics_shown)) == len(metrics_shown) <= FREE_DASHBOARD_METRICS
    assert ("AWS/States", "ExecutionsFailed") in {shown[:2] for shown in metrics_shown}
    assert len(places) == len(body["widgets"])
    assert {x + 8 for x, _ in places} == {8, 16, 24}


@pytest.mark.parametrize("actions", [["on-call"], [ON_CALL] * 6])
def test_what_is_no_arn_is_refused(module: Path, aws: Aws, tmp_path: Path, actions: list[str]):
    stack = Stack(module, tmp_path, aws.endpoint, {"alarm_actions": actions})
    with pytest.raises(TerraformFailed, match="alarm_actions must be at most 5 ARNs"):
        stack.terraform.plan()


def test_the_documentation_lists_the_alarms(project: Path, alarms: dict[str, Any]):
    listed = table(project, "alarms")
    found = {name: (f"{alarm['Namespace']} {alarm['MetricName']}", f"{alarm['Threshold']:g}")
             for name, alarm in alarms.items()}  # fmt: skip
    assert {row[0]: (row[1], row[2]) for row in listed} == found


def test_the_documentation_lists_the_metrics(project: Path):
    listed = {row[0]: (row[1], row[2]) for row in table(project, "metrics")}
    assert listed == {
        name: (unit, "FunctionName; FunctionName, Agent" if name in metrics.BY_AGENT else "FunctionName")
        for name, unit in metrics.UNITS.items()
    }


def table(project: Path, name: str) -> list[list[str]]:
    """The cells of a table in docs/observability.md, between its marks, without backquotes."""
    document = (project / "docs" / "observability.md").read_text()
    text = document.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]
    return [[cell.strip().replace("`", "") for cell in re.split(r"\|", row)[1:-1]] for row in text.splitlines()[2:]]

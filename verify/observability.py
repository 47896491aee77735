"""Checks of what operators see: logs, metrics and alarms."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from verify.expecting import NotApplicable, expect, until
from verify.verification import Verification

_LOG_SECONDS = 90
_METRIC_SECONDS = 300
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


async def logs(v: Verification) -> str:
    """The agent's log has a line of metrics about a run, and no line contains the user's token."""
    agent, request_id = await v.agent_name(), v.new_run_id()
    since_ms = int(time.time() * 1000) - 60_000
    await v.user.api.start_agent_run(agent, v.wanted.query, parameters=None, request_id=request_id)
    await v.read_to_its_end(request_id, seconds=180)
    group = f"/aws/lambda/{v.deployment.agent_function_name}"

    async def counted() -> dict[str, Any] | None:
        arguments = {"logGroupName": group, "startTime": since_ms, "filterPattern": f'"{request_id}"'}
        found = (await allowed(v, "logs", "filter_log_events", **arguments))["events"]
        lines = [event["message"] for event in found if request_id in event["message"]]
        expect(not any(v.user.identity.id_token in line for line in lines), f"{group} contains the user's token")
        return next((line for text in lines if "_aws" in (line := _parsed(text))), None)

    line = await until(counted, f"a line of metrics of {request_id} in {group}", seconds=_LOG_SECONDS)
    expect(line.get("RunsCompleted") == 1, f"the line of metrics says {line}")
    return f"{group}: RunsCompleted, StepsRecorded {line['StepsRecorded']}"


async def metrics(v: Verification) -> str:
    """CloudWatch counts the completed runs of this verification."""
    if v.aws.emulated:
        raise NotApplicable("AWS_ENDPOINT_URL names an emulation, which reads no metrics from log lines")
    end = datetime.now(UTC) + timedelta(minutes=10)

    async def counted() -> float | None:
        answer = await allowed(
            v,
            "cloudwatch",
            "get_metric_statistics",
            Namespace="Runcast",
            MetricName="RunsCompleted",
            Dimensions=[{"Name": "FunctionName", "Value": v.deployment.agent_function_name}],
            StartTime=end - timedelta(hours=1),
            EndTime=end,
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"]) or None

    count = await until(counted, "the metric RunsCompleted", seconds=_METRIC_SECONDS)
    return f"RunsCompleted {count:.0f} in the last hour"


async def alarms(v: Verification) -> str:
    """The alarms exist, notify somebody, and none of them is active."""
    prefix = v.deployment.agent_function_name.removesuffix("agent")
    found = (await allowed(v, "cloudwatch", "describe_alarms", AlarmNamePrefix=prefix))["MetricAlarms"]
    if not found:
        raise NotApplicable("the deployment has no alarms (alarm_actions is empty)")
    for alarm in found:
        name = alarm["AlarmName"]
        expect(alarm["ActionsEnabled"] and bool(alarm["AlarmActions"]), f"the alarm {name} notifies nobody")
        expect(alarm["StateValue"] != "ALARM", f"the alarm {name} is active: {alarm.get('StateReason')}")
    return f"{len(found)} alarms"


async def allowed(v: Verification, service: str, operation: str, **arguments: Any) -> Any:
    """Call AWS.

    Raises:
        NotApplicable: The credentials may not read this, which is no fault of the deployment.
    """
    try:
        return await v.aws.call(service, operation, **arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in _DENIED:
            raise NotApplicable(f"these credentials may not {service}:{operation}") from error
        raise


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}

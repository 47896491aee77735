"""Where the module sends events: asynchronous invocations, those that failed, the sweep, and stopped executions."""

import json

from chalicelib.lifecycle import closer

from tests.terraform.applied import STATE_MACHINE, Aws, Stack


def test_asynchronous_events_are_tried_once_and_grow_old(stack: Stack, aws: Aws):
    found = {}
    for name in ("agent", "run-closer", "status-publisher"):
        config = aws.lambda_.get_function_event_invoke_config(FunctionName=f"runcast-{name}")
        found[name] = (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"])
    assert found == {"agent": (0, 120), "run-closer": (2, 3600), "status-publisher": (0, 60)}


def test_failed_invocations_of_the_agent_are_told_to_the_closer(stack: Stack, aws: Aws):
    config = aws.lambda_.get_function_event_invoke_config(FunctionName="runcast-agent")
    arn = stack.state("aws_lambda_function", "run_closer")["arn"]
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": arn}}


def test_the_closer_sweeps_every_few_minutes(stack: Stack, aws: Aws):
    rule = aws.events.describe_rule(Name="runcast-sweep")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    [target] = aws.events.list_targets_by_rule(Rule="runcast-sweep")["Targets"]
    assert target["Arn"] == stack.state("aws_lambda_function", "run_closer")["arn"]
    assert json.loads(target["Input"]) == closer.SWEEP
    assert may_invoke_the_closer(aws)["sweep"] == rule["Arn"]


def test_the_closer_is_told_of_this_machine_s_executions_that_failed(stack: Stack, aws: Aws):
    rule = aws.events.describe_rule(Name="runcast-jobs-failed")
    assert rule["State"] == "ENABLED"
    assert json.loads(rule["EventPattern"]) == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [STATE_MACHINE]},
    }
    [target] = aws.events.list_targets_by_rule(Rule="runcast-jobs-failed")["Targets"]
    assert target["Arn"] == stack.state("aws_lambda_function", "run_closer")["arn"]
    assert may_invoke_the_closer(aws)["jobs-failed"] == rule["Arn"]


def may_invoke_the_closer(aws: Aws) -> dict[str, str]:
    """The rules that may invoke run_closer, by their statements' names; nothing else may."""
    policy = json.loads(aws.lambda_.get_policy(FunctionName="runcast-run-closer")["Policy"])
    assert all(each["Principal"] == {"Service": "events.amazonaws.com"} for each in policy["Statement"])
    return {each["Sid"]: each["Condition"]["ArnLike"]["AWS:SourceArn"] for each in policy["Statement"]}

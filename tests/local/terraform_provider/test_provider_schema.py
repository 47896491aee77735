"""Where the argument names come from, and which arguments keep their value when they are not set."""

import json
import zipfile
from pathlib import Path

import pytest

from local.terraform_provider.fields import schema_types
from local.terraform_provider.plan import plan_change, retained_blocks
from local.terraform_provider.schema_retained import mark_retained
from local.terraform_provider.table import resource_types

FACTS = {"region": "eu-west-1", "account": "1", "partition": "aws", "endpoint": "http://127.0.0.1:1"}
QUEUE = """
@pulumi.input_type
class QueueArgs:
    @property
    @pulumi.getter
    def policy(self) -> Optional[str]: ...

class Queue(pulumi.CustomResource):
    @property
    @pulumi.getter
    def policy(self) -> pulumi.Output[str]: ...

    @property
    @pulumi.getter(name="delaySeconds")
    def delay_seconds(self) -> pulumi.Output[Optional[int]]: ...

    @property
    @pulumi.getter
    def tags(self) -> pulumi.Output[Sequence['outputs.QueueTag']]: ...

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str]: ...

    @property
    @pulumi.getter
    def arn(self) -> pulumi.Output[str]: ...
"""


def null(name):
    return {field.name: field.null for field in resource_types()[name].block.values()}


def planned(name, prior, **config):
    """What is planned for a resource that had some values and is configured with others."""
    proposed = null(name) | prior | config
    for field in resource_types()[name].block.values():
        if field.type is None and field.name not in config:
            proposed[field.name] = field.null  # as Core proposes: the blocks of the configuration alone
    plan_change(resource_types()[name], null(name) | config, null(name) | prior, proposed, FACTS)
    return proposed


def test_what_can_be_absent_is_not_filled_in_by_the_service(tmp_path: Path):
    wheel = tmp_path / "pulumi_aws.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pulumi_aws/sqs/queue.py", QUEUE)
    optional = {"type": "string", "required": False}
    attributes = {"policy": dict(optional), "delay_seconds": dict(optional), "name": {**optional, "required": True}}
    block = {
        "attributes": {**attributes, "arn": {**optional, "computed": True}},
        "blocks": {"tag": {"attributes": {}, "blocks": {}, "repeats": True, "required": False}},
    }
    mark_retained(wheel, {"aws_sqs_queue": block})
    marked = {name for name, raw in [*block["attributes"].items(), *block["blocks"].items()] if "retained" in raw}
    assert marked == {"policy", "tag"}
    with pytest.raises(LookupError, match="pulumi-aws has no aws_sns_topic"):
        mark_retained(wheel, {"aws_sns_topic": block})


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("aws_lambda_function", "architectures", ["arm64"]),
        ("aws_cognito_user_pool_client", "access_token_validity", 60),
        ("aws_cognito_user_pool", "user_pool_tier", "PLUS"),
        ("aws_api_gateway_rest_api", "description", "Work"),
        ("aws_cloudwatch_event_rule", "state", "DISABLED"),
    ],
)
def test_an_argument_that_is_not_set_any_more_keeps_its_value(name, argument, value):
    assert planned(name, {argument: value, "region": "eu-west-1"})[argument] == value


@pytest.mark.parametrize(
    ("name", "argument", "value", "default"),
    [
        ("aws_lambda_function", "memory_size", 512, 128),
        ("aws_cognito_user_pool", "deletion_protection", "ACTIVE", "INACTIVE"),
        ("aws_appsync_graphql_api", "introspection_config", "DISABLED", "ENABLED"),
    ],
)
def test_an_argument_with_a_default_returns_to_it(name, argument, value, default):
    assert planned(name, {argument: value, "region": "eu-west-1"})[argument] == default


def test_a_block_that_is_not_set_any_more_stays_only_if_the_service_fills_it_in():
    name = "aws_lambda_function"
    traced, networked = [{"mode": "Active"}], [{"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}]
    prior = {"tracing_config": traced, "vpc_config": networked, "region": "eu-west-1"}
    assert retained_blocks(resource_types()[name].block, null(name), null(name) | prior) == ["tracing_config"]
    told = planned(name, prior)
    assert (told["tracing_config"], told["vpc_config"]) == (traced, [])


def test_a_block_stays_if_the_real_provider_suppresses_its_removal():
    name = "aws_cognito_user_pool"
    recovery = [{"recovery_mechanism": [{"name": "verified_email", "priority": 1}]}]
    assert planned(name, {"account_recovery_setting": recovery})["account_recovery_setting"] == recovery


POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::results/*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": False}}},
    ],
}
SAME_POLICY = {
    "Statement": [
        {
            "Effect": "Deny",
            "Action": ["s3:*"],
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": ["arn:aws:s3:::results/*"]},
    ],
    "Version": "2012-10-17",
}
OTHER_POLICY = {**POLICY, "Statement": POLICY["Statement"][:1]}


@pytest.mark.parametrize(
    ("name", "argument", "prior", "config", "is_change"),
    [
        ("aws_iam_role_policy", "policy", POLICY, SAME_POLICY, False),
        ("aws_iam_role_policy", "policy", POLICY, OTHER_POLICY, True),
        ("aws_s3_bucket_policy", "policy", POLICY, SAME_POLICY, False),
        ("aws_iam_role", "assume_role_policy", POLICY, SAME_POLICY, False),
        ("aws_cloudwatch_dashboard", "dashboard_body", {"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, False),
        ("aws_cloudwatch_dashboard", "dashboard_body", {"b": [1, 2]}, {"b": [2, 1]}, True),
        ("aws_cloudwatch_event_rule", "event_pattern", {"a": [1], "b": [2]}, {"b": [2], "a": [1]}, False),
        ("aws_cloudwatch_event_target", "input", {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("aws_sfn_state_machine", "definition", {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("aws_api_gateway_rest_api", "body", {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ],
)
def test_a_document_written_differently_is_a_change_only_where_it_is_on_aws(name, argument, prior, config, is_change):
    before, after = json.dumps(prior), json.dumps(config)
    told = planned(name, {argument: before, "region": "eu-west-1"}, **{argument: after})
    assert told[argument] == (after if is_change else before)


def test_entries_do_not_repeat_what_the_schema_says():
    repeated = {}
    for name, kind in resource_types().items():
        declared = {**schema_types()[name]["attributes"], **schema_types()[name]["blocks"]}
        stated = kind.entry.computed | kind.entry.retained
        if words := {path for path in stated if declared[path].get("retained")}:
            repeated[name] = words
    assert repeated == {}

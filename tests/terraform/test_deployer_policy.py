"""The deployer's policy: generated from the module, valid on AWS, and minimal.

These tests check the file. In `test_package_dist`, a role that has only this policy applies and destroys a root module.
"""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from packager.deployer_policy import policy, resource_types
from packager.errors import PackagingError
from tests.terraform.applied import Aws
from tests.terraform.test_validators import findings

# Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_POLICY_CHARACTERS = 10_240
# What the validator says of it that is right as it is.
ACCEPTED = {
    "apigateway": "its reference describes HTTP APIs, whose resources have other names",
    "RESOURCE_POLICY_PRIVILEGE_ESCALATION": "a deployer that makes the bucket also sets its policy",
}


@pytest.fixture
def text(project: Path) -> str:
    return (project / "terraform" / "deployer-policy.json").read_text()


def test_the_file_is_what_the_module_needs(module: Path, text: str):
    assert json.loads(text) == policy(resource_types(module / "terraform")), "run make deployer-policy"


def test_it_fits_into_a_role(text: str):
    assert len("".join(text.split())) <= INLINE_POLICY_CHARACTERS


def test_aws_knows_its_actions_resources_and_conditions(text: str, tmp_path: Path):
    attributes = {"role": "deployer", "name": "only", "policy": text}
    resource = {"type": "aws_iam_role_policy", "mode": "managed", "instances": [{"attributes": attributes}]}
    [found] = findings("policies", [{"resources": [resource]}], tmp_path)
    assert [each for each in found if not any(accepted in each for accepted in ACCEPTED)] == []


def test_a_type_without_its_calls_is_an_error():
    with pytest.raises(PackagingError, match=r"lacks the calls of aws_sqs_queue: add them to .*deployer_policy\.py"):
        policy({"aws_sqs_queue", "aws_dynamodb_table"})


def test_a_type_that_the_module_lacks_adds_nothing():
    [statement] = policy({"aws_lambda_permission"})["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": ["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"],
        "Resource": ["arn:aws:lambda:*:*:function:*runcast-*"],
    }


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("dynamodb", "get_item", {"TableName": "AgentProgress", "Key": {"pk": {"S": "a"}}}),
        ("dynamodb", "describe_table", {"TableName": "Foreign"}),
        ("lambda", "invoke", {"FunctionName": "runcast-agent"}),
        ("iam", "attach_role_policy", {"RoleName": "runcast-x", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("iam", "get_role", {"RoleName": "foreign"}),
    ],
)
def test_it_allows_neither_data_nor_what_is_not_runcasts(
    aws: Aws, deployer_keys: dict[str, str], service: str, operation: str, parameters: dict[str, str]
):
    client = aws.client_of(deployer_keys, service)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**parameters)
    assert caught.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}

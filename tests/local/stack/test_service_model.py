"""Requests that AWS's own models refuse are refused before an emulator accepts them."""

import boto3
import pytest
from botocore.exceptions import ParamValidationError

from local.terraform_provider.cloud import Cloud

CLOUD = Cloud("http://127.0.0.1:1", "us-east-1", "000000000000")
MACHINE = {"name": "m", "definition": "{}", "roleArn": "arn:aws:iam::000000000000:role/r"}


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("stepfunctions", "create_state_machine", {**MACHINE, "type": "SLOW"}, "none of STANDARD, EXPRESS"),
        ("stepfunctions", "create_state_machine", {**MACHINE, "name": "n" * 81}, "81 characters, which is over 80"),
        ("logs", "create_log_group", {"logGroupName": "a b"}, "which does not match"),
        ("lambda", "invoke", {"FunctionName": "a function"}, "which does not match"),
        ("dynamodb", "batch_get_item", {"RequestItems": {"t" * 1025: {"Keys": []}}}, "has 1025 characters"),
        ("dynamodb", "query", {"TableName": "table", "Limit": 0, "Select": "NONE"}, "none of ALL_ATTRIBUTES"),
        ("events", "put_rule", {"Name": "r", "Tags": [{"Key": "k", "Value": "v" * 257}]}, r"Tags\[0\].Value has 257"),
    ],
)
def test_a_call_that_aws_refuses_is_refused(service, operation, params, expected):
    for client in (CLOUD.client(service), boto3.client(service, region_name="us-east-1")):
        with pytest.raises(ParamValidationError, match=expected):
            getattr(client, operation)(**params)

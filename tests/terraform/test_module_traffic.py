"""The module's throttling, web ACL and second factor."""

from collections.abc import Iterator

import pytest
import requests

from tests.terraform.applied import Aws, Stack

LIMITS = "/*/*/throttling"


def set_limits(aws: Aws, made: Stack, rate: float, burst: int) -> None:
    stage = made.state("aws_api_gateway_stage", "rest_api")
    values = {f"{LIMITS}/rateLimit": str(rate), f"{LIMITS}/burstLimit": str(burst)}
    patches = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    aws.apigateway.update_stage(restApiId=stage["rest_api_id"], stageName=stage["stage_name"], patchOperations=patches)


@pytest.fixture
def throttled(other: Stack, aws: Aws) -> Iterator[Stack]:
    """The module with `rest_throttling`, set to one request per method in a quarter of an hour."""
    set_limits(aws, other, 0.001, 1)
    yield other
    set_limits(aws, other, 200, 400)


def test_the_limits_are_those_of_every_method(stack: Stack, other: Stack, aws: Aws):
    found = []
    for made in (stack, other):
        stage = made.state("aws_api_gateway_stage", "rest_api")
        told = aws.apigateway.get_stage(restApiId=stage["rest_api_id"], stageName=stage["stage_name"])
        settings = told.get("methodSettings", {})
        found.append(
            {path: (each["throttlingRateLimit"], each["throttlingBurstLimit"]) for path, each in settings.items()}
        )
    assert found == [{}, {"*/*": (200.0, 400)}]


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("OPTIONS", "/runs")])
def test_requests_without_a_token_are_throttled_too(throttled: Stack, method: str, path: str):
    url = throttled.terraform.output()["rest_url"] + path
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    answers = [requests.request(method, url, headers=headers, timeout=60) for _ in range(2)]
    assert answers[0].status_code < 300
    assert answers[1].status_code == 429
    assert answers[1].json() == {
        "error": {"type": "TooManyRequests", "message": "There are too many requests. Try again in a moment."}
    }


def test_one_web_acl_filters_the_requests_to_both_apis(stack: Stack, other: Stack, aws: Aws):
    graphql = other.state("aws_appsync_graphql_api", "runcast")["arn"]
    rest = other.state("aws_api_gateway_stage", "rest_api")["arn"]
    arn = other.state("aws_wafv2_web_acl_association", "api", "rest")["web_acl_arn"]
    assert set(aws.firewall.list_resources_for_web_acl(WebACLArn=arn)["ResourceArns"]) == {graphql, rest}
    assert "aws_wafv2_web_acl_association" not in stack.types()


def test_users_of_a_pool_with_mfa_bring_an_authenticator_app(stack: Stack, other: Stack, aws: Aws):
    found = [
        aws.cognito.get_user_pool_mfa_config(UserPoolId=made.terraform.output()["user_pool_id"])
        for made in (stack, other)
    ]
    assert [each["MfaConfiguration"] for each in found] == ["OFF", "OPTIONAL"]
    assert found[1]["SoftwareTokenMfaConfiguration"] == {"Enabled": True}

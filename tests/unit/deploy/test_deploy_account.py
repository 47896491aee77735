"""What a deployment prepares in the account before Terraform runs."""

import boto3
import pytest
from moto import mock_aws

from deploy.account import ensure_appsync_role


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def test_the_role_of_appsync_is_created_once(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        assert [ensure_appsync_role("eu-west-1"), ensure_appsync_role(None)] == [None, None]
        roles = boto3.client("iam", region_name="us-east-1").list_roles()["Roles"]
        assert [role["Path"] for role in roles] == ["/aws-service-role/appsync.amazonaws.com/"]


def test_a_failure_is_reported_and_does_not_raise(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "http://127.0.0.1:9/" in ensure_appsync_role("eu-west-1")

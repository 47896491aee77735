"""What the publisher's tests share: a server in AppSync's place, and the table of sessions."""

from __future__ import annotations

import pytest

from runcast.record.message import status_update
from runcast.record.model import Owner
from tests.fakes.publish_endpoint import publish_endpoint

ANA = Owner("acme", "ana")


@pytest.fixture
def appsync():
    with publish_endpoint() as server:
        yield server


@pytest.fixture
def sessions_table(dynamodb_client):
    client = dynamodb_client
    client.create_table(
        TableName="user_sessions",
        KeySchema=[
            {"AttributeName": "tenantId", "KeyType": "HASH"},
            {"AttributeName": "userId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "tenantId", "AttributeType": "S"},
            {"AttributeName": "userId", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    if "user_sessions" in client.list_tables()["TableNames"]:
        client.delete_table(TableName="user_sessions")


@pytest.fixture
def subscribe(sessions_table):
    def put(owner: Owner = ANA, expires_at_epoch_s: int = 4_000_000_000) -> None:
        sessions_table.put_item(
            TableName="user_sessions",
            Item={
                "tenantId": {"S": owner.tenant_id},
                "userId": {"S": owner.user_id},
                "expiresAt": {"N": str(expires_at_epoch_s)},
            },
        )

    return put


@pytest.fixture
def message():
    def make(seq: int = 1, owner: Owner = ANA, **about):
        update = status_update(
            owner, "thinking", "Thinking", timestamp_ms=1_700_000_000_000, request_id="run-1", agent_name="terrain",
            seq=seq,
        )  # fmt: skip
        return update | about

    return make

"""What unit tests share: an `AgentProgress` table in moto, stopped clocks, and a client that fails on demand."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.fakes.agent_progress import create_agent_progress

TABLE_NAME = "AgentProgress"
START_MS = 1_700_000_000_000


class Clock:
    """A wall clock that moves only when told to."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """Moto in AWS's place, for a whole module: making clients costs more than all else."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield


@pytest.fixture(scope="module")
def dynamodb_client(aws: None):
    from runcast.record.store import STORE_CLIENT_CONFIG

    return boto3.client("dynamodb", config=STORE_CLIENT_CONFIG)


@pytest.fixture
def dynamodb(dynamodb_client):
    """A DynamoDB client, and an empty table."""
    create_agent_progress(dynamodb_client, TABLE_NAME)
    yield dynamodb_client
    dynamodb_client.delete_table(TableName=TABLE_NAME)


@pytest.fixture
def store(dynamodb, clock: Clock):
    from runcast.record.store import RunStore

    return RunStore(dynamodb, TABLE_NAME, now_ms=clock)


@pytest.fixture
def make_store(dynamodb):
    """Make stores over one emptied table, for tests that run many examples."""
    from runcast.record.store import RunStore

    def make() -> RunStore:
        for item in dynamodb.scan(TableName=TABLE_NAME)["Items"]:
            dynamodb.delete_item(TableName=TABLE_NAME, Key={"requestId": item["requestId"]})
        return RunStore(dynamodb, TABLE_NAME)

    return make

"""The record's tests, against each engine that answers as DynamoDB."""

from __future__ import annotations

import boto3
import pytest

from runcast.record.store import RunStore
from tests.fakes.agent_progress import create_agent_progress
from tests.reliability.backends import backends, dynamodb
from tests.unit.conftest import TABLE_NAME, Clock


# The record's own tests run on moto; they need not do it here again.
@pytest.fixture(scope="module", params=[each for each in backends() if each != "moto"])
def backend(request, tmp_path_factory):
    """A client of one engine after the other; not for longer, because what moto stands in for is the whole process."""
    with dynamodb(request.param, tmp_path_factory.mktemp(request.param)) as client:
        client.backend = request.param
        yield client


@pytest.fixture
def dynamodb_client(backend):
    create_agent_progress(backend, TABLE_NAME)
    yield backend
    backend.delete_table(TableName=TABLE_NAME)


@pytest.fixture(name="dynamodb")
def _dynamodb(dynamodb_client):
    return dynamodb_client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(dynamodb_client, clock) -> RunStore:
    return RunStore(dynamodb_client, TABLE_NAME, now_ms=clock)


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A client of MiniStack's DynamoDB, in which a user is watching."""
    with dynamodb("ministack", tmp_path_factory.mktemp("faults")) as client:
        create_agent_progress(client, TABLE_NAME)
        keys = [("tenantId", "HASH"), ("userId", "RANGE")]
        client.create_table(
            TableName="user_sessions",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        session = {"tenantId": {"S": "acme"}, "userId": {"S": "ana"}, "expiresAt": {"N": "4000000000"}}
        client.put_item(TableName="user_sessions", Item=session)
        yield client


@pytest.fixture(scope="session")
def connect():
    """Make clients as the Lambda does."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    return lambda service, config, url: session.client(service, config=config, endpoint_url=url)

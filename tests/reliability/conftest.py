"""The record's tests, against each engine that answers as DynamoDB."""

from __future__ import annotations

import pytest

from runcast.record.store import RunStore
from tests.fakes.agent_progress import create_agent_progress
from tests.reliability.backends import backends, dynamodb
from tests.unit.conftest import TABLE_NAME, Clock


@pytest.fixture(scope="session", params=backends())
def backend(request, tmp_path_factory):
    """A client of one engine after the other."""
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

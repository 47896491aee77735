"""What the client's tests share: a misbehaving server, and clients of different patience that are signed in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runcast.client.api import open_api
from runcast.client.client import Client
from runcast.client.config import ClientConfig
from runcast.client.sign_in import Identity
from runcast.client.watch import Patience
from tests.fakes.appsync_server import APP_CLIENT_ID, ID_TOKEN, PASSWORD, USER_ID, USERNAME, FakeAppSync, appsync_server

# Times are never asserted: what must not happen by waiting is put off for long, what must happen is not put off.
LONG_SECONDS = 100.0
SOON_SECONDS = 0.01


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeAppSync]:
    async with appsync_server() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url.removesuffix("graphql"))
        yield running


@pytest.fixture
def config(server: FakeAppSync) -> ClientConfig:
    return ClientConfig(
        graphql_url=server.url,
        user_pool_client_id=APP_CLIENT_ID,
        region="us-east-1",
        username=USERNAME,
        password=PASSWORD,
    )


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def patience() -> Patience:
    """Waits for nothing but a broken connection's polls; a test that is about a wait overrides it."""
    return Patience(
        gap=LONG_SECONDS, silence=LONG_SECONDS, poll=SOON_SECONDS, straggler=LONG_SECONDS, connect=LONG_SECONDS
    )


@pytest.fixture
async def client(server: FakeAppSync, patience: Patience, notices: list[str]) -> AsyncIterator[Client]:
    identity = Identity(USER_ID, ID_TOKEN)
    async with open_api(server.url, identity) as api:
        yield Client(server.url, identity, api, patience=patience, notify=notices.append)

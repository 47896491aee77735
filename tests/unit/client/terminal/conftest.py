"""The command against the misbehaving server, as a user starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runcast.client.config import ClientConfig
from runcast.client.terminal.command import main
from tests.contracts.watching_client import DEADLINE_SECONDS
from tests.fakes.appsync import FakeAppSync

REQUEST_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
COME_BACK = f"runcast watch {REQUEST_ID}; to cancel it: runcast cancel {REQUEST_ID}"
Run = Callable[..., Awaitable[int]]


@pytest.fixture
def run(config: ClientConfig, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command against the server, on a thread with its own event loop."""
    for name, value in environment(config).items():
        monkeypatch.setenv(name, value)

    async def run(*arguments: str) -> int:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await asyncio.to_thread(main, arguments)

    return run


def environment(config: ClientConfig) -> dict[str, str]:
    return {
        "RUNCAST_GRAPHQL_URL": config.graphql_url,
        "RUNCAST_USER_POOL_CLIENT_ID": config.user_pool_client_id,
        "RUNCAST_REGION": config.region,
        "RUNCAST_USERNAME": config.username,
        "RUNCAST_PASSWORD": config.password,
    }


async def two_steps(server: FakeAppSync) -> None:
    await server.send(server.record("init", "Cold start", status="agent_invoking"))
    await server.send(server.end(result="12 cells"))

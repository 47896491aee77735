"""What the client's tests share: a misbehaving server, and clients of different patience that are signed in to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from runcast.client.client import Client, connect
from runcast.client.config import ClientConfig
from runcast.client.patience import Patience
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import FakeJobRun
from tests.fakes.appsync_server import appsync_server
from tests.fakes.cognito import APP_CLIENT_ID, PASSWORD, USERNAME
from tests.unit.conftest import Clock

# Times are never asserted: what must not happen by waiting is put off for long, what must happen is not put off.
LONG_SECONDS = 100.0
SOON_SECONDS = 0.01
REQUEST_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
RESULT = {"buildable": 12}


def patient(**waits: float) -> Patience:
    """Waits for nothing but what is named, what polls without a connection, and what tries again."""
    long = dict.fromkeys(("gap", "silence", "backstop", "lost", "unreadable", "straggler", "connect"), LONG_SECONDS)
    soon = dict.fromkeys(("poll", "retry_first", "retry_longest"), SOON_SECONDS)
    return Patience(**{**long, **soon, "tries": 1_000, **waits})


async def goes_well(server: FakeAppSync) -> None:
    """A run of four steps, all of which go live."""
    await server.send(server.record("init", "Cold start", status="agent_invoking"))
    await server.send(server.record("thinking"))
    await server.send(
        server.record("executing", "slope", status="calling_tool", toolName="slope", metadata={"reason": "steep?"})
    )
    await server.send(server.end(result=RESULT))


async def run_goes_well(server: FakeAppSync, run: FakeJobRun) -> None:
    """A run of a job, of three steps, all of which go live."""
    run.begin()
    await server.send(run.record("init", "Cold start", status="agent_invoking", agentName=run.name), of=run)
    await server.send(run.record("executing", "slope", status="calling_tool", toolName="slope"), of=run)
    await server.send(run.end(), of=run)


async def job_goes_well(server: FakeAppSync) -> None:
    """A job of three runs, two of which go on at once; all of it goes live."""
    job = server.job
    assert job is not None
    await server.send(job.record("loading_agents", "Loading the playbook"), of=job)
    [terrain], [north, south] = job.plan("terrain"), job.plan("north", "south", stage="layouts")
    await run_goes_well(server, terrain)
    await server.send(job.record("validating"), of=job)
    async with asyncio.TaskGroup() as stage:
        stage.create_task(run_goes_well(server, north))
        stage.create_task(run_goes_well(server, south))
    await server.send(job.record("synthesizing"), of=job)
    await server.send(job.end(result={"summary": "Build it."}), of=job)


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
    """A test that is about a wait overrides it."""
    return patient()


@pytest.fixture
async def client(
    server: FakeAppSync, config: ClientConfig, patience: Patience, notices: list[str], clock: Clock
) -> AsyncIterator[Client]:
    server.now_ms = clock
    async with connect(
        config, patience=patience, notify=notices.append, random=lambda: 1.0, local_ms=clock
    ) as connected:
        yield connected

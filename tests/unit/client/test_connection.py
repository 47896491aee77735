"""A failed live connection only costs speed: it is reopened, and the missed steps are read."""

from __future__ import annotations

import asyncio

import pytest

from runcast.client import connection
from runcast.client.client import Client
from tests.contracts import watching_client as contract
from tests.contracts.watching_client import check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.unit.client.conftest import LONG_SECONDS, SOON_SECONDS, goes_well, patient


async def test_a_broken_socket_loses_nothing_and_is_told(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        server.refuse_live = "Not now."
        server.drop()
        server.record("thinking")
        await server.until(lambda: len(server.reads) >= 3)
        server.end()

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert outcome.recorded == 3
    assert notices[0].startswith("The live connection broke (")
    assert notices[0].endswith("reading the record every 0.01 s instead, and trying again.")


async def test_a_subscription_that_the_server_ends_is_a_broken_one(
    server: FakeAppSync, client: Client, notices: list[str]
):
    async def script(server: FakeAppSync) -> None:
        await server.end_subscriptions()
        server.end()

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert notices[0].startswith("The live connection broke (the server ended the subscription)")


@pytest.mark.parametrize(
    ("misdeed", "patience", "reason"),
    [
        # A server that refuses a connection may close it before its reason is read.
        ({"refuse_live": "Not today."}, patient(), ""),
        ({"refuse_subscription": "Not you."}, patient(), "Not you."),
        ({"acknowledge": False}, patient(connect=0.2), "no answer within 0.2 s"),
    ],
)
async def test_polls_and_says_so_when_there_is_no_live_connection(
    server: FakeAppSync, client: Client, notices: list[str], misdeed: dict[str, object], reason: str
):
    for name, value in misdeed.items():
        setattr(server, name, value)
    server.script = goes_well

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded, outcome.received_live) == ("complete", 4, 0)
    assert len(notices) == 1
    assert notices[0].startswith("No live connection (")
    assert reason in notices[0]


@pytest.mark.parametrize("patience", [patient(poll=LONG_SECONDS)])
async def test_is_live_again_after_a_break(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        await server.send(server.record("init"))
        server.refuse_live = "Not now."
        server.drop()
        await server.until(lambda: len(server.reads) == 2)
        server.record("missed")
        server.refuse_live = None
        await server.until(lambda: len(server.reads) == 3)
        await server.send(server.record("thinking"), server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (server.subscriptions, outcome.recorded, outcome.received_live) == (2, 4, 3)
    assert [notice.split(" (")[0] for notice in notices] == [
        "The live connection broke",
        "The live connection is back; reading the missed steps.",
    ]


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS)])
async def test_a_connection_without_keep_alives_is_replaced(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        server.connection_timeout_ms = 300_000
        await server.until(lambda: server.subscriptions >= 2)
        server.end()

    server.connection_timeout_ms = 50
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert notices[0].startswith("The live connection broke (no keep-alive for 0.05 s)")


@pytest.mark.parametrize("patience", [patient(tries=3)])
async def test_where_sockets_are_blocked_it_says_so_once_and_goes_on(
    server: FakeAppSync, client: Client, notices: list[str]
):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: server.attempts >= 10)
        server.record("init")
        server.refuse_live = None
        await server.until(lambda: server.subscriptions == 1)
        server.end()

    server.refuse_live = "Not here."
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"
    assert [notice.split(" (")[0] for notice in notices[:2]] == [
        "No live connection",
        "The live connection has failed 3 times in a row",
    ]
    assert set(notices[2:]) <= {"The live connection is back; reading the missed steps."}


async def test_whoever_stops_taking_steps_finds_them_all_later(
    server: FakeAppSync, client: Client, notices: list[str], monkeypatch: pytest.MonkeyPatch
):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        await paused.wait()
        server.refuse_live = "Not now."
        await server.send(*[server.record("thinking") for _ in range(50)], server.end())
        await server.end_subscriptions()

    monkeypatch.setattr(connection, "HEARD_MAX_MESSAGES", 5)
    paused = asyncio.Event()
    server.script = script
    watch = client.run("terrain", "Where?")
    first = await anext(aiter(watch))
    paused.set()
    async with asyncio.timeout(contract.DEADLINE_SECONDS):
        while not notices:  # the end of the subscription comes after all its messages
            await asyncio.sleep(SOON_SECONDS)
    assert len(watch._connection._heard) == 5, "more is kept than is allowed"

    rest, outcome = await follow(watch)

    check_each_step_once([first, *rest], outcome)
    assert (outcome.status, outcome.recorded) == ("complete", 52)

"""A watching client misses nothing, shows nothing twice and says how it ended."""

from __future__ import annotations

import asyncio

import pytest

from runcast.client.client import Client
from runcast.errors import InvalidInput, RuncastError, Unauthorized, Unavailable
from tests.contracts import watching_client as contract
from tests.contracts.watching_client import check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import ServiceError
from tests.unit.client.conftest import REQUEST_ID, RESULT, goes_well, patient


async def test_keeps_the_contract_live(server: FakeAppSync, client: Client):
    server.script = goes_well

    outcome = await contract.check_a_run_is_watched_live_and_whole(client, "terrain", "Where?", {"cells": 4})

    assert str(outcome) == f"run {outcome.request_id}: complete, 4 steps recorded, 4 received live, 0 missing"
    assert outcome.result == RESULT
    assert server.started_with == {
        "agent": "terrain",
        "query": "Where?",
        "parameters": '{"cells":4}',
        "requestId": outcome.request_id,
    }


async def test_keeps_the_contract_without_live(server: FakeAppSync, client: Client):
    server.script = goes_well

    outcome = await contract.check_a_run_is_watched_whole_without_live(client, "terrain", "Where?")

    assert outcome.result == RESULT


async def test_parameters_that_are_no_json_start_nothing(server: FakeAppSync, client: Client):
    with pytest.raises(InvalidInput, match=r"^parameters\.rows\[1\] is NaN, which is no JSON\."):
        await follow(client.run("terrain", "Where?", parameters={"rows": [1, float("nan")]}))
    assert server.started_with is None


async def test_subscribes_before_it_starts(server: FakeAppSync, client: Client):
    subscribed_at_start = []

    async def script(server: FakeAppSync) -> None:
        subscribed_at_start.append(server.subscribed)
        await goes_well(server)

    server.script = script

    _, outcome = await follow(client.run("terrain", "Where?", request_id=REQUEST_ID))

    assert subscribed_at_start == [True]
    assert outcome.request_id == REQUEST_ID


async def test_puts_in_order_what_comes_reordered_and_repeated(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        for name in ("init", "agent", "thinking"):
            server.record(name)
        server.end()
        await server.send(2, 2, 4, 1, 4, 3, 1)

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.recorded, outcome.received_live) == (4, 4)


async def test_counts_what_comes_live_after_it_was_read(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        server.record("init")
        server.end()
        await server.until(lambda: len(server.reads) == 1)
        await server.send(1, 2)

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert outcome.received_live == 2


async def test_joins_a_run_on_its_way(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.record("init")
    server.record("thinking")

    async def rest() -> None:
        await server.until(lambda: server.subscribed and len(server.reads) == 2)
        await server.send(server.record("executing"))
        await server.send(server.end())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rest())
        steps, outcome = await follow(client.watch(REQUEST_ID))

    check_each_step_once(steps, outcome)
    assert (outcome.recorded, outcome.received_live) == (4, 2)


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("status", "error"), [("error", "It broke."), ("cancelled", None), ("waiting", None)])
async def test_says_how_it_ended(server: FakeAppSync, client: Client, live: bool, status: str, error: str | None):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) >= 1)
        await server.send(server.record("init"))
        await server.send(server.end(status, error=error))

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=live))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.error) == (status, error)


async def test_an_agents_own_error_message_is_not_the_end(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: server.reads == [0])
        await server.send(server.record("agent", "A helper failed.", status="agent_error"))
        await server.until(lambda: server.reads == [0, 1])
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded) == ("complete", 2)


async def test_gives_up_after_the_time_that_was_given(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", timeout_seconds=0.3))

    assert outcome.status == "timeout"
    assert len(steps) == outcome.recorded - outcome.missing


async def test_stopping_early_leaves_the_subscription(server: FakeAppSync, client: Client):
    server.script = goes_well
    watch = client.run("terrain", "Where?")

    first = await anext(aiter(watch))
    await watch.aclose()

    assert first.seq == 1
    async with asyncio.timeout(contract.DEADLINE_SECONDS):
        await server.until(lambda: not server.subscribed)
    assert watch.outcome is None


@pytest.mark.parametrize("patience", [patient(unreadable=0.05)])
@pytest.mark.parametrize(
    ("error_type", "expected"),
    [
        ("BadRequest", InvalidInput),
        ("Unauthorized", Unauthorized),
        ("Unavailable", Unavailable),
        ("InternalFailure", Unavailable),
    ],
)
async def test_what_the_service_refuses_is_raised(
    server: FakeAppSync, client: Client, error_type: str, expected: type[RuncastError]
):
    server.start_error = ServiceError(error_type, "agent is 'x'; known agents: terrain.")

    with pytest.raises(expected, match=r"^agent is 'x'; known agents: terrain\.$"):
        await follow(client.run("x", "Where?"))

    assert server.reads == []

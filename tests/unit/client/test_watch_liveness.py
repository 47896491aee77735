"""A watching client reports the worker's liveness, and keeps watching a lost worker for a while."""

from __future__ import annotations

import pytest

from runcast.client.client import Client
from tests.contracts.watching_client import check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.unit.client.conftest import LONG_SECONDS, SOON_SECONDS, patient


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, lost=0.1, straggler=LONG_SECONDS)])
async def test_ends_when_the_worker_stays_lost(server: FakeAppSync, client: Client, live: bool, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        server.record("init")
        await server.until(lambda: len(server.reads) >= 3)
        server.liveness = "lost"

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=live))

    check_each_step_once(steps, outcome)
    assert outcome.status == "lost"
    assert [notice.split(":")[0] for notice in notices] == ["The run's worker gives no sign of life"]


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS)])
async def test_the_end_of_a_lost_run_is_seen(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        server.liveness = "lost"
        await server.until(lambda: len(server.reads) >= 3)
        server.end("error", error="Its worker died.")

    server.record("init")
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=False))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.error) == ("error", "Its worker died.")
    assert notices[1:] == ["The run's worker is no longer lost: it is done."]


async def test_a_worker_that_is_heard_again_is_not_lost(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 2)
        server.liveness = "live"
        await server.send(server.record("thinking"))
        await server.until(lambda: len(server.reads) == 3)
        await server.send(1)
        await server.send(server.end())

    server.record("init")
    server.liveness = "lost"
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded) == ("complete", 3)
    assert notices[1:] == ["The run's worker is no longer lost: it is live."]


@pytest.mark.parametrize("patience", [patient(straggler=SOON_SECONDS)])
@pytest.mark.parametrize("liveness", ["late", "cancelling"])
async def test_a_worker_in_doubt_is_asked_for_often(server: FakeAppSync, client: Client, liveness: str):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) >= 4)
        server.end("cancelled")

    server.record("init")
    server.liveness = liveness
    server.script = script
    watch = client.run("terrain", "Where?")
    readings = [watch.liveness async for step in watch if step.seq == 1]

    assert readings == [liveness]
    assert watch.outcome.status == "cancelled"


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_a_reading_that_is_not_known_is_passed_on(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) >= 3)
        server.end()

    server.record("init")
    server.liveness = "hibernating"
    server.script = script
    watch = client.run("terrain", "Where?")
    readings = [watch.liveness async for _ in watch]

    assert readings == ["hibernating", "done"]
    assert watch.outcome.status == "complete"

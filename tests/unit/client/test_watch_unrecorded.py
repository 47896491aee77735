"""Live messages that no record holds are shown once, or ignored if they claim a `seq`; none of them holds up an end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runcast.client.client import Client
from runcast.errors import InvalidInput
from tests.contracts.watching_client import check_each_step_of_a_job_once, check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import BEGAN_MS
from tests.unit.client.conftest import LONG_SECONDS, REQUEST_ID, SOON_SECONDS, goes_well, patient
from tests.unit.conftest import START_MS


async def test_messages_without_seq_are_passed_on_and_not_counted(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        await server.send_update(status="validating", message="Only to be seen")
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert [(step.seq, step.message) for step in steps if step.seq is None] == [(None, "Only to be seen")]
    assert (outcome.recorded, outcome.received_live) == (2, 2)


@pytest.mark.parametrize(
    ("update", "timestamp_ms", "metadata"),
    [
        ({"timestamp": None}, START_MS, None),
        ({"metadata": None}, BEGAN_MS, None),
        ({"metadata": '{"cells": 4}'}, BEGAN_MS, {"cells": 4}),
        ({"metadata": f'{{"cells": {10**30}}}'}, BEGAN_MS, {"cells": 10**30}),
        ({"metadata": "[1]"}, BEGAN_MS, None),
        ({"metadata": '"text"'}, BEGAN_MS, None),
        ({"metadata": "no JSON"}, BEGAN_MS, None),
        ({"metadata": ""}, BEGAN_MS, None),
        ({"message": None}, BEGAN_MS, None),
        ({"agentName": None, "schemaVersion": None, "tenantId": None}, BEGAN_MS, None),
    ],
    ids=str,
)
async def test_a_message_may_lack_anything(
    server: FakeAppSync, client: Client, update: dict[str, Any], timestamp_ms: int, metadata: dict[str, Any] | None
):
    async def script(server: FakeAppSync) -> None:
        await server.send_update(status="validating", **update)
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert [(step.status, step.timestamp_ms, step.metadata) for step in steps if step.seq is None] == [
        ("validating", timestamp_ms, metadata)
    ]


async def test_a_recorded_message_may_lack_its_time(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.send_update(**server.as_heard(server.record("init")) | {"timestamp": None})
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert [step.timestamp_ms for step in steps][:1] == [START_MS]


async def test_a_message_that_two_connections_deliver_is_shown_once(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        for number in (1, 1, 2, 1, 2):
            await server.send_update(status="validating", message=f"message {number}")
        await server.send(server.end())

    server.script = script

    steps, _ = await follow(client.run("terrain", "Where?"))

    assert [step.message for step in steps if step.seq is None] == ["message 1", "message 2"]


@pytest.mark.parametrize("patience", [patient(straggler=0.05)])
@pytest.mark.parametrize("some_are_missing_live", [True, False])
async def test_a_stream_of_messages_after_the_end_does_not_keep_the_watch_open(
    server: FakeAppSync, client: Client, some_are_missing_live: bool
):
    async def stream(server: FakeAppSync) -> None:
        number = 0
        while server.subscribed or not number:
            number += 1
            await server.send_update(status="validating", message=f"message {number}")
            await asyncio.sleep(0)  # the client has its turn: they share an event loop

    async def script(server: FakeAppSync) -> None:
        first = server.record("init")
        last = server.end()
        await server.send(*([last] if some_are_missing_live else [first, last]))
        await stream(server)

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"


@pytest.mark.parametrize("patience", [patient(gap=SOON_SECONDS, straggler=LONG_SECONDS)])
@pytest.mark.parametrize("status", ["complete", "error", "cancelled", "waiting"])
async def test_a_seq_that_no_record_holds_does_not_hang_the_watch(server: FakeAppSync, client: Client, status: str):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        await server.send_update(status="thinking", seq=40)
        await server.send(server.end(status))

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded, outcome.received_live) == (status, 2, 2)


@pytest.mark.parametrize("patience", [patient(gap=SOON_SECONDS, straggler=LONG_SECONDS)])
async def test_a_seq_that_no_record_of_a_job_holds_does_not_hang_the_watch(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        [run] = server.job.plan("terrain")
        run.begin()
        await server.send(run.record("init"), of=run)
        await server.send_update(status="thinking", requestId=run.request_id, seq=40)
        await server.send(run.end(), of=run)
        await server.send_update(status="thinking", requestId=run.request_id, seq=41)
        await server.send_update(status="thinking", requestId="no run of this job", seq=1)
        await server.send(server.job.end(), of=server.job)

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?"))

    check_each_step_of_a_job_once(steps, outcome)
    assert (outcome.status, outcome.recorded, outcome.received_live) == ("complete", 3, 3)


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS)])
async def test_another_run_under_the_same_id_is_not_mixed_with_the_one_that_is_watched(
    server: FakeAppSync, client: Client
):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"), server.record("thinking"))
        await server.until(lambda: len(server.reads) >= 2)
        server.replace_run()
        for _ in range(4):
            server.record("of another run")
        server.end()

    server.script = script
    watch = aiter(client.run("terrain", "Where?", request_id=REQUEST_ID))

    assert [(await anext(watch)).status for _ in range(2)] == ["init", "thinking"]
    with pytest.raises(InvalidInput, match="Its record has expired, and another run was started under its id"):
        await anext(watch)


async def test_a_connection_that_does_not_say_when_it_beats_is_kept(server: FakeAppSync, client: Client):
    server.connection_timeout_ms = None
    server.script = goes_well

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.received_live, server.subscriptions) == (4, 1)

"""When a watching client reads the record: whenever messages may be missing, and at intervals in any case."""

from __future__ import annotations

import pytest

from runcast.client.client import Client
from runcast.client.patience import Patience
from runcast.errors import InvalidInput, Unavailable
from tests.contracts.watching_client import check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.unit.client.conftest import REQUEST_ID, SOON_SECONDS, goes_well, patient


async def test_asks_only_at_the_beginning_and_at_the_end_when_all_comes_live(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: server.reads == [0])
        await goes_well(server)

    server.script = script

    await follow(client.run("terrain", "Where?"))

    assert server.reads == [0, 4]


@pytest.mark.parametrize("patience", [patient(gap=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_a_gap_leads_to_a_question(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        for name in ("init", "agent", "thinking"):
            server.record(name)
        await server.send(1, 3)
        await server.until(lambda: len(server.reads) == 2)
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert server.reads[:2] == [0, 1]
    assert outcome.received_live == 3


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_silence_leads_to_a_question(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        server.record("init")
        await server.until(lambda: len(server.reads) == 2)
        server.end()

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.received_live) == ("complete", 0)


async def test_reads_a_long_record_in_pages(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.page_steps = 2
    for _ in range(6):
        server.record("thinking")
    server.end()

    steps, outcome = await follow(client.watch(REQUEST_ID))
    record = await client.show(REQUEST_ID)

    check_each_step_once(steps, outcome)
    assert (outcome.recorded, outcome.received_live) == (7, 0)
    assert server.reads == [0, 2, 4, 6] * 2
    assert [step.seq for step in record.steps] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_read_that_fails_is_tried_again(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        server.record("init")
        await server.until(lambda: len(server.reads) == 5)
        server.failing_reads = 4
        await server.until(lambda: len(server.reads) == 9)
        server.end()

    server.failing_reads = 4
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=False))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"
    assert notices == ["The record cannot be read (The table gave no answer in time. Try again.); trying again."] * 8


@pytest.mark.parametrize("patience", [patient(unreadable=0.1)])
async def test_gives_up_when_the_record_stays_unreadable(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        server.failing_reads = 1_000_000

    server.script = script

    with pytest.raises(Unavailable, match="The table gave no answer in time"):
        await follow(client.run("terrain", "Where?", live=False))

    assert len(server.reads) > 2


async def test_an_unknown_run_is_said_to_be_unknown(client: Client):
    with pytest.raises(InvalidInput, match=f"^{REQUEST_ID}: There is no such run.$"):
        await follow(client.watch(REQUEST_ID))
    with pytest.raises(InvalidInput, match=f"^{REQUEST_ID}: There is no such run.$"):
        await client.show(REQUEST_ID)


@pytest.mark.parametrize("patience", [patient(unreadable=SOON_SECONDS)])
async def test_an_answer_with_a_hole_is_not_taken_for_the_truth(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.record("init")
    server.steps.append({**server.steps[0], "seq": 3})

    with pytest.raises(Unavailable, match=r"after step 0 came the steps \[1, 3\]"):
        await client.show(REQUEST_ID)


@pytest.mark.parametrize("patience", [patient(backstop=0.05, straggler=SOON_SECONDS)])
async def test_asks_now_and_then_even_while_messages_come(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        server.record("init")
        server.end()
        for _ in range(1_000):
            await server.send_update(status="validating")
            if len(server.reads) > 1:
                return

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.received_live) == ("complete", 0)
    assert [step for step in steps if step.seq is None]


async def test_a_long_run_is_read_once_in_all(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    for _ in range(9_999):
        server.record("thinking")
    server.end()

    steps, outcome = await follow(client.watch(REQUEST_ID))

    check_each_step_once(steps, outcome)
    assert outcome.recorded == 10_000
    assert server.reads == list(range(0, 10_000, server.page_steps))


def test_the_default_patience_is_the_documented_one():
    assert Patience() == Patience(
        gap=0.5,
        silence=5.0,
        backstop=30.0,
        poll=1.0,
        lost=30.0,
        unreadable=60.0,
        straggler=5.0,
        connect=5.0,
        retry_first=0.5,
        retry_longest=60.0,
        tries=5,
    )


def test_pauses_grow_to_a_bound_and_anything_below_is_as_likely():
    patience = Patience(retry_first=0.5, retry_longest=60.0)

    assert [patience.pause_seconds(failures, lambda: 1.0) for failures in (1, 2, 3, 8, 10_000)] == [0.5, 1, 2, 60, 60]
    assert [patience.pause_seconds(failures, lambda: 0.25) for failures in (1, 2, 10_000)] == [0.125, 0.25, 15]

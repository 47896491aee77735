"""A watching client misses nothing, shows nothing twice and says how it ended, whatever its connection does."""

from __future__ import annotations

import asyncio

import pytest

from runcast.client.api import open_api
from runcast.client.client import Client
from runcast.client.sign_in import Identity
from runcast.client.watch import Patience
from runcast.errors import InvalidInput, RuncastError, Unauthorized, Unavailable
from tests.contracts import watching_client as contract
from tests.contracts.watching_client import check_each_step_once, follow
from tests.fakes.appsync_server import FakeAppSync, ServiceError
from tests.unit.client.conftest import LONG_SECONDS, SOON_SECONDS

REQUEST_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
RESULT = {"buildable": 12}


async def goes_well(server: FakeAppSync) -> None:
    await server.send(server.record("init", "Cold start", status="agent_invoking"))
    await server.send(server.record("thinking"))
    await server.send(
        server.record("executing", "slope", status="calling_tool", toolName="slope", metadata={"reason": "steep?"})
    )
    await server.send(server.end(result=RESULT))


async def test_keeps_the_contract_live(server: FakeAppSync, client: Client):
    server.script = goes_well

    outcome = await contract.check_a_run_is_watched_live_and_whole(client, "terrain", "Where?", {"cells": 4})

    assert str(outcome) == f"run {outcome.request_id}: complete, 4 steps recorded, 4 received live, 0 missing"
    assert outcome.result == RESULT
    assert server.started_with == {
        "agent": "terrain",
        "query": "Where?",
        "parameters": '{"cells": 4}',
        "requestId": outcome.request_id,
    }


async def test_keeps_the_contract_without_live(server: FakeAppSync, client: Client):
    server.script = goes_well

    outcome = await contract.check_a_run_is_watched_whole_without_live(client, "terrain", "Where?")

    assert outcome.result == RESULT


async def test_subscribes_before_it_starts(server: FakeAppSync, client: Client):
    subscribed_at_start = []

    async def script(server: FakeAppSync) -> None:
        subscribed_at_start.append(server.subscribed)
        await goes_well(server)

    server.script = script

    _, outcome = await follow(client.run("terrain", "Where?", request_id=REQUEST_ID))

    assert subscribed_at_start == [True]
    assert outcome.request_id == REQUEST_ID


async def test_asks_only_at_the_beginning_and_at_the_end_when_all_comes_live(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: server.reads == [0])
        await goes_well(server)

    server.script = script

    await follow(client.run("terrain", "Where?"))

    assert server.reads == [0, 4]


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


@pytest.mark.parametrize("patience", [Patience(silence=LONG_SECONDS, gap=SOON_SECONDS, straggler=SOON_SECONDS)])
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


@pytest.mark.parametrize("patience", [Patience(silence=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_silence_leads_to_a_question(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        server.record("init")
        await server.until(lambda: len(server.reads) == 2)
        server.end()

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.received_live) == ("complete", 0)


async def test_a_broken_socket_loses_nothing_and_is_told(server: FakeAppSync, client: Client, notices: list[str]):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        server.drop()
        server.record("thinking")
        await server.until(lambda: len(server.reads) >= 3)
        server.end()

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert outcome.recorded == 3
    assert [notice.split(" (")[0] for notice in notices] == ["The live connection broke"]
    assert notices[0].endswith("reading the record every 0.01 s instead.")


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
        ({"refuse_live": "Not today."}, Patience(poll=SOON_SECONDS, connect=LONG_SECONDS), ""),
        ({"refuse_subscription": "Not you."}, Patience(poll=SOON_SECONDS, connect=LONG_SECONDS), "Not you."),
        ({"acknowledge": False}, Patience(poll=SOON_SECONDS, connect=0.2), "no answer within 0.2 s"),
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


async def test_joins_a_run_on_its_way(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.record("init")
    server.record("thinking")

    async def rest() -> None:
        await server.until(lambda: server.subscribed and len(server.reads) == 1)
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


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("patience", [Patience(silence=SOON_SECONDS, poll=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_ends_when_the_worker_is_lost(server: FakeAppSync, client: Client, live: bool):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        await server.until(lambda: len(server.reads) >= 3)
        server.liveness = "lost"

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=live))

    check_each_step_once(steps, outcome)
    assert outcome.status == "lost"


@pytest.mark.parametrize("patience", [Patience(silence=SOON_SECONDS, straggler=LONG_SECONDS)])
async def test_a_worker_that_is_heard_again_is_not_lost(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        server.liveness = "live"
        server.record("thinking")
        await server.send(2, 1)
        await server.until(lambda: len(server.reads) >= 2)
        await server.send(server.end())

    server.record("init")
    server.liveness = "lost"
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded) == ("complete", 3)


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


async def test_messages_that_are_in_no_record_are_passed_on_and_not_counted(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        await server.send_update(status="validating", message="Only to be seen")
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert [(step.seq, step.message) for step in steps if step.seq is None] == [(None, "Only to be seen")]
    assert (outcome.recorded, outcome.received_live) == (2, 2)


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


async def test_gives_up_when_the_record_cannot_be_read(server: FakeAppSync, client: Client):
    server.failing_reads = 100
    server.script = goes_well

    with pytest.raises(Unavailable, match="The table gave no answer in time"):
        await follow(client.run("terrain", "Where?"))

    assert len(server.reads) == 5


async def test_stopping_early_leaves_the_subscription(server: FakeAppSync, client: Client):
    server.script = goes_well
    watch = client.run("terrain", "Where?")

    first = await anext(aiter(watch))
    await watch.aclose()

    assert first.seq == 1
    async with asyncio.timeout(contract.DEADLINE_SECONDS):
        await server.until(lambda: not server.subscribed)
    assert watch.outcome is None


async def test_an_unknown_run_is_said_to_be_unknown(client: Client):
    with pytest.raises(InvalidInput, match=f"^{REQUEST_ID}: There is no such run.$"):
        await follow(client.watch(REQUEST_ID))
    with pytest.raises(InvalidInput, match=f"^{REQUEST_ID}: There is no such run.$"):
        await client.show(REQUEST_ID)


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


async def test_a_token_that_is_not_accepted_is_refused(server: FakeAppSync):
    async with open_api(server.url, Identity("user-1", "forged")) as api:
        with pytest.raises(Unauthorized, match="Valid authorization header not provided"):
            await api.get_agent_progress(REQUEST_ID)


async def test_an_answer_with_a_hole_is_not_taken_for_the_truth(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.record("init")
    server.steps.append({**server.steps[0], "seq": 3})

    with pytest.raises(Unavailable, match=r"after step 0 came the steps \[1, 3\]"):
        await client.show(REQUEST_ID)


def test_the_default_patience_is_the_documented_one():
    assert Patience() == Patience(gap=0.5, silence=5.0, poll=1.0, straggler=5.0, connect=5.0)

"""Failures while a run is watched do not end the watch, not even unknown ones."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest

from runcast.client.client import Client
from runcast.errors import Conflict, InvalidInput, RuncastError, Unauthorized, Unavailable
from tests.contracts.watching_client import check_each_step_once, follow, follow_while
from tests.fakes.appsync import HANGS, FakeAppSync
from tests.fakes.appsync_records import BEGAN_MS, ServiceError
from tests.unit.client.conftest import LONG_SECONDS, REQUEST_ID, SOON_SECONDS, goes_well, patient

TABLE_IS_AWAY = ServiceError("Unavailable", "The table gave no answer in time. Try again.")


def once(*troubles: Any):
    """Each of these is in the way of one read, in this order; None lets one pass."""
    left = list(troubles)
    return lambda _: left.pop(0) if left else None


# With no patience at all for an unreadable record, one failure is survived only if the limit counts from it.


@pytest.mark.parametrize("patience", [patient(unreadable=0.0, silence=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_one_failed_read_after_others_that_went_well_ends_nothing(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        for _ in range(3):
            reads = len(server.reads)
            server.read_trouble = once(TABLE_IS_AWAY)
            await server.until(lambda reads=reads: len(server.reads) >= reads + 3)
        server.end()

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"


@pytest.mark.parametrize("patience", [patient(unreadable=0.0, straggler=SOON_SECONDS)])
async def test_one_failed_read_of_a_jobs_run_ends_nothing(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        [run] = server.job.plan("terrain")
        run.begin()
        run.record("init", "unheard")
        server.read_trouble = lambda request_id: failures.pop() if request_id == run.request_id and failures else None
        await server.until(lambda: server.reads_of.count(run.request_id) >= 2)
        run.end()
        server.job.end()

    failures = [TABLE_IS_AWAY]
    server.script = script

    _, outcome = await follow(client.job("site-assessment", "Where?", live=False))

    assert (outcome.status, outcome.recorded, outcome.missing, failures) == ("complete", 3, 0, [])


@pytest.mark.parametrize("patience", [patient(read=0.05, straggler=SOON_SECONDS)])
async def test_a_read_that_hangs_is_given_up_and_asked_again(server: FakeAppSync, client: Client, notices: list[str]):
    server.read_trouble = once(HANGS, HANGS)
    server.script = goes_well

    steps, outcome = await follow(client.run("terrain", "Where?", live=False))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"
    assert notices[:2] == ["The record cannot be read (no answer within 0.05 s); trying again."] * 2


@pytest.mark.parametrize("patience", [patient(read=LONG_SECONDS)])
async def test_messages_are_shown_while_a_read_hangs(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        for name in ("init", "thinking"):
            await server.send(server.record(name))

    server.read_trouble = once(HANGS)
    server.script = script
    watch = client.run("terrain", "Where?")

    async with asyncio.timeout(10):
        shown = [(await anext(watch.__aiter__())).status for _ in range(2)]
        await watch.aclose()

    assert (shown, len(server.reads)) == (["init", "thinking"], 1)


@pytest.mark.parametrize("patience", [patient(unreadable=1.0, silence=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_a_caller_who_pauses_does_not_use_up_the_time(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) == 1)
        await server.send(server.record("init"))
        await server.until(lambda: len(server.reads) >= 3)
        server.end()

    server.read_trouble = once(TABLE_IS_AWAY, TABLE_IS_AWAY)
    server.script = script
    watch, steps, now = client.run("terrain", "Where?"), [], asyncio.get_running_loop().time

    async with asyncio.timeout(60):
        async for step in watch:
            steps.append(step)
            resumed_at = now() + (1.5 if step.seq == 1 else 0.0)
            while now() < resumed_at:
                await asyncio.sleep(SOON_SECONDS)

    check_each_step_once(steps, watch.outcome)
    assert watch.outcome.status == "complete"


PROGRESS = {"success": True, "requestId": REQUEST_ID, "steps": None, "status": "in_progress", "nextSeq": None}
FULL = {
    **PROGRESS, "createdAt": float(BEGAN_MS), "updatedAt": float(BEGAN_MS), "liveness": "live", "playbook": "p",
    **dict.fromkeys(("result", "error", "reason", "conversationId", "runs", "resultLink")),
}  # fmt: skip
JOB_RUN = {
    "name": "east", "agent": "survey", "stage": "surveys", "attempt": 1, "requestId": "run-1", "status": "in_progress",
    "liveness": "live", "seq": 1, "elapsed": 1.0, "createdAt": float(BEGAN_MS), "error": None, "reason": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "trouble",
    [
        ServiceError("WAFForbiddenException", "403 Forbidden"),
        ServiceError("TooManyRequestsException", "Slow down."),
        ServiceError("ThrottlingException", "Rate exceeded"),
        ServiceError("ExecutionTimeout", "Execution timed out."),
        ServiceError("NeverHeardOf", "?"),
        {"data": None, "errors": [{"errorType": None, "message": "No type."}]},
        {"data": {"getAgentProgress": PROGRESS}, "errors": [{"errorType": "Lambda:Unhandled", "message": "A part."}]},
        {"errors": [None]},
        {"errors": "broken"},
        {"data": None},
        {"data": []},
        {"data": {"getAgentProgress": None}},
        {"data": {"getAgentProgress": {"success": True}}},
        {"data": {"getAgentProgress": {**PROGRESS, "steps": [{}]}}},
        {"data": {"getAgentProgress": {**PROGRESS, "status": None}}},
        {"data": {"getAgentProgress": "broken"}},
        {"data": {"getAgentProgress": {**FULL, "createdAt": inf}}},
        {"data": {"getAgentProgress": {**FULL, "updatedAt": inf}}},
        {"data": {"getAgentProgress": {**FULL, "runs": [{**JOB_RUN, "createdAt": inf}]}}},
        {"data": {"getAgentProgress": {**FULL, "runs": [{**JOB_RUN, "seq": "x"}]}}},
        {"data": {"getAgentProgress": {**FULL, "runs": [{**JOB_RUN, "status": None}]}}},
        {"neither": "data nor errors"},
        [],
        "broken",
    ],
    ids=str,
)
async def test_no_unfamiliar_answer_ends_a_watch(server: FakeAppSync, client: Client, trouble: Any):
    server.has_run(REQUEST_ID)
    server.read_trouble = once(trouble, None, trouble, trouble)
    server.record("init")

    async def rest(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) >= 5)
        server.end()

    steps, outcome = await follow_while(client.watch(REQUEST_ID, live=False), rest(server))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, straggler=SOON_SECONDS)])
@pytest.mark.parametrize(
    "malformed",
    [{"seq": "x"}, {"seq": []}, {"timestamp": inf}, {"timestamp": "now"}, {"metadata": 5}, {"requestId": []}, "broken"],
    ids=str,
)
async def test_no_malformed_message_ends_a_watch(server: FakeAppSync, client: Client, malformed: Any):
    async def script(server: FakeAppSync) -> None:
        subscriptions = server.subscriptions
        heard = server.as_heard(server.record("init"))
        await server.send_unchecked(heard | malformed if isinstance(malformed, dict) else malformed)
        await server.until(lambda: server.subscriptions > subscriptions)
        await server.send(server.end())

    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?"))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded) == ("complete", 2)


@pytest.mark.parametrize(
    ("error_type", "expected"),
    [("BadRequest", InvalidInput), ("Conflict", Conflict), ("Unauthorized", Unauthorized)],
)
async def test_a_refusal_ends_a_watch(
    server: FakeAppSync, client: Client, error_type: str, expected: type[RuncastError]
):
    refusal = ServiceError(error_type, "Not you.")
    server.read_trouble = once(None, refusal, refusal)
    server.has_run(REQUEST_ID)

    with pytest.raises(expected, match=r"^Not you\.$"):
        await follow(client.watch(REQUEST_ID, live=False))


@pytest.mark.parametrize("patience", [patient(unreadable=1.0)])
async def test_the_first_read_is_tried_again_for_as_long_as_others(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.failing_reads = 1_000_000

    with pytest.raises(Unavailable, match="The table gave no answer in time"):
        await follow(client.watch(REQUEST_ID))

    assert len(server.reads) > 2


@pytest.mark.parametrize("patience", [patient(lost=0.0, straggler=SOON_SECONDS)])
async def test_lost_does_not_follow_from_a_stale_reading(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) >= 1)
        server.read_trouble = once(*[TABLE_IS_AWAY] * 3)
        server.end()

    server.record("init")
    server.liveness = "lost"
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=False))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete"


@pytest.mark.parametrize(("live", "code"), [(True, 502), (False, 502), (False, 408), (False, 429)])
@pytest.mark.parametrize("is_job", [True, False])
async def test_a_start_whose_answer_is_lost_is_asked_again_under_the_same_id(
    server: FakeAppSync, client: Client, notices: list[str], is_job: bool, live: bool, code: int
):
    async def script(server: FakeAppSync) -> None:
        of = server.job or server
        await server.send(of.record("init"), of.end(result="done"), of=of)

    server.lost_starts, server.lost_with = 2, code
    server.script = script
    start = client.job if is_job else client.run
    watch = start("terrain", "Where?", live=live)

    steps, outcome = await follow(watch)

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.result, outcome.recorded) == ("complete", "done", 2)
    assert watch.start_in_doubt is False
    assert [notice.split(" (")[0] for notice in notices[:2]] == ["No answer", "No answer"]


@pytest.mark.parametrize("patience", [patient(unreadable=0.1)])
async def test_a_start_that_is_never_answered_leaves_a_doubt_and_one_that_never_arrived_does_not(
    server: FakeAppSync, client: Client, monkeypatch: pytest.MonkeyPatch
):
    server.lost_starts = 1_000_000
    unanswered = client.run("terrain", "Where?", live=False)
    with pytest.raises(Unavailable, match="gave no answer"):
        await follow(unanswered)
    monkeypatch.setattr(client._api._endpoint._transport, "url", "http://127.0.0.1:9/graphql")
    never_arrived = client.run("terrain", "Where?", live=False)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await follow(never_arrived)

    server.lost_starts = 0
    wrong_addresses = [server.url.replace("graphql", path) for path in ("nowhere", "website")]
    for url in wrong_addresses:
        monkeypatch.setattr(client._api._endpoint._transport, "url", url)
        misdirected = client.run("terrain", "Where?", live=False)
        with pytest.raises(Unavailable, match="did not take the request"):
            await follow(misdirected)
        assert misdirected.start_in_doubt is False

    assert (unanswered.start_in_doubt, never_arrived.start_in_doubt) == (True, False)


async def test_a_run_of_ones_own_that_has_ended_is_not_waited_for(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.record("init")
    server.end(result="done")

    steps, outcome = await follow(client.run("terrain", "Where?", request_id=REQUEST_ID))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.result, outcome.received_live) == ("complete", "done", 0)

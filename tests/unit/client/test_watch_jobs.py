"""A watched job shows every step of its record and its runs' records once, and says complete only with all of them."""

from __future__ import annotations

import pytest

from runcast.client.client import Client
from runcast.client.step import WatchedStep
from runcast.errors import InvalidInput
from tests.contracts import watching_client as contract
from tests.contracts.watching_client import check_each_step_of_a_job_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import FakeJob, FakeJobRun, ServiceError
from tests.unit.client.conftest import LONG_SECONDS, REQUEST_ID, SOON_SECONDS, job_goes_well, patient, run_goes_well


def texts(steps: list[WatchedStep], run: FakeJobRun | FakeJob) -> list[str]:
    """The messages of one record's steps, as they were yielded."""
    return [step.message for step in steps if step.request_id == run.request_id and step.seq is not None]


def recorded(run: FakeJobRun | FakeJob) -> list[str]:
    return [step["message"] for step in run.steps]


async def test_keeps_the_contract_live(server: FakeAppSync, client: Client):
    server.script = job_goes_well

    outcome = await contract.check_a_job_is_watched_live_and_whole(client, "site-assessment", "Where?", {"cells": 4})

    assert str(outcome) == f"job {outcome.request_id}: complete, 3 runs, 13 steps recorded, 13 received live, 0 missing"
    assert server.started_with == {
        "playbook": "site-assessment",
        "query": "Where?",
        "parameters": '{"cells":4}',
        "jobId": outcome.request_id,
    }


async def test_keeps_the_contract_without_live(server: FakeAppSync, client: Client):
    server.script = job_goes_well

    outcome = await contract.check_a_job_is_watched_whole_without_live(client, "site-assessment", "Where?")

    assert server.subscriptions == 0
    assert outcome.result == {"summary": "Build it."}


async def test_while_all_comes_live_no_run_is_read(server: FakeAppSync, client: Client):
    server.script = job_goes_well

    _, outcome = await follow(client.job("site-assessment", "Where?"))

    assert set(server.reads_of) == {outcome.request_id}
    assert server.attempts == 1


async def test_steps_say_whose_they_are(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        job = server.job
        [terrain] = job.plan("terrain")
        await run_goes_well(server, terrain)
        again = job.again(terrain)
        again.begin()
        await server.send(again.end(), of=again)
        await server.send(job.end(), of=job)

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?", job_id=REQUEST_ID))

    check_each_step_of_a_job_once(steps, outcome)
    first, again = server.job.runs
    assert {(step.request_id, step.run_name, step.attempt) for step in steps} == {
        (REQUEST_ID, None, 1),
        (first.request_id, "terrain", 1),
        (again.request_id, "terrain", 2),
    }
    assert [run.attempt for run in outcome.runs] == [1, 2]
    assert ", 2 runs, " in str(outcome)
    assert {step.elapsed_seconds for step in steps if step.request_id == again.request_id} == {0.1}


async def test_joins_a_job_on_its_way(server: FakeAppSync, client: Client):
    job = server.has_job(REQUEST_ID)
    job.record("loading_agents")
    over, going_on, _later = job.plan("terrain", "layout", "report")
    for run in (over, going_on):
        run.begin()
        run.record("thinking", "before")
    over.end()

    async def rest(server: FakeAppSync) -> None:
        # Its own record before and after listening, and each of its runs.
        await server.until(lambda: server.subscribed and len(server.reads) >= 4)
        await server.send(going_on.record("thinking", "after"), going_on.end(), of=going_on)
        await server.send(job.end("error", error="It broke."), of=job)

    steps, outcome = await contract.follow_while(client.watch(REQUEST_ID), rest(server))

    check_each_step_of_a_job_once(steps, outcome)
    assert [texts(steps, run) for run in (over, going_on)] == [recorded(over), recorded(going_on)]
    assert (outcome.status, outcome.error, outcome.recorded, outcome.received_live) == ("error", "It broke.", 7, 3)
    assert [run.status for run in outcome.runs] == ["complete", "complete", None]


async def test_a_job_that_is_over_is_read_without_a_live_connection(server: FakeAppSync, client: Client):
    job = server.has_job(REQUEST_ID)
    server.page_steps = 1
    for run in job.plan("terrain", "layout"):
        run.begin()
        run.record("thinking")
        run.end()
    job.end(result="done")

    steps, outcome = await follow(client.watch(REQUEST_ID))

    check_each_step_of_a_job_once(steps, outcome)
    assert (outcome.status, outcome.recorded, server.attempts) == ("complete", 5, 0)


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, gap=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_a_run_of_which_nothing_is_heard_is_found_in_the_jobs_record(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        job = server.job
        heard, late = job.plan("terrain", "layout")
        await run_goes_well(server, heard)
        late.begin()
        late.record("thinking", "unheard")
        await server.until(lambda: late.request_id in server.reads_of)
        late.end()
        await server.send(job.end(), of=job)

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?"))

    check_each_step_of_a_job_once(steps, outcome)
    assert texts(steps, server.job.runs[1]) == ["unheard", ""]
    assert (outcome.recorded, outcome.received_live) == (6, 4)


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, gap=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_the_runs_of_a_cancelled_job_are_watched_until_they_have_ended(
    server: FakeAppSync, client: Client, live: bool
):
    async def script(server: FakeAppSync) -> None:
        job = server.job
        stops, stopped, never = job.plan("terrain", "layout", "report")
        for run in (stops, stopped):
            run.begin()
            run.record("thinking")
        stops.liveness = "cancelling"
        stopped.end("cancelled")
        await server.send(job.end("cancelled"), of=job)
        reads = len(server.reads)
        await server.until(lambda: len(server.reads) >= reads + 8)
        assert not never.begun
        stops.end("cancelled")

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?", live=live))

    check_each_step_of_a_job_once(steps, outcome)
    assert (outcome.status, outcome.recorded) == ("cancelled", 5)
    assert [run.status for run in outcome.runs] == ["cancelled", "cancelled", None]


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, lost=0.1, straggler=LONG_SECONDS)])
async def test_a_run_that_stays_lost_does_not_hold_up_a_job_that_has_ended(
    server: FakeAppSync, client: Client, notices: list[str]
):
    async def script(server: FakeAppSync) -> None:
        [first] = server.job.plan("terrain")
        second = server.job.again(first)
        second.begin()
        second.liveness = "lost"
        server.job.end("error", error="Its worker died.")

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?", live=False))

    check_each_step_of_a_job_once(steps, outcome)
    assert (outcome.status, outcome.error) == ("error", "Its worker died.")
    assert [notice.split(":")[0] for notice in notices] == ["The worker of terrain (attempt 2) gives no sign of life"]


@pytest.mark.parametrize("patience", [patient(lost=0.05)])
async def test_a_job_whose_execution_is_lost_is_said_to_be_lost(
    server: FakeAppSync, client: Client, notices: list[str]
):
    job = server.has_job(REQUEST_ID)
    job.liveness = "lost"

    _, outcome = await follow(client.watch(REQUEST_ID, live=False))

    assert str(outcome) == f"job {REQUEST_ID}: lost, 0 runs, 0 steps recorded, 0 received live, 0 missing"
    assert [notice.split(":")[0] for notice in notices] == ["The job's execution gives no sign of life"]


async def test_messages_that_are_in_no_record_are_shown_whosever_they_are(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        for request_id in (None, "unknown", server.job.request_id):
            await server.send_update(status="validating", message="Only to be seen", requestId=request_id)
        await server.send_update(status="thinking", message="of no run of this job", requestId="unknown", seq=1)
        await server.send(server.job.end(), of=server.job)

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?", job_id=REQUEST_ID))

    check_each_step_of_a_job_once(steps, outcome)
    assert [step.request_id for step in steps if step.seq is None] == [None, "unknown", REQUEST_ID]
    assert (outcome.recorded, outcome.received_live) == (1, 1)


async def test_a_job_that_waited_too_long_says_what_is_missing(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        [run] = server.job.plan("terrain")
        run.begin()
        run.record("thinking")
        await server.send(run.record("thinking"), of=run)

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?", timeout_seconds=0.3))

    assert outcome.status == "timeout"
    assert len(steps) == outcome.recorded - outcome.missing


async def test_a_run_of_a_job_can_be_watched_by_itself(server: FakeAppSync, client: Client):
    job = server.has_job(REQUEST_ID)
    [run] = job.plan("terrain")
    run.begin()
    run.end()

    steps, outcome = await follow(client.watch(run.request_id))

    assert (str(outcome), len(steps)) == (
        f"run {run.request_id}: complete, 1 steps recorded, 0 received live, 0 missing",
        1,
    )


async def test_what_the_service_refuses_is_raised(server: FakeAppSync, client: Client):
    server.start_error = ServiceError("BadRequest", "playbook must be one of: compare-layouts, site-assessment.")

    with pytest.raises(InvalidInput, match=r"^playbook must be one of: compare-layouts, site-assessment\.$"):
        await follow(client.job("x", "Where?"))

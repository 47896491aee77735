"""A status that this client does not know is open, and is shown as it is."""

from __future__ import annotations

import pytest

from runcast.client.client import Client
from runcast.client.status import Status
from runcast.record.model import RunStatus
from tests.contracts.watching_client import check_each_step_of_a_job_once, check_each_step_once, follow
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import listed
from tests.unit.client.conftest import REQUEST_ID, SOON_SECONDS, patient

UNKNOWN = "hibernating"


def test_a_status_knows_whether_it_is_an_end():
    assert {status: Status(status.value).ended for status in RunStatus} == {
        status: status.ended for status in RunStatus
    }
    assert not Status(UNKNOWN).ended


def test_a_status_is_a_text():
    with pytest.raises(TypeError, match="a status is a text, not None"):
        Status(None)


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, straggler=SOON_SECONDS)])
@pytest.mark.parametrize("live", [True, False])
async def test_a_run_of_an_unknown_status_is_watched_to_its_end(server: FakeAppSync, client: Client, live: bool):
    async def script(server: FakeAppSync) -> None:
        await server.until(lambda: len(server.reads) >= 3)
        server.end()

    server.record("init")
    server.status = UNKNOWN
    server.script = script

    steps, outcome = await follow(client.run("terrain", "Where?", live=live))

    check_each_step_once(steps, outcome)
    assert (outcome.status, outcome.recorded) == ("complete", 2)


@pytest.mark.parametrize("patience", [patient(silence=SOON_SECONDS, straggler=SOON_SECONDS)])
async def test_a_job_with_a_run_of_an_unknown_status_is_watched_to_its_end(server: FakeAppSync, client: Client):
    async def script(server: FakeAppSync) -> None:
        [run] = server.job.plan("terrain")
        run.begin()
        run.status = UNKNOWN
        server.job.end("cancelled")
        await server.until(lambda: len(server.reads) >= 4)
        run.end("cancelled")

    server.script = script

    steps, outcome = await follow(client.job("site-assessment", "Where?", live=False))

    check_each_step_of_a_job_once(steps, outcome)
    assert [run.status for run in outcome.runs] == ["cancelled"]


async def test_records_lists_and_cancels_tell_it_as_it_is(server: FakeAppSync, client: Client):
    server.has_run(REQUEST_ID)
    server.status = UNKNOWN
    server.listed = [listed(REQUEST_ID, status=UNKNOWN)]

    progress = await client.show(REQUEST_ID)
    answer = await client.cancel(REQUEST_ID)
    runs = [run async for run in client.runs()]

    assert (progress.status, answer.status, [run.status for run in runs]) == (UNKNOWN, UNKNOWN, [UNKNOWN])
    assert (answer.to_json()["status"], runs[0].to_json()["status"]) == (UNKNOWN, UNKNOWN)

"""`make demo` on a fake machine: what it says before, between and after, and its exit code."""

import asyncio
import os
import re
from dataclasses import replace

import pytest

from local.demo import demo, introduction
from local.endpoint import Endpoint
from local.processes import LocalProcess
from local.settings import Settings
from local.stack_state import StackState, prepare_directory
from local.users import User
from tests.contracts.watching_client import DEADLINE_SECONDS
from tests.fakes.appsync_server import appsync_server
from tests.fakes.cognito import APP_CLIENT_ID, PASSWORD, USERNAME
from tests.unit.client.conftest import goes_well, job_goes_well

RUN = r"run \S+: complete, 4 steps recorded, 4 received live, 0 missing"
JOB = r"job \S+: complete, 3 runs, 13 steps recorded, 13 received live, 0 missing"


@pytest.fixture
async def server():
    async with appsync_server() as running:

        async def script(server):
            await (goes_well if server.job is None else job_goes_well)(server)

        running.script = script
        yield running


@pytest.fixture
def settings(server, tmp_path):
    """A machine that is up, by what its state directory says."""
    directory = tmp_path / "state"
    prepare_directory(directory)
    outputs = {
        "graphql_url": server.url,
        "rest_url": "http://127.0.0.1:1",
        "user_pool_client_id": APP_CLIENT_ID,
        "region": "us-east-1",
        "recorder_environment": {},
    }
    starter = LocalProcess.of("the test", os.getpid())
    users = (User(USERNAME, "acme", "user-1", PASSWORD),)
    endpoint = Endpoint(server.url.removesuffix("graphql"), "AKIAROOT", "secret")
    state = StackState(directory, endpoint, "http://127.0.0.1:1", starter, (), outputs, users)
    replace(state, console_url="http://127.0.0.1:2").save()
    return replace(Settings(), directory=directory)


async def shown(settings):
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asyncio.to_thread(demo, settings, agent="terrain", playbook="site-assessment", query="Where?")


async def test_it_says_what_will_happen_shows_it_once_and_says_what_to_try_next(settings, capfd):
    assert await shown(settings) == 0
    introduction, run, job = capfd.readouterr().out.split("$ runcast ")
    assert "It needs no AWS account" in introduction
    assert "No paid model either" in introduction
    assert "(playbook site-assessment)" in introduction
    assert run.startswith("run terrain 'Where?'\n")
    assert job.startswith("job site-assessment 'Where?'\n")
    assert [each.count("result:\n") for each in (run, job)] == [1, 1]
    job, following = job.split("\n\nNext:\n")
    *_, run, job = job.splitlines()
    assert re.fullmatch(RUN, run), run
    assert re.fullmatch(JOB, job), job
    # The machine was up before, and stays so.
    assert following.splitlines()[-1] == "The console: http://127.0.0.1:2"
    commands = [line.split("  # ")[0].strip() for line in following.splitlines() if line.startswith("  ")]
    assert commands == [
        f". {settings.directory / 'env'}",
        "runcast list",
        "runcast run terrain 'Where?'",
        "make new AGENTS=../my-agents",
    ]


def test_a_model_of_ones_own_is_named_and_not_called_free():
    own = replace(Settings(), model_url="http://127.0.0.1:11434", model_name="llama")
    said = introduction(own, "terrain", "")
    assert "The model is the one at http://127.0.0.1:11434." in said
    assert "paid" not in said
    assert "playbook" not in said


async def test_a_job_that_fails_is_no_success(server, settings, capfd):
    async def script(server):
        if server.job is None:
            await goes_well(server)
        else:
            await server.send(server.job.end("error", error="It broke."), of=server.job)

    server.script = script

    assert await shown(settings) == 1
    last = capfd.readouterr().out.partition("\n\nNext:")[0].splitlines()[-1]
    assert last.endswith(": error, 0 runs, 1 steps recorded, 1 received live, 0 missing")

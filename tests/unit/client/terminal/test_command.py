"""The command as a user meets it: what it prints where, and its exit code."""

from __future__ import annotations

import json
from functools import partial
from importlib import metadata

import pytest

from runcast.client.client import connect
from runcast.client.patience import Patience
from runcast.client.terminal import commands
from runcast.client.terminal.command import main
from runcast.clock import epoch_ms
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import listed
from tests.fakes.cognito import ID_TOKEN, USERNAME
from tests.unit.client.conftest import job_goes_well
from tests.unit.client.terminal.conftest import COME_BACK, REQUEST_ID, Run, two_steps


async def large_integers(server: FakeAppSync) -> None:
    await server.send(server.record("thinking", metadata={"cells": 10**30}))
    await server.send(server.end(result={"cells": 2**53 + 1}))


async def test_run_shows_steps_result_and_count(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.script = two_steps

    code = await run("run", "terrain", "Where?", "--request-id", REQUEST_ID, "--parameters", '{"cells": 4}')

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "   1     0.10 s  terrain: agent_invoking  Cold start",
        "   2     0.20 s  agent_complete",
        "result:",
        "12 cells",
        f"run {REQUEST_ID}: complete, 2 steps recorded, 2 received live, 0 missing",
    ]
    assert server.started_with == {
        "agent": "terrain",
        "query": "Where?",
        "parameters": '{"cells":4}',
        "requestId": REQUEST_ID,
    }


async def test_rerun_starts_the_same_under_a_new_id_and_watches_it(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]
):
    server.script = two_steps

    code = await run("rerun", REQUEST_ID)

    assert server.started_with is not None
    new_id = server.started_with["requestId"]
    assert server.started_with == {"rerunOf": REQUEST_ID, "requestId": new_id}
    assert new_id != REQUEST_ID
    last = capsys.readouterr().out.splitlines()[-1]
    assert (code, last.startswith(f"run {new_id}: complete, 2 steps recorded, ")) == (0, True)
    assert last.endswith(", 0 missing")


async def test_token_prints_the_id_token_alone(run: Run, capsys: pytest.CaptureFixture[str]):
    code = await run("token")

    assert (code, *capsys.readouterr()) == (0, f"{ID_TOKEN}\n", "")


async def test_a_token_for_a_wrong_password_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNCAST_PASSWORD", "wrong")

    code = await run("token")

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith(f"runcast: Signing in as '{USERNAME}' was refused: ")


async def test_run_without_live_as_json(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.script = two_steps

    code = await run("run", "terrain", "Where?", "--no-live", "--json")

    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [line["type"] for line in lines] == ["step", "step", "summary"]
    assert (lines[-1]["recorded"], lines[-1]["receivedLive"], lines[-1]["missing"]) == (2, 0, 0)
    assert lines[-1]["result"] == "12 cells"


@pytest.mark.parametrize(("status", "expected"), [("complete", 0), ("error", 1), ("cancelled", 3), ("waiting", 5)])
async def test_the_exit_code_says_how_a_run_ended(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], status: str, expected: int
):
    server.has_run(REQUEST_ID)
    server.end(status, error="It broke." if status == "error" else None)

    code = await run("watch", REQUEST_ID)

    lines = capsys.readouterr().out.splitlines()
    assert code == expected
    assert lines[-1] == f"run {REQUEST_ID}: {status}, 1 steps recorded, 0 received live, 0 missing"
    assert ("It broke." in lines) == (status == "error")


async def test_a_lost_run_and_a_wait_that_is_over(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    server.has_run(REQUEST_ID)
    server.record("init")

    assert await run("watch", REQUEST_ID, "--timeout-seconds", "0.5") == 4
    out, err = capsys.readouterr()
    assert f"run {REQUEST_ID}: timeout, " in out
    assert err == f"The run goes on. To watch it again: {COME_BACK}\n"
    server.liveness = "lost"
    monkeypatch.setattr(commands, "connect", partial(connect, patience=Patience(poll=0.01, lost=0.05)))
    assert await run("watch", REQUEST_ID) == 4
    out, err = capsys.readouterr()
    assert out.endswith("lost, 1 steps recorded, 0 received live, 0 missing\n")
    assert err.startswith("The run's worker gives no sign of life: it is probably dead.")


async def test_show_reads_the_record(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.has_run(REQUEST_ID)
    server.record("init")

    assert await run("show", REQUEST_ID) == 0
    assert capsys.readouterr().out.splitlines() == [
        "   1     0.10 s  init",
        f"run {REQUEST_ID}: in_progress (live), 1 steps recorded",
    ]
    assert await run("show", REQUEST_ID, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == "in_progress"


async def test_integers_of_any_size_are_shown_as_they_are(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]
):
    server.script = large_integers

    assert await run("run", "terrain", "Where?", "--request-id", REQUEST_ID, "--json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line).get("metadata") for line in lines] == [{"cells": 10**30}, None, None]
    assert '"result": {"cells": 9007199254740993}' in lines[-1]
    assert await run("show", REQUEST_ID) == 0
    assert "9007199254740993" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "liveness", "said", "hint"),
    [
        ("cancelled", "done", "cancelled", ""),
        ("complete", "done", "complete", ""),
        (
            "in_progress",
            "cancelling",
            "in_progress (cancelling)",
            f"Its worker has been asked to stop. To see it stop: runcast watch {REQUEST_ID}\n",
        ),
    ],
)
async def test_cancel_says_how_the_run_stands(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], status: str, liveness: str, said: str, hint: str
):
    server.has_run(REQUEST_ID)
    server.status, server.liveness = status, liveness
    server.reason = "cancel_requested" if status == "cancelled" else None

    assert await run("cancel", REQUEST_ID) == 0
    assert capsys.readouterr() == (f"{REQUEST_ID}: {said}\n", hint)
    assert await run("cancel", REQUEST_ID, "--json") == 0
    line = {"type": "summary", "requestId": REQUEST_ID, "status": status, "liveness": liveness}
    line |= {"error": None, "reason": server.reason}
    assert json.loads(capsys.readouterr().out) == line


async def test_job_shows_each_agents_steps_result_and_count(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]
):
    server.script = job_goes_well

    code = await run("job", "site-assessment", "Where?", "--id", REQUEST_ID, "--parameters", '{"cells": 4}')

    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert len([line for line in lines if line.startswith("north ")]) == 3
    assert lines[0].split() == ["job", "1", "0.10", "s", "loading_agents", "Loading", "the", "playbook"]
    assert lines[-1] == f"job {REQUEST_ID}: complete, 3 runs, 13 steps recorded, 13 received live, 0 missing"
    assert server.started_with == {
        "playbook": "site-assessment",
        "query": "Where?",
        "parameters": '{"cells":4}',
        "jobId": REQUEST_ID,
    }


@pytest.mark.parametrize(("status", "expected"), [("complete", 0), ("error", 1), ("cancelled", 3)])
async def test_the_exit_code_says_how_a_job_ended(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], status: str, expected: int
):
    job = server.has_job(REQUEST_ID)
    job.plan("terrain")
    job.end(status, error="It broke." if status == "error" else None)

    assert await run("watch", REQUEST_ID) == expected
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"job {REQUEST_ID}: {status}, 0 runs, 1 steps recorded, 0 received live, 0 missing"
    )
    assert await run("show", REQUEST_ID) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"job {REQUEST_ID}: {status}, 0 runs, 1 steps recorded"


@pytest.mark.parametrize("command", ["watch", "show"])
async def test_a_large_result_is_fetched_or_it_is_said_why_not(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], command: str
):
    job = server.has_job(REQUEST_ID)
    job.end()
    job.result_link = {"url": server.url.replace("graphql", "result"), "expiresAt": 0.0}
    server.large_result = {"summary": "Build it.", "facts": {}}

    assert await run(command, REQUEST_ID) == 0
    out, err = capsys.readouterr()
    assert (out.splitlines()[-3:-1], err) == (["result:", "Build it."], "")
    server.large_result = None
    assert await run(command, REQUEST_ID) == 0
    out, err = capsys.readouterr()
    assert "result:" not in out
    assert out.splitlines()[-1].startswith(f"job {REQUEST_ID}: complete, ")
    assert err == "The link to the result has expired. Read the job's record again for a new one.\n"


async def test_a_job_that_may_have_been_started_says_how_to_come_back(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commands, "connect", partial(connect, patience=Patience(poll=0.01, unreadable=0.05)))
    server.lost_starts = 1_000_000

    assert await run("job", "site-assessment", "Where?", "--no-live", "--id", REQUEST_ID) == 1
    assert capsys.readouterr().err.endswith(f"The job may have been started. To watch it again: {COME_BACK}\n")


async def test_list_shows_ones_own_runs(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.listed = [
        listed("r2", began_ms=epoch_ms() - 90_000, query="How steep\nis it?"),
        listed("r1", began_ms=epoch_ms() - 7_300_000, status="error", liveness="done", seq=12, error="why"),
        listed("j1", began_ms=epoch_ms() - 7_300_000, agent="orchestrator", jobId="j1", playbook="site-assessment",
               query="x" * 61),
    ]  # fmt: skip

    assert await run("list") == 0
    assert capsys.readouterr() == (
        "run  agent                     status              steps    age  query\n"
        "r2   terrain                   in_progress (live)      3  1 min  How steep is it?\n"
        "r1   terrain                   error                  12    2 h\n"
        f"j1   playbook site-assessment  in_progress (live)      3    2 h  {'x' * 59}…\n",
        "",
    )
    assert await run("list", "--limit", "1", "--json") == 0
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["type"], line["requestId"], line["seq"]) == ("run", "r2", 3)
    for filters, found in (
        (["--status", "error"], ["r1"]),
        (["--agent", "terrain", "--status", "in_progress"], ["r2"]),
    ):
        assert await run("list", *filters, "--json") == 0
        assert [json.loads(line)["requestId"] for line in capsys.readouterr().out.splitlines()] == found


async def test_agents_and_playbooks_are_listed(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.agents = {
        "agents": [
            {
                "name": "hello",
                "description": "Counts.",
                "parametersSchema": '{"required": ["länge"]}',
                "attachments": False,
            },
            {"name": "elsewhere", "description": "", "attachments": True},
        ],
        "playbooks": [{"name": "two-texts", "description": "Counts twice."}],
    }
    assert await run("agents") == 0
    assert capsys.readouterr() == (
        "agent     hello      Counts.\n"
        '          parameters: {"required": ["länge"]}\n'
        "agent     elsewhere\n"
        "playbook  two-texts  Counts twice.\n",
        "",
    )
    assert await run("agents", "--json") == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {
            "type": "agent",
            "name": "hello",
            "description": "Counts.",
            "parametersSchema": {"required": ["länge"]},
            "attachments": False,
        },
        {"type": "agent", "name": "elsewhere", "description": "", "parametersSchema": None, "attachments": True},
        {"type": "playbook", "name": "two-texts", "description": "Counts twice."},
    ]


OTHER_ID = f"3f25{REQUEST_ID[4:-1]}2"


@pytest.mark.parametrize("given", [REQUEST_ID[:-1] + "1", "3F2504E0-4F89-41D3-9A0C-0305E82C3301", "3f2504e0-4"])
async def test_an_id_may_be_given_by_its_beginning(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], given: str
):
    server.has_run(REQUEST_ID)
    server.listed = [listed("9f00"), listed(REQUEST_ID)]
    for command in ("show", "cancel", "watch"):
        server.end()
        assert await run(command, given) == 0
        assert REQUEST_ID in capsys.readouterr().out.splitlines()[-1]
    assert server.lists == ([(50, None)] * 3 if len(given) < 36 else [])  # a whole id is not looked for


async def test_a_beginning_of_several_ids_is_refused_and_one_of_none_is_taken_for_an_id(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]
):
    server.listed = [listed(REQUEST_ID), listed(OTHER_ID), listed("3f2")]
    assert await run("show", "3f25") == 2
    said = f"runcast: 3f25 is the beginning of several ids: {REQUEST_ID}, {OTHER_ID}. Give more of it.\n"
    assert capsys.readouterr().err == said
    server.has_run("3f2")
    server.end()
    assert await run("show", "3f2") == 0  # it is an id itself
    assert await run("show", "unknown") == 2
    assert "There is no such run." in capsys.readouterr().err


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"runcast {metadata.version('runcast')}\n"


async def test_a_list_of_none_is_its_heading(run: Run, capsys: pytest.CaptureFixture[str]):
    assert await run("list") == 0
    assert capsys.readouterr().out.split() == ["run", "agent", "status", "steps", "age", "query"]

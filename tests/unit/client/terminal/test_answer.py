"""`runcast answer`: what it asks on the terminal, what it sends, and how other commands lead to it."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import sys

import pytest

from runcast.client.config import ClientConfig
from runcast.client.terminal.command import main
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import ServiceError
from tests.unit.client.terminal.conftest import REQUEST_ID, Run
from tests.unit.client.terminal.test_command_process import COMMAND, process

APPROVE = {"id": "v1:tool_call:u1:0", "name": "approve", "reason": {"costs": 5, "unit": "€"}}
WHERE = {"id": "v1:tool_call:u1:1", "name": "where", "reason": "Which site?"}
HINT = f"It waits for an answer. To answer it: runcast answer {REQUEST_ID}\n"
WATCH = f"To watch it again: runcast watch {REQUEST_ID}\n"


@pytest.fixture
def waiting(server: FakeAppSync) -> FakeAppSync:
    server.has_run(REQUEST_ID)
    server.record("init")
    server.ask(APPROVE, WHERE)
    return server


async def test_each_question_is_asked_until_a_line_is_typed(
    waiting: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n  yes \nin the north\n"))

    code = await run("answer", REQUEST_ID)

    out, err = capsys.readouterr()
    assert (code, out) == (0, f"{REQUEST_ID}: in_progress (live)\n")
    assert json.loads(waiting.answered[0]) == {APPROVE["id"]: "yes", WHERE["id"]: "in the north"}
    assert err == (f'approve\n{{\n  "costs": 5,\n  "unit": "€"\n}}\n> > where\nWhich site?\n> {WATCH}')


async def test_answers_given_as_json_are_sent_as_they_are_and_nothing_is_asked(
    waiting: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]
):
    answers = {APPROVE["id"]: {"approved": True}, WHERE["id"]: 7}

    code = await run("answer", REQUEST_ID, "--json", json.dumps(answers))

    out, err = capsys.readouterr()
    assert (code, err, json.loads(waiting.answered[0])) == (0, WATCH, answers)
    line = {"type": "summary", "requestId": REQUEST_ID, "status": "in_progress", "liveness": "live"}
    assert json.loads(out) == line | {"error": None, "reason": None}


@pytest.mark.parametrize("command", ["watch", "show"])
async def test_who_looks_at_a_waiting_run_is_told_how_to_answer_it(
    waiting: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], command: str
):
    assert await run(command, REQUEST_ID) == (5 if command == "watch" else 0)
    assert capsys.readouterr().err == HINT


async def test_an_input_that_ends_answers_nothing(
    waiting: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))

    assert await run("answer", REQUEST_ID) == 2
    said = "runcast: where has no answer: the input has ended. Answer with --json."
    assert (capsys.readouterr().err.splitlines()[-1], waiting.answered) == (f"> {said}", [])


async def test_a_run_that_does_not_wait_is_refused(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    server.has_run(REQUEST_ID)
    server.end()

    assert await run("answer", REQUEST_ID) == 2
    assert capsys.readouterr() == ("", f"runcast: {REQUEST_ID} has no open question: it is complete.\n")


async def test_the_services_refusal_is_one_line(waiting: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    waiting.answer_errors = [ServiceError("BadRequest", "answers lacks 'i1'.")]

    assert await run("answer", REQUEST_ID, "--json", "{}") == 2
    assert capsys.readouterr() == ("", "runcast: answers lacks 'i1'.\n")


def test_answers_that_are_no_json_are_wrong_usage(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["answer", REQUEST_ID, "--json", "yes"])

    assert caught.value.code == 2
    assert "argument --json: answers must be a JSON object." in capsys.readouterr().err


async def test_an_agents_question_cannot_change_the_terminal(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    evil = "\x1b]0;pwned\x07[bold]x[/bold]\u202e"
    server.has_run(REQUEST_ID)
    server.ask({"id": "i1", "name": evil, "reason": evil}, {"id": "i2", "name": "n", "reason": {evil: [evil]}})
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\nb\n"))

    assert await run("answer", REQUEST_ID) == 0
    err = capsys.readouterr().err
    assert not set(err) & set("\x1b\x07\u202e")
    assert err.count("[bold]x[/bold]") == 4


async def test_a_signal_ends_the_wait_for_a_line_of_the_terminal(waiting: FakeAppSync, config: ClientConfig):
    ours, terminal = pty.openpty()
    try:
        async with process(config, *COMMAND, "answer", REQUEST_ID, stdin=terminal) as running:
            asked = await running.stderr.readuntil(b"> ")
            running.send_signal(signal.SIGINT)
            out, err = await running.communicate()
            assert b"approve" in asked
            assert (running.returncode, out, err) == (130, b"", b"runcast: interrupted\n")

        async with process(config, *COMMAND, "answer", REQUEST_ID, stdin=terminal) as running:
            await running.stderr.readuntil(b"> ")
            os.write(ours, b"yes\n")
            await running.stderr.readuntil(b"> ")
            os.write(ours, b"north\n")
            out, _ = await running.communicate()
    finally:
        os.close(ours)
        os.close(terminal)

    assert (running.returncode, out.decode()) == (0, f"{REQUEST_ID}: in_progress (live)\n")
    assert [json.loads(each) for each in waiting.answered] == [{APPROVE["id"]: "yes", WHERE["id"]: "north"}]

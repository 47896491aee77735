"""`runcast chat`: each line of the input is a turn of one conversation."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import conversation
from tests.unit.client.terminal.conftest import REQUEST_ID, Run

CHAT = "0c0ffee0-52f0-4b57-9a38-0c4f6f6f2a11"
QUESTION = {"id": "q1", "name": "approve", "reason": None}


async def says(server: FakeAppSync) -> None:
    """Each run is a record of its own, and answers with the number of the turn."""
    server.steps, server.status, server.liveness, server.result = [], "in_progress", "live", None
    await server.send(server.end(result=f"Turn {len(server.starts)}"))


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


async def test_each_line_is_a_turn_of_one_conversation(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    server.script = says
    typed(monkeypatch, "Hello\n\n  And now? \n")
    assert await run("chat", "terrain", "--no-live") == 0
    out, err = capsys.readouterr()
    assert [start["query"] for start in server.starts] == ["Hello", "And now?"]
    [conversation_id] = {start["conversationId"] for start in server.starts}
    assert len({start["requestId"] for start in server.starts}) == 2
    assert out.index("Turn 1") < out.index("Turn 2")
    assert err.endswith(f"To continue: runcast chat terrain --conversation {conversation_id}\n")


async def test_a_conversation_is_shown_and_continued(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    server.script = says
    server.conversations[CHAT] = conversation(CHAT, "Hello", "Hi there")
    typed(monkeypatch, "And now?\n")
    assert await run("chat", "terrain", "--conversation", CHAT, "--no-live") == 0
    assert capsys.readouterr().out.startswith("> Hello\nHi there\n")
    assert [start["conversationId"] for start in server.starts] == [CHAT]


async def test_an_open_run_is_watched_and_its_question_asked_first(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    server.has_run(REQUEST_ID)
    server.ask(QUESTION)
    server.conversations[CHAT] = conversation(CHAT, "Hello", openRun=REQUEST_ID)
    server.script = says
    typed(monkeypatch, "yes\n")
    end = server._answer_agent_run

    async def answered(*about, **more):
        state = await end(*about, **more)
        server.end(result="Bought")
        return state

    monkeypatch.setattr(server, "_answer_agent_run", answered)
    assert await run("chat", "terrain", "--conversation", CHAT, "--no-live") == 0
    assert (json.loads(server.answered[0]), server.starts) == ({"q1": "yes"}, [])
    assert "Bought" in capsys.readouterr().out


async def test_an_unknown_conversation_is_refused(server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]):
    assert await run("chat", "terrain", "--conversation", CHAT) == 2
    assert capsys.readouterr().err == f"runcast: {CHAT}: There is no such conversation.\n"

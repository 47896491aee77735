"""`runcast forget`: it asks first, and repeats its request until nothing remains."""

from __future__ import annotations

import io
import sys

import pytest

from tests.fakes.appsync import FakeAppSync
from tests.unit.client.terminal.conftest import Run


@pytest.fixture
def server(server: FakeAppSync) -> FakeAppSync:
    server.deletions = [{"deleted": 25, "remaining": True}, {"deleted": 3, "remaining": False}]
    return server


@pytest.mark.parametrize(("arguments", "typed"), [(["--yes"], ""), ([], "yes\n")])
async def test_all_runs_are_deleted(
    server: FakeAppSync,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    typed: str,
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert await run("forget", *arguments) == 0
    assert capsys.readouterr().out == "Deleted 28 runs, jobs and conversations.\n"
    assert server.deletions == []


@pytest.mark.parametrize("typed", ["", "no\n", "\n"])
async def test_nothing_is_deleted_without_a_yes(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert await run("forget") == 2
    assert capsys.readouterr().err.endswith("runcast: Nothing was deleted.\n")
    assert len(server.deletions) == 2

"""`runcast timeline`: each step with its beginning and its duration."""

from __future__ import annotations

import pytest

from runcast.client.step import WatchedStep
from runcast.client.terminal.timeline import spans_of
from tests.fakes.appsync import FakeAppSync
from tests.unit.client.terminal.conftest import REQUEST_ID, Run


def step(seq: int, status: str, elapsed: float, parent: int | None = None) -> WatchedStep:
    metadata = None if parent is None else {"parentSeq": parent}
    return WatchedStep(seq, status, "", elapsed, 0, metadata=metadata)


def test_a_tool_call_lasts_until_its_end_and_other_steps_until_the_next():
    steps = [
        step(1, "agent_invoking", 0.0),
        step(2, "thinking", 1.0),
        step(3, "calling_tool", 4.0),
        step(4, "calling_tool", 4.5),
        step(5, "tool_complete", 5.0, parent=4),
        step(6, "tool_error", 9.0, parent=3),
        step(7, "agent_complete", 10.0),
    ]
    spans = [(span.step.seq, span.seconds, span.depth) for span in spans_of(steps)]
    assert spans == [(1, 1.0, 0), (2, 3.0, 0), (3, 5.0, 0), (4, 0.5, 0), (7, None, 0)]


def test_the_steps_of_an_agent_that_another_one_uses_are_below_it():
    steps = [
        step(1, "calling_tool", 0.0),
        step(2, "agent_invoking", 0.5, parent=1),
        step(3, "thinking", 1.0, parent=2),
        step(4, "agent_complete", 3.0, parent=2),
        step(5, "tool_complete", 3.5, parent=1),
    ]
    spans = [(span.step.seq, span.seconds, span.depth) for span in spans_of(steps)]
    assert spans == [(1, 3.5, 0), (2, 2.5, 1), (3, None, 2)]


async def test_the_command_prints_a_line_for_each_step(
    server: FakeAppSync, run: Run, capsys: pytest.CaptureFixture[str]
):
    server.has_run(REQUEST_ID)
    server.record("init", "Cold\nstart")
    server.record("executing", "Measuring", status="calling_tool", toolName="measure")
    server.record("executed", status="tool_complete", metadata={"parentSeq": 2})
    server.end()

    assert await run("timeline", REQUEST_ID) == 0
    assert capsys.readouterr().out.splitlines() == [
        "      0.1 s      0.1 s  init  Cold start",
        "      0.2 s      0.1 s  calling_tool measure  Measuring",
        "      0.4 s             agent_complete",
    ]

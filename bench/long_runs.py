"""What `checkpointing=True` adds to an agent's turn, while the table and the bucket take 10 ms for a request.

Two agents do the same work, with and without it. The difference is the saved state, its name in the record, and the
journal of the tool call. The journal is also measured alone.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from strands import Agent, tool

from bench.agent import ScriptedModel
from bench.row import P50, Row
from runcast import limits
from runcast.agents.checkpoints import Boundary, CheckpointedWork
from runcast.record.journal import Call, CallEntry, CallJournal, CallState
from runcast.record.model import Owner
from runcast.runs.stop import AgentStop
from runcast.runs.tracked import TrackedRun

_REPETITIONS = 5
_TURNS = 20
_REQUEST_SECONDS = 0.01


def measure_long_runs() -> list[Row]:
    """Measure the cost of a turn with one tool call."""
    turns, calls = zip(*(_turns() for _ in range(_REPETITIONS)), strict=True)
    plain = [_plain() for _ in range(_REPETITIONS)]
    return [
        Row("turn of a checkpointing agent, with a tool call", "ms", turns, usual=plain),
        Row("journal of a tool call, until the tool begins", "ms", calls, {P50: 15}),
    ]


class _Turns(ScriptedModel):
    """Calls the tool in each turn."""

    def __init__(self) -> None:
        self._turn = 0

    async def stream(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Yields the answer."""
        self._turn += 1
        yield {"messageStart": {"role": "assistant"}}
        if self._turn <= _TURNS:
            yield {"contentBlockStart": {"start": {"toolUse": {"toolUseId": f"t{self._turn}", "name": "measure"}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if self._turn <= _TURNS else "end_turn"}}


class _Journal(CallJournal):
    """Answers as a table in which nothing has been called, after as long as DynamoDB takes."""

    def __init__(self) -> None:
        self.asked_at = 0.0

    def begin(self, call: Call, part: int, worker: str) -> CallEntry:  # noqa: ARG002 - overrides
        self.asked_at = time.perf_counter()
        _request()
        return CallEntry(part, worker, CallState.BEGUN, 0)

    def end(self, call: Call, entry: CallEntry) -> None:  # noqa: ARG002 - overrides
        _request()


def _request() -> None:
    time.sleep(_REQUEST_SECONDS)


def _turns() -> tuple[list[float], list[float]]:
    """Return the time of each turn, and of each call's journal, in ms."""
    journal = _Journal()
    ends: list[float] = []
    waits: list[float] = []

    @tool
    def measure() -> str:
        """Measure something."""
        ends.append(time.perf_counter())
        waits.append((ends[-1] - journal.asked_at) * 1000)
        return "3.5 degrees"

    recorder = SimpleNamespace(
        request_id="bench", owner=Owner("acme", "ana"),
        assignment=SimpleNamespace(part=1, worker="bench", expires_at_epoch_s=0, snapshot_key=None),
        journal=lambda: journal, name_snapshot=lambda _: _request(),
    )  # fmt: skip
    run = cast(TrackedRun, SimpleNamespace(recorder=recorder, stop=AgentStop(), turns=0, agent_usage={}))
    agent = Agent(model=_Turns(), tools=[measure], checkpointing=True, callback_handler=None)

    def save(boundary: Boundary) -> str:
        json.dumps(boundary.agent)
        _request()
        return "snapshot"

    drain_seconds = limits.DRAIN_SECONDS
    work = CheckpointedWork(agent, run, save=save, results=cast(Any, None), hand_over_after_seconds=drain_seconds)
    asyncio.run(work.invoke("Measure.", {}))
    return _differences(ends), waits


def _plain() -> list[float]:
    ends: list[float] = []

    @tool
    def measure() -> str:
        """Measure something."""
        ends.append(time.perf_counter())
        return "3.5 degrees"

    Agent(model=_Turns(), tools=[measure], callback_handler=None)("Measure.")
    return _differences(ends)


def _differences(times: list[float]) -> list[float]:
    return [(after - before) * 1000 for before, after in pairwise(times)]

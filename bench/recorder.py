"""How long a step holds the thread that records it, while a table that takes 5 ms a write is written behind it.

The recorder's own thread removes the secrets of each step before it writes; its cost is measured alone.
"""

from __future__ import annotations

import time
from typing import Any, cast

from bench.row import Row, percentiles
from runcast import limits
from runcast.clock import epoch_ms
from runcast.json_text import metadata_json
from runcast.record.model import PUBLIC, Run, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore
from runcast.redaction import clean_metadata_text, clean_text

_STEPS = 1000
_WRITE_SECONDS = 0.005
_PAUSE_SECONDS = 0.001


class _SlowTable:
    """Answers as a table that has everything, after as long as DynamoDB takes."""

    now_ms = staticmethod(epoch_ms)

    def __init__(self) -> None:
        self.writes = 0

    def learn_time(self) -> None:
        """This process's clock is right."""

    def claim(self, request_id: str, **_: Any) -> Run:
        return Run(request_id, PUBLIC, "bench", RunStatus.IN_PROGRESS, 0, (), epoch_ms(), epoch_ms(), 0, 0)

    def append(self, *_: Any, **__: Any) -> None:
        self._write()

    def put_page(self, *_: Any, **__: Any) -> None:
        self._write()

    def _write(self) -> None:
        self.writes += 1
        time.sleep(_WRITE_SECONDS)


def measure_recorder() -> list[Row]:
    """Record steps at a steady pace, then all at once."""
    steady, _ = _record(_PAUSE_SECONDS)
    at_once, writes = _record(0)
    return [
        Row("agent's thread held a step, steady", percentiles(steady, "ms", 4), "p50 at most 0.03 ms"),
        Row(f"agent's thread held a step, {_STEPS} at once", percentiles(at_once, "ms", 4)),
        Row(f"writes for {_STEPS} steps at once", str(writes), "at most 100"),
        Row("redaction of a step, recorder's thread", percentiles(_redact(), "ms", 4), "p50 at most 0.1 ms"),
    ]


def _redact() -> list[float]:
    """Redact the texts of a typical step: a tool call's end."""
    message = "slope ended after 0.3 s: 12.5 degrees in the north of the map"
    metadata = metadata_json({"parentSeq": 7, "toolUseId": "tooluse_q1w2e3r4t5", "outcome": "ok", "seconds": 0.312})
    taken_ms = []
    for _ in range(_STEPS):
        began = time.perf_counter()
        clean_text(message, "message", limits.MESSAGE_MAX_CHARACTERS)
        clean_metadata_text(metadata)
        taken_ms.append((time.perf_counter() - began) * 1000)
    return taken_ms


def _record(pause_seconds: float) -> tuple[list[float], int]:
    table = _SlowTable()
    recorder = Recorder(cast(RunStore, table), request_id="bench", owner=PUBLIC, agent="bench", worker="bench")
    recorder.claim()
    held_ms = []
    for _ in range(_STEPS):
        began = time.perf_counter()
        recorder.record("thinking", "Thinking", metadata={"n": 1})
        held_ms.append((time.perf_counter() - began) * 1000)
        if pause_seconds:
            time.sleep(pause_seconds)
    if recorder.end(RunStatus.COMPLETE, "Done").unrecorded:
        raise RuntimeError("the record was not kept whole, so its figures mean nothing")
    return held_ms, table.writes

"""How long a step holds the thread that records it, while a table that takes 5 ms a write is written behind it.

The recorder's own thread removes the secrets of each step before it writes; its cost is measured alone. The usual way
(`bench.baseline`) writes the step and invokes the publisher on the agent's thread. The floor of a paced step is the
least that a recorder has to do: `_record_least`. After a pause, a processor runs even that many times slower than in a
loop, because its caches are cold and it has to wake the thread that writes (docs/decisions/0029-paced-steps.md).
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, cast

from bench.baseline import UsualProgress
from bench.row import MAX, P50, Row
from runcast import limits
from runcast.clock import epoch_ms
from runcast.json_text import metadata_json
from runcast.record.assignment import StepRef
from runcast.record.model import PUBLIC, Run, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore
from runcast.redaction import clean_metadata_text, clean_text

_REPETITIONS = 5
_STEPS = 1000
_PACED_STEPS = 20
_PACE_SECONDS = 0.05
_WRITE_SECONDS = 0.005
_INVOKE_SECONDS = 0.003
_METADATA = {"n": 1}


class _SlowTable:
    """Answers as a table that has everything, after as long as DynamoDB takes."""

    now_ms = staticmethod(epoch_ms)

    def __init__(self) -> None:
        self.writes = 0

    def learn_time(self) -> None:
        """This process's clock is right."""

    def claim(self, request_id: str, **_: Any) -> Run:
        never_epoch_s = 2**33
        times = (epoch_ms(), epoch_ms(), never_epoch_s, never_epoch_s, 0)
        return Run(request_id, PUBLIC, "bench", RunStatus.IN_PROGRESS, 0, (), *times)

    def append(self, *_: Any, **__: Any) -> None:
        self._write()

    def put_page(self, *_: Any, **__: Any) -> None:
        self._write()

    def is_cancel_hinted(self, *_: Any, **__: Any) -> bool:
        return False

    def _write(self) -> None:
        self.writes += 1
        time.sleep(_WRITE_SECONDS)


def measure_recorder() -> list[Row]:
    """Record steps at a steady pace, then all at once; and the same the usual way, at the same pace."""
    paced = [_record(_PACED_STEPS, _PACE_SECONDS)[0] for _ in range(_REPETITIONS)]
    usual = [_usual(_PACED_STEPS, _PACE_SECONDS) for _ in range(_REPETITIONS)]
    at_once = [_record(_STEPS, 0) for _ in range(_REPETITIONS)]
    floor_ms = statistics.median(_record_least())
    return [
        Row("thread held per step, one step each 50 ms", "ms", paced, {P50: 0.03}, usual, floors={P50: floor_ms}),
        Row(f"thread held per step, {_STEPS:,} at once", "ms", [held for held, _ in at_once]),
        Row(f"writes for {_STEPS:,} steps at once", "writes", [[writes] for _, writes in at_once], {MAX: 30}),
        Row("redaction of a step, recorder's thread", "ms", [_redact() for _ in range(_REPETITIONS)], {P50: 0.1}),
    ]


def _redact() -> list[float]:
    """Redact the texts of a typical step: a tool call's end."""
    message = "slope ended after 0.3 s: 12.5 degrees in the north of the map"
    metadata = metadata_json({"parentSeq": 7, "toolUseId": "tooluse_q1w2e3r4t5", "outcome": "ok", "seconds": 0.312})

    def redact() -> None:
        clean_text(message, "message", limits.MESSAGE_MAX_CHARACTERS)
        clean_metadata_text(metadata)

    return _held_ms(redact, _STEPS, 0)


def _record(steps: int, pace_seconds: float) -> tuple[list[float], int]:
    table = _SlowTable()
    recorder = Recorder(cast(RunStore, table), request_id="bench", owner=PUBLIC, agent="bench", worker="bench")
    recorder.claim()
    held_ms = _held_ms(lambda: recorder.record("thinking", "Thinking", metadata=_METADATA), steps, pace_seconds)
    if recorder.end(RunStatus.COMPLETE, "Done").unrecorded:
        raise RuntimeError("the record was not kept whole, so its figures mean nothing")
    return held_ms, table.writes


def _record_least() -> list[float]:
    """Take the time, copy the metadata, count the step, hand it to a waiting thread, and return a reference to it."""
    lock, handed, counted = threading.Lock(), SimpleQueue[tuple[Any, ...]](), [0]
    waiting = threading.Thread(target=lambda: [handed.get() for _ in range(_PACED_STEPS)])

    def record(step: str, message: str, metadata: dict[str, int]) -> StepRef:
        ref = StepRef()
        queued = (step, message, epoch_ms(), dict(metadata), ref)
        with lock:
            counted[0] += 1
            handed.put(queued)
        return ref

    waiting.start()
    held_ms = _held_ms(lambda: record("thinking", "Thinking", _METADATA), _PACED_STEPS, _PACE_SECONDS)
    waiting.join()
    return held_ms


def _usual(steps: int, pace_seconds: float) -> list[float]:
    progress = UsualProgress("bench", lambda _: time.sleep(_WRITE_SECONDS), lambda _: time.sleep(_INVOKE_SECONDS))
    return _held_ms(lambda: progress.step("thinking", "Thinking"), steps, pace_seconds)


def _held_ms(step: Callable[[], object], steps: int, pace_seconds: float) -> list[float]:
    """Return how long each call held this thread."""
    held_ms = []
    for _ in range(steps):
        began = time.perf_counter()
        step()
        held_ms.append((time.perf_counter() - began) * 1000)
        if pace_seconds:
            time.sleep(pace_seconds)
    return held_ms

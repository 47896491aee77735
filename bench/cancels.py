"""How long after a cancel a watching client sees the run as `cancelling`, and how long after it the run's end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.extra_agent import BENCH_AGENT
from bench.imports import AGENT
from bench.latency import QUERY, run_once
from bench.row import P95, Row
from bench.watching import signed_in
from local.stack import LocalStack
from runcast import limits
from runcast.client.client import Client
from runcast.client.watch import Watch
from runcast.record.model import Liveness

_CANCELS = 5
_SILENT_SECONDS = 20
_LOOK_SECONDS = 0.005


@dataclass
class _Cancel:
    """What the watching client saw of one cancel.

    Attributes:
        cancelled_at: Before the client sent the cancel.
        live_at: When the live message of the cancel came; infinite if it did not.
        read_at: When the record read as `cancelling`; infinite if it did not.
        ended_at: When the last step came.
    """

    cancelled_at: float = 0.0
    live_at: float = float("inf")
    read_at: float = float("inf")
    ended_at: float = 0.0


@dataclass
class _Kind:
    """The cancels of one kind of run."""

    name: str
    run: Mapping[str, Any]
    cancels: list[_Cancel] = field(default_factory=list)

    def rows(self) -> list[Row]:
        # A run that has ended before it was seen as `cancelling` is seen as `cancelled`, which is as good.
        seen = [[min(one.live_at, one.read_at, one.ended_at) - one.cancelled_at] for one in self.cancels]
        ended = [[one.ended_at - one.cancelled_at] for one in self.cancels]
        live = sum(one.live_at <= min(one.read_at, one.ended_at) for one in self.cancels)
        return [
            Row(f"cancel to end at client, {self.name} model call", "s", ended, {P95: 1.5}),
            Row(
                f"  cancelling visible, {self.name} model call",
                "s",
                seen,
                {P95: 0.5},
                note=f"{live} of {len(self.cancels)} by the cancel's live message",
            ),
        ]


async def measure_cancel(stack: LocalStack) -> list[Row]:
    """Cancel runs while their model is silent: one that is awaited, and Bedrock's, which blocks a thread.

    A worker looks for a cancel now and then, so the cancels are spread over one heartbeat.
    """
    kinds = [
        _Kind("awaited", {"agent": BENCH_AGENT, "query": "x", "parameters": {"silentSeconds": _SILENT_SECONDS}}),
        _Kind("blocking", {"agent": AGENT, "query": f"[model:slow {_SILENT_SECONDS}] {QUERY}"}),
    ]
    async with signed_in(stack) as client:
        await run_once(client, BENCH_AGENT, "x")
        # At the same time, because both only wait.
        await asyncio.gather(*(_cancel_each(client, kind) for kind in kinds))
    return [row for kind in kinds for row in kind.rows()]


async def _cancel_each(client: Client, kind: _Kind) -> None:
    for number in range(_CANCELS):
        watch = client.run(**kind.run)
        seen = _Cancel()
        asked: list[asyncio.Task[None]] = []
        async for step in watch:
            seen.ended_at = time.monotonic()
            if step.status == Liveness.CANCELLING:
                seen.live_at = min(seen.live_at, time.monotonic())
            if step.status == "thinking" and not asked:
                # In tasks, because a watch shows nothing while its caller waits.
                after_seconds = number * limits.HEARTBEAT_SECONDS / _CANCELS
                asked.append(asyncio.create_task(_cancel(client, watch, seen, after_seconds)))
                asked.append(asyncio.create_task(_look(watch, seen)))
        if not asked or watch.outcome is None or watch.outcome.status != "cancelled":
            raise RuntimeError(f"the run {watch.request_id} was not cancelled, so its figures mean nothing")
        await asyncio.gather(*asked)
        kind.cancels.append(seen)


async def _cancel(client: Client, watch: Watch, seen: _Cancel, after_seconds: float) -> None:
    await asyncio.sleep(after_seconds)
    seen.cancelled_at = time.monotonic()
    await client.cancel(watch.request_id)


async def _look(watch: Watch, seen: _Cancel) -> None:
    """Note when the record reads as `cancelling`, until the watch has ended."""
    while watch.outcome is None:
        if watch.liveness == Liveness.CANCELLING:
            seen.read_at = time.monotonic()
            return
        await asyncio.sleep(_LOOK_SECONDS)

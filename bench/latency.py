"""How long a watching client waits: for a step, for many steps at once, and for an agent's text.

The usual way (`bench.baseline`) does the same work on the same stack, and its messages reach the same subscription.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import requests
from botocore.credentials import Credentials
from chalicelib.publisher.appsync import AppSync

from bench.busy import busy_processes
from bench.costs import costs_of_run
from bench.extra_agent import BENCH_AGENT
from bench.imports import AGENT
from bench.records import recorded_items
from bench.row import MAX, P50, P95, Row, single
from bench.usual_run import UsualRun, heard_by_alice, usual_run
from bench.watching import signed_in
from local.settings import REGION
from local.stack import LocalStack
from runcast import limits
from runcast.client.client import Client
from runcast.clock import epoch_ms
from runcast.record.model import Json

QUERY = "Where on this site could a wind farm be built?"
_RUNS = 10
_USUAL_RUNS = 5
_USUAL_WARMING_STEPS = 50
_BUSY_RUNS = 5
_BUSY_PROCESSES = 4
_BURSTS = 5
_BURST_STEPS = 1000
_PATIENCE_SECONDS = 60
_LIVE_RUNS = 5
_WORDS = 150
_WORDS_PER_SECOND = 30


async def measure_emit(stack: LocalStack) -> list[Row]:
    """Watch runs of the demo's agent one after another, on quiet and on busy processors.

    A run that starts cold and many steps at once are first and are not counted. They leave warm workers, also for
    messages that overlap: each cold start takes one of this machine's processors, which on AWS it has for itself.
    """
    async with signed_in(stack) as client:
        await run_once(client, AGENT, QUERY)
        async for _ in client.run(BENCH_AGENT, "x", parameters={"steps": _BURST_STEPS}):
            pass
        quiet = [await _watched(client) for _ in range(_RUNS)]
        await usual_run(stack, {"agent": AGENT, "query": QUERY})
        await usual_run(stack, {"steps": _USUAL_WARMING_STEPS})
        usual = [await usual_run(stack, {"agent": AGENT, "query": QUERY}) for _ in range(_USUAL_RUNS)]
        with busy_processes(_BUSY_PROCESSES):
            busy = [await _watched(client) for _ in range(_BUSY_RUNS)]
            usual_busy = [await usual_run(stack, {"agent": AGENT, "query": QUERY}) for _ in range(_USUAL_RUNS)]
    return [
        _emit_row("emit to client", quiet, usual, {P50: 30, P95: 60, MAX: 150}),
        _emit_row(f"emit to client, with {_BUSY_PROCESSES} busy processes", busy, usual_busy, {P95: 150}),
        Row("first step after the start, warm", "ms", [each.first_ms for each in quiet if each.first_ms], {P50: 120}),
        *_costs(stack),
    ]


class _Watched(NamedTuple):
    """What a client saw of one run: how late each step came, and how long after the start the first one did."""

    late_ms: list[float]
    first_ms: list[float]


async def _watched(client: Client) -> _Watched:
    watch, seen = client.run(AGENT, QUERY), _Watched([], [])
    async for step in watch:
        received_ms = epoch_ms()
        seen.late_ms.append(received_ms - step.timestamp_ms)
        if len(seen.late_ms) == 1 and watch.began_ms:
            seen.first_ms.append(received_ms - watch.began_ms)
    return seen


def _emit_row(what: str, watched: Sequence[_Watched], usual: Sequence[UsualRun], goals: Mapping[str, float]) -> Row:
    return Row(what, "ms", [each.late_ms for each in watched], goals, [each.late_ms for each in usual])


async def measure_burst(stack: LocalStack) -> list[Row]:
    """Watch runs that record many steps without a pause and then end, until the client holds them all."""
    seconds, live, missing = [], [], []
    async with signed_in(stack) as client:
        await run_once(client, BENCH_AGENT, "x")
        for _ in range(_BURSTS):
            watch = client.run(BENCH_AGENT, "x", parameters={"steps": _BURST_STEPS})
            emitted_ms = held_ms = 0
            async for step in watch:
                held_ms = epoch_ms()
                if step.status == "working":
                    emitted_ms = emitted_ms or step.timestamp_ms
            seconds.append([(held_ms - emitted_ms) / 1000])
            assert watch.outcome
            live.append([watch.outcome.received_live / max(1, watch.outcome.recorded)])
            missing.append([watch.outcome.missing + (watch.outcome.status != "complete")])
    floors = {MAX: statistics.median([await _taken_by_appsync(stack) for _ in range(_BURSTS)])}
    usual = await usual_run(stack, {"steps": _BURST_STEPS})
    lost = _BURST_STEPS + 1 - len(usual.late_ms)
    return [
        Row(
            f"{_BURST_STEPS:,} steps at once, whole at client",
            "s",
            seconds,
            {MAX: 1.5},
            [[usual.seconds]],
            floors=floors,
        ),
        Row("  missing at the client", "steps", missing, {MAX: 0}, [[lost]] if lost else ()),
        Row("  share that came live", "", live),
    ]


async def _taken_by_appsync(stack: LocalStack) -> float:
    """Return the seconds that the local AppSync takes to bring as many messages to a client, without any Lambda."""
    request_id = str(uuid4())
    received: list[float] = []
    whole = asyncio.Event()

    def hear(_: Mapping[str, Any]) -> None:
        received.append(time.perf_counter())
        if len(received) == _BURST_STEPS:
            whole.set()

    async with heard_by_alice(stack, request_id, hear) as owner:
        message = {**owner, "requestId": request_id, "status": "working", "message": "Step", "timestamp": epoch_ms()}
        began = time.perf_counter()
        await asyncio.to_thread(_publish, stack, [message] * _BURST_STEPS)
        await asyncio.wait_for(whole.wait(), _PATIENCE_SECONDS)
    return received[-1] - began


def _publish(stack: LocalStack, messages: Sequence[Json]) -> None:
    root = stack.state.endpoint
    with requests.Session() as session:
        appsync = AppSync(
            stack.state.outputs["graphql_url"],
            region=REGION,
            credentials=Credentials(root.access_key_id, root.secret_access_key),
            session=session,
            mutations_per_request=limits.BATCH_MAX_MESSAGES,
        )
        if appsync.publish(messages) != len(messages):
            raise RuntimeError("AppSync did not take all messages, so its figures mean nothing")


async def measure_live_text(stack: LocalStack) -> list[Row]:
    """Watch a run whose model writes 30 words a second: how long its reader waits for the next of them."""
    gaps_ms: list[list[float]] = []
    recorded = 0
    async with signed_in(stack) as client:
        await run_once(client, BENCH_AGENT, "x")
        for _ in range(_LIVE_RUNS):
            watch = client.run(BENCH_AGENT, "x", parameters={"words": _WORDS, "wordsPerSecond": _WORDS_PER_SECOND})
            gaps_ms.append([])
            last_ms = 0
            async for step in watch:
                if step.status != "text":
                    continue
                received_ms = epoch_ms()
                if last_ms:
                    gaps_ms[-1].append(received_ms - last_ms)
                last_ms = received_ms
                recorded += step.seq is not None
    recorded -= _LIVE_RUNS  # The end of a text is recorded, too.
    seconds = _LIVE_RUNS * _WORDS / _WORDS_PER_SECOND
    return [
        Row(f"live text, {_WORDS_PER_SECOND} words a second: gap at client", "ms", gaps_ms, {P50: 150}),
        single("  steps of text that are recorded", recorded / seconds, "a second", 2.1),
    ]


async def run_once(client: Client, agent: str, query: str) -> None:
    """Run an agent to its end, so that the runs after it find warm functions."""
    async for _ in client.run(agent, query):
        pass


def _costs(stack: LocalStack) -> list[Row]:
    """What a thousand runs of the demo's agent cost: of those that were recorded, one that began cold."""
    of_agent = [item for item in recorded_items(stack) if item.get("agent", {}).get("S") == AGENT]
    return costs_of_run(max(of_agent, key=lambda item: len(item["steps"]["L"])))

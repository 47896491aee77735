"""How long a watching client waits: for a step, for the end of a run that it cancels, and for many steps at once.

The usual way (`bench.baseline`) does the same work on the same stack, and its messages reach the same subscription.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import requests
from botocore.credentials import Credentials
from chalicelib.publisher.appsync import AppSync

from bench.costs import costs_of_run
from bench.extra_agent import BENCH_AGENT
from bench.imports import AGENT
from bench.records import recorded_items
from bench.row import MAX, P50, P95, Repetitions, Row, single
from bench.usual_run import heard_by_alice, usual_run
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
_CANCELS = 5
_BURSTS = 5
_BURST_STEPS = 1000
_PATIENCE_SECONDS = 60
_SILENT_SECONDS = 20
_LIVE_RUNS = 5
_WORDS = 150
_WORDS_PER_SECOND = 30


async def measure_emit(stack: LocalStack) -> list[Row]:
    """Watch runs of the demo's agent one after another; the first, which starts cold, is not counted."""
    late_ms: list[list[float]] = []
    first_ms: list[list[float]] = []
    async with signed_in(stack) as client:
        await run_once(client, AGENT, QUERY)
        for _ in range(_RUNS):
            watch = client.run(AGENT, QUERY)
            late_ms.append([])
            async for step in watch:
                received_ms = epoch_ms()
                late_ms[-1].append(received_ms - step.timestamp_ms)
                if len(late_ms[-1]) == 1 and watch.began_ms:
                    first_ms.append([received_ms - watch.began_ms])
    await usual_run(stack, {"agent": AGENT, "query": QUERY})
    usual = [await usual_run(stack, {"agent": AGENT, "query": QUERY}) for _ in range(_USUAL_RUNS)]
    return [
        Row("emit to client", "ms", late_ms, {P50: 30, P95: 60, MAX: 150}, [each.late_ms for each in usual]),
        Row("first step after the start, warm", "ms", first_ms, {P50: 120}),
        *_costs(stack),
    ]


async def measure_cancel(stack: LocalStack) -> list[Row]:
    """Cancel runs while their model is silent: one that is awaited, and Bedrock's, which blocks a thread.

    A worker looks for a cancel now and then, so the cancels are spread over one heartbeat.
    """
    runs: dict[str, dict[str, Any]] = {
        "awaited": {"agent": BENCH_AGENT, "query": "x", "parameters": {"silentSeconds": _SILENT_SECONDS}},
        "blocking": {"agent": AGENT, "query": f"[model:slow {_SILENT_SECONDS}] {QUERY}"},
    }
    async with signed_in(stack) as client:
        await run_once(client, BENCH_AGENT, "x")
        # At the same time, because both only wait.
        seconds = await asyncio.gather(*(_cancels(client, run) for run in runs.values()))
    return [
        Row(f"cancel to end at client, {kind} model call", "s", each, {P95: 1.5})
        for kind, each in zip(runs, seconds, strict=True)
    ]


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


async def _cancels(client: Client, run: Mapping[str, Any]) -> Repetitions:
    seconds = []
    for number in range(_CANCELS):
        watch = client.run(**run)
        cancelled_at = ended_at = 0.0
        async for step in watch:
            ended_at = time.monotonic()
            if step.status == "thinking":
                await asyncio.sleep(number * limits.HEARTBEAT_SECONDS / _CANCELS)
                cancelled_at = time.monotonic()
                await client.cancel(watch.request_id)
        if watch.outcome is None or watch.outcome.status != "cancelled":
            raise RuntimeError(f"the run {watch.request_id} was not cancelled, so its figures mean nothing")
        seconds.append([ended_at - cancelled_at])
    return seconds


async def run_once(client: Client, agent: str, query: str) -> None:
    """Run an agent to its end, so that the runs after it find warm functions."""
    async for _ in client.run(agent, query):
        pass


def _costs(stack: LocalStack) -> list[Row]:
    """What a thousand runs of the demo's agent cost: of those that were recorded, one that began cold."""
    of_agent = [item for item in recorded_items(stack) if item.get("agent", {}).get("S") == AGENT]
    return costs_of_run(max(of_agent, key=lambda item: len(item["steps"]["L"])))

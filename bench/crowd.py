"""Starts many runs at once on the local machine, each watched by a separate client."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.imports import AGENT
from bench.latency import QUERY, run_once
from bench.row import MAX, Row, single
from bench.watching import signed_in
from local.stack import LocalStack
from runcast.client.client import Client
from runcast.client.watch import Watch
from runcast.client.watch_outcome import LOST, WatchOutcome
from runcast.errors import RuncastError

_RUNS = 50
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class _Seen:
    """What one client has seen; without an outcome its run was refused or, once started, not watched to its end."""

    started: bool
    outcome: WatchOutcome | None
    read_lost: bool
    seconds: float


async def measure_crowd(stack: LocalStack) -> list[Row]:
    """Start the runs together, after one that has warmed a worker of each function, and watch each to its end."""
    async with AsyncExitStack() as clients:
        signed = [await clients.enter_async_context(signed_in(stack)) for _ in range(_RUNS)]
        await run_once(signed[0], AGENT, QUERY)
        seen = await asyncio.gather(*(_watch(client) for client in signed))
    started = [one for one in seen if one.started]
    whole = [one for one in started if one.outcome and one.outcome.status == "complete" and not one.outcome.missing]
    ends = Counter(one.outcome.status if one.outcome else "unreadable" for one in started)
    return [
        single(f"{_RUNS} runs at once: refused", len(seen) - len(started), "runs", 0),
        single("  not complete, or with missing steps", len(started) - len(whole), "runs", 0, note=str(dict(ends))),
        single("  read lost at some time", sum(one.read_lost for one in seen), "runs", 0),
        Row("  seconds to their ends", "s", [[one.seconds for one in started]], {MAX: 60}),
    ]


async def _watch(client: Client) -> _Seen:
    watch = client.run(AGENT, QUERY)
    began = time.monotonic()
    looking = asyncio.create_task(_reads_lost(watch))
    try:
        async for _ in watch:
            pass
    except RuncastError as error:
        print(error, file=sys.stderr)
    finally:
        looking.cancel()
        await asyncio.wait([looking])
    return _Seen(watch.began_ms is not None, watch.outcome, not looking.cancelled(), time.monotonic() - began)


async def _reads_lost(watch: Watch) -> None:
    """Return once the worker reads as lost."""
    while watch.liveness != LOST:
        await asyncio.sleep(_LOOK_SECONDS)

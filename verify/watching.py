"""Watching runs with the client library, also while their live connection is cut again and again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from runcast.client.connection import Connection, Hear
from runcast.client.listed import StartAnswer
from runcast.client.live import Subscription
from runcast.client.sign_in import Identity
from runcast.client.step import WatchedStep
from runcast.client.watch import Watch
from runcast.client.watch_outcome import WatchOutcome
from runcast.clock import epoch_ms
from runcast.errors import Unavailable
from verify.expecting import expect, until
from verify.local_worker import working
from verify.verification import PATIENCE, Verification

_WATCH_SECONDS = 540


class Cuts:
    """The live connections of one watch, and how often they were cut."""

    def __init__(self) -> None:
        self.count = 0
        self._open: list[_Cuttable] = []

    def take(self, subscription: Subscription) -> Subscription:
        """Return a subscription that can be cut."""
        cuttable = _Cuttable(subscription)
        self._open.append(cuttable)
        return cast(Subscription, cuttable)

    async def cut_every(self, seconds: float) -> None:
        """Close the socket of each open connection again and again, until this task is cancelled."""
        while True:
            await asyncio.sleep(seconds)
            open_now, self._open = self._open, []
            for each in open_now:
                self.count += 1
                await each.cut()


class _Cuttable:
    """A subscription whose socket may be closed at any time; then it ends as when the network breaks it."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self.ended: asyncio.Future[Unavailable] = asyncio.get_running_loop().create_future()
        subscription.ended.add_done_callback(self._end)

    async def cut(self) -> None:
        """Close the socket."""
        if not self.ended.done():
            self.ended.set_result(Unavailable("cut by the verification"))
            await self._subscription.close()

    async def close(self) -> None:
        """Close the connection; called by its owner."""
        await self._subscription.close()

    def _end(self, ended: asyncio.Future[Unavailable]) -> None:
        if not ended.cancelled() and not self.ended.done():
            self.ended.set_result(ended.result())


def watch_run(v: Verification, request_id: str, start: Callable[[], Any], *, cuts: Cuts | None = None) -> Watch:
    """Return the watch of a run or job of the user that `start` starts once the connection is ready."""
    return _watch(v, request_id, is_job=False, start=start, cuts=cuts)


def watch_job(v: Verification, job_id: str, start: Callable[[], Any]) -> Watch:
    """Return the watch of a job of the user that `start` starts once the connection is ready."""
    return _watch(v, job_id, is_job=True, start=start, cuts=None)


def _watch(v: Verification, request_id: str, *, is_job: bool, start: Callable[[], Any], cuts: Cuts | None) -> Watch:
    what = {"jobId" if is_job else "requestId": request_id}

    async def subscribe(identity: Identity, hear: Hear) -> Subscription:  # noqa: ARG001 - the user's own
        subscription = await v.subscribe(v.user, hear, **what)
        return cuts.take(subscription) if cuts else subscription

    def connection(_: bool, wake: Callable[[], None]) -> Connection:
        return Connection(
            subscribe, v.user.credentials, patience=PATIENCE, notify=_silent, random=random.random, wake=wake
        )

    return Watch(
        v.user.api,
        request_id,
        is_job=is_job,
        connection=connection,
        start=start,
        patience=PATIENCE,
        timeout_seconds=_WATCH_SECONDS,
        notify=_silent,
        random=random.random,
        now_ms=v.user.now_ms,
    )


async def watch_to_its_end(watch: Watch) -> tuple[list[tuple[WatchedStep, int]], WatchOutcome]:
    """Return each step with the time at which it arrived (epoch ms), and the outcome."""
    steps = []
    async for step in watch:
        steps.append((step, epoch_ms()))
    outcome = watch.outcome
    expect(outcome is not None, "the watch ended without an outcome")
    assert outcome is not None  # noqa: S101 - see above
    return steps, outcome


def expect_complete(steps: list[tuple[WatchedStep, int]], outcome: WatchOutcome) -> None:
    """Expect that a run completed and that every step was shown once, in order, and some of them live."""
    expect(outcome.status == "complete", f"it ended as {outcome.status}: {outcome.error or outcome}")
    numbers = [step.seq for step, _ in steps if step.seq is not None and step.request_id == outcome.request_id]
    expect(numbers == list(range(1, len(numbers) + 1)), f"the steps arrived as {numbers[:20]} …")
    expect(outcome.missing == 0, f"{outcome.missing} steps are missing: {outcome}")
    expect(outcome.received_live > 0, f"no step arrived live: {outcome}")


async def watch_local_run(
    v: Verification, *, steps: int, pause_seconds: float, cuts: Cuts | None = None
) -> tuple[list[tuple[WatchedStep, int]], WatchOutcome]:
    """Let a worker on this machine record steps, and watch its run as its user to the end."""
    request_id = v.new_run_id()
    started = asyncio.Event()

    async def start() -> StartAnswer:
        started.set()
        progress = await until(partial(v.read, request_id), "the record of a run on this machine")
        return StartAnswer(progress.status, progress.created_at_ms)

    async def work() -> None:
        await started.wait()
        async with working(v.deployment, v.user, request_id, steps=steps, pause_seconds=pause_seconds) as worker:
            answer = await worker.answer(seconds=_WATCH_SECONDS)
            expect(answer["success"], f"the run on this machine failed: {answer}")

    worker = asyncio.create_task(work())
    cutter = asyncio.create_task(cuts.cut_every(0.5)) if cuts else None
    try:
        watched = await watch_to_its_end(watch_run(v, request_id, start, cuts=cuts))
        await worker
        return watched
    finally:
        for task in filter(None, (worker, cutter)):
            task.cancel()
        await asyncio.wait([task for task in (worker, cutter) if task])


def seconds_since(began: float) -> float:
    """Return the seconds since a reading of `time.perf_counter`."""
    return time.perf_counter() - began


def _silent(_: str) -> None:
    """Say nothing: the outcome counts."""

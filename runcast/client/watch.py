"""Following one run to its end: when to listen, when to ask, and when to say that it is over.

The live channel is fast and may lose anything; the record is the truth and must be asked for. So the client subscribes
first, then asks, and asks again whenever what it hears leaves a doubt: a hole that stays, a silence, an ending, a
connection that broke or was made anew, a worker that is late. Without a live connection it asks at a steady pace, and
with one, whatever it delivers, every now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from runcast.client.api import Api, StartedRun
from runcast.client.connection import Connection
from runcast.client.merge import Merge
from runcast.client.patience import Patience
from runcast.client.step import LIVE_ENDINGS, Progress, WatchedStep
from runcast.errors import Unavailable
from runcast.record.model import RunStatus

LOST = "lost"
TIMEOUT = "timeout"
# News of such a run is waited for: it dies, comes back, or stops, within seconds.
_IN_DOUBT = frozenset({"late", LOST, "cancelling"})


@dataclass(frozen=True)
class Outcome:
    """What became of a watched run.

    Attributes:
        request_id: Which run.
        status: `complete`, `error`, `cancelled`, or `waiting` (for people); `lost` when its worker's lease has
            passed and neither a step nor an end has come for a while; `timeout` when the watching was over before the
            run was.
        recorded: How many steps its record is known to hold.
        received_live: How many of them came over the live channel.
        missing: How many of them were not shown; 0 unless the watching was over too early.
        result: What came out.
        error: Why it failed.
    """

    request_id: str
    status: str
    recorded: int
    received_live: int
    missing: int
    result: Any = None
    error: str | None = None

    def __str__(self) -> str:
        return (
            f"run {self.request_id}: {self.status}, {self.recorded} steps recorded, "
            f"{self.received_live} received live, {self.missing} missing"
        )


class Watch:
    """One run, watched: iterate over it to get each of its steps once, in order of `seq`.

    A step whose `seq` is None is in no record: it is passed on when it is heard. Whoever stops iterating early calls
    `aclose()`.

    Args:
        api: The HTTP side.
        request_id: Which run.
        connection: The live connection, not yet opened; None to do without.
        start: Starts the run, once the live connection stands; None if it was started before.
        patience: How long to wait for what.
        timeout_seconds: How long to watch at most; None for as long as it takes.
        notify: Told, in a sentence, when the reader fails, and when the worker is lost or comes back.
        random: Gives a number from 0 to 1, for the pauses after failed reads.

    Attributes:
        request_id: Which run.
        began_ms: When the run was started (epoch ms); None until that is known.
        liveness: How alive its worker was when last read; None until then.
        live: Whether there is a live connection now.
        outcome: What became of it; None until the iteration has ended.
    """

    def __init__(
        self,
        api: Api,
        request_id: str,
        *,
        connection: Connection | None,
        start: Callable[[], Awaitable[StartedRun]] | None,
        patience: Patience,
        timeout_seconds: float | None,
        notify: Callable[[str], None],
        random: Callable[[], float],
    ) -> None:
        self.request_id = request_id
        self.began_ms: int | None = None
        self.liveness: str | None = None
        self.outcome: Outcome | None = None
        self._api = api
        self._connection = connection
        self._start = start
        self._patience = patience
        self._timeout_seconds = timeout_seconds
        self._notify = notify
        self._random = random
        self._merge = Merge()
        # The last step that was there before anybody listened: known once a record that is older has been read.
        self._before_listening = 0
        self._caught_up = start is not None
        self._last: Progress | None = None
        self._failed_reads = 0
        self._read_now = True
        self._read_at = self._readable_at = self._heard_at = self._gap_at = self._lost_at = 0.0
        self._read_again_at = 0.0
        self._steps = self._watch()

    def __aiter__(self) -> AsyncIterator[WatchedStep]:
        return self._steps

    @property
    def live(self) -> bool:
        """Whether there is a live connection now."""
        return self._connection is not None and self._connection.live

    async def aclose(self) -> None:
        """Stop watching; the run itself goes on."""
        await self._steps.aclose()

    async def _watch(self) -> AsyncGenerator[WatchedStep, None]:
        turn: Callable[[], Awaitable[list[WatchedStep]]] = self._begin
        deadline = None if self._timeout_seconds is None else self._now() + self._timeout_seconds
        try:
            while self.outcome is None:
                try:
                    async with asyncio.timeout_at(deadline):
                        steps = await turn()
                except TimeoutError:
                    self._finish(TIMEOUT)
                    break
                for step in steps:
                    yield step
                turn = self._next
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def _begin(self) -> list[WatchedStep]:
        if self._connection is not None:
            await self._connection.open()
        if self._start is not None:
            self.began_ms = (await self._start()).created_at_ms
        self._readable_at = self._now()
        return []

    # From here on, nothing is awaited between taking a step and returning it: a timeout must not lose one.

    async def _next(self) -> list[WatchedStep]:
        wait_seconds = self._due_at() - self._now()
        if wait_seconds > 0:
            update = await self._hear(wait_seconds)
            if update is not None:
                return self._take_live(update)
        verdict = self._verdict()
        if verdict is not None:
            self._finish(verdict)
            return []
        return await self._read()

    def _due_at(self) -> float:
        """When to stop listening and ask, or, where nothing is left to ask, when to stop at all."""
        patience = self._patience
        if self._failed_reads:
            return self._read_again_at
        if self._read_now:
            return 0.0
        if self._verdict() is not None:
            return max(self._heard_at, self._read_at) + patience.straggler if self._stragglers() else 0.0
        if not self.live or self.liveness in _IN_DOUBT:
            due_at = self._read_at + patience.poll
        elif self._merge.missing:
            due_at = max(self._gap_at, self._read_at) + patience.gap
        else:
            due_at = max(self._heard_at, self._read_at) + patience.silence
        return min(due_at, self._read_at + patience.backstop)

    async def _hear(self, wait_seconds: float) -> dict[str, Any] | None:
        """Return the next status message, or None if it is time to look again at what is due."""
        if self._connection is None:
            await asyncio.sleep(wait_seconds)
            return None
        try:
            async with asyncio.timeout(wait_seconds):
                update = await self._connection.hear()
        except TimeoutError:
            return None
        if update is None:
            # What was missed will not come any more: it is asked for, and not waited for.
            self._read_now, self._caught_up = True, False
        return update

    def _take_live(self, update: dict[str, Any]) -> list[WatchedStep]:
        assert self.began_ms is not None  # noqa: S101 - whoever listens has started the run or read it
        self._heard_at = self._now()
        if update["requestId"] != self.request_id:
            return []
        had_gap = self._merge.missing > 0
        step = WatchedStep.from_live(update, self.began_ms)
        ready = self._merge.add_live(step)
        if self._merge.missing and not had_gap:
            self._gap_at = self._heard_at
        # The result is in the record only. While steps are missing, they are given their time first.
        self._read_now = not self._merge.missing and any(step.status in LIVE_ENDINGS for step in ready)
        return ready

    async def _read(self) -> list[WatchedStep]:
        try:
            progress = await self._api.get_agent_progress(self.request_id, after_seq=self._merge.held_seq)
        except Unavailable as error:
            self._read_failed(error)
            return []
        self._failed_reads = 0
        self._read_at = self._readable_at = self._now()
        if not self._caught_up:
            self._before_listening = progress.last_seq
            self._caught_up = progress.whole
        self._last = progress
        self._read_now = not progress.whole
        self.began_ms = progress.created_at_ms
        self._take_liveness(progress.liveness)
        return self._merge.add_recorded(progress)

    def _read_failed(self, error: Unavailable) -> None:
        now, patience = self._now(), self._patience
        if self.began_ms is None or now - self._readable_at >= patience.unreadable:
            raise error
        self._failed_reads += 1
        self._read_again_at = now + patience.poll + patience.pause_seconds(self._failed_reads, self._random)
        self._notify(f"The record cannot be read ({error}); trying again.")

    def _take_liveness(self, liveness: str) -> None:
        before, self.liveness = self.liveness, liveness
        if liveness == LOST and before != LOST:
            self._lost_at = self._read_at
            self._notify(
                "The run's worker gives no sign of life: it is probably dead. "
                f"Watching for {self._patience.lost:g} s more, in case that it comes back or an end is written."
            )
        elif before == LOST and liveness != LOST:
            self._notify(f"The run's worker is no longer lost: it is {liveness}.")

    def _verdict(self) -> str | None:
        """Return what became of the run, if that is known together with every step up to there."""
        last = self._last
        if last is None or not last.whole or self._merge.missing or self._merge.held_seq > last.last_seq:
            return None
        if self._merge.complete or last.status is RunStatus.WAITING:
            return last.status.value
        lost_for_good = last.liveness == LOST and self._now() - self._lost_at >= self._patience.lost
        return LOST if lost_for_good else None

    def _finish(self, status: str) -> None:
        merge, last = self._merge, self._last
        self.outcome = Outcome(
            request_id=self.request_id,
            status=status,
            recorded=merge.recorded,
            received_live=merge.received_live,
            missing=merge.missing,
            result=last.result if last else None,
            error=last.error if last else None,
        )

    def _stragglers(self) -> bool:
        return self.live and self.liveness != LOST and not self._merge.all_came_live(self._before_listening)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

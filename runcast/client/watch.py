"""Following one run or one job to its end: when to listen, when to ask, and when to say that it is over.

The live channel is fast and may lose anything; the record is the truth and must be asked for. So the client subscribes
first, then asks, and asks again whenever what it hears leaves a doubt: a hole that stays, a silence, an ending, a
connection that broke or was made anew, a worker that is late. Without a live connection it asks at a steady pace, and
with one, whatever it delivers, every now and then.

One subscription carries a job and all its runs. The job's record says which runs there are and how each stands, so
whenever one of them leaves a doubt it is the job that is asked, and of a run only the steps that are missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from itertools import chain, repeat
from typing import Any

from runcast.client.api import Api
from runcast.client.connection import HEARD_MAX_MESSAGES, Connection
from runcast.client.followed import FollowedRecord
from runcast.client.job import JobRun
from runcast.client.outcome import TIMEOUT, Outcome
from runcast.client.patience import Patience
from runcast.client.step import WatchedStep


class Watch:
    """One run or job, watched: iterate over it to get each step of its record once, in order of `seq`.

    A job's watch gives the steps of its own record and of each of its runs' records; each record's are in order. A step
    whose `seq` is None is in no record: it is passed on when it is heard. Whoever stops iterating early calls
    `aclose()`.

    Args:
        api: The HTTP side.
        request_id: Which run or job.
        is_job: Whether it is a job; None to find out by reading it before listening.
        connection: Makes the live connection, not yet opened, of a job or of a run; None to do without.
        start: Starts it, once the live connection stands, and returns when it was started (epoch ms); None if it was
            started before. Whoever starts it knows whether it is a job.
        patience: How long to wait for what.
        timeout_seconds: How long to watch at most; None for as long as it takes.
        notify: Told, in a sentence, when the reader fails, and when a worker is lost or comes back.
        random: Gives a number from 0 to 1, for the pauses after failed reads.

    Attributes:
        request_id: Which run or job.
        is_job: Whether it is a job; None until that is known.
        outcome: What became of it; None until the iteration has ended.
    """

    def __init__(
        self,
        api: Api,
        request_id: str,
        *,
        is_job: bool | None,
        connection: Callable[[bool], Connection] | None,
        start: Callable[[], Awaitable[int]] | None,
        patience: Patience,
        timeout_seconds: float | None,
        notify: Callable[[str], None],
        random: Callable[[], float],
    ) -> None:
        self.request_id = request_id
        self.is_job = is_job
        self.outcome: Outcome | None = None
        self._api = api
        self._make_connection = connection
        self._connection: Connection | None = None
        self._start = start
        self._patience = patience
        self._timeout_seconds = timeout_seconds
        self._notify = notify
        self._random = random
        self._own = self._follow(request_id)
        self._records = {request_id: self._own}
        # What was heard of runs that the job's record has not told of yet.
        self._unplaced: list[dict[str, Any]] = []
        self._heard_at = 0.0
        self._steps = self._watch()

    def __aiter__(self) -> AsyncIterator[WatchedStep]:
        return self._steps

    @property
    def began_ms(self) -> int | None:
        """When it was started (epoch ms); None until that is known."""
        return self._own.began_ms

    @property
    def runs(self) -> tuple[JobRun, ...]:
        """A job's runs in the playbook's order, each as its own record or the job's told of it last."""
        told = self._own.last.runs if self._own.last else ()
        followed = {record.request_id: record.head for record in self._records.values()}
        return tuple(followed.get(run.request_id) or run for run in told)

    @property
    def playbook(self) -> str | None:
        """What a job executes; None until its record was read, and for a run."""
        return self._own.last.playbook if self._own.last else None

    @property
    def liveness(self) -> str | None:
        """How alive its worker was when last read; None until then."""
        return self._own.liveness

    @property
    def live(self) -> bool:
        """Whether there is a live connection now."""
        return self._connection is not None and self._connection.live

    async def aclose(self) -> None:
        """Stop watching; the run or job itself goes on."""
        await self._steps.aclose()

    async def _watch(self) -> AsyncGenerator[WatchedStep, None]:
        # What was started before is read first: what it is decides what to listen to.
        first = [self._look, self._listen] if self._start is None else [self._listen, self._begin]
        turns = chain(first, repeat(self._next))
        deadline = None if self._timeout_seconds is None else _now() + self._timeout_seconds
        try:
            while self.outcome is None:
                try:
                    async with asyncio.timeout_at(deadline):
                        steps = await next(turns)()
                except TimeoutError:
                    self._finish(TIMEOUT)
                    break
                for step in steps:
                    yield step
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def _look(self) -> list[WatchedStep]:
        return await self._read(self._own)

    async def _listen(self) -> list[WatchedStep]:
        over = all(record.merge.ended for record in self._records.values())
        if self._make_connection is not None and not over:
            self._connection = self._make_connection(bool(self.is_job))
            await self._connection.open()
            self._doubt()
        return []

    async def _begin(self) -> list[WatchedStep]:
        assert self._start is not None  # noqa: S101 - see _watch
        self._own.begin(await self._start(), listened=True)
        return []

    # From here on, nothing is awaited between taking a step and returning it: a timeout must not lose one.

    async def _next(self) -> list[WatchedStep]:
        due_at, record = self._due()
        if (wait_seconds := due_at - _now()) > 0:
            update = await self._hear(wait_seconds)
            return [] if update is None else self._take_live(update)
        verdict = self._verdict()
        if verdict is not None:
            self._finish(verdict)
            return []
        return await self._read(record)

    def _due(self) -> tuple[float, FollowedRecord]:
        """When to stop listening, and which record to ask then; if nothing is left to ask, when to stop at all."""
        live = self.live
        if self._verdict() is not None:
            last_at = max(self._heard_at, self._own.read_at)
            return (last_at + self._patience.straggler if self._stragglers() else 0.0), self._own
        due_at, asked = self._own_due_at(), self._own
        for record in self._records.values():
            steps_due_at = record.steps_due_at(live=live)
            if steps_due_at < due_at:
                due_at, asked = steps_due_at, record
        return due_at, asked

    def _own_due_at(self) -> float:
        """When its own record is to be asked how it stands, and how its runs do."""
        patience, own = self._patience, self._own
        if own.failing:
            return own.steps_due_at(live=self.live)
        if not self.live or any(record.in_doubt for record in self._records.values()):
            return own.read_at + patience.poll
        return min(max(own.heard_at, own.read_at) + patience.silence, own.read_at + patience.backstop)

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
            self._doubt()
        return update

    def _doubt(self) -> None:
        for record in self._records.values():
            record.doubt()
        # It tells of all the others.
        self._own.read_now = True

    def _take_live(self, update: dict[str, Any]) -> list[WatchedStep]:
        self._heard_at = _now()
        record = self._records.get(update["requestId"])
        if record is None:
            return self._take_unplaced(update)
        ready, may_be_last = record.take_live(update)
        # How a run has ended, and what came of it, is told by the record that is asked for that.
        self._own.read_now |= may_be_last
        return ready

    def _take_unplaced(self, update: dict[str, Any]) -> list[WatchedStep]:
        if not self.is_job or update["jobId"] != self.request_id:
            return []
        if update["seq"] is None:
            return [WatchedStep.from_live(update, self._own.began_ms or 0)]
        # A run that has just begun: the job's record names it. It has as well what does not find room here.
        if len(self._unplaced) < HEARD_MAX_MESSAGES:
            self._unplaced.append(update)
        self._own.read_now = True
        return []

    async def _read(self, record: FollowedRecord) -> list[WatchedStep]:
        listened = self._own.caught_up
        steps = await record.read(self._api)
        if steps is None:
            return []
        return steps + self._take_runs(listened=listened) if record is self._own else steps

    def _take_runs(self, *, listened: bool) -> list[WatchedStep]:
        """Take what the job's record has told of its runs; those it had not told of before may have been heard."""
        told = self._own.last
        if told is None or told.playbook is None:
            self.is_job = False
            return []
        self.is_job = True
        for run in told.runs:
            if run.created_at_ms is None:
                continue
            if run.request_id not in self._records:
                self._records[run.request_id] = record = self._follow(run.request_id, run)
                record.begin(run.created_at_ms, listened=listened)
                record.read_now = not listened
            self._records[run.request_id].take_head(run)
        unplaced, self._unplaced = self._unplaced, []
        return [step for update in unplaced if update["requestId"] in self._records for step in self._take_live(update)]

    def _follow(self, request_id: str, head: JobRun | None = None) -> FollowedRecord:
        return FollowedRecord(request_id, head=head, patience=self._patience, notify=self._notify, random=self._random)

    def _verdict(self) -> str | None:
        """Return what became of it, if that is known together with every step up to there, its runs' included."""
        if self._unplaced or any(record.verdict() is None for record in self._records.values()):
            return None
        return self._own.verdict()

    def _stragglers(self) -> bool:
        return self.live and any(record.has_stragglers() for record in self._records.values())

    def _finish(self, status: str) -> None:
        merges, last = [record.merge for record in self._records.values()], self._own.last
        self.outcome = Outcome(
            request_id=self.request_id,
            status=status,
            recorded=sum(merge.recorded for merge in merges),
            received_live=sum(merge.received_live for merge in merges),
            missing=sum(merge.missing for merge in merges),
            result=last.result if last else None,
            error=last.error if last else None,
            runs=self.runs if self.is_job else None,
            result_link=last.result_link if last else None,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()

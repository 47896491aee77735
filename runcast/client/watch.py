"""Following one run or one job to its end: when to listen, when to ask, and when to say that it is over.

The live channel is fast and may lose anything; the record is the truth and must be asked for. So the client subscribes
first, then asks, and asks again whenever what it hears leaves a doubt: a hole that stays, a silence, an ending, a
connection that broke or was made again, a worker that is late. Without a live connection it asks at a steady pace, and
with one, whatever it delivers, every now and then. It listens while it asks: a slow answer delays no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat

from runcast.client.api import Api
from runcast.client.connection import Connection
from runcast.client.followed import FollowedRecord
from runcast.client.job import JobRun
from runcast.client.listed import StartAnswer
from runcast.client.outcome import TIMEOUT, Outcome
from runcast.client.patience import Patience
from runcast.client.records import Records
from runcast.client.retrying import Failures, ask_until_answered
from runcast.client.step import Progress, WatchedStep
from runcast.errors import RuncastError, Unavailable, Unreachable


@dataclass(frozen=True)
class _Question:
    """A record that is being asked.

    Attributes:
        record: Which.
        asked_at: Since when.
        listened: Whether all that was recorded before anybody listened had been read by then.
        unplaced: How many messages waited by then for the job's record to name their run.
        answer: What the reader answers.
    """

    record: FollowedRecord
    asked_at: float
    listened: bool
    unplaced: int
    answer: asyncio.Task[Progress]


class Watch:
    """One run or job, watched: iterate over it to get each step of its record once, in order of `seq`.

    A job's watch gives the steps of its own record and of each of its runs' records; each record's are in order. A step
    whose `seq` is None is in no record: it is passed on when it is heard. Whoever stops iterating early calls
    `aclose()`.

    Args:
        api: The HTTP side.
        request_id: Which run or job.
        is_job: Whether it is a job; None to find out by reading it before listening.
        connection: Makes the live connection, not yet opened, given whether it is a job's and what to call when there
            is something to take; None to do without.
        start: Starts it, once the live connection stands; None if it was started before. Whoever starts it knows
            whether it is a job.
        patience: How long to wait for what.
        timeout_seconds: How long to watch at most; None for as long as it takes.
        notify: Told, in a sentence, when a start or a read fails, and when a worker is lost or comes back.
        random: Gives a number from 0 to 1, for the pauses after failures.
        now_ms: The server's time (epoch ms).

    Attributes:
        request_id: Which run or job.
        start_in_doubt: Whether it may have been started although no answer says so.
        outcome: What became of it; None until the iteration has ended.
    """

    def __init__(
        self,
        api: Api,
        request_id: str,
        *,
        is_job: bool | None,
        connection: Callable[[bool, Callable[[], None]], Connection] | None,
        start: Callable[[], Awaitable[StartAnswer]] | None,
        patience: Patience,
        timeout_seconds: float | None,
        notify: Callable[[str], None],
        random: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self.request_id = request_id
        self.start_in_doubt = False
        self.outcome: Outcome | None = None
        self._api = api
        self._make_connection = connection
        self._connection: Connection | None = None
        self._start = start
        self._patience = patience
        self._timeout_seconds = timeout_seconds
        self._notify = notify
        self._random = random
        self._records = Records(
            request_id, is_job=is_job, patience=patience, notify=notify, random=random, now_ms=now_ms
        )
        self._own = self._records.own
        # Set whenever there is something to do: a message, a doubt, an answer.
        self._news = asyncio.Event()
        self._question: _Question | None = None
        # For how long the caller kept the steps that it was given: nothing is asked meanwhile.
        self._paused_seconds = 0.0
        # Since when it has been known what became of it.
        self._over_since: float | None = None
        self._steps = self._watch()

    def __aiter__(self) -> AsyncIterator[WatchedStep]:
        return self._steps

    @property
    def began_ms(self) -> int | None:
        """When it was started (epoch ms); None until that is known."""
        return self._own.began_ms

    @property
    def is_job(self) -> bool | None:
        """Whether it is a job; None until that is known."""
        return self._records.is_job

    @property
    def runs(self) -> tuple[JobRun, ...]:
        """A job's runs in the playbook's order, each as its own record or the job's told of it last."""
        return self._records.runs

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
                    self.outcome = self._records.outcome(TIMEOUT)
                    break
                for step in steps:
                    given_at = _now()
                    yield step
                    self._paused_seconds += _now() - given_at
        finally:
            await self._leave()

    async def _leave(self) -> None:
        if self._question is not None:
            answer = self._question.answer
            answer.cancel()
            await asyncio.wait([answer])
            if not answer.cancelled():
                answer.exception()  # it is of no interest any more
        if self._connection is not None:
            await self._connection.close()

    async def _look(self) -> list[WatchedStep]:
        steps: list[WatchedStep] = []
        while self._own.last is None:
            steps = await self._next()
        return steps

    async def _listen(self) -> list[WatchedStep]:
        if self._make_connection is not None and not self._records.over:
            self._connection = self._make_connection(bool(self.is_job), self._news.set)
            await self._connection.open()
            self._records.doubt()
        return []

    async def _begin(self) -> list[WatchedStep]:
        started = await ask_until_answered(
            self._ask_to_start, Failures(self._patience, self._random), notify=self._notify
        )
        # What has ended before is not heard of any more.
        self._own.begin(started.created_at_ms, listened=not started.status.ended)
        return []

    async def _ask_to_start(self) -> StartAnswer:
        assert self._start is not None  # noqa: S101 - see _watch
        before, self.start_in_doubt = self.start_in_doubt, True
        try:
            answer = await self._start()
        except RuncastError as error:
            unanswered = isinstance(error, Unavailable) and not isinstance(error, Unreachable)
            self.start_in_doubt = before or unanswered
            raise
        self.start_in_doubt = False
        return answer

    async def _next(self) -> list[WatchedStep]:
        """Do what is to be done next, or wait until there is something; return the steps that are to be shown now."""
        # Nothing is awaited between taking a step and returning it: a timeout must not lose one.
        self._news.clear()
        if self._question is not None and self._question.answer.done():
            return self._take_answer()
        verdict = self._records.verdict()
        if verdict is None:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = _now()
            # What has been heard until now is shown before the end.
            return self._take_live() or []
        elif _now() >= self._over_since + (self._patience.straggler if self._stragglers() else 0.0):
            self.outcome = self._records.outcome(verdict)
            return []
        steps = self._take_live()
        if steps is not None:
            return steps
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._due()):
                await self._news.wait()
        return []

    def _due(self) -> float | None:
        """Ask a record if it is time for that; return when to look again, or None if only news can change anything."""
        if self._over_since is not None:
            return self._over_since + self._patience.straggler
        if self._question is not None:
            return None
        due_at, record = self._records.due(live=self.live)
        if due_at > _now():
            return due_at
        self._ask(record)
        return None

    def _take_live(self) -> list[WatchedStep] | None:
        """Take what was heard since the last time; return None if that is nothing."""
        updates, in_doubt = self._connection.take() if self._connection else ([], False)
        if in_doubt:
            self._records.doubt()
        elif not updates:
            return None
        return [step for update in updates for step in self._records.take_live(update)]

    def _ask(self, record: FollowedRecord) -> None:
        answer = asyncio.create_task(self._read(record.request_id, record.asked()))
        answer.add_done_callback(lambda _: self._news.set())
        self._question = _Question(record, _now(), self._own.caught_up, self._records.unplaced, answer)

    async def _read(self, request_id: str, after_seq: int) -> Progress:
        try:
            async with asyncio.timeout(self._patience.read):
                return await self._api.get_agent_progress(request_id, after_seq=after_seq)
        except TimeoutError as error:
            raise Unavailable(f"no answer within {self._patience.read:g} s") from error

    def _take_answer(self) -> list[WatchedStep]:
        question, self._question = self._question, None
        assert question is not None  # noqa: S101 - see _next
        try:
            progress = question.answer.result()
        except Unavailable as error:
            question.record.take_failure(error, watched_seconds=_now() - self._paused_seconds)
            return []
        return self._records.take_answer(
            question.record,
            progress,
            asked_at=question.asked_at,
            listened=question.listened,
            unplaced=question.unplaced,
        )

    def _stragglers(self) -> bool:
        return self.live and self._records.has_stragglers()


def _now() -> float:
    return asyncio.get_running_loop().time()

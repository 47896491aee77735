"""Follows one run or job to its end: decides when to listen, when to read the record, and when to stop.

The live channel is fast but may lose messages; the record is complete but must be read. So the client subscribes
first and then reads. It reads again whenever messages may be missing: when a gap stays open, when no message arrives,
when a message reports an end, when a connection breaks or opens, and while the worker is late. Without a live
connection, it polls at a steady rate. With one, it still reads at `Patience.backstop`. It listens during a read, so a
slow response delays no message.
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
from runcast.client.patience import Patience
from runcast.client.records import Records
from runcast.client.retrying import Failures, ask_until_answered
from runcast.client.step import Progress, WatchedStep
from runcast.client.watch_outcome import TIMEOUT, WatchOutcome
from runcast.errors import RuncastError, Unavailable, Unreachable


@dataclass(frozen=True)
class _Question:
    """A read in flight.

    Attributes:
        record: The record.
        asked_at: When the read began.
        listened: Whether all steps from before the subscription had been read when this read began.
        unplaced: How many messages, when this read began, belonged to runs that the job's record had not listed yet.
        answer: The task that returns the reader's response.
    """

    record: FollowedRecord
    asked_at: float
    listened: bool
    unplaced: int
    answer: asyncio.Task[Progress]


class Watch:
    """Watches one run or job: iterate over it to get each step of its record once, in order of `seq`.

    A job's watch yields the steps of the job's record and of its runs' records; each record's steps are in order. A
    step whose `seq` is None is in no record and is yielded when it arrives. Call `aclose()` to stop iterating early.

    Args:
        api: The queries and mutations.
        request_id: The id of the run or job.
        is_job: Whether it is a job; None to read it first and find out. Required with `start`.
        connection: Creates the live connection, unopened. Takes two arguments: whether it is for a job, and a function
            to call on news. None to use no live connection.
        start: Starts the run or job; called once the live connection is ready. None if it was started before.
        patience: The client's timeouts.
        timeout_seconds: The maximum time to watch; None for no limit.
        notify: Called with a sentence when a start or a read fails, and when a worker is lost or comes back.
        random: Returns a number from 0 to 1, for the pauses after failures.
        now_ms: The server's time (epoch ms).

    Attributes:
        request_id: The id of the run or job.
        start_in_doubt: Whether it may have been started although no response confirmed the start.
        outcome: The outcome; None until the iteration has ended.
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
        self.outcome: WatchOutcome | None = None
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
        # Set when there is something to do: a message, a possible loss, an answer.
        self._news = asyncio.Event()
        self._question: _Question | None = None
        # The total time that the caller has spent on yielded steps. Nothing is read during that time.
        self._paused_seconds = 0.0
        # When the final status became known.
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
        """A job's runs in the playbook's order, with the latest state from their own records or the job's."""
        return self._records.runs

    @property
    def playbook(self) -> str | None:
        """The playbook that a job executes; None until its record is read, and for a run."""
        return self._own.last.playbook if self._own.last else None

    @property
    def liveness(self) -> str | None:
        """The liveness at the last read; None before that."""
        return self._own.liveness

    @property
    def live(self) -> bool:
        """Whether there is a live connection now."""
        return self._connection is not None and self._connection.live

    async def aclose(self) -> None:
        """Stop watching; the run or job itself continues."""
        await self._steps.aclose()

    async def _watch(self) -> AsyncGenerator[WatchedStep, None]:
        # If it was started before, read it first, because the subscription depends on whether it is a job.
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
                answer.exception()  # retrieve and ignore it
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
        # If it has already ended, no live messages follow, so its steps must be read.
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
        """Do the next piece of work, or wait for news; return the steps to show now."""
        # Nothing is awaited between taking a step and returning it, so that a timeout cannot lose a step.
        self._news.clear()
        if self._question is not None and self._question.answer.done():
            return self._take_answer()
        verdict = self._records.verdict()
        if verdict is None:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = _now()
            # Show the messages received so far before the end.
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
        """Start a read if one is due; return when to check again, or None to wait for news only."""
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
        """Process the messages since the last call; return None if there were none."""
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

"""The only writer of a run's record, on the recorder's background thread.

It claims the run (`claiming`), then appends the queued steps, one write at a time. It hands each write's steps to the
live channel after they are known to be stored. So `seq` has no gaps, and a step never goes live before it is durable.
Failed writes are retried. Every write is conditional on the expected state of the record. If it is refused, the
returned record shows why: an earlier attempt took effect, a cancel is requested, the run has ended or is lost.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections import deque
from collections.abc import Callable

from runcast import limits
from runcast.clock import shift_of
from runcast.errors import AppendRefused, RunGone
from runcast.record.assignment import Assignment, Claim, QueuedStep, Stop, time_up_error
from runcast.record.cancel_hint import CancelHint
from runcast.record.claiming import Claiming
from runcast.record.draft import Draft
from runcast.record.message import step_update
from runcast.record.model import EndReason, Json, Run, RunEnded, RunStatus, Step
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, Lives, RunStore

logger = logging.getLogger(__name__)

_BACKOFF_FIRST_SECONDS = 0.05
_BACKOFF_MAX_SECONDS = 1.0


class Writer:
    """Writes one run's record from a queue, on the thread that calls `work()`.

    Args:
        store: The table.
        assignment: The run and its worker.
        queue: The source of the steps.
        outbox: Receives the steps after they are stored.
        stops: Signals the work to stop.
        on_end: Called on the writing thread with the ended or waiting run, after its end is stored and queued for
            sending.
        now_ms: Returns the server's time in epoch milliseconds.
        monotonic: The clock of the assignment's deadline, in seconds.
        jitter: Returns a number from 0 to 1, for the backoff.
        give_up: Called before each attempt; returns whether to stop trying, in addition to `give_up()`.

    Attributes:
        claiming: The claim.
        settled: Set when this writer has nothing left to do: the end is stored, or it gave up.
        has_recorded: Set when this writer has stored a step.
        end_stored: Whether the record is known to hold the end (or the pause or hand-over) that this writer wrote.
        recorded: The last steps that the record holds, as JSON.
    """

    def __init__(
        self,
        store: RunStore,
        assignment: Assignment,
        queue: StepQueue,
        outbox: Outbox,
        stops: StopSignal,
        on_end: Callable[[RunEnded], None] | None,
        *,
        now_ms: Callable[[], int],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settled = threading.Event()
        self.has_recorded = threading.Event()
        self.end_stored = False
        self.recorded: deque[Json] = deque(maxlen=limits.ANSWER_MAX_STEPS)
        self._store = store
        self._run = assignment
        self._queue = queue
        self._outbox = outbox
        self._stops = stops
        self._on_end = on_end
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._jitter = jitter
        self._given_up = threading.Event()
        self._must_give_up = give_up
        self._drain_until = math.inf
        self._end_alone = False
        self._over = False
        self._draft = Draft(assignment, queue, shift_ms=lambda: shift_of(now_ms))
        self.claiming = Claiming(store, assignment, self._draft, stops, lease_until_ms=self._lease_until_ms)
        self._cancel_hint = CancelHint(store, assignment.request_id, assignment.worker)
        self._cancel_seen = False

    @property
    def seq(self) -> int:
        """How many steps the record holds."""
        return self._draft.seq

    @property
    def unrecorded(self) -> int:
        """How many steps were queued but are not known to be stored."""
        return self._queue.offered - self._draft.written

    def write_end_alone(self) -> None:
        """Skip the pending steps, so that the end can be written next."""
        self._end_alone = True

    def give_up(self) -> None:
        """Stop trying; a write in flight may still take effect."""
        self._given_up.set()

    def drain(self) -> None:
        """Continue without a waiting caller, for at most `DRAIN_SECONDS`."""
        self._drain_until = self._monotonic() + limits.DRAIN_SECONDS

    def work(self) -> None:
        """Claim the run and write its steps until the end is written, the claim is lost, or the writer gives up."""
        try:
            self.begin()
            self._queue.count_earlier(self.seq)
            while self.claiming.state is Claim.CLAIMED and self.write_next():
                pass
        except BaseException:
            logger.exception("run %s: its recorder failed", self._run.request_id)
            self._stops.tell(Stop.ENDED)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Mark this writer as settled; nothing more will be written."""
        self.claiming.known.set()
        self.settled.set()
        self._outbox.close()
        self._queue.closed.set()

    def begin(self) -> None:
        """Claim the run; retry until the claim is answered or the writer gives up."""
        if self._persist(self.claiming.attempt) and self.claiming.state is Claim.CLAIMED:
            self._run.end_before_expiry(self._now_ms(), self._monotonic())
        self.claiming.known.set()

    def write_next(self) -> bool:
        """Write the queued steps or a heartbeat; return whether more may follow."""
        return self._persist(self._write) and not self._over

    def _write(self) -> None:
        """Write the draft, or the next one if the draft is empty. A repeated call resumes the same draft."""
        draft, run = self._draft, self._run
        if self._over:
            return
        if not draft.steps:
            draft.fill(None if draft.waiting_for_room else self._next_queued())
            if self._given_up.is_set():
                return  # a beat would renew the lease, and so delay the worker that is to take the run
        while True:
            if self._end_alone:
                draft.skip_to_end()
            if self._cancel_seen:
                draft.cancel_instead_of_pausing(self._now_ms())
            for page in draft.pages:
                self._store.put_page(
                    run.request_id,
                    run.owner,
                    page,
                    expires_at_epoch_s=run.pages_expire_at_epoch_s,
                    claim_number=run.claim_number,
                )
            try:
                self._append()
            except AppendRefused as refused:
                if not self._goes_on(refused.run):
                    raise
                if not draft.steps:
                    return
            else:
                self._take_stored(len(draft.steps))
                return

    def _append(self) -> None:
        draft = self._draft
        run = self._run
        waits = draft.end is not None and draft.end.status is RunStatus.WAITING
        hands_over = draft.end is not None and draft.end.status is RunStatus.IN_PROGRESS
        self._store.append(
            run.request_id,
            worker=run.worker,
            expected_seq=draft.seq,
            lease_until_ms=self._lease_until_ms(),
            steps=draft.steps,
            pages=[page[-1].seq for page in draft.pages],
            end=draft.end,
            despite_cancel=self._cancel_seen,
            lives=Lives(run.expires_at_epoch_s, run.pages_expire_at_epoch_s) if waits else None,
            next_part=run.part + 1 if hands_over else None,
            conversation_key=self._run.conversation_key,
        )

    def _goes_on(self, run: Run) -> bool:
        """Apply the record that a refusal returned; return whether the rest of the draft may be written."""
        draft = self._draft
        first_sight = not self._cancel_seen and run.cancel_requested_at_ms is not None
        if first_sight:
            self._cancel_seen = True
            self._stops.tell(Stop.CANCELLED)
        if landed := draft.landed(run):
            self._take_stored(landed)
            return True
        if not draft.steps and run.worker == self._run.worker and run.seq == draft.seq and not run.status.ended:
            return True  # a heartbeat, and the lease already ends as late
        return draft.follow(run) or first_sight

    def _take_stored(self, count: int) -> None:
        end = self._draft.end
        steps = self._draft.stored(count)
        if end and not self._draft.end:
            self._over = self.end_stored = True
        if self._given_up.is_set():
            return
        self.recorded.extend(step.to_json() for step in steps)
        if steps:
            self.has_recorded.set()
        self._send(steps)
        # A pause without a snapshot is not announced, because nobody can answer it; a hand-over never is.
        answerable = end and end.status is RunStatus.WAITING and end.snapshot_key
        if self._over and end and (end.status.ended or answerable):
            self._announce(end, steps[-1])

    def _next_queued(self) -> QueuedStep | None:
        """Wait for a step; return None when a heartbeat is due, the worker's time is up, or a cancel is requested."""
        self._mind_the_time()
        left_seconds = limits.HEARTBEAT_SECONDS
        while True:
            seconds = min(limits.CANCEL_HINT_SECONDS, left_seconds, self._seconds_left())
            if queued := self._queue.get(seconds):
                return queued
            self._mind_the_time()
            left_seconds -= seconds
            if left_seconds <= 0 or self._queue.end or (not self._cancel_seen and self._cancel_hint.seen()):
                return None

    def _persist(self, write: Callable[[], None]) -> bool:
        """Retry a write until it succeeds, is refused or is given up; return whether it succeeded."""
        backoff_seconds = _BACKOFF_FIRST_SECONDS
        while not (self._given_up.is_set() or self._must_give_up() or self._monotonic() > self._drain_until):
            try:
                write()
            except AppendRefused as refused:
                logger.warning("run %s: %s (current status: %s)", self._run.request_id, refused, refused.run.status)
                self._stops.tell(Stop.ENDED)
                return False
            except RunGone as gone:
                logger.warning("run %s: %s", self._run.request_id, gone)
                self._stops.tell(Stop.ENDED)
                return False
            except Exception as error:  # noqa: BLE001 - a timeout, missing permission or lack of memory may be temporary
                logger.log(
                    logging.WARNING if backoff_seconds == _BACKOFF_FIRST_SECONDS else logging.DEBUG,
                    "run %s: the record cannot be written now, retrying: %s", self._run.request_id, _told(error),
                )  # fmt: skip
            else:
                return True
            self._given_up.wait(min(backoff_seconds * (0.5 + self._jitter() / 2), self._seconds_left()))
            self._mind_the_time()
            backoff_seconds = min(2 * backoff_seconds, _BACKOFF_MAX_SECONDS)
        return False

    def _mind_the_time(self) -> None:
        """End the run as an error when its worker's time is nearly up, unless an end is already expected.

        The end is queued after the pending steps; steps queued later are dropped.
        """
        if self._seconds_left() > 0:
            return
        error = time_up_error(self._run.running_tools)
        end = End(RunStatus.ERROR, error=error, reason=EndReason.TIMED_OUT)
        if self._queue.put(QueuedStep("error", error, self._now_ms(), status="agent_error", end=end)):
            self._stops.tell(Stop.TIME_UP)

    def _seconds_left(self) -> float:
        """How long until the writer must end the run; infinite if an end is already expected."""
        deadline = self._run.deadline
        if deadline is None or self._queue.end or self._stops.end_expected:
            return math.inf
        return max(0.0, deadline.time_up_seconds - self._monotonic())

    def _announce(self, end: End, last: Step) -> None:
        run = self._run
        if self._on_end is None:
            return
        asked = None
        try:
            if end.status is RunStatus.WAITING:
                asked = json.loads(last.metadata_json or "{}").get("interrupts")
            about = (run.request_id, run.job_id, run.agent, run.owner, end.status, end.reason)
            self._on_end(RunEnded(*about, last.elapsed, steps=self.seq, questions=asked))
        except Exception:
            logger.exception("the end of run %s could not be announced", run.request_id)

    def _send(self, steps: list[Step]) -> None:
        run = self._run
        self._outbox.put(
            [
                step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent)
                for step in steps
            ]
        )

    def _lease_until_ms(self) -> int:
        now_ms, deadline = self._now_ms(), self._run.deadline
        if deadline is None:
            return now_ms + limits.LEASE_MS
        return now_ms + min(limits.LEASE_MS, max(0, round((deadline.at_seconds - self._monotonic()) * 1000)))


def _told(error: Exception) -> str:
    """Return an error as text, even if its `__str__` raises."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the record must not depend on an error's __str__
        return type(error).__name__

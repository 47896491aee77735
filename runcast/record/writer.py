"""The one writer of a run's record: what the recorder's background thread does.

It claims the run, then appends what has gathered in the queue, one write at a time, and hands each write's steps to
the live channel once they are known to be stored. So `seq` is dense by construction, and live never outruns durable.
Whatever fails is tried again until the run is over: a write says what it believes the record to be, and when it is
refused the record itself tells whether an earlier try had landed, a cancel was asked for, the run has ended, or the
claim is lost.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from runcast import limits
from runcast.errors import AppendRefused, ClaimRefused
from runcast.live.message import step_update
from runcast.record.assignment import Assignment, Claim, QueuedStep, Stop
from runcast.record.cancel_hint import CancelHint
from runcast.record.draft import Draft
from runcast.record.model import EndedRun, Json, Run, RunStatus, Step
from runcast.record.outbox import Outbox
from runcast.record.store import End, RunStore

logger = logging.getLogger(__name__)

_BACKOFF_FIRST_SECONDS = 0.05
_BACKOFF_MAX_SECONDS = 1.0
_TIME_UP = "The worker's time was up before the run had ended."


class Writer:
    """Writes one run's record from a queue, on whatever thread calls `work()`.

    Args:
        store: The table.
        assignment: Which run.
        queue: Where its steps come from.
        outbox: Where they go once they are stored.
        on_end: Told, on the writing thread, what the run has come to, once its end is stored and sent.
        now_ms: The wall clock.
        jitter: A number from 0 to 1, for back-off.

    Attributes:
        claim: What is known of the claim; `claim_known` is set as soon as it is answered.
        stop: Why the work should stop, if it should.
        recorded: The last steps that the record holds, as JSON.
    """

    def __init__(
        self,
        store: RunStore,
        assignment: Assignment,
        queue: SimpleQueue[QueuedStep],
        outbox: Outbox,
        on_end: Callable[[EndedRun], None] | None,
        *,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
    ) -> None:
        self.claim = Claim.UNANSWERED
        self.claim_known = threading.Event()
        self.stop: Stop | None = None
        self.recorded: deque[Json] = deque(maxlen=limits.ANSWER_MAX_STEPS)
        self._store = store
        self._run = assignment
        self._queue = queue
        self._outbox = outbox
        self._on_end = on_end
        self._stop_listeners: list[Callable[[Stop], None]] = []
        self._stop_lock = threading.Lock()
        self._now_ms = now_ms
        self._jitter = jitter
        self._end_expected = threading.Event()
        self._given_up = threading.Event()
        self._draft = Draft(assignment, queue)
        self._cancel_hint = CancelHint(store, assignment.request_id, assignment.worker)
        self._cancel_seen = False
        self._time_up = False

    @property
    def seq(self) -> int:
        """How many steps the record holds."""
        return self._draft.seq

    @property
    def unrecorded(self) -> int:
        """How many steps were taken but are not known to be stored."""
        return self._queue.qsize() + self._draft.unrecorded

    def when_stopped(self, tell: Callable[[Stop], None]) -> None:
        """Tell `tell` when the work on the run should stop before its end: on the writing thread, or now."""
        with self._stop_lock:
            self._stop_listeners.append(tell)
            stop = self.stop
        if stop is not None:
            self._tell_each([tell], stop)

    def expect_end(self) -> None:
        """Be told that the end is on its way: nobody need be told to stop any more."""
        self._end_expected.set()

    def give_up(self) -> None:
        """Try nothing any more; a write that is under way may still land."""
        self._given_up.set()

    def work(self) -> None:
        """Claim the run and write its steps until its end is written, or it is given up, or it is not ours."""
        try:
            self.begin()
            while self.claim is Claim.CLAIMED and self.write_next():
                pass
        except Exception:
            # Whatever it is, it is ours: the run goes on unrecorded, and the report says so.
            logger.exception("run %s: the recorder stopped", self._run.request_id)
        finally:
            self.claim_known.set()
            self._outbox.close()

    def begin(self) -> None:
        """Claim the run, however long it takes, until it is given up."""
        self._persist(self._claim_run)
        self.claim_known.set()

    def write_next(self) -> bool:
        """Write what has gathered, or a heartbeat; return whether there is more to come."""
        draft = self._draft
        draft.fill(draft.held or self._first_queued())
        if draft.new_page and not self._persist(self._put_page):
            return False
        if not self._persist(self._append):
            return False
        steps, end = draft.stored()
        self.recorded.extend(step.to_json() for step in steps)
        if end and end.status is RunStatus.WAITING and self._cancel_seen:
            self._queue.put(QueuedStep("cancelled", "Cancelled", self._now_ms(), end=End(RunStatus.CANCELLED)))
            end = None
        self._publish(steps)
        if end and end.status.ended:
            self._announce(end.status, steps[-1])
        return end is None

    def _claim_run(self) -> None:
        run = self._run
        try:
            record = self._store.claim(
                run.request_id,
                worker=run.worker,
                owner=run.owner,
                agent=run.agent,
                job_id=run.job_id,
                lease_until_ms=self._lease_until_ms(),
            )
        except ClaimRefused as refused:
            if refused.run.worker != run.worker:
                self.claim = Claim.REFUSED
                logger.warning("run %s: %s It is not recorded here.", run.request_id, refused)
                self._tell(Stop.ENDED)
                return
            record = refused.run  # an earlier try had taken effect
        run.follow(record)
        self._draft.seq = record.seq
        self.claim = Claim.CLAIMED

    def _first_queued(self) -> QueuedStep | None:
        """Wait for a step, until a heartbeat or the end of the worker's time is due, or a cancel was asked for."""
        self._mind_the_time()
        left_seconds = limits.HEARTBEAT_SECONDS
        while True:
            seconds = min(limits.CANCEL_HINT_SECONDS, left_seconds, self._seconds_left())
            try:
                return self._queue.get(timeout=seconds)
            except Empty:
                self._mind_the_time()
            left_seconds -= seconds
            if left_seconds <= 0 or self._time_up or (not self._cancel_seen and self._cancel_hint.seen()):
                return None

    def _put_page(self) -> None:
        run = self._run
        self._store.put_page(run.request_id, run.owner, self._draft.head, expires_at_epoch_s=run.expires_at_epoch_s)

    def _append(self) -> None:
        draft = self._draft
        # Nobody beats for a run that waits for people.
        waiting = draft.end is not None and draft.end.status is RunStatus.WAITING
        try:
            self._store.append(
                self._run.request_id,
                worker=self._run.worker,
                expected_seq=draft.seq,
                lease_until_ms=self._run.waits_until_ms if waiting else self._lease_until_ms(),
                steps=draft.steps,
                new_page=draft.new_page,
                end=draft.end,
                despite_cancel=self._cancel_seen,
            )
        except AppendRefused as refused:
            first_sight = not self._cancel_seen and refused.run.cancel_requested_at_ms is not None
            if first_sight:
                self._cancel_seen = True
                self._tell(Stop.CANCELLED)
            if _holds(refused.run, draft.steps):
                return
            if not first_sight:
                raise
            self._append()

    def _persist(self, write: Callable[[], None]) -> bool:
        """Try a write until it is done, refused or given up; return whether the record now holds it."""
        backoff_seconds = _BACKOFF_FIRST_SECONDS
        while not self._given_up.is_set():
            try:
                write()
            except AppendRefused as refused:
                logger.warning("run %s: %s It stands at %s.", self._run.request_id, refused, refused.run.status)
                self._tell(Stop.ENDED)
                return False
            except Exception as error:  # noqa: BLE001 - time-outs, and a missing permission or table, may come right
                logger.warning("run %s: the record cannot be written now: %s", self._run.request_id, error)
            else:
                return True
            self._given_up.wait(min(backoff_seconds * (0.5 + self._jitter() / 2), self._seconds_left()))
            self._mind_the_time()
            backoff_seconds = min(2 * backoff_seconds, _BACKOFF_MAX_SECONDS)
        return False

    def _mind_the_time(self) -> None:
        """End the run as an error when its worker's time is nearly up, unless its end is coming anyhow.

        The end goes behind what is queued, and whatever is queued after it comes too late.
        """
        if self._seconds_left() > 0:
            return
        self._time_up = True
        end = End(RunStatus.ERROR, error=_TIME_UP)
        self._queue.put(QueuedStep("error", _TIME_UP, self._now_ms(), status="agent_error", end=end))
        self._tell(Stop.TIME_UP)

    def _seconds_left(self) -> float:
        """How long until the writer must end the run; for ever, once the end is on its way."""
        time_up_ms = self._run.time_up_ms
        if time_up_ms is None or self._time_up or self._end_expected.is_set():
            return math.inf
        return max(0, time_up_ms - self._now_ms()) / 1000

    def _tell(self, stop: Stop) -> None:
        """Tell whoever does the work that it should stop; what has ended the run says more than that it should end."""
        with self._stop_lock:
            news = self.stop is None or (self.stop is Stop.CANCELLED and stop is not Stop.CANCELLED)
            if news:
                self.stop = stop
            listeners = list(self._stop_listeners)
        if news:
            self._tell_each(listeners, stop)

    def _tell_each(self, listeners: list[Callable[[Stop], None]], stop: Stop) -> None:
        """Tell them, unless the work has ended anyhow."""
        for tell in () if self._end_expected.is_set() else listeners:
            try:
                tell(stop)
            except Exception:
                logger.exception("run %s could not be told to stop", self._run.request_id)

    def _announce(self, status: RunStatus, last: Step) -> None:
        run = self._run
        if self._on_end is None or self._given_up.is_set():
            return
        try:
            self._on_end(
                EndedRun(run.request_id, run.job_id, run.agent, run.owner, status, last.elapsed, steps=self.seq)
            )
        except Exception:
            logger.exception("the end of run %s could not be announced", run.request_id)

    def _publish(self, steps: list[Step]) -> None:
        run = self._run
        self._outbox.put(
            [
                step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent)
                for step in steps
            ]
        )

    def _lease_until_ms(self) -> int:
        lease_until_ms = self._now_ms() + limits.LEASE_MS
        deadline_ms = self._run.deadline_ms
        return lease_until_ms if deadline_ms is None else min(lease_until_ms, deadline_ms)


def _holds(run: Run, steps: list[Step]) -> bool:
    """Whether a refused write had landed after all: its first step stands in the head, and a write is whole.

    In the head, because only this worker begins new pages, and it has one write under way.
    """
    return bool(steps) and steps[0] in run.steps

"""The one writer of a run's record: what the recorder's background thread does.

It claims the run, then appends what has gathered in the queue, one write at a time, and hands each write's steps to
the live channel once they are known to be stored. So `seq` is dense by construction, and live never outruns durable.
Whatever fails is tried again until the run is over: a write says what it believes the record to be, and when it is
refused the record itself tells whether an earlier try had landed, the run has ended, or the claim is lost.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from queue import Empty, SimpleQueue
from typing import NamedTuple

from runcast import limits
from runcast.errors import AppendRefused, ClaimRefused
from runcast.live.message import batches, step_update
from runcast.record.model import Json, Owner, Run, RunStatus, Step
from runcast.record.store import End, RunStore

logger = logging.getLogger(__name__)

_BACKOFF_FIRST_SECONDS = 0.05
_BACKOFF_MAX_SECONDS = 1.0
_ATTRIBUTE_NAMES_BYTES = 100  # what the names of a step's attributes take, about


class Claim(Enum):
    """What became of the claim."""

    CLAIMED = "claimed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class StepRef:
    """A step that has been queued: it stands for the number that the step is going to have.

    Attributes:
        seq: The step's number, None until the writer has given it one; it stays so for a step that found no room.
    """

    def __init__(self) -> None:
        self.seq: int | None = None


class QueuedStep(NamedTuple):
    """A step as it was taken, every text within its limit, before it has its number."""

    step: str
    message: str
    timestamp_ms: int
    agent_name: str | None = None
    tool_name: str | None = None
    status: str | None = None
    metadata_json: str | None = None
    end: End | None = None
    ref: StepRef | None = None
    parent: StepRef | None = None


@dataclass
class Assignment:
    """Which run is written, and by whom; what the record says of it wins once it is claimed."""

    request_id: str
    owner: Owner
    agent: str
    job_id: str | None
    worker: str
    deadline_ms: int | None
    began_ms: int
    expires_at_ms: int = 0

    def follow(self, run: Run) -> None:
        """Take over what the record says."""
        self.owner, self.agent, self.job_id = run.owner, run.agent, run.job_id
        self.began_ms, self.expires_at_ms = run.created_at_ms, run.expires_at_epoch_s * 1000

    def seconds_since_began(self, timestamp_ms: int) -> float:
        """Return how long after its beginning, in seconds, the run stood at that time."""
        return max(0, timestamp_ms - self.began_ms) / 1000


class Writer:
    """Writes one run's record from a queue, on whatever thread calls `work()`.

    Args:
        store: The table.
        assignment: Which run.
        queue: Where its steps come from.
        publish: Sends status messages and returns how many were handed over; must not raise.
        now_ms: The wall clock.
        jitter: A number from 0 to 1, for back-off.

    Attributes:
        claim: What is known of the claim; `claim_known` is set as soon as it is answered.
        seq: How many steps the record holds.
        recorded: The last of them, as JSON.
    """

    def __init__(
        self,
        store: RunStore,
        assignment: Assignment,
        queue: SimpleQueue[QueuedStep],
        publish: Callable[[list[Json]], int] | None,
        *,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
    ) -> None:
        self.claim = Claim.UNANSWERED
        self.claim_known = threading.Event()
        self.seq = 0
        self.recorded: deque[Json] = deque(maxlen=limits.ANSWER_MAX_STEPS)
        self._store = store
        self._run = assignment
        self._queue = queue
        self._publish = publish
        self._now_ms = now_ms
        self._jitter = jitter
        self._in_a_hurry = threading.Event()
        self._given_up = threading.Event()
        self._pending: list[QueuedStep] = []
        self._unsent: list[Json] = []
        self._steps_bytes = 0
        self._overflowed = 0
        self._unpublished = 0

    @property
    def unrecorded(self) -> int:
        """How many steps were taken but are not known to be stored."""
        return self._queue.qsize() + len(self._pending) + self._overflowed

    @property
    def unpublished(self) -> int:
        """How many stored steps are not known to have been handed to the live channel."""
        return self._unpublished + len(self._unsent)

    def hurry(self) -> None:
        """Be told that the end is coming: it is stored before anything else is sent."""
        self._in_a_hurry.set()

    def give_up(self) -> None:
        """Try nothing any more; a write that is under way may still land."""
        self._given_up.set()

    def work(self) -> None:
        """Claim the run and write its steps until its end is written, or it is given up, or it is not ours."""
        try:
            self._persist(self._claim_run)
            self.claim_known.set()
            while self.claim is Claim.CLAIMED and self._write_next():
                pass
        except Exception:
            # Whatever it is, it is ours: the run goes on unrecorded, and the report says so.
            logger.exception("run %s: the recorder stopped", self._run.request_id)
        finally:
            self.claim_known.set()

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
                return
            record = refused.run  # an earlier try had taken effect
        run.follow(record)
        self.seq = record.seq
        self.claim = Claim.CLAIMED

    def _write_next(self) -> bool:
        """Write what has gathered, or a heartbeat; return whether there is more to come."""
        self._gather()
        steps = [self._numbered(queued, self.seq + 1 + index) for index, queued in enumerate(self._pending)]
        end = self._pending[-1].end if self._pending else None
        if not self._persist(lambda: self._append(steps, end)):
            return False
        self._pending = []
        self.seq += len(steps)
        self.recorded.extend(step.to_json() for step in steps)
        self._publish_steps(steps, ended=end is not None)
        return end is None

    def _gather(self) -> None:
        """Wait for a step, at most until a heartbeat is due, and take along what else is queued, up to the end.

        Another thread may queue a step just behind the end: that one came too late.
        """
        try:
            queued = self._queue.get(timeout=limits.HEARTBEAT_SECONDS)
            self._take(queued)
            while queued.end is None:
                queued = self._queue.get_nowait()
                self._take(queued)
        except Empty:
            pass

    def _take(self, queued: QueuedStep) -> None:
        """Keep a step for the next write; count it instead when the one item is full. The end always has its place."""
        size_bytes = len(json.dumps(queued[: QueuedStep._fields.index("end")])) + _ATTRIBUTE_NAMES_BYTES
        if queued.end is None and self._steps_bytes + size_bytes > limits.STEPS_MAX_BYTES:
            self._overflowed += 1
        else:
            self._steps_bytes += size_bytes
            self._pending.append(queued)

    def _numbered(self, queued: QueuedStep, seq: int) -> Step:
        metadata_text = queued.metadata_json
        if queued.ref:
            queued.ref.seq = seq
        # A parent was queued before its children, so it has its number by now, or will never have one.
        if queued.parent and queued.parent.seq:
            metadata_text = json.dumps({**json.loads(metadata_text or "{}"), "parentSeq": queued.parent.seq})
        if queued.end and self._overflowed:
            metadata_text = json.dumps({**json.loads(metadata_text or "{}"), "unrecorded": self._overflowed})
        return Step(
            step=queued.step,
            message=queued.message,
            elapsed=self._run.seconds_since_began(queued.timestamp_ms),
            timestamp=queued.timestamp_ms,
            seq=seq,
            agent_name=queued.agent_name,
            tool_name=queued.tool_name,
            status=queued.status or ("agent_invoking" if seq == 1 and not queued.end else None),
            metadata_json=metadata_text,
        )

    def _append(self, steps: list[Step], end: End | None) -> None:
        # Nobody beats for a run that waits for people: it may wait as long as its record lives.
        waiting = end is not None and end.status is RunStatus.WAITING
        try:
            self._store.append(
                self._run.request_id,
                worker=self._run.worker,
                expected_seq=self.seq,
                lease_until_ms=self._run.expires_at_ms if waiting else self._lease_until_ms(),
                steps=steps,
                end=end,
            )
        except AppendRefused as refused:
            if not _holds(refused.run, steps):
                raise

    def _persist(self, write: Callable[[], None]) -> bool:
        """Try a write until it is done, refused or given up; return whether the record now holds it."""
        backoff_seconds = _BACKOFF_FIRST_SECONDS
        while not self._given_up.is_set():
            try:
                write()
            except AppendRefused as refused:
                logger.warning("run %s: %s It stands at %s.", self._run.request_id, refused, refused.run.status)
                return False
            except Exception as error:  # noqa: BLE001 - time-outs, and a missing permission or table, may come right
                logger.warning("run %s: the record cannot be written now: %s", self._run.request_id, error)
            else:
                return True
            self._given_up.wait(backoff_seconds * (0.5 + self._jitter() / 2))
            backoff_seconds = min(2 * backoff_seconds, _BACKOFF_MAX_SECONDS)
        return False

    def _publish_steps(self, steps: list[Step], *, ended: bool) -> None:
        """Send what has been stored, unless the end is waiting to be stored; a channel that fails is not waited for."""
        if not self._publish:
            return
        run = self._run
        self._unsent += [
            step_update(run.owner, step, request_id=run.request_id, job_id=run.job_id, agent=run.agent)
            for step in steps
        ]
        for batch in list(batches(self._unsent)):
            if self._given_up.is_set() or (self._in_a_hurry.is_set() and not ended):
                return
            if self._publish(batch) < len(batch):
                self._unpublished += len(self._unsent)
                self._unsent = []
                return
            self._unsent = self._unsent[len(batch) :]

    def _lease_until_ms(self) -> int:
        lease_until_ms = self._now_ms() + limits.LEASE_MS
        deadline_ms = self._run.deadline_ms
        return lease_until_ms if deadline_ms is None else min(lease_until_ms, deadline_ms)


def _holds(run: Run, steps: list[Step]) -> bool:
    """Whether a refused write had landed after all: its first step stands in the record, and a write is whole."""
    return bool(steps) and steps[0] in run.steps

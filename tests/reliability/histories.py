"""Histories of a run: workers, rivals, faults and duplicate deliveries in any order, and what must hold throughout.

Everything runs on one thread: a worker is its writer, driven one write at a time, so that a history which fails fails
again. Time is a clock that the history moves.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.assignment import Assignment, Claim, QueuedStep
from runcast.record.ending import cancel, close_dead
from runcast.record.model import Owner, Run, RunStatus, Step
from runcast.record.outbox import Outbox
from runcast.record.reader import read_progress
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from tests.unit.record.recording import Crash, FailingStore

ALICE = Owner("acme", "alice")
START_MS = 1_700_000_000_000
ENDS = {"complete", "error", "cancelled"}

fates = st.lists(st.sampled_from(["fine", "before", "after"]), max_size=4)
fates_of_a_worker = st.lists(
    st.sampled_from(["fine", "fine", "before", "after", "cancelled between", "closed between", "crash before",
                     "crash after"]), max_size=4
)  # fmt: skip
_ids = itertools.count()


class Worker:
    """One delivery of the run's event: a writer, what it was told, and whether it lives."""

    def __init__(self, history: Histories, name: str) -> None:
        self.history = history
        self.told: list[str] = []
        self.alive = True
        self.store = CrossedStore(history)
        self.queue: SimpleQueue[QueuedStep] = SimpleQueue()
        self.ended = False
        assignment = Assignment(history.request_id, ALICE, "terrain", None, f"{name}/x", None, began_ms=history.now_ms)
        self.outbox = Outbox(history.publish)
        self.writer = Writer(
            self.store, assignment, self.queue, self.outbox, None, now_ms=history.clock, jitter=lambda: 0.0
        )  # fmt: skip

    def tell(self, message: str, size: int, end: End | None = None) -> None:
        step = end.status.value if end else "thinking"
        self.told.append(message)
        self.queue.put(QueuedStep(step, message.ljust(size, "."), START_MS, end=end))

    def write(self) -> None:
        try:
            self.alive = self.writer.write_next()
            if self.outbox.unpublished:
                self.outbox.send_next()
        except Crash:
            self.alive = False
            return
        if not self.alive and not self.ended:
            run = self.history.store.read(self.history.request_id)
            assert run is not None
            assert run.status.ended, "a worker gave up a run that is its own"


class CrossedStore(FailingStore):
    """A store in which others may write between a worker's tries."""

    def __init__(self, history: Histories) -> None:
        super().__init__(history.store)
        self._history = history

    def _write(self, write: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        fate = self._script[0] if self._script else "fine"
        if fate.endswith("between"):
            self._script[0] = "after"
        try:
            return super()._write(write, args, kwargs)
        except StoreUnavailable:
            if fate == "cancelled between":
                self._history.publish_end(cancel(self._store, ALICE, self._history.request_id, now_ms=self._clock))
            if fate == "closed between":
                self._history.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
                self._history.publish_end(close_dead(self._store, self._history.request_id, now_ms=self._clock))
            raise

    def _clock(self) -> int:
        return self._history.now_ms


class Histories(RuleBasedStateMachine):
    """One run from its start; `make_store` is set by who runs the machine."""

    make_store: Callable[[Callable[[], int]], RunStore]

    def __init__(self) -> None:
        super().__init__()
        self._small = [
            patch.object(limits, "PAGE_MAX_BYTES", 900),
            patch.object(limits, "HEARTBEAT_SECONDS", 0.0),
            patch("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0),
        ]
        for each in self._small:
            each.start()
        self.now_ms = START_MS
        self.request_id = f"run-{next(_ids)}"
        self.store = type(self).make_store(self.clock)
        self.workers: list[Worker] = []
        self.published: list[dict[str, Any]] = []
        self.seen: list[Step] = []
        self.ended: Run | None = None
        self.quiet_until_seq = 0

    def clock(self) -> int:
        return self.now_ms

    def publish(self, messages: list[dict[str, Any]]) -> int:
        """What goes live must stand in the record at that moment."""
        stored = {step.seq: step.message for step in self.steps()}
        for message in messages:
            assert stored[message["seq"]] == message["message"]
        self.published += messages
        return len(messages)

    def publish_end(self, ending: Any) -> None:
        if ending is not None and ending.update is not None:
            self.publish([ending.update])

    def steps(self) -> list[Step]:
        run = self.store.read(self.request_id)
        if run is None:
            return []
        return [*(self.store.read_pages(self.request_id, run.pages) if run.pages else ()), *run.steps]

    @initialize(created=st.booleans(), delivered=st.booleans(), quiet_until_seq=st.sampled_from([0, 0, 5, 12, 25]))
    def start(self, created: bool, delivered: bool, quiet_until_seq: int) -> None:
        """Rivals come into most histories late, so that there is a long run to harm."""
        self.quiet_until_seq = quiet_until_seq
        if created:
            self.store.create(self.request_id, owner=ALICE, agent="terrain")
        if delivered or quiet_until_seq:
            self.deliver([])

    def disturbed(self) -> bool:
        return len(self.seen) >= self.quiet_until_seq

    @rule(fates=fates)
    def deliver(self, fates: list[str]) -> None:
        worker = Worker(self, f"invocation-{len(self.workers)}")
        worker.store.script(fates)
        worker.writer.begin()
        worker.alive = worker.writer.claim is Claim.CLAIMED
        self.workers.append(worker)
        assert [each.writer.claim for each in self.workers].count(Claim.CLAIMED) <= 1

    @precondition(lambda self: self.working())
    @rule(count=st.integers(1, 9), size=st.sampled_from([0, 100, 500]), fates=fates_of_a_worker)
    def record(self, count: int, size: int, fates: list[str]) -> None:
        [worker] = self.working()
        for _ in range(count):
            worker.tell(f"step {len(worker.told) + 1}", size)
        self.write(fates)

    @precondition(lambda self: self.working())
    @rule(fates=fates_of_a_worker)
    def write(self, fates: list[str]) -> None:
        """Write what is queued, or beat."""
        [worker] = self.working()
        kept = ("fine", "before", "after")
        worker.store.script(fates if self.disturbed() else [fate for fate in fates if fate in kept])
        worker.write()

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(status=st.sampled_from(["complete", "error", "cancelled", "waiting"]), fates=fates_of_a_worker)
    def end(self, status: str, fates: list[str]) -> None:
        [worker] = self.working()
        if not worker.ended:
            worker.ended = True
            worker.tell("the end", 0, End(RunStatus(status)))
        self.write(fates)

    @precondition(lambda self: self.disturbed())
    @rule(fates=fates)
    def cancel(self, fates: list[str]) -> None:
        self.by_another(fates, lambda store: cancel(store, ALICE, self.request_id, now_ms=self.clock))

    @precondition(lambda self: self.disturbed())
    @rule(fates=fates, invocation=st.sampled_from([None, "invocation-0", "invocation-1"]))
    def close(self, fates: list[str], invocation: str | None) -> None:
        self.by_another(
            fates, lambda store: close_dead(store, self.request_id, invocation=invocation, now_ms=self.clock)
        )

    @rule(fates=fates)
    def cancel_by_a_stranger(self, fates: list[str]) -> None:
        self.by_another(fates, lambda store: cancel(store, Owner("acme", "bob"), self.request_id, now_ms=self.clock))

    @precondition(lambda self: self.disturbed())
    @rule(milliseconds=st.sampled_from([1, 4_000, 16_000, 31_000, 200_000]))
    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    def by_another(self, fates: list[str], ask: Callable[[Any], Any]) -> None:
        store = FailingStore(self.store, fates)
        with contextlib.suppress(StoreUnavailable):
            self.publish_end(ask(store))

    def working(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.alive]

    @invariant()
    def the_record_is_exact(self) -> None:
        run, steps = self.store.read(self.request_id), self.steps()
        if run is None:
            return
        assert [step.seq for step in steps] == list(range(1, run.seq + 1))
        assert steps[: len(self.seen)] == self.seen, "a step that had been read has changed"
        self.seen = steps
        ends = [step.seq for step in steps if step.step in ENDS]
        assert ends == ([run.seq] if run.status.ended else [])
        if self.ended is not None:
            assert run == self.ended, "something was written after the end"
        self.ended = run if run.status.ended else None

    @invariant()
    def each_step_is_its_workers_next(self) -> None:
        told = [message for worker in self.workers for message in worker.told]
        stored = [step.message.rstrip(".") for step in self.steps() if step.step == "thinking"]
        assert stored == told[: len(stored)]

    @invariant()
    def nothing_is_published_twice(self) -> None:
        seqs = [message["seq"] for message in self.published]
        assert len(seqs) == len(set(seqs))

    def teardown(self) -> None:
        """Whatever happened, the run comes to its end, and a reader gets all of it."""
        try:
            for worker in self.working():
                worker.store.script([])
                if not worker.ended:
                    worker.tell("the end", 0, End(RunStatus.COMPLETE))
                while worker.alive:
                    worker.write()
            self.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
            run = self.store.read(self.request_id)
            if run and run.status is RunStatus.IN_PROGRESS:
                self.publish_end(close_dead(self.store, self.request_id, now_ms=self.clock))
                assert self.store.read(self.request_id).status.ended  # type: ignore[union-attr]
            self.the_record_is_exact()
            self.each_step_is_its_workers_next()
            self.nothing_is_published_twice()
            read, after_seq = [], 0
            while run and after_seq is not None:
                answer = read_progress(self.store, ALICE, self.request_id, after_seq, now_ms=self.clock)
                read += answer["steps"]
                after_seq = answer["nextSeq"]
            assert read == [step.to_json() for step in self.steps()]
        finally:
            for each in self._small:
                each.stop()

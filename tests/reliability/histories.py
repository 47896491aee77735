"""Histories of a run: workers, rivals, faults and duplicate deliveries in any order, and what must hold throughout.

Everything runs on one thread: a worker is its writer, driven one write at a time, so that a history which fails fails
again. Time is a clock that the history moves.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

from chalicelib.lifecycle.closer import write_end
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runcast import limits
from runcast.errors import Refused, RunExists, RunGone, StoreUnavailable
from runcast.record.assignment import Claim, Stop
from runcast.record.ending import cancel, close_dead
from runcast.record.model import Owner, Run, RunStatus, Step
from runcast.record.reader import read_progress
from runcast.record.store import RunStore
from tests.reliability.bounded import BoundedClient
from tests.reliability.promises import broken, check_beginning, check_once, check_one_end, check_order
from tests.reliability.rivals import ALICE, CLOCK_TOLERANCE_MS, START_MS, CloserStore, RivalStore, Worker
from tests.unit.conftest import TABLE_NAME

fates = st.lists(st.sampled_from(["fine", "before", "after"]), max_size=4)
fates_of_a_worker = st.lists(
    st.sampled_from(["fine", "fine", "before", "after", "cancelled between", "closed between", "crash before",
                     "crash after", "another's answer", "late", "no memory"]), max_size=4
)  # fmt: skip
meanwhiles = st.sampled_from(["nothing", "a beat", "a beat", "a step", "the end", "a delivery"])
# A step that has a place beside no other: before it, a page is put.
A_PAGE = 670
_HOUR_MS = 3_600_000
_ids = itertools.count()


class Histories(RuleBasedStateMachine):
    """One run from its start; `client` is set by the caller that runs the machine.

    An id may be reused once its record has expired, which starts the next generation. A worker of an earlier generation
    has slept for a day.
    """

    client: Any

    def __init__(self) -> None:
        super().__init__()
        self._small = [
            patch.object(limits, "PAGE_MAX_BYTES", 900),
            patch.object(limits, "QUEUE_MAX_STEPS", 8),
            patch.object(limits, "HEARTBEAT_SECONDS", 0.0),
            patch("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0),
        ]
        for each in self._small:
            each.start()
        self.now_ms = START_MS
        self.request_id = f"run-{next(_ids)}"
        self.client = BoundedClient(self.client)
        self.store = RunStore(self.client, TABLE_NAME, now_ms=self.clock)
        self.generation = 0
        self.workers: list[Worker] = []
        self.published: list[dict[str, Any]] = []
        self.too_early: list[dict[str, Any]] = []
        self.seen: list[Step] = []
        self.ended: Run | None = None
        self.quiet_until_seq = 0
        self.faults = 0
        self.late: list[Callable[[], Any]] = []
        self.leased: tuple[str | None, int] = (None, 0)

    def clock(self) -> int:
        return self.now_ms

    def publish(self, messages: list[dict[str, Any]]) -> int:
        """A message that goes live must be in the record at that moment."""
        stored: dict[int, str] = {}
        with contextlib.suppress(StoreUnavailable):  # a page that is missing; the invariants say so
            stored = {step.seq: step.message for step in self.steps()}
        self.too_early += [each for each in messages if stored.get(each["seq"]) != each["message"]]
        if any(each["userId"] != ALICE.user_id for each in messages):
            broken("changed", "a step went live to another user")
        self.published += messages
        return len(messages)

    def publish_end(self, ending: Any) -> None:
        if ending is not None and ending.ended is not None:
            self.publish([ending.update])

    def run(self) -> Run | None:
        return self.store.read(self.request_id)

    def steps(self) -> list[Step]:
        run = self.run()
        if run is None:
            return []
        return [*(self.store.read_pages(self.request_id, run.owner, run.pages) if run.pages else ()), *run.steps]

    @initialize(
        queued_ms=st.sampled_from([None, 0, limits.QUEUED_LEASE_MS - limits.LEASE_MS]),
        delivered=st.booleans(),
        quiet_until_seq=st.sampled_from([0, 0, 5, 12, 25]),
        answered=st.sampled_from([[], [], [], ["another's answer"]]),
        clock_off_ms=st.sampled_from([0, 0, -3 * _HOUR_MS, 3 * _HOUR_MS]),
    )
    def start(
        self, queued_ms: int | None, delivered: bool, quiet_until_seq: int, answered: list[str], clock_off_ms: int
    ) -> None:
        """Rivals join most histories late, when the run is long.

        A run may have been queued for just as long that its claim renews the lease to what it was.
        """
        self.quiet_until_seq = quiet_until_seq
        if queued_ms is not None:
            self.store.create(self.request_id, owner=ALICE, agent="terrain")
            self.now_ms += queued_ms
        if delivered or quiet_until_seq:
            self.deliver(answered, clock_off_ms)

    def disturbed(self) -> bool:
        return len(self.seen) >= self.quiet_until_seq

    @rule(
        fates=fates_of_a_worker,
        clock_off_ms=st.sampled_from([0, 0, -3 * _HOUR_MS, 3 * _HOUR_MS]),
        remaining_ms=st.sampled_from([None, None, 900_000, 60_000]),
    )
    def deliver(self, fates: list[str], clock_off_ms: int = 0, remaining_ms: float | None = None) -> None:
        worker = Worker(self, f"invocation-{len(self.workers)}", clock_off_ms=clock_off_ms, remaining_ms=remaining_ms)
        worker.store.script(fates)
        self.faults += len(fates) - fates.count("fine")
        self.workers.append(worker)
        worker.begin()
        if [each.writer.claim for each in self.of_this_generation()].count(Claim.CLAIMED) > 1:
            broken("repeated", "two workers do one run")

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
        fates = fates if self.disturbed() else [fate for fate in fates if fate in kept]
        self.faults += len(fates) - fates.count("fine")
        worker.store.script(fates)
        worker.write()

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(status=st.sampled_from(["complete", "error", "cancelled", "waiting"]), fates=fates_of_a_worker)
    def end(self, status: str, fates: list[str]) -> None:
        [worker] = self.working()
        worker.tell_end(RunStatus(status))
        self.write(fates)

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(
        count=st.integers(1, 9), status=st.sampled_from(["complete", "error", "waiting"]), fates=fates_of_a_worker,
        begun=st.booleans(),
    )  # fmt: skip
    def end_alone(self, count: int, status: str, fates: list[str], begun: bool) -> None:
        """There is no time left for the steps before the end: they are dropped and counted."""
        [worker] = self.working()
        for _ in range(count):
            worker.tell(f"step {len(worker.told) + 1}", 100)
        if begun:
            self.write(["after"])
        worker.tell_end(RunStatus(status))
        worker.writer.write_end_alone()
        if worker.alive:
            self.write(fates)

    @precondition(lambda self: self.working())
    @rule(hours=st.sampled_from([-3, 3]), frozen_ms=st.sampled_from([0, 5_000]))
    def disturb_a_clock(self, hours: int, frozen_ms: int) -> None:
        """The wall clock of a worker is set, or its monotonic clock stops while its machine is frozen."""
        [worker] = self.working()
        if frozen_ms:
            self.now_ms += frozen_ms
            worker.machine.freeze(frozen_ms)
        else:
            worker.machine.jump(hours * _HOUR_MS)
        self.write([])

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(
        status=st.sampled_from(["complete", "waiting"]), first=fates, second=fates, marked=st.booleans(),
        in_flight=st.booleans(),
    )  # fmt: skip
    def hand_over(self, status: str, first: list[str], second: list[str], marked: bool, in_flight: bool) -> None:
        """A worker that cannot store its end hands it over. It is written despite all faults, and only once."""
        [worker] = self.working()
        if worker.ended:
            return
        if in_flight:
            worker.tell(f"step {len(worker.told) + 1}", 0)
            worker.store.script(["late", "crash before"])
            worker.write()
        worker.tell_end(RunStatus(status))
        event = worker.give_up()
        if marked:
            self.publish_end(cancel(self.store, ALICE, self.request_id, now_ms=self.clock))
        for fates in (first, second):
            write_end(
                event,
                CloserStore(self, fates),  # type: ignore[arg-type]
                send=self.publish,
                on_end=lambda _: None,
                remaining_ms=lambda: 60_000,
            )
            run = self.run()
            if run and run.worker == worker.name and run.status is RunStatus.IN_PROGRESS:
                broken("hung", "an end that was handed over was not written")

    @precondition(lambda self: self.working() and self.disturbed())
    @rule()
    def beat_late(self) -> None:
        """A heartbeat is given up, and lands behind the next one."""
        [worker] = self.working()
        worker.store.script(["late"])
        worker.write()
        self.now_ms += 4_000
        if worker.alive:
            worker.write()
        self.land_late()

    @precondition(lambda self: self.late)
    @rule()
    def land_late(self) -> None:
        """A write whose worker had given it up takes effect after all, if the record still allows it."""
        with contextlib.suppress(IndexError, Refused, RunGone):
            self.late.pop(0)()

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(today=st.sampled_from([True, False]), expires=st.booleans())
    def vanish(self, today: bool, expires: bool) -> None:
        """The record is deleted, or it expires, while it is written."""
        if today:
            return
        if expires:
            self.now_ms += limits.RETENTION_SECONDS * 1000 + 1
        else:
            key = {"requestId": {"S": self.request_id}}
            self.client.delete_item(TableName=TABLE_NAME, Key=key)
            self.now_ms += 2_000
        self.generation += 1
        self.published, self.seen, self.ended, self.quiet_until_seq, self.late = [], [], None, 0, []
        for worker in self.sleeping():
            worker.store.script([])
            worker.tell("after the record", 0)
            worker.write()
            # A day later, the time of a worker that has a deadline is up, which it learns first.
            if worker.alive or worker.stops.stop is not (Stop.TIME_UP if worker.time_up else Stop.ENDED):
                broken("hung", "a worker whose record is gone was not told")
        if cancel(self.store, ALICE, self.request_id, now_ms=self.clock) is not None:
            broken("changed", "a run whose record is gone was cancelled")

    @precondition(lambda self: self.disturbed())
    @rule(fates=fates, meanwhile=meanwhiles)
    def cancel(self, fates: list[str], meanwhile: str) -> None:
        self.by_another(
            RivalStore(self, fates, partial(self.happen, meanwhile)),
            lambda store: cancel(store, ALICE, self.request_id, now_ms=self.clock),
        )

    @precondition(lambda self: self.disturbed())
    @rule(fates=fates, invocation=st.sampled_from([None, "invocation-0", "invocation-1"]), meanwhile=meanwhiles)
    def close(self, fates: list[str], invocation: str | None, meanwhile: str) -> None:
        self.by_another(
            RivalStore(self, fates, partial(self.happen, meanwhile), known_dead=invocation),
            lambda store: close_dead(store, self.request_id, invocation=invocation, now_ms=self.clock),
        )

    @precondition(lambda self: self.run() is not None)
    @rule()
    def try_what_nobody_may(self) -> None:
        """A stranger cancels; somebody starts with an id that is taken: nothing comes of it."""
        if cancel(self.store, Owner("acme", "bob"), self.request_id, now_ms=self.clock) is not None:
            broken("changed", "a stranger has cancelled")
        with contextlib.suppress(RunExists):
            self.store.create(self.request_id, owner=ALICE, agent="terrain")
            broken("lost", "a record was put over another")

    @precondition(lambda self: self.disturbed())
    @rule(milliseconds=st.sampled_from([1, 4_000, 16_000, 31_000, 200_000]))
    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @precondition(lambda self: self.run() is not None and self.disturbed() and not self.generation)
    @rule(today=st.sampled_from([True, True, False]), reaching=st.sampled_from(["nothing", "as far", "a page further"]))
    def begin_anew(self, today: bool, reaching: str) -> None:
        """A day later the id is used for another run; its earlier worker may still be frozen somewhere."""
        if today:  # otherwise most histories would be cut in two
            return
        self.now_ms += limits.RETENTION_SECONDS * 1000 + 1
        self.store.create(self.request_id, owner=ALICE, agent="terrain")
        self.generation += 1
        self.published, self.seen, self.ended, self.quiet_until_seq = [], [], None, 0
        if reaching == "nothing" or not self.sleeping():
            return
        self.deliver([])
        [worker] = self.working()
        while worker.alive and worker.writer.seq < self.sleeping()[0].writer.seq:
            worker.tell(f"new step {len(worker.told) + 1}", 0)
            worker.write()
        if reaching == "a page further":
            worker.tell(f"new step {len(worker.told) + 1}", A_PAGE)
            worker.write()
        self.thaw(A_PAGE if reaching == "a page further" else 0)

    @precondition(lambda self: self.sleeping())
    @rule(size=st.sampled_from([0, A_PAGE]))
    def thaw(self, size: int) -> None:
        worker = self.sleeping()[0]
        worker.store.script([])
        worker.tell("from another day", size)
        worker.write()

    def happen(self, meanwhile: str) -> None:
        """Let another write while a rival makes up its mind."""
        if meanwhile == "nothing":
            return
        if meanwhile == "a delivery" or not self.working():
            self.deliver([])
            return
        [worker] = self.working()
        worker.store.script([])
        if meanwhile == "a step":
            worker.tell(f"step {len(worker.told) + 1}", 0)
        if meanwhile == "the end":
            worker.tell_end(RunStatus.COMPLETE)
        worker.write()

    def by_another(self, store: RivalStore, ask: Callable[[Any], Any]) -> None:
        with contextlib.suppress(StoreUnavailable):
            self.publish_end(ask(store))

    def of_this_generation(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.generation == self.generation]

    def working(self) -> list[Worker]:
        return [worker for worker in self.of_this_generation() if worker.alive]

    def sleeping(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.alive and worker.generation < self.generation]

    @invariant()
    def the_record_is_exact(self) -> None:
        run, steps = self.run(), self.steps()
        if run is None:
            return
        check_order(run, steps)
        if steps[: len(self.seen)] != self.seen:
            broken("changed", "a step that had been read has changed")
        self.seen = steps
        check_one_end(run, steps)
        self._check_unrecorded(run, steps)
        if self.ended is not None and run != self.ended:
            broken("changed", "something was written after the end")
        self.ended = run if run.status.ended else None
        if run.status is RunStatus.WAITING and run.cancel_requested_at_ms is not None:
            broken("hung", "a run waits for people, and a cancel was asked for")
        if run.worker == self.leased[0] and run.lease_until_ms < self.leased[1] - CLOCK_TOLERANCE_MS:
            broken("hung", "a late heartbeat has set the lease back")
        self.leased = (run.worker, run.lease_until_ms)

    def _check_unrecorded(self, run: Run, steps: list[Step]) -> None:
        """The end that a worker has written says how many of its steps are missing."""
        if not run.status.ended or steps[-1].message != "the end":
            return
        [worker] = [each for each in self.of_this_generation() if each.name == run.worker]
        told = len([message for message in worker.told if message != "the end"]) + worker.dropped
        missing = told - len([step for step in steps if step.step == "thinking"])
        counted = json.loads(steps[-1].metadata_json or "{}").get("unrecorded", 0)
        if counted != missing:
            broken("lost", f"{missing} steps are missing, and the end says {counted}")

    @invariant()
    def each_step_is_its_workers_next(self) -> None:
        """Those told behind a pause may follow it; behind an end, `the_record_is_exact` allows nothing."""
        told = [message for worker in self.of_this_generation() for message in worker.told if message != "the end"]
        check_beginning([step.message.rstrip(".") for step in self.steps() if step.step == "thinking"], told)

    @invariant()
    def what_goes_live_is_stored_and_goes_once_in_order(self) -> None:
        if self.too_early:
            broken("changed", f"live before it was stored: {self.too_early}")
        check_once([message["seq"] for message in self.published])
        for worker in self.workers:
            if worker.sent != sorted(worker.sent):
                broken("changed", f"a worker has sent in this order: {worker.sent}")

    def teardown(self) -> None:
        """After any history the run ends, and a reader gets all of it."""
        try:
            for worker in self.working():
                worker.tell_end(RunStatus.COMPLETE)
                worker.write_to_the_end()
            self.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
            run = self.run()
            if run and run.status is RunStatus.IN_PROGRESS:
                self.publish_end(close_dead(self.store, self.request_id, now_ms=self.clock))
                run = self.run()
                if not (run and run.status.ended):
                    broken("hung", "nobody could end it")
            self.the_record_is_exact()
            self.each_step_is_its_workers_next()
            self.what_goes_live_is_stored_and_goes_once_in_order()
            read, after_seq = [], 0
            while run and after_seq is not None:
                answer = read_progress(self.store, ALICE, self.request_id, after_seq, now_ms=self.clock)
                read += answer["steps"]
                after_seq = answer["nextSeq"]
            if read != [step.to_answer() for step in self.steps()]:
                broken("lost", "a reader gets something else than what is stored")
        finally:
            for each in self._small:
                each.stop()

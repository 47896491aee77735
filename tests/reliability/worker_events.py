"""What can happen to the workers of a run: deliveries, writes, clocks and hand-overs. `histories` adds the rivals."""

from __future__ import annotations

import contextlib

from chalicelib.lifecycle.closer import write_end
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from runcast.errors import Refused, RunGone
from runcast.record.assignment import Claim
from runcast.record.cancel import cancel
from runcast.record.model import RunStatus
from tests.reliability.history import History
from tests.reliability.promises import broken
from tests.reliability.rivals import ALICE, CloserStore, Worker

fates = st.lists(st.sampled_from(["fine", "before", "after"]), max_size=4)
fates_of_a_worker = st.lists(
    st.sampled_from(["fine", "fine", "before", "after", "cancelled between", "closed between", "crash before",
                     "crash after", "another's answer", "late", "no memory"]), max_size=4
)  # fmt: skip
# How a worker's share may end: `in_progress` hands the run over to the next part.
ENDS = ["complete", "error", "waiting", "in_progress"]
# The size of a step that fits beside no other, so a page is put before it.
A_PAGE = 670
HOUR_MS = 3_600_000


class WorkerEvents(History):
    """The events of the workers of one run; each worker is its writer, driven one write at a time."""

    @rule(
        fates=fates_of_a_worker,
        clock_off_ms=st.sampled_from([0, 0, -3 * HOUR_MS, 3 * HOUR_MS]),
        remaining_ms=st.sampled_from([None, None, 900_000, 60_000]),
        late=st.sampled_from([False, False, True]),
    )
    def deliver(
        self, fates: list[str], clock_off_ms: int = 0, remaining_ms: float | None = None, late: bool = False
    ) -> None:
        """Deliver the event of the run's newest part, or late that of its first."""
        self.follow()
        worker = Worker(
            self, f"invocation-{len(self.workers)}", part=1 if late else self.part, created_at_ms=self.created_at_ms,
            clock_off_ms=clock_off_ms, remaining_ms=remaining_ms,
        )  # fmt: skip
        worker.store.script(fates)
        self.faults += len(fates) - fates.count("fine")
        self.workers.append(worker)
        worker.begin()
        if [each.writer.claiming.state for each in self.doing(1)].count(Claim.CLAIMED) > 1:
            broken("repeated", "two workers do one run")
        if worker.alive and worker.part < self.part:
            broken("repeated", "an event of an earlier part was taken for the current one")

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
        """Write the queued steps, or send a heartbeat."""
        [worker] = self.working()
        kept = ("fine", "before", "after")
        fates = fates if self.disturbed() else [fate for fate in fates if fate in kept]
        self.faults += len(fates) - fates.count("fine")
        worker.store.script(fates)
        worker.write()

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(status=st.sampled_from([*ENDS, "cancelled"]), fates=fates_of_a_worker)
    def end(self, status: str, fates: list[str]) -> None:
        [worker] = self.working()
        worker.tell_end(RunStatus(status))
        self.write(fates)

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(
        count=st.integers(1, 9), status=st.sampled_from(ENDS), fates=fates_of_a_worker,
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

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(count=st.integers(1, 9))
    def end_between_two_tries(self, count: int) -> None:
        """A write takes effect without an answer, and before its next try there is no time left but for the end."""
        [worker] = self.working()
        for _ in range(count):
            worker.tell(f"step {len(worker.told) + 1}", 0)
        self.write(["ended between"])

    @precondition(lambda self: self.working())
    @rule(hours=st.sampled_from([-3, 3]), frozen_ms=st.sampled_from([0, 5_000]))
    def disturb_a_clock(self, hours: int, frozen_ms: int) -> None:
        """The wall clock of a worker is set, or its monotonic clock stops while its machine is frozen."""
        [worker] = self.working()
        if frozen_ms:
            self.now_ms += frozen_ms
            worker.machine.freeze(frozen_ms)
        else:
            worker.machine.jump(hours * HOUR_MS)
        self.write([])

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(
        status=st.sampled_from(["complete", "waiting", "in_progress"]), first=fates, second=fates, marked=st.booleans(),
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

    def deliver_of_an_earlier_run(self, created_at_ms: int) -> None:
        """An event arrives after the record that it names was deleted, and perhaps another run has the id."""
        before = self.run()
        worker = Worker(self, "too-late", created_at_ms=created_at_ms)
        worker.begin()
        if worker.alive or self.run() != before:
            broken("changed", "an event of a deleted run was taken")

    def end_an_earlier_run(self, worker: Worker) -> None:
        """A worker hands its end over, and `run_closer` gets it after the record was deleted."""
        before = self.run()
        worker.tell_end(RunStatus.COMPLETE)
        event = worker.give_up()
        write_end(event, self.store, send=self.publish, on_end=lambda _: None, remaining_ms=lambda: 60_000)
        if self.run() != before:
            broken("changed", "the end of a deleted run was written")

    @precondition(lambda self: self.working() and self.disturbed())
    @rule()
    def beat_late(self) -> None:
        """A heartbeat is given up, and takes effect after the next one."""
        [worker] = self.working()
        worker.store.script(["late"])
        worker.write()
        self.now_ms += 4_000
        if worker.alive:
            worker.write()
        self.the_record_is_exact()  # notes the lease that the next one has set
        self.land_late()

    @precondition(lambda self: self.late)
    @rule()
    def land_late(self) -> None:
        """A write whose worker had given it up takes effect after all, if the record still allows it."""
        with contextlib.suppress(IndexError, Refused, RunGone):
            self.late.pop(0)()

    @precondition(lambda self: self.working())
    @rule(calls=st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=3), saves=st.booleans())
    def work(self, calls: list[tuple[str, bool]], saves: bool) -> None:
        """The agent's state is saved before its tools begin. Then they are called; of some, no end is stored."""
        [worker] = self.working()
        if saves or worker.snapshot_key is None:
            worker.save(f"snapshots/{len(self.effects)}-{worker.name}-{len(worker.called)}")
        for tool, ends in calls:
            worker.call(tool, ends=ends)

    @precondition(lambda self: self.sleeping())
    @rule(size=st.sampled_from([0, A_PAGE]))
    def thaw(self, size: int) -> None:
        worker = self.sleeping()[0]
        worker.store.script([])
        worker.tell("from another day", size)
        worker.write()

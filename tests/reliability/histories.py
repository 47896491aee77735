"""Histories of a run: workers, rivals, faults and duplicate deliveries in any order.

Everything runs on one thread: a worker is its writer, driven one write at a time, so that a failing history can be
repeated. The history moves the clock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib.lifecycle.closer import write_end
from chalicelib.lifecycle.conversations import delete_conversation
from chalicelib.lifecycle.turn import TurnRequest, begin_turn
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from runcast import limits
from runcast.errors import Conflict, ConversationChanged, Refused, RunExists, RunGone, StoreUnavailable
from runcast.record.assignment import Claim, Stop
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import ANSWERED, CONTINUING, Owner, RunStatus
from tests.reliability.history import LIFE_MS, History
from tests.reliability.promises import broken
from tests.reliability.rivals import ALICE, CloserStore, RivalStore, Worker
from tests.unit.conftest import TABLE_NAME

fates = st.lists(st.sampled_from(["fine", "before", "after"]), max_size=4)
fates_of_a_worker = st.lists(
    st.sampled_from(["fine", "fine", "before", "after", "cancelled between", "closed between", "crash before",
                     "crash after", "another's answer", "late", "no memory"]), max_size=4
)  # fmt: skip
# How a worker's share may end: `in_progress` hands the run over to the next part.
ENDS = ["complete", "error", "waiting", "in_progress"]
meanwhiles = st.sampled_from(["nothing", "a beat", "a beat", "a step", "the end", "a delivery"])
# The size of a step that fits beside no other, so a page is put before it.
A_PAGE = 670
_HOUR_MS = 3_600_000


class Histories(History):
    """The events that can happen to one run from its start; see `History` for the invariants."""

    @initialize(
        queued_ms=st.sampled_from([None, 0, limits.QUEUED_LEASE_MS - limits.LEASE_MS]),
        delivered=st.booleans(),
        quiet_until_seq=st.sampled_from([0, 0, 5, 12, 25]),
        answered=st.sampled_from([[], [], [], ["another's answer"]]),
        clock_off_ms=st.sampled_from([0, 0, -3 * _HOUR_MS, 3 * _HOUR_MS]),
        parts=st.sampled_from([0, 0, 1, 2]),
        handed_over=st.booleans(),
        begun=st.booleans(),
        in_conversation=st.booleans(),
    )
    def start(
        self,
        queued_ms: int | None,
        delivered: bool,
        quiet_until_seq: int,
        answered: list[str],
        clock_off_ms: int,
        parts: int,
        handed_over: bool,
        begun: bool,
        in_conversation: bool,
    ) -> None:
        """Rivals join most histories late, when the run is long. Some runs have had earlier parts.

        A run may have been queued for just as long that its claim renews the lease to what it was.
        """
        self.quiet_until_seq = quiet_until_seq
        if queued_ms is not None:
            if in_conversation:
                self.in_conversation = True
                self.talk(self.request_id)
            else:
                self.store.create(self.request_id, owner=ALICE, agent="terrain")
            self.now_ms += queued_ms
        if delivered or quiet_until_seq:
            self.deliver(answered, clock_off_ms)
        for left in reversed(range(parts)):
            if self.working():
                [worker] = self.working()
                worker.tell_end(RunStatus.IN_PROGRESS if handed_over else RunStatus.WAITING)
                worker.write_to_the_end()
                if not handed_over:
                    self.answer([], "nothing", ["next"] if left or begun else [])
                elif left or begun:
                    self.deliver([])

    @rule(
        fates=fates_of_a_worker,
        clock_off_ms=st.sampled_from([0, 0, -3 * _HOUR_MS, 3 * _HOUR_MS]),
        remaining_ms=st.sampled_from([None, None, 900_000, 60_000]),
        late=st.sampled_from([False, False, True]),
    )
    def deliver(
        self, fates: list[str], clock_off_ms: int = 0, remaining_ms: float | None = None, late: bool = False
    ) -> None:
        """Deliver the event of the run's newest part, or late that of its first."""
        self.follow()
        worker = Worker(
            self, f"invocation-{len(self.workers)}", part=1 if late else self.part, clock_off_ms=clock_off_ms,
            remaining_ms=remaining_ms,
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
            worker.machine.jump(hours * _HOUR_MS)
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

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(today=st.sampled_from([True, False]), expires=st.booleans())
    def vanish(self, today: bool, expires: bool) -> None:
        """The record is deleted, or it expires, while it is written."""
        if today:
            return
        if expires:
            self.now_ms += LIFE_MS + 1
        else:
            key = {"requestId": {"S": self.request_id}}
            self.client.delete_item(TableName=TABLE_NAME, Key=key)
            self.now_ms += 2_000
        self.generation += 1
        self.published, self.seen, self.ended, self.quiet_until_seq, self.late, self.part = [], [], None, 0, [], 1
        self.done_by = {}
        for worker in self.sleeping():
            worker.store.script([])
            worker.tell("after the record", 0)
            worker.write()
            # A day later, the time of a worker that has a deadline is up, which it learns first.
            if worker.alive or worker.stops.stop is not (Stop.TIME_UP if worker.time_up else Stop.ENDED):
                broken("hung", "a worker whose record is gone was not told")
        if cancel(self.store, ALICE, self.request_id, now_ms=self.clock) is not None:
            broken("changed", "a run whose record is gone was cancelled")

    def talk(self, request_id: str) -> None:
        """Start a run as the next turn of the conversation."""
        begin_turn(
            TurnRequest(self.conversation_id, None), request_id, ALICE, agent="terrain", query="?", input_digest="",
            store=self.store, objects=self.objects, new_id=lambda: 1,
        )  # fmt: skip

    @precondition(lambda self: self.is_turn())
    @rule()
    def talk_on_while_the_run_is_open(self) -> None:
        """No other turn begins, and the conversation is not deleted, not even upon what was read before this turn."""
        run = self.run()
        if run is None or run.status.ended:
            return
        with contextlib.suppress(Conflict):
            self.talk(f"{self.request_id}-next")
            broken("repeated", "a conversation has two open runs")
        with contextlib.suppress(Conflict):
            delete_conversation(ALICE, self.conversation_id, store=self.store, objects=self.objects)
            broken("lost", "a conversation with an open run was deleted")
        now = self.store.read_conversation(ALICE, self.conversation_id)
        assert now is not None
        for before in (None, replace(now, open_run=None)):
            with contextlib.suppress(ConversationChanged):
                self.store.create_turn(
                    f"{self.request_id}-next", owner=ALICE, agent="terrain", conversation_id=self.conversation_id,
                    before=before, snapshot_key=None, query="?",
                )  # fmt: skip
                broken("repeated", "a turn has begun upon what was read before another one")

    @precondition(lambda self: self.disturbed())
    @rule(fates=fates, meanwhile=meanwhiles)
    def cancel(self, fates: list[str], meanwhile: str) -> None:
        self.by_another(
            RivalStore(self, fates, partial(self.happen, meanwhile)),
            lambda store: cancel(store, ALICE, self.request_id, now_ms=self.clock),
        )

    @precondition(lambda self: self.disturbed())
    @rule(
        fates=fates, invocation=st.sampled_from([None, "invocation-0", "invocation-1", "invocation-2"]),
        part=st.sampled_from([1, 1, 2, 3]), meanwhile=meanwhiles,
    )  # fmt: skip
    def close(self, fates: list[str], invocation: str | None, part: int, meanwhile: str) -> None:
        self.by_another(
            RivalStore(self, fates, partial(self.happen, meanwhile), known_dead=invocation),
            lambda store: close_dead(store, self.request_id, invocation=invocation, part=(part, 1), now_ms=self.clock),
        )

    @precondition(lambda self: self.working())
    @rule(calls=st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=3), saves=st.booleans())
    def work(self, calls: list[tuple[str, bool]], saves: bool) -> None:
        """The agent's state is saved before its tools begin. Then they are called; of some, no end is stored."""
        [worker] = self.working()
        if saves or worker.snapshot_key is None:
            worker.save(f"snapshots/{len(self.effects)}-{worker.name}-{len(worker.called)}")
        for tool, ends in calls:
            worker.call(tool, ends=ends)

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(cancelled=st.booleans(), again=st.sampled_from("ab"), beats=st.booleans())
    def crash(self, cancelled: bool, again: str, beats: bool) -> None:
        """A worker is taken for dead, and another one continues; the first may only have been frozen."""
        [worker] = self.working()
        self.work([("a", True), ("b", False)], True)
        between = worker.write if beats else (lambda: None)
        if cancelled:
            between = partial(self.cancel, [], "nothing")
        invocation = worker.name.partition("/")[0]
        self.by_another(
            RivalStore(self, [], between, known_dead=invocation),
            lambda store: close_dead(
                store, self.request_id, invocation=invocation, part=(worker.part, 1), now_ms=self.clock
            ),
        )
        self.the_record_is_exact()
        self.deliver([])
        for each in self.working():
            each.call(again, ends=True)
        for each in self.sleeping():
            each.call("c", ends=False)
            each.save("snapshots/late")
        for each in self.working():
            each.call("c", ends=True)

    @precondition(lambda self: self.waiting())
    @rule(
        fates=fates,
        meanwhile=st.sampled_from(["nothing", "nothing", "a cancel"]),
        delivered=st.sampled_from([[], ["next"], ["late"], ["late", "next"]]),
    )
    def answer(self, fates: list[str], meanwhile: str, delivered: list[str]) -> None:
        """The user answers, perhaps again because an answer was lost; a worker takes the next part, or nobody does."""
        run = self.waiting()
        assert run is not None
        between = (lambda: self.cancel([], "nothing")) if meanwhile == "a cancel" else (lambda: None)
        store = RivalStore(self, fates, between)
        for _ in range(2):
            with contextlib.suppress(StoreUnavailable, Conflict):
                self.publish_answer(self.answered(store, run.part))
        now = self.run()
        if now is None or now.status is RunStatus.CANCELLED:
            return
        if now.part == run.part + 1:
            self.part = now.part
            self.done_by[run.part] = run.worker
            for part in delivered:
                self.deliver([], late=part == "late")
        elif now.status is not RunStatus.WAITING:
            broken("changed", f"an answer has led from {run} to {now}")

    @precondition(lambda self: self.waiting())
    @rule(milliseconds=st.sampled_from([_HOUR_MS, limits.RETENTION_SECONDS * 1000, LIFE_MS]))
    def ponder(self, milliseconds: int) -> None:
        """The user takes long to answer, and the record lives at least until the answer is due."""
        run = self.waiting()
        assert run is not None
        self.now_ms = min(self.now_ms + milliseconds, run.lease_until_ms)
        if not self.waiting():
            broken("lost", "the record of a waiting run has expired before its answer was due")

    @precondition(lambda self: self.part > 1 and self.not_begun())
    @rule(fates=fates, meanwhile=st.sampled_from(["nothing", "a delivery", "a step"]))
    def leave_a_part(self, fates: list[str], meanwhile: str) -> None:
        """No worker has begun a part in time. As it is handed out again, a late worker may take it."""
        self.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
        self.close(fates, None, 1, meanwhile)

    @precondition(lambda self: self.run() is not None and self.part > 1)
    @rule()
    def answer_again(self) -> None:
        """The same answers change nothing any more, in any state of the run."""
        before = self.run()
        begun_by = [step.step for step in self.steps() if step.step in (ANSWERED, CONTINUING)]
        if before is None or before.status is RunStatus.WAITING or ANSWERED not in begun_by:
            return
        self.answered(self.store, max(part for part, step in enumerate(begun_by, 1) if step == ANSWERED))
        if self.run() != before:
            broken("changed", "an answer was taken twice")

    @precondition(lambda self: self.run() is not None)
    @rule()
    def try_what_nobody_may(self) -> None:
        """Another user cancels, or starts a run with a taken id: nothing changes."""
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
        self.now_ms += LIFE_MS + 1
        self.store.create(self.request_id, owner=ALICE, agent="terrain")
        self.generation += 1
        self.published, self.seen, self.ended, self.quiet_until_seq, self.part = [], [], None, 0, 1
        self.done_by = {}
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
        """Let another writer write between a rival's read and its write."""
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

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

from chalicelib.lifecycle.conversations import delete_conversation
from chalicelib.lifecycle.turn import TurnRequest, begin_turn
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from runcast import limits
from runcast.errors import Conflict, ConversationChanged, RunExists, StoreUnavailable
from runcast.record.assignment import Stop
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import ANSWERED, CONTINUING, Owner, RunStatus
from tests.reliability.history import LIFE_MS
from tests.reliability.promises import broken
from tests.reliability.rivals import ALICE, RivalStore
from tests.reliability.worker_events import A_PAGE, HOUR_MS, WorkerEvents, fates
from tests.unit.conftest import TABLE_NAME

meanwhiles = st.sampled_from(["nothing", "a beat", "a beat", "a step", "the end", "a delivery"])


class Histories(WorkerEvents):
    """The events that can happen to one run from its start: those of its workers, and those of others.

    See `History` for the invariants.
    """

    @initialize(
        queued_ms=st.sampled_from([None, 0, limits.QUEUED_LEASE_MS - limits.LEASE_MS]),
        delivered=st.booleans(),
        quiet_until_seq=st.sampled_from([0, 0, 5, 12, 25]),
        answered=st.sampled_from([[], [], [], ["another's answer"]]),
        clock_off_ms=st.sampled_from([0, 0, -3 * HOUR_MS, 3 * HOUR_MS]),
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
            self.created_at_ms = self.now_ms
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

    @precondition(lambda self: self.working() and self.disturbed())
    @rule(today=st.sampled_from([True, False]), expires=st.booleans(), arrives=st.sampled_from(["nothing", "an end"]))
    def vanish(self, today: bool, expires: bool, arrives: str) -> None:
        """The record is deleted, or it expires, while it is written. Its event, or its end, may arrive after that."""
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
        if self.created_at_ms is not None:
            self.deliver_of_an_earlier_run(self.created_at_ms)
            self.created_at_ms = None
        for worker in self.sleeping():
            worker.store.script([])
            if arrives == "an end":
                self.end_an_earlier_run(worker)
                continue
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
    @rule(milliseconds=st.sampled_from([HOUR_MS, limits.RETENTION_SECONDS * 1000, LIFE_MS]))
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
        if self.created_at_ms is not None:
            self.deliver_of_an_earlier_run(self.created_at_ms)
        self.created_at_ms = self.now_ms
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

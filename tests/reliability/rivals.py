"""The writers in a history: workers, and callers that end a run from outside, through stores with faults.

A worker is its writer, driven one write at a time, on the history's one thread.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from runcast import limits
from runcast.errors import AppendRefused, RunGone, StoreUnavailable
from runcast.record.assignment import Assignment, Claim, Deadline, QueuedStep, Stop
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.handed_over import HandedOverEnd
from runcast.record.journal import Call, ended
from runcast.record.model import ANSWERED, CONTINUING, Owner, Run, RunStatus, Step
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from tests.reliability.machine import Machine
from tests.reliability.promises import broken
from tests.unit.conftest import TABLE_NAME
from tests.unit.record.recording import Crash, FailingStore

if TYPE_CHECKING:
    from tests.reliability.history import History

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob")
_ANOTHER_RUN = "bobs-run"
START_MS = 1_700_000_000_000
CLOCK_TOLERANCE_MS = 3_000  # that of `ServerClock`, and the whole seconds of a `Date`


class Worker:
    """One delivery of the run's event: a writer, what it was told, and whether it lives."""

    def __init__(
        self,
        history: History,
        name: str,
        *,
        part: int = 1,
        created_at_ms: int | None = None,
        clock_off_ms: int = 0,
        remaining_ms: float | None = None,
    ) -> None:
        self.history = history
        self.part = part
        self.first_seq = 1
        self.machine = Machine(history.clock, clock_off_ms)
        self.generation = history.generation
        self.told: list[str] = []
        self.dropped = 0
        self.alive = True
        self.crashed = False
        self.ended = False
        self.sent: list[int] = []
        self.snapshot_key: str | None = None
        self.called: set[tuple[str, str]] = set()
        self.store = CrossedStore(history, self)
        self.queue = StepQueue()
        self.name = f"{name}/x"
        seconds = self.machine.seconds()
        deadline = None if remaining_ms is None else Deadline.after(remaining_ms, seconds)
        self.assignment = Assignment(
            history.request_id, ALICE, "terrain", None, self.name, self.machine.now_ms(), deadline, created_at_ms,
            part=part,
        )  # fmt: skip
        self.outbox = Outbox(self._send)
        self.stops = StopSignal(history.request_id)
        self.writer = Writer(
            self.store, self.assignment, self.queue, self.outbox, self.stops, None,
            now_ms=self.machine.now_ms, monotonic=self.machine.seconds, jitter=lambda: 0.0,
        )  # fmt: skip

    def begin(self) -> None:
        given = self.assignment.deadline  # the claim's lease does not know yet when the record expires
        try:
            self.writer.begin()
        except Crash:
            self.alive, self.crashed = False, True
            return
        self.alive = self.writer.claiming.state is Claim.CLAIMED
        run = self.history.run()
        if not self.alive and run and run.worker == self.name and not run.status.ended:
            broken("hung", "a worker gave up a run that it had claimed")
        if self.alive:
            self.queue.count_earlier(self.writer.seq)
            self.first_seq = self.writer.seq + 1
            self.history.done_by[self.part] = self.name
            self.snapshot_key = self.assignment.snapshot_key
            self._check_lease(run, given)

    def tell(self, message: str, size: int, end: End | None = None) -> None:
        step = _step_of(end.status) if end else "thinking"
        had_ended = self.queue.end is not None
        waits = end is not None and end.status is RunStatus.WAITING
        asked = json.dumps({"interrupts": [{"id": f"q{self.part}"}]}) if waits else None
        if self.queue.put(QueuedStep(step, message.ljust(size, "."), START_MS, metadata_json=asked, end=end)):
            self.told.append(message)
        elif not had_ended:
            self.dropped += 1

    def tell_end(self, status: RunStatus) -> None:
        if not self.ended:
            self.ended = True
            saved = None if status.ended else f"snapshots/{self.name}"
            if status is RunStatus.COMPLETE and self.history.in_conversation:
                saved = f"turns/{self.name}"
            self.tell("the end", 0, End(status, snapshot_key=saved))

    def write(self) -> None:
        before, known, time_up = self.history.run(), self.machine.now_ms.known, self.time_up
        to_be_cancelled = before is not None and before.cancel_requested_at_ms is not None
        try:
            self.alive = self.writer.write_next()
            self.send()
        except Crash:
            self.alive, self.crashed = False, True
            return
        if self.is_past:
            return
        if to_be_cancelled and self.stops.stop is None:
            broken("hung", "a worker whose run is to be cancelled was not told")
        if time_up and self.alive:
            broken("hung", "a worker whose time is up goes on")
        if self.stops.stop is Stop.TIME_UP and not self.time_up:
            broken("changed", "a worker was stopped before its time was up")
        run = self.history.run()
        # The heartbeat by which a worker hears of a cancel does not renew the lease; the next one does.
        if known and self.alive and run and run.cancel_requested_at_ms is None:
            self._check_lease(run, self.assignment.deadline)
        if not self.alive and not self.ended and run and run.worker == self.name and not run.status.ended:
            broken("hung", "a worker gave up a run that is its own")

    @property
    def is_past(self) -> bool:
        """Whether the run, or this worker's part of it, is no longer this worker's."""
        history, run = self.history, self.history.run()
        if (self.generation, self.part) < (history.generation, history.part):
            return True
        return self.part > 1 and run is not None and run.worker != self.name

    @property
    def time_up(self) -> bool:
        deadline = self.assignment.deadline
        return deadline is not None and self.machine.seconds() >= deadline.time_up_seconds

    def _check_lease(self, run: Run | None, deadline: Deadline | None) -> None:
        """The lease follows from the server's time: on a clock that is off, a run would read lost, or never."""
        if run is None or run.worker != self.name or run.status is not RunStatus.IN_PROGRESS:
            return
        left_ms = limits.LEASE_MS
        if deadline:
            left_ms = min(left_ms, max(0, round((deadline.at_seconds - self.machine.seconds()) * 1000)))
        off_ms = run.lease_until_ms - self.history.now_ms - left_ms
        if abs(off_ms) > CLOCK_TOLERANCE_MS:
            broken("changed" if off_ms < 0 else "hung", f"the lease of a worker at work is off by {off_ms} ms")

    def give_up(self) -> dict[str, Any]:
        """Answer though the end is not stored; return the event by which it is handed over."""
        self.alive = False
        self.writer.give_up()
        assert self.queue.end is not None
        return HandedOverEnd(self.assignment, self.queue.end, self.queue.taken).to_event()

    def save(self, snapshot_key: str) -> None:
        """Name a state of the agent, from which another worker could continue."""
        try:
            self.store._store.name_snapshot(self.history.request_id, worker=self.name, snapshot_key=snapshot_key)
        except (AppendRefused, RunGone):
            return
        if self.is_past:
            broken("changed", "a worker that has lost its run has named a state")
        self.snapshot_key = snapshot_key

    def call(self, tool: str, *, ends: bool) -> None:
        """Call a tool that follows from the last state, unless the journal knows that it was called."""
        run = self.history.run()
        if run is None or self.snapshot_key is None or (self.snapshot_key, tool) in self.called:
            return
        self.called.add((self.snapshot_key, tool))
        call = Call(self.history.request_id, ALICE, self.snapshot_key, tool, 1, run.expires_at_epoch_s)
        journal = self.store._store.journal()
        entry = journal.begin(call, self.part, self.name)
        if entry.worker != self.name:
            return
        self.history.effects[self.snapshot_key, tool] += 1
        if self.history.effects[self.snapshot_key, tool] > 1:
            broken("run twice", f"the tool {tool} has run twice")
        if ends:
            journal.end(call, ended(entry, result_json='"done"'))

    def write_to_the_end(self) -> None:
        self.store.script([])
        while self.alive:
            self.write()

    def send(self) -> None:
        """Do the work of the outbox's thread, at any time."""
        if self.outbox.unsent:
            self.outbox.send_next()

    def send_all(self) -> None:
        while self.outbox.unsent:
            self.outbox.send_next()

    def _send(self, messages: list[dict[str, Any]]) -> int:
        self.sent += [message["seq"] for message in messages]
        return self.history.publish(messages)


class CrossedStore(FailingStore):
    """A worker's store: others may write between two tries, and what is in the outbox may be sent before any."""

    def __init__(self, history: History, worker: Worker) -> None:
        # Its own store, because its clock is its machine's.
        super().__init__(RunStore(worker.machine.client(history.client), TABLE_NAME, now_ms=worker.machine.now_ms))
        self._history = history
        self._worker = worker

    def _write(self, write: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self._worker.send()
        fate = self._script[0] if self._script else "fine"
        if fate.endswith("between"):
            self._script[0] = "after"
        if fate == "late":
            self._script[0] = "before"
            self._history.late.append(partial(write, *args, **kwargs))
        if fate == "another's answer":
            self._script[0] = "fine"
            with another_answers(self._store, self._history.run(), self._worker.name):
                return super()._write(write, args, kwargs)
        try:
            return super()._write(write, args, kwargs)
        except StoreUnavailable:
            if fate == "cancelled between":
                self._history.publish_end(cancel(self._history.store, ALICE, self._history.request_id))
            if fate == "ended between":
                self._worker.tell_end(RunStatus.COMPLETE)
                self._worker.writer.write_end_alone()
            if fate == "closed between":
                self._history.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + CLOCK_TOLERANCE_MS
                self._history.publish_end(close_dead(self._history.store, self._history.request_id))
            raise


class CloserStore(FailingStore):
    """The store of `run_closer`: before its append, what the worker had in flight takes effect."""

    def __init__(self, history: History, fates: list[str]) -> None:
        super().__init__(history.store, fates)
        self._history = history

    def append(self, *args: Any, **kwargs: Any) -> Any:
        while self._history.late:
            self._history.land_late()
        return super().append(*args, **kwargs)


@contextlib.contextmanager
def another_answers(store: RunStore, run: Run | None, worker: str) -> Iterator[None]:
    """Within this, each claim gets the answer to another one's, as in two processes that share a connection.

    That is a claim of this run by another worker, if there was one, and otherwise one of another run that was refused.
    """
    client = store._table._client
    claimed = run.request_id if run and run.worker not in (None, worker) else _ANOTHER_RUN
    if claimed == _ANOTHER_RUN and store.read(claimed) is None:
        store.claim(claimed, worker="w", owner=BOB, agent="terrain", job_id=None, lease_until_ms=START_MS)
    key = {"requestId": {"S": claimed}}
    item = client.get_item(TableName=store._table._name, Key=key, ConsistentRead=True)["Item"]

    def update_item(**asked: Any) -> Any:
        if asked["ReturnValues"] == "NONE":  # no claim
            return mine(**asked)
        with contextlib.suppress(ClientError):
            mine(**asked)
        if claimed == _ANOTHER_RUN:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}, "Item": item}, "UpdateItem")  # type: ignore[typeddict-unknown-key]
        return {"Attributes": item}

    mine = client.update_item
    with patch.object(client, "update_item", update_item):
        yield


class RivalStore(FailingStore):
    """The store of one who would end a run from outside: between what it read and what it writes, others may write.

    An end from outside depends on what was read, and never hits a worker that is known to live.
    """

    def __init__(
        self, history: History, fates: list[str], meanwhile: Callable[[], None], known_dead: str | None = None
    ) -> None:
        super().__init__(history.store, fates)
        self._history = history
        self._meanwhile = [meanwhile]
        self._known_dead = known_dead

    def end(self, run: Run, step: Step, end: End) -> Run:
        self._let_others()
        return self._write(self._end_as_read, (run, step, end), {})

    def ask_to_cancel(self, request_id: str, owner: Owner) -> Run:
        self._let_others()
        return self._write(self._mark, (request_id, owner), {})

    def begin_next_part(self, run: Run, step: Step, answers_key: str) -> Run:
        self._let_others()
        return self._write(self._store.begin_next_part, (run, step, answers_key), {})

    def resume_part(self, run: Run, step: Step) -> Run:
        self._let_others()
        return self._write(self._resume, (run, step), {})

    def _resume(self, run: Run, step: Step) -> Run:
        stood = self._history.run()
        resumed = self._store.resume_part(run, step)
        if stood is None or _signs(stood) != _signs(run):
            broken("changed", f"a run was continued upon {run}, but the record stood at {stood}")
        self._require_dead(run, "continued")
        return resumed

    def hand_out_again(self, run: Run) -> Run:
        self._let_others()
        return self._write(self._hand_out, (run,), {})

    def _hand_out(self, run: Run) -> Run:
        stood = self._history.run()
        released = self._store.hand_out_again(run)
        if stood is None or _signs(stood) != _signs(run):
            broken("changed", f"a part was handed out again upon {run}, but the record stood at {stood}")
        if self._history.steps()[-1].step not in (ANSWERED, CONTINUING):
            broken("repeated", "a part that had begun was handed out again")
        return released

    def _let_others(self) -> None:
        if self._meanwhile:
            self._meanwhile.pop()()

    def _mark(self, request_id: str, owner: Owner) -> Run:
        stood = self._history.run()
        marked = self._store.ask_to_cancel(request_id, owner)
        if stood is None or stood.status is not RunStatus.IN_PROGRESS:
            broken("hung", f"a run was marked that nobody works on: {stood}")
        return marked

    def _end_as_read(self, run: Run, step: Step, end: End) -> Run:
        stood = self._history.run()
        over = self._store.end(run, step, end)
        if stood is None or _signs(stood) != _signs(run):
            broken("changed", f"an end was written upon {run}, but the record stood at {stood}")
        self._require_dead(run, "ended")
        return over

    def _require_dead(self, run: Run, done: str) -> None:
        at_work = run.worker is not None and run.status is RunStatus.IN_PROGRESS
        known_dead = self._known_dead is not None and (run.worker or "").startswith(f"{self._known_dead}/")
        if at_work and not known_dead and self._history.now_ms <= run.lease_until_ms:
            broken("changed", f"a run was {done} whose worker lives")


def _step_of(status: RunStatus) -> str:
    return CONTINUING if status is RunStatus.IN_PROGRESS else status.value


def _signs(run: Run) -> tuple[Any, ...]:
    """What each write of a worker changes, and each claim, cancel request or end by another."""
    return run.status, run.seq, run.lease_until_ms, run.worker, run.cancel_requested_at_ms

"""Who writes in a history: workers, and those who end a run from outside, through stores in which all may go wrong.

A worker is its writer, driven one write at a time, on the history's one thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.assignment import Assignment, Claim, QueuedStep
from runcast.record.ending import cancel, close_dead
from runcast.record.handover import HandedOverEnd
from runcast.record.model import Owner, Run, RunStatus, Step
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from tests.reliability.promises import broken
from tests.unit.record.recording import Crash, FailingStore

if TYPE_CHECKING:
    from tests.reliability.histories import Histories

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob")
_ANOTHER_RUN = "bobs-run"
START_MS = 1_700_000_000_000


class Worker:
    """One delivery of the run's event: a writer, what it was told, and whether it lives."""

    def __init__(self, history: Histories, name: str) -> None:
        self.history = history
        self.generation = history.generation
        self.told: list[str] = []
        self.alive = True
        self.ended = False
        self.sent: list[int] = []
        self.store = CrossedStore(history, self)
        self.queue = StepQueue()
        self.name = f"{name}/x"
        self.assignment = Assignment(history.request_id, ALICE, "terrain", None, self.name, history.now_ms)
        self.outbox = Outbox(self._send)
        self.stops = StopSignal(history.request_id)
        self.writer = Writer(
            self.store, self.assignment, self.queue, self.outbox, self.stops, None,
            now_ms=history.clock, monotonic=history.seconds, jitter=lambda: 0.0,
        )  # fmt: skip

    def begin(self) -> None:
        try:
            self.writer.begin()
        except Crash:
            self.alive = False
            return
        self.alive = self.writer.claim is Claim.CLAIMED
        run = self.history.run()
        if not self.alive and run and run.worker == self.name and not run.status.ended:
            broken("hung", "a worker gave up a run that it had claimed")

    def tell(self, message: str, size: int, end: End | None = None) -> None:
        step = end.status.value if end else "thinking"
        self.told.append(message)
        self.queue.put(QueuedStep(step, message.ljust(size, "."), START_MS, end=end))

    def tell_end(self, status: RunStatus) -> None:
        if not self.ended:
            self.ended = True
            self.tell("the end", 0, End(status))

    def write(self) -> None:
        before = self.history.run()
        to_be_cancelled = before is not None and before.cancel_requested_at_ms is not None
        try:
            self.alive = self.writer.write_next()
            self.send()
        except Crash:
            self.alive = False
            return
        if self.generation < self.history.generation:
            return
        if to_be_cancelled and self.stops.stop is None:
            broken("hung", "a worker whose run is to be cancelled was not told")
        run = self.history.run()
        if not self.alive and not self.ended and not (run and run.status.ended):
            broken("hung", "a worker gave up a run that is its own")

    def give_up(self) -> dict[str, Any]:
        """Answer though the end is not stored; return the event by which it is handed over."""
        self.alive = False
        self.writer.give_up()
        assert self.queue.end is not None
        return HandedOverEnd(self.assignment, self.queue.end, self.queue.taken).to_event()

    def write_to_the_end(self) -> None:
        self.store.script([])
        while self.alive:
            self.write()

    def send(self) -> None:
        """What the outbox's thread does, at any time."""
        if self.outbox.unsent:
            self.outbox.send_next()

    def _send(self, messages: list[dict[str, Any]]) -> int:
        self.sent += [message["seq"] for message in messages]
        return self.history.publish(messages)


class CrossedStore(FailingStore):
    """A worker's store: others may write between two tries, and what is in the outbox may be sent before any."""

    def __init__(self, history: Histories, worker: Worker) -> None:
        super().__init__(history.store)
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
                self._history.publish_end(cancel(self._store, ALICE, self._history.request_id, now_ms=self._clock))
            if fate == "closed between":
                self._history.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
                self._history.publish_end(close_dead(self._store, self._history.request_id, now_ms=self._clock))
            raise

    def _clock(self) -> int:
        return self._history.now_ms


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
        self, history: Histories, fates: list[str], meanwhile: Callable[[], None], known_dead: str | None = None
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
        ended = self._store.end(run, step, end)
        if stood is None or _signs(stood) != _signs(run):
            broken("changed", f"an end was written upon {run}, but the record stood at {stood}")
        at_work = run.worker is not None and run.status is RunStatus.IN_PROGRESS
        known_dead = self._known_dead is not None and (run.worker or "").startswith(f"{self._known_dead}/")
        if at_work and not known_dead and self._history.now_ms <= run.lease_until_ms:
            broken("changed", "a run was ended whose worker lives")
        return ended


def _signs(run: Run) -> tuple[Any, ...]:
    """What each write of a worker changes, and each claim or end by another."""
    return run.status, run.seq, run.lease_until_ms, run.worker

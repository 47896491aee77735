"""One run in a history: its clock, workers, reads and messages, and the invariants.

Its events are in `worker_events` and `histories`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import UUID

from chalicelib.lifecycle.closer import sweep
from hypothesis.stateful import RuleBasedStateMachine, invariant

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.answer import answer
from runcast.record.close import CloseResult
from runcast.record.items import page_id
from runcast.record.model import ANSWERED, CONTINUING, Run, RunStatus, Step
from runcast.record.reader import read_progress
from runcast.record.store import RunStore
from tests.fakes.objects_in_memory import ObjectsInMemory
from tests.reliability.bounded import BoundedClient
from tests.reliability.promises import broken, check_beginning, check_once, check_one_end, check_order
from tests.reliability.rivals import ALICE, CLOCK_TOLERANCE_MS, START_MS, Worker
from tests.unit.conftest import TABLE_NAME

LIFE_MS = (limits.RETENTION_SECONDS + limits.QUESTION_RETENTION_SECONDS) * 1000
"""The longest life of a record: waiting extends it."""

_ids = itertools.count()


class History(RuleBasedStateMachine):
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
        self._number = next(_ids)
        self.request_id = f"run-{self._number}"
        self.client = BoundedClient(self.client)
        self.unreadable = {
            "requestId": {"S": f"{self.request_id}-unreadable"},
            "status": {"S": "in_progress"},
            "openSince": {"N": str(START_MS)},
        }
        self.client.put_item(TableName=TABLE_NAME, Item=self.unreadable)
        self.store = RunStore(self.client, TABLE_NAME, now_ms=self.clock)
        self.generation = 0
        self.created_at_ms: int | None = None  # of a run that was started: its event names the record
        self.workers: list[Worker] = []
        self.published: list[dict[str, Any]] = []
        self.too_early: list[dict[str, Any]] = []
        self.seen: list[Step] = []
        self.ended: Run | None = None
        self.quiet_until_seq = 0
        self.part = 1
        self.done_by: dict[int, str | None] = {}
        self.effects: Counter[tuple[str, str]] = Counter()
        self.faults = 0
        self.late: list[Callable[[], Any]] = []
        self.leased: tuple[str | None, int] = (None, 0)
        self.in_conversation = False
        self.objects: Any = ObjectsInMemory()

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

    def publish_end(self, result: Any) -> None:
        if result is not None and (result.ended is not None or (result.hand_out and result.update)):
            self.publish([result.update])

    def publish_answer(self, result: CloseResult | None) -> None:
        if result is not None and result.update:
            self.publish([result.update])

    def answered(self, store: Any, part: int) -> CloseResult | None:
        """Answer the question of a part of the run."""
        answers = {f"q{part}": "yes"}
        return answer(
            store, ALICE, self.request_id, answers, key_of=lambda _, of: f"answers/{of}", put=lambda _: None,
            now_ms=self.clock,
        )  # fmt: skip

    def run(self) -> Run | None:
        return self.store.read(self.request_id)

    def steps(self) -> list[Step]:
        run = self.run()
        if run is None:
            return []
        return [*(self.store.read_pages(self.request_id, run.owner, run.pages) if run.pages else ()), *run.steps]

    def disturbed(self) -> bool:
        return len(self.seen) >= self.quiet_until_seq

    def of_this_generation(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.generation == self.generation]

    def working(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.alive and not worker.is_past]

    def sleeping(self) -> list[Worker]:
        """Workers that are frozen somewhere, while another one has their run, or its next part."""
        return [worker for worker in self.workers if worker.alive and worker.is_past]

    def waiting(self) -> Run | None:
        """The run, if it waits for an answer and can still be answered."""
        run = self.run()
        return run if run and run.status is RunStatus.WAITING and self.now_ms <= run.lease_until_ms else None

    def not_begun(self) -> bool:
        """Whether the run is open and no worker has stored a step of its current part."""
        run = self.run()
        return run is not None and run.status is RunStatus.IN_PROGRESS and not run.part_has_begun

    def doing(self, part: int) -> list[Worker]:
        """The workers that do, or have done, a part of the run. A later part may be taken from one before it begins."""
        of_part = [each for each in self.of_this_generation() if each.part == part]
        if part == 1:
            return of_part
        run = self.run()
        name = self.done_by.get(part) or (run and run.worker)
        return [each for each in of_part if each.name == name]

    def follow(self) -> None:
        """Note that a worker has handed the run over, whichever of its tries has taken effect."""
        run = self.run()
        if run is None or run.part == self.part:
            return
        if run.worker is not None and run.worker in [each.name for each in self.doing(self.part)]:
            broken("hung", "the run continues in a next part, and its worker has kept it")
        self.part = run.part

    def steps_of(self, part: int) -> list[Step]:
        """The recorded steps of a part."""
        begins = [0, *(step.seq for step in self.steps() if step.step in (ANSWERED, CONTINUING))]
        until = begins[part] if part < len(begins) else math.inf
        return [step for step in self.steps() if begins[part - 1] < step.seq < until] if part <= len(begins) else []

    @property
    def conversation_id(self) -> str:
        """The conversation of which the first generation's run is a turn, if it is one."""
        return str(UUID(int=4 << 76 | self._number))

    def is_turn(self) -> bool:
        return self.in_conversation and not self.generation and self.run() is not None

    @invariant()
    def a_turn_ends_with_its_run(self) -> None:
        """The conversation names the run while it is open, and then the state that a complete one has saved."""
        run = self.run()
        if run is None or not self.is_turn():
            return
        conversation = self.store.read_conversation(ALICE, self.conversation_id)
        if conversation is None:
            broken("lost", "a conversation has expired before the record of its run")
        if conversation.open_run != (None if run.status.ended else self.request_id):
            broken("hung", f"the run is {run.status}, and its conversation has the open run {conversation.open_run}")
        saved = f"turns/{run.worker}" if run.status is RunStatus.COMPLETE else None
        if (conversation.snapshot_key, run.turn_snapshot_key) != (saved, saved):
            broken("changed", f"a {run.status} run has left its conversation with {conversation.snapshot_key}")

    def sweep(self) -> None:
        """Sweep the whole table, which contains earlier histories' runs and an unreadable record."""

        def announce(result: CloseResult) -> None:
            if result.run.request_id == self.request_id:
                self.publish_end(result)

        sweep(self.store, announce, remaining_ms=lambda: 60_000, now_ms=self.clock)

    @invariant()
    def the_record_is_exact(self) -> None:
        self.follow()
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
        if not run.status.ended and run.cancel_requested_at_ms is not None:
            if run.status is RunStatus.WAITING:
                broken("hung", "a run waits for people, and a cancel was asked for")
            if run.worker is None:
                broken("hung", "a run waits for its next worker, and a cancel was asked for")
        earlier = run.worker == self.leased[0] and run.lease_until_ms < self.leased[1] - CLOCK_TOLERANCE_MS
        # The claim does not know yet how soon the record expires; later writes end the lease with the worker's time.
        if earlier and not any(each.time_up for each in self.of_this_generation() if each.name == run.worker):
            broken("hung", "a late heartbeat has set the lease back")
        self.leased = (run.worker, run.lease_until_ms)
        for key in (page_id(self.request_id, last_seq) for last_seq in run.pages):
            page = self.client.get_item(TableName=TABLE_NAME, Key={"requestId": {"S": key}}, ConsistentRead=True)
            if int(page["Item"]["expiresAt"]["N"]) < run.expires_at_epoch_s:
                broken("lost", "a page expires before its record")
        item = self.client.get_item(TableName=TABLE_NAME, Key={"requestId": {"S": self.request_id}})["Item"]
        if ("openTenant" in item) != (run.status is RunStatus.IN_PROGRESS):
            broken("changed", f"a run that is {run.status} counts for its owner's limits as if it were not")

    def _check_unrecorded(self, run: Run, steps: list[Step]) -> None:
        """The end that a worker has written says how many of its steps are missing."""
        if not run.status.ended or steps[-1].message != "the end":
            return
        [worker] = [each for each in self.of_this_generation() if each.name == run.worker]
        told = len([message for message in worker.told if message != "the end"]) + worker.dropped
        missing = told - len([step for step in self.steps_of(run.part) if step.step == "thinking"])
        counted = json.loads(steps[-1].metadata_json or "{}").get("unrecorded", 0)
        if counted != missing:
            broken("lost", f"{missing} steps are missing, and the end says {counted}")

    def _check_sent(self) -> None:
        """A worker that has stored its end, or its pause, has sent each of its steps."""
        for worker in self.of_this_generation():
            if worker.writer.end_stored and not worker.crashed:
                worker.send_all()
                if worker.sent != list(range(worker.first_seq, worker.writer.seq + 1)):
                    broken("lost", f"of {worker.writer.seq} steps, these went live: {worker.sent}")

    @invariant()
    def each_step_is_its_workers_next(self) -> None:
        """Those told behind a pause may follow it; behind an end, `the_record_is_exact` allows nothing."""
        run = self.run()
        for part in range(1, run.part + 1 if run else 1):
            told = [message for worker in self.doing(part) for message in worker.told if message != "the end"]
            stored = [step.message.rstrip(".") for step in self.steps_of(part) if step.step == "thinking"]
            check_beginning(stored, told)
        steps = [step.step for step in self.steps()]
        begun = 1 + steps.count(ANSWERED) + steps.count(CONTINUING)
        begun -= steps[-2:] == [CONTINUING, "cancelled"] and begun != (run and run.part)  # cancelled instead
        if run and run.part != begun:
            broken("repeated", f"part {run.part} does not follow from the answers and hand-overs")

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
            self.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + limits.SWEEP_AGE_MS + 1
            run = self.run()
            if run and run.status is RunStatus.IN_PROGRESS:
                for _ in range(limits.PART_MAX_TRIES + 1):  # after the crash of its worker, it continues once more
                    self.sweep()
                    self.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
                run = self.run()
                if not (run and run.status.ended):
                    broken("hung", "nobody could end it")
            self.the_record_is_exact()
            self.a_turn_ends_with_its_run()
            self.each_step_is_its_workers_next()
            self.what_goes_live_is_stored_and_goes_once_in_order()
            self._check_sent()
            read, after_seq = [], 0
            while run and after_seq is not None:
                answer = read_progress(self.store, ALICE, self.request_id, after_seq, now_ms=self.clock)
                read += answer["steps"]
                after_seq = answer["nextSeq"]
            if read != [step.to_answer(run.agent) for step in self.steps()]:
                broken("lost", "a reader gets something else than what is stored")
        finally:
            self.client.delete_item(TableName=TABLE_NAME, Key={"requestId": self.unreadable["requestId"]})
            for each in self._small:
                each.stop()

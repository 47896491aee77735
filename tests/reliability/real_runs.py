"""Real runs under faults: workers in separate processes, with a proxy in front of DynamoDB that plants faults.

A run's number decides which and how many faults it meets, and what else happens: its worker is killed, its user cancels
it, or its event is delivered twice. Afterwards, its record is checked against the promises.
"""

from __future__ import annotations

import json
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from chalicelib.lifecycle.closer import write_end

from runcast import limits
from runcast.clock import epoch_ms
from runcast.record.cancel import cancel
from runcast.record.close import close_dead
from runcast.record.model import Liveness, Owner, Run, RunStatus, Step
from runcast.record.reader import liveness
from runcast.record.store import RunStore
from tests.fakes.fault_proxy import FAULTS, FaultProxy, fault_proxy
from tests.reliability.promises import ENDS, broken, check_beginning, check_once, check_one_end, check_order
from tests.reliability.real_parts import answered, talked
from tests.reliability.worker_process import (
    AGENT,
    CALLS,
    PATIENT_CLAIM_SECONDS,
    Delivery,
    WorkerProcess,
    worker_process,
)
from tests.unit.conftest import TABLE_NAME

OWNER = Owner("acme", "ana")
# What of an answer must not change; the rest says when, how long, and what became of the record.
OF_THE_RUN = ("success", "agent", "result", "coldStart")
_DURATION = re.compile(r" after [0-9.]+ s")
_ANSWER_SECONDS = 30.0
_LOST_SECONDS = 15.0
_HAPPENINGS = (
    "nothing", "nothing", "kill", "kill", "cancel", "cancel in the queue", "closer", "second delivery",
    "second delivery by track", "no thread", "dead writer", "answer", "answer", "conversation",
)  # fmt: skip


class Good(NamedTuple):
    """The answer and the record of a run without faults."""

    answer: tuple[Any, ...]
    told: list[tuple[Any, ...]]


class Came(NamedTuple):
    """The outcome of a run: how many faults it met, and how many steps are recorded."""

    faults: int
    steps: int


class RealRuns:
    """Runs against one table.

    Args:
        client: A client of it, with no fault on its way.
        seed: Of all dice.

    Attributes:
        store: The table.
        owner: The owner of the runs.
        url: Where it is, with no fault on the way.
        good: The outcome of a run without faults.
    """

    def __init__(self, client: Any, seed: int) -> None:
        self.url = client.meta.endpoint_url
        self.store, self.owner = RunStore(client, TABLE_NAME), OWNER
        self._seed = seed
        self.good = self._run_undisturbed()

    def run(self, number: int) -> Came:
        """Do one run, with the faults that its number selects; raise `Broken` if a promise is broken."""
        dice = random.Random(f"{self._seed}/{number}")
        happening = dice.choice(_HAPPENINGS)
        kinds = dice.sample(FAULTS, dice.randint(1, len(FAULTS)))
        request_id = f"chaos-{self._seed}-{number}"
        if dice.random() < 0.5:
            self.store.create(request_id, owner=OWNER, agent=AGENT)
        percent = dice.choice((0, 10, 30, 50))
        with fault_proxy(self.url, kinds, percent=percent, seed=dice.randrange(1_000_000)) as proxy:
            disturb = {
                "nothing": self._undisturbed,
                "kill": self._killed,
                "cancel": self._cancelled,
                "second delivery": self._delivered_twice,
                "second delivery by track": self._tracked_twice,
                "cancel in the queue": self._cancelled_in_the_queue,
                "closer": self._closed,
                "no thread": self._without_threads,
                "dead writer": self._without_writer,
                "answer": partial(answered, self),
                "conversation": partial(talked, self),
            }[happening]
            disturb(request_id, proxy, dice)
            return Came(proxy.faults + (happening != "nothing"), len(self.checked(request_id)[1]))

    def _run_undisturbed(self) -> Good:
        request_id = f"chaos-{self._seed}-good"
        with self.worker(request_id, self.url) as worker:
            answer = self.answer_of(worker)
            run, steps = self.checked(request_id)
            assert run is not None
            assert run.status is RunStatus.COMPLETE
            assert worker.calls == CALLS
            return Good(_kept(answer), told(steps))

    def _undisturbed(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        with self.worker(request_id, proxy.url) as worker:
            self.check_answer(request_id, worker)

    def _killed(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        at, after = dice.randint(1, len(self.good.told)), dice.random() < 0.5
        with self.worker(request_id, proxy.url, killed_at=at, killed_after=after) as worker:
            if not worker.finished(_ANSWER_SECONDS):
                broken("hung", f"{request_id}: no answer")
            if worker.answer is not None:  # the record could not be written, so it lived on
                self.check_answer(request_id, worker)
                return
        self.check_dead(request_id, calls=worker.calls)

    def check_dead(self, request_id: str, *, calls: int) -> None:
        """A run whose worker is dead reads `lost` in time, does not run again on a second delivery, and is ended."""
        run = self.within(_LOST_SECONDS, request_id, is_over)
        with self.worker(request_id, self.url, invocation="again", claim_wait_seconds=PATIENT_CLAIM_SECONDS) as worker:
            answer = self.answer_of(worker)
        if answer["statusCode"] != 409 or worker.calls:
            broken("repeated", f"{request_id}: after {calls} tool calls its event was run again: {answer}")
        if run is None or not run.status.ended:
            self._end_dead(request_id)
        ended, steps = self.checked(request_id)
        if not (ended and ended.status.ended):
            broken("hung", f"{request_id} could not be ended")
        self._check_beginning(steps)

    def _cancelled(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        with self.worker(request_id, proxy.url) as worker:
            worker.finished(dice.uniform(0.0, 0.6))
            cancel(self.store, OWNER, request_id)
            answer = self.answer_of(worker)
            run, steps = self.checked(request_id)
            body = json.loads(answer["body"])
            if body["success"]:
                self.check_answer(request_id, worker)
            elif run is not None and run.status.ended and run.status is not RunStatus.CANCELLED:
                broken("changed", f"{request_id}: cancelled, and then {run.status.value}: {body.get('error')}")
            self._check_beginning(steps)

    def freeze(self, request_id: str, *, seconds: float, lease_ms: int, ended: bool) -> Came:
        """Freeze a worker when it has begun: its run reads lost, and goes on when it thaws, unless it was ended.

        Args:
            request_id: The run.
            seconds: For how long; longer if it does not read lost by then.
            lease_ms: Its lease.
            ended: Whether its owner cancels it meanwhile, which ends a run that reads lost.
        """
        with self.worker(request_id, self.url, tool_seconds=0.5, lease_ms=lease_ms) as worker:
            self.within(_ANSWER_SECONDS, request_id, lambda run: run is not None and run.seq > 0)
            worker.kill(signal.SIGSTOP)
            thaws_at = time.monotonic() + seconds
            lost = self.within(_LOST_SECONDS, request_id, lambda run: run is not None and is_over(run))
            if lost is None or liveness(lost, epoch_ms()) is not Liveness.LOST:
                broken("hung", f"{request_id} is frozen, and reads {lost}")
            time.sleep(max(0.0, thaws_at - time.monotonic()))
            result = cancel(self.store, OWNER, request_id) if ended else None
            worker.kill(signal.SIGCONT)
            if result is None:
                self.check_answer(request_id, worker)
            elif json.loads(self.answer_of(worker)["body"])["success"]:
                broken("changed", f"{request_id} was ended while it was frozen, and went on to its end")
            run, steps = self.checked(request_id)
            if result and run != result.run:
                broken("changed", f"{request_id} was ended as {result.run}, and reads {run}")
            self._check_beginning(steps)
            return Came(1, len(steps))

    def _delivered_twice(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        with self.worker(request_id, proxy.url, invocation="first") as first:
            first.finished(dice.choice((0.0, 0.05, 0.5)))
            with self.worker(request_id, proxy.url, invocation="second") as second:
                workers = first, second
                answers = [self.answer_of(worker) for worker in workers]
                refused = [answer["statusCode"] == 409 for answer in answers]
                unanswered = any(json.loads(answer["body"]).get("degraded") for answer in answers)
                if not unanswered and sum(refused) != 1:
                    broken("repeated", f"{request_id}: two deliveries came to {answers}")
                # A worker that learns late that the other has the run stops, and says so.
                stopped = [_stopped_late(answer) for answer in answers]
                if all(stopped):
                    broken("lost", f"{request_id}: two deliveries stopped one another: {answers}")
                for worker, is_refused, is_stopped in zip(workers, refused, stopped, strict=True):
                    if is_refused and worker.calls:
                        broken("repeated", f"{request_id}: a refused delivery did {worker.calls} tool calls")
                    if not is_refused and not is_stopped:
                        self.check_answer(request_id, worker, alone=not unanswered)

    def _closed(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        """Repeated closers do not change a live run."""
        with self.worker(request_id, proxy.url) as worker:
            while not worker.finished(0.1):
                close_dead(self.store, request_id, now_ms=epoch_ms)
            self.check_answer(request_id, worker)

    def _tracked_twice(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        """Of two deliveries to code that uses `track`, the one whose claim is refused calls no tool."""
        about: dict[str, Any] = {"by_track": True, "claim_wait_seconds": PATIENT_CLAIM_SECONDS}
        with (
            self.worker(request_id, proxy.url, invocation="first", **about) as first,
            self.worker(request_id, proxy.url, invocation="second", **about) as second,
        ):
            for worker in (first, second):
                self.answer_of(worker)
            if sorted([first.calls, second.calls]) != [0, CALLS]:
                broken(
                    "repeated", f"{request_id}: of two deliveries, they called {first.calls} and {second.calls} tools"
                )
            for worker in (first, second):
                self._write_handed_over(worker)
            run, steps = self.checked(request_id)
            if run is None or run.status is not RunStatus.COMPLETE:
                broken("hung", f"{request_id} has ended, and reads {run}")
            counted = json.loads(steps[-1].metadata_json or "{}").get("unrecorded", 0)
            if len([step for step in steps if step.step == "executed"]) != CALLS and not counted:
                broken("lost", f"{request_id} holds {told(steps)}, and its end does not say so")

    def _cancelled_in_the_queue(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        """A run that was cancelled before its event is delivered calls no tool, and stays cancelled."""
        if self.store.read(request_id) is None:
            self.store.create(request_id, owner=OWNER, agent=AGENT)
        cancel(self.store, OWNER, request_id)
        with self.worker(request_id, proxy.url, by_track=True, claim_wait_seconds=PATIENT_CLAIM_SECONDS) as worker:
            self.answer_of(worker)
        run, _ = self.checked(request_id)
        if worker.calls or run is None or run.status is not RunStatus.CANCELLED:
            broken("repeated", f"{request_id} was cancelled in the queue, called {worker.calls} tools, and reads {run}")

    def _without_threads(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        """Without its threads a recorder records nothing; the run does its work, and its end is handed over."""
        with self.worker(request_id, proxy.url, threads=dice.randint(0, 2)) as worker:
            self.check_answer(request_id, worker)
            if [step for step in self.checked(request_id)[1] if step.step == "executing"]:
                broken("changed", f"{request_id} is recorded by a recorder without threads")

    def _without_writer(self, request_id: str, proxy: FaultProxy, dice: random.Random) -> None:
        """A run whose writing thread dies is stopped, and ended as that of a dead worker."""
        with self.worker(request_id, proxy.url, writer_dies_at=dice.randint(1, 4), step_by_step=True) as worker:
            answer = self.answer_of(worker)
            if json.loads(answer["body"])["success"]:
                broken("lost", f"{request_id}: its recorder was dead, and it answered {answer}")
        self.check_dead(request_id, calls=worker.calls)

    @contextmanager
    def worker(
        self,
        request_id: str,
        url: str,
        *,
        invocation: str = "first",
        query: str = "How steep is it?",
        part: tuple[int, int] | None = None,
        conversation_id: str | None = None,
        **about: Any,
    ) -> Iterator[WorkerProcess]:
        """Deliver a run's event: its first one, that of a turn of a conversation, or that of a part and its try."""
        event = {
            "agent": AGENT, "query": query, "requestId": request_id, "conversationId": conversation_id,
            "userId": OWNER.user_id, "tenantId": OWNER.tenant_id,
            **({"part": part[0], "try": part[1]} if part else {}),
        }  # fmt: skip
        delivery = Delivery(event, f"{request_id}-{invocation}", url, self.url, **about)
        with worker_process(delivery) as worker:
            yield worker
            if worker.too_early:
                broken("changed", f"{request_id}: live before it was stored: {worker.too_early}")
            check_once([message["seq"] for message in worker.live])

    def answer_of(self, worker: WorkerProcess) -> Any:
        if not worker.finished(_ANSWER_SECONDS) or worker.answer is None:
            broken("hung", "a worker gave no answer")
        return worker.answer

    def check_answer(self, request_id: str, worker: WorkerProcess, *, alone: bool = True) -> None:
        """The result is the same bytes, and the record holds all of it, or the answer says that it does not."""
        answer = self.answer_of(worker)
        body = json.loads(answer["body"])
        if _kept(answer) != self.good.answer or worker.calls != CALLS:
            broken("changed", f"{request_id} came to {answer}")
        self._write_handed_over(worker)
        run, steps = self.checked(request_id)
        if not alone:
            return
        if run is None or not run.status.ended:
            broken("hung", f"{request_id} has answered, and reads {run}")
        self._check_beginning(steps)
        if not body.get("degraded") and told(steps) != self.good.told:
            broken("lost", f"{request_id} holds {told(steps)}, and its answer does not say so")

    def finish(self, worker: WorkerProcess) -> None:
        """Wait until a worker has answered or died, and write the end that it may have handed over."""
        if not worker.finished(_ANSWER_SECONDS):
            broken("hung", "a worker neither answered nor died")
        self._write_handed_over(worker)

    def _write_handed_over(self, worker: WorkerProcess) -> None:
        for event in worker.handed_over:
            write_end(
                event, self.store, send=lambda messages: len(messages), on_end=lambda _: None,
                remaining_ms=lambda: 60_000,
            )  # fmt: skip

    def _check_beginning(self, steps: list[Step]) -> None:
        """Up to its end, the record is what a whole run tells first."""
        stored = told(steps)
        if stored and stored[-1][1] in ENDS and stored[-1] != self.good.told[-1]:
            stored.pop()
        check_beginning(stored, self.good.told)

    def _end_dead(self, request_id: str) -> None:
        """What Lambda's report of the failed invocation leads to, delivered twice."""
        results = [close_dead(self.store, request_id, invocation=f"{request_id}-first") for _ in range(2)]
        if [result is not None for result in results] != [True, False]:
            broken("repeated", f"{request_id} was ended so: {results}")

    def checked(self, request_id: str) -> tuple[Run | None, list[Step]]:
        run = self.store.read(request_id)
        if run is None:
            return None, []
        steps = [*(self.store.read_pages(request_id, run.owner, run.pages) if run.pages else ()), *run.steps]
        check_order(run, steps)
        check_one_end(run, steps)
        return run, steps

    def within(self, seconds: float, request_id: str, condition: Callable[[Run | None], bool]) -> Run | None:
        deadline = time.monotonic() + seconds
        while not condition(run := self.store.read(request_id)):
            if time.monotonic() > deadline:
                broken("hung", f"{request_id} still reads {run}")
            time.sleep(0.05)
        return run


def is_over(run: Run | None) -> bool:
    """Whether the run has ended, or reads lost; one that nobody could claim will, when its longer lease has passed."""
    if run is not None and run.worker is None and run.lease_until_ms <= run.created_at_ms + limits.QUEUED_LEASE_MS:
        return True
    return run is None or liveness(run, epoch_ms()) in (Liveness.LOST, Liveness.DONE)


def _stopped_late(answer: dict[str, Any]) -> bool:
    """Whether a worker began before its claim was answered, and stopped when the claim was refused."""
    body = json.loads(answer["body"])
    return answer["statusCode"] == 500 and not body["success"] and body.get("degraded", False)


def _kept(answer: dict[str, Any]) -> tuple[Any, ...]:
    body = json.loads(answer["body"])
    return (answer["statusCode"], json.dumps({name: body.get(name) for name in OF_THE_RUN}))


def told(steps: list[Step]) -> list[tuple[Any, ...]]:
    """How long a tool took, which differs from run to run, is left out."""
    return [(step.seq, step.step, _DURATION.sub("", step.message), step.tool_name) for step in steps]

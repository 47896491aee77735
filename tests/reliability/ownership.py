"""Several owners on one table: who may change and see what, checked at each act that the rules of `owners` play.

Every text that an owner writes contains the owner's mark, so that it can be recognized anywhere. The doubles stand for
AWS: the agents' Lambda, the state machine and the bucket.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

from chalicelib.orchestrator.job import Job, result_key
from chalicelib.runtime.inputs import Inputs
from hypothesis.stateful import RuleBasedStateMachine

from runcast import limits
from runcast.errors import AppendRefused, RuncastError
from runcast.record.assignment import Assignment, Claim, QueuedStep
from runcast.record.identity import run_identity
from runcast.record.ids import is_derived
from runcast.record.items import from_item
from runcast.record.model import Owner, Run, RunStatus, Step
from runcast.record.outbox import Outbox
from runcast.record.step_queue import StepQueue
from runcast.record.stop_signal import StopSignal
from runcast.record.store import End, RunStore
from runcast.record.writer import Writer
from tests.fakes.s3_in_memory import S3InMemory
from tests.reliability.bounded import BoundedClient
from tests.reliability.promises import broken
from tests.reliability.rivals import START_MS
from tests.unit.conftest import TABLE_NAME

ALICE, BOB = Owner("acme", "alice"), Owner("globex", "bob")
JOB_IDS = ("6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11", "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11")


def mark(owner: Owner) -> str:
    return f"secret of {owner.key}"


class Ownership(RuleBasedStateMachine):
    """The records of two owners; `client` is set by the caller that runs the machine. Its table is emptied first."""

    client: Any

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = START_MS
        self.client = BoundedClient(self.client)
        self.store = RunStore(self.client, TABLE_NAME, now_ms=self.clock)
        bucket: Any = S3InMemory()
        self.inputs = Inputs(lambda: bucket, "private")
        self.actions = 0
        self.numbers = itertools.count()
        self._patches = contextlib.ExitStack()
        self._patches.enter_context(patch.object(limits, "PAGE_MAX_BYTES", 400))
        self._patches.enter_context(patch("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0))
        self._delete(*self.items())

    def teardown(self) -> None:
        self._patches.close()

    def clock(self) -> int:
        return self.now_ms

    def items(self) -> dict[str, Any]:
        return {item["requestId"]["S"]: item for item in self.client.scan(TableName=TABLE_NAME)["Items"]}

    @contextlib.contextmanager
    def acting(self, owner: Owner) -> Iterator[None]:
        """What happens here is done in this owner's name: it may change the owner's records and no other."""
        self.actions += 1
        before = self.items()
        with contextlib.suppress(RuncastError):
            yield
        for key, item in self.items().items():
            if item == before.get(key):
                continue
            stood, stands = plain(before.get(key)), plain(item)
            if stands["owner"] != owner.key:
                broken("changed", f"{owner.key} has written {key}, which is {stands['owner']}'s")
            # A page may lie where another's unlisted one was: it counts only once its record lists it.
            if stood and "#" not in key and stood["owner"] != owner.key and stood["expiresAt"] * 1000 > self.now_ms:
                broken("changed", f"{owner.key} has taken {key}, which was {stood['owner']}'s")
            self._check_kind(key, stands)

    def _check_kind(self, key: str, stands: dict[str, Any]) -> None:
        if "#" in key:
            return
        if key != key.lower() and str(UUID(key)) == key.lower():
            broken("repeated", f"one id has two records: {key}")
        is_execution = stands.get("worker", "").startswith("execution/")
        if "playbook" in stands:
            if key not in JOB_IDS:
                broken("repeated", f"a job has the id {key}")
            if "worker" in stands and not is_execution:
                broken("changed", f"a run's worker has claimed the job {key}")
        elif is_execution:
            broken("changed", f"an execution has claimed the run {key}")

    def shown(self, owner: Owner, what: Any) -> None:
        """This owner is shown something."""
        other = BOB if owner == ALICE else ALICE
        if mark(other) in json.dumps(what):
            broken("changed", f"{owner.key} is shown what is {other.key}'s: {what}")

    def invoke(self, *, Payload: bytes, **_: Any) -> Any:  # noqa: N803
        """Lambda's client: the agent of a job runs at once; that of a run does not."""
        event = json.loads(Payload)
        owner = Owner(event["tenantId"], event["userId"])
        self.shown(owner, event)
        run = self.store.read(event["requestId"])
        if run is None or run.owner != owner:
            broken("changed", f"{owner.key} is invoked for the run {run}")
        if event.get("jobId"):
            self._work(event, ends=True)
        return {}

    def start(self, job_id: str) -> None:
        """Start an execution, as `Executions` does; when it runs is for the rule `execute` to say."""
        run = self.store.read(job_id)
        if run is None or not run.is_job:
            broken("changed", f"an execution is started for {run}")
        elif run.input_digest:  # the other rules put records without an input
            self._must_be_own(Job.of(self.inputs.get(run), execution=job_id).owner, job_id)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - boto3's names
        if Key != result_key(Bucket):
            broken("changed", f"the job {Bucket} writes the result {Key}")

    def _work(self, event: dict[str, Any], *, ends: bool) -> None:
        identity = run_identity(event, request_id=f"invocation-{next(self.numbers)}")
        queue = StepQueue()
        worker = f"invocation/{next(self.numbers)}"
        assignment = Assignment(
            identity.request_id, identity.owner, "survey", identity.job_id, worker, began_ms=self.now_ms
        )
        outbox = Outbox(lambda messages: self._published(identity.owner, messages))
        writer = Writer(
            self.store, assignment, queue, outbox, StopSignal(identity.request_id), None,
            now_ms=self.clock, monotonic=lambda: self.now_ms / 1000, jitter=lambda: 0.0,
        )  # fmt: skip
        was_free = self.store.read(identity.request_id) is None
        only_the_job_creates_it = is_derived(identity.request_id)
        writer.begin()
        if writer.claiming.state is Claim.CLAIMED and was_free and only_the_job_creates_it:
            broken("repeated", f"a worker has created the run {identity.request_id} of a job")
        if writer.claiming.state is not Claim.CLAIMED:
            if was_free and not only_the_job_creates_it:
                broken("lost", f"a worker cannot claim {identity.request_id}, which nobody has")
            return
        if self.store.read(identity.request_id) is None:
            broken("lost", f"a worker has claimed {identity.request_id}, which nobody can read")
        text = mark(identity.owner)
        for message in (text, text * 8):  # the second needs a page
            queue.put(QueuedStep("thinking", message, self.now_ms))
            writer.write_next()
        if ends:
            queue.put(QueuedStep("complete", text, self.now_ms, end=End(RunStatus.COMPLETE, json.dumps(text))))
            writer.write_next()
        while outbox.unsent:
            outbox.send_next()

    def _published(self, owner: Owner, messages: list[dict[str, Any]]) -> int:
        for message in messages:
            if (message["tenantId"], message["userId"]) != (owner.tenant_id, owner.user_id):
                broken("changed", f"{owner.key} sends a message to another user: {message}")
            self.shown(owner, message)
        return len(messages)

    def _signed(self, owner: Owner, job_id: str, _: int) -> str:
        self._must_be_own(owner, job_id)
        if job_id not in JOB_IDS or "playbook" not in self.items()[job_id]:
            broken("changed", f"a link to a result of {job_id}, which is no job")
        return f"https://results/{job_id}"

    def _must_be_own(self, owner: Owner, request_id: str) -> None:
        run = self.store.read(request_id)
        if run is None or run.owner != owner:
            broken("changed", f"{owner.key} is let at {request_id}: {run}")

    def _only_of_one_job(self, job_id: str, before: dict[str, Any]) -> None:
        """Only this run, or this job and runs that name it, have changed since, with the hints to their workers."""
        now = self.items()
        for key, item in now.items():
            whose = key.partition("#cancel/")[0]
            if item != before.get(key) and whose != job_id and plain(now.get(whose)).get("jobId") != job_id:
                broken("changed", f"the end of {job_id} has changed {key}, which is no run of it")

    @contextlib.contextmanager
    def _crossed(self, owner: Owner) -> Iterator[None]:
        """What another has put meanwhile must stay as it is."""
        self.put_meanwhile: dict[str, Any] = {}
        with contextlib.suppress(RuncastError):
            yield
        now = self.items()
        for key, item in self.put_meanwhile.items():
            if now.get(key) != item:
                broken("changed", f"{owner.key} has changed {key}, which became another's meanwhile")

    def replace(self, run: Run) -> None:
        """The record is deleted, and another owner takes its id, so that all else reads as before."""
        other = BOB if run.owner == ALICE else ALICE
        about = {"owner": other, "agent": run.agent, "job_id": run.job_id, "playbook": run.playbook}
        self._delete(run.request_id)
        clock, self.now_ms = self.now_ms, run.created_at_ms
        if run.worker is None:
            self.store.create(run.request_id, **about)
        else:
            lease = run.lease_until_ms
            self.store.claim(run.request_id, worker=run.worker, lease_until_ms=lease, **about)
            steps = [step(run, other, seq) for seq in range(1, run.seq + 1)]
            with contextlib.suppress(AppendRefused):
                self.store.append(run.request_id, worker=run.worker, expected_seq=0, lease_until_ms=lease, steps=steps)
        self.now_ms = clock
        self.put_meanwhile[run.request_id] = self.items()[run.request_id]

    def _delete(self, *keys: str) -> None:
        for key in keys:
            self.client.delete_item(TableName=TABLE_NAME, Key={"requestId": {"S": key}})


class Overtaken:
    """A store of an execution: something happens just before it creates a run."""

    def __init__(self, history: Ownership, meanwhile: Callable[[], None]) -> None:
        self._history = history
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._history.store, name)

    def create_in_job(self, *args: Any, **kwargs: Any) -> Run:
        self._meanwhile()
        return self._history.store.create_in_job(*args, **kwargs)


class Crossed:
    """A store of one who cancels: between the read and the write, the record becomes another owner's."""

    def __init__(self, history: Ownership) -> None:
        self._history = history

    def __getattr__(self, name: str) -> Callable[..., Any]:
        write = getattr(self._history.store, name)
        if name not in ("end", "ask_to_cancel"):
            return write

        def crossed(run: Any, *rest: Any) -> Any:
            request_id = run.request_id if isinstance(run, Run) else run
            if request_id not in self._history.put_meanwhile:
                stood = self._history.store.read(request_id)
                assert stood is not None
                self._history.replace(stood)
            return write(run, *rest)

        return crossed


def step(run: Run, owner: Owner, seq: int | None = None) -> Step:
    return Step("thinking", mark(owner), 0.0, START_MS, run.seq + 1 if seq is None else seq)


def plain(item: Any) -> dict[str, Any]:
    return from_item(item) if item else {}


def nothing(_: Any) -> None:
    pass

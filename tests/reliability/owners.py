"""Histories of several owners, whose ids collide, follow from one another, and are written in every way.

Each owner acts through the APIs, a backend with `track`, an execution or an event from AWS. An owner may only change
their own records, and must see nothing of another's. Every text that an owner writes contains the owner's mark, so that
it can be recognized anywhere.
"""

from __future__ import annotations

import contextlib
import json
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID

from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.lifecycle.cancel import cancel_run
from chalicelib.lifecycle.closer import EXECUTION_ENDED, close_execution, close_failed, write_end
from chalicelib.lifecycle.rerun import rerun
from chalicelib.lifecycle.start import start_job, start_run
from chalicelib.orchestrator.agent_invoker import AgentInvoker
from chalicelib.orchestrator.errors import JobEnded
from chalicelib.orchestrator.job import Job, result_key
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.load_playbook import load_playbook
from chalicelib.orchestrator.playbook import Playbook
from chalicelib.orchestrator.save_results import save_results
from hypothesis import strategies as st
from hypothesis.stateful import rule

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.cancel import cancel
from runcast.record.handover import HANDED_OVER_END
from runcast.record.ids import derived_ids
from runcast.record.items import page_id
from runcast.record.listing import list_runs
from runcast.record.model import Owner, Run, RunStatus
from runcast.record.reader import read_progress
from runcast.record.store import End
from tests.fakes.objects_in_memory import ObjectsInMemory
from tests.fakes.spellings import spellings
from tests.reliability.history import LIFE_MS
from tests.reliability.ownership import ALICE, BOB, JOB_IDS, Crossed, Overtaken, Ownership, mark, nothing, plain, step
from tests.reliability.promises import broken

PLAYBOOK = {
    "name": "two-stages",
    "description": "Surveys, then reports.",
    "stages": [
        {"name": "surveys", "agents": [{"name": "east", "agent": "survey", "query": "${query}"}]},
        {"name": "reports", "agents": [{"name": "report", "agent": "survey", "query": "Report.", "reads": ["east"]}]},
    ],
}
PLANNED = [derived_ids(JOB_IDS[0], name)[0] for name in ("east", "report")]
FUNCTIONS = {"survey": "runcast-agent"}
NO_SCHEMA = {}.get

WAYS = (
    "another tracks",
    "expired",
    "crossed",
    "crossed at work",
    "page",
    "result",
    "execution",
    "failure",
    "failure that names a job",
)
owners = st.sampled_from([ALICE, BOB])
playbooks = st.sampled_from(["two-stages"] * 4 + ["another"])
# Few, so that they collide: mostly one job's id and the id of its first run.
job_ids = st.sampled_from([JOB_IDS[0]] * 6 + [JOB_IDS[1]])
ids = st.sampled_from([JOB_IDS[0]] * 9 + [PLANNED[0]] * 9 + [JOB_IDS[1], PLANNED[1]])
_SPELLED = [spelling for each in (JOB_IDS[0], PLANNED[0]) for spelling in spellings(each)]
written = st.one_of(*[ids] * 6, st.sampled_from(_SPELLED))
named = st.one_of(*[job_ids] * 6, written)


class Owners(Ownership):
    """All that two owners may do."""

    @rule(owner=owners, request_id=named)
    def start_a_run(self, owner: Owner, request_id: str) -> None:
        given = {"agent": "survey", "query": mark(owner), "requestId": request_id}
        about = {
            "store": self.store,
            "inputs": self.inputs,
            "functions": AgentFunctions(self, FUNCTIONS),
            "admit": nothing,
            "announce": nothing,
            "parameters_schema": NO_SCHEMA,
            "takes_attachments": lambda _: False,
            "objects": ObjectsInMemory(),
            "remembered": ["terrain"],
        }
        with self.acting(owner):
            started = start_run(given, owner, **about)["requestId"]
            self._must_be_own(owner, started)
            if UUID(started).version == 5:
                broken("repeated", f"a client has chosen {started}")

    @rule(owner=owners, job_id=named)
    def start_a_job(self, owner: Owner, job_id: str) -> None:
        given = {"playbook": "two-stages", "query": mark(owner), "jobId": job_id}
        about = {
            "store": self.store, "inputs": self.inputs, "executions": self, "playbooks": ["two-stages"],
            "admit": nothing, "announce": nothing,
        }  # fmt: skip
        with self.acting(owner):
            self._must_be_own(owner, start_job(given, owner, **about)["jobId"])

    @rule(owner=owners, request_id=written, job_id=st.one_of(st.none(), job_ids), ends=st.booleans())
    def track_what_a_user_named(self, owner: Owner, request_id: str, job_id: str | None, ends: bool) -> None:
        """A backend passes a user's ids on to `track`, or invokes the agent with them."""
        event = {"requestId": request_id, "jobId": job_id, "userId": owner.user_id, "tenantId": owner.tenant_id}
        with self.acting(owner):
            if job_id is None and request_id.lower() in PLANNED:
                self._work(event, ends=ends)
                broken("repeated", f"a client has chosen {request_id}")
            self._work(event, ends=ends)

    @rule(owner=owners, job_id=named, name=st.one_of(st.none(), st.none(), named), playbook=playbooks)
    def execute(self, owner: Owner, job_id: str, name: str | None, playbook: str) -> None:
        """An execution that anybody may have started, from its first state to its last."""
        name = name or job_id
        given = {
            "jobId": job_id, "playbook": playbook, "query": mark(owner), "userId": owner.user_id,
            "tenantId": owner.tenant_id,
        }  # fmt: skip
        with self.acting(owner):
            job = Job.of(given, execution=name)
            if job.job_id != name or name not in JOB_IDS:
                broken("changed", f"the execution {name} acts for the job {job_id}")
            with patch("chalicelib.orchestrator.load_playbook.load", lambda *_: PLAYBOOK):
                self._execute(job)

    @rule(owner=owners, way=st.sampled_from(["cancelled", "another's", "expired"]))
    def end_a_job_before_its_run_is_created(self, owner: Owner, way: str) -> None:
        """The job ends between the look at its record and the creation of its first run: there is no run."""
        job_id = JOB_IDS[1]
        self.wait(LIFE_MS)
        self.start_a_job(owner, job_id)
        job = Job.of(
            {"jobId": job_id, "playbook": "two-stages", "query": "?", "userId": owner.user_id,
             "tenantId": owner.tenant_id}, execution=job_id,
        )  # fmt: skip
        record = JobRecord(self.store, job, send=len, now_ms=self.clock)
        store: Any = Overtaken(self, partial(self._close, job, way))
        with patch("chalicelib.orchestrator.load_playbook.load", lambda *_: PLAYBOOK):
            entries = Playbook.of(load_playbook(job, record, FUNCTIONS, NO_SCHEMA)["playbook"]).entries
        invoker = AgentInvoker(
            job, record, store=store, functions=AgentFunctions(self, FUNCTIONS), announce=nothing,
            report=nothing, now_ms=self.clock,
        )  # fmt: skip
        with contextlib.suppress(JobEnded):
            invoker.invoke(entries["east"], 1, token="a token")
            broken("changed", f"a run was created for a job that was {way}")

    def _close(self, job: Job, way: str) -> None:
        match way:
            case "cancelled":
                cancel(self.store, job.owner, job.job_id, now_ms=self.clock)
            case "another's":
                other = BOB if job.owner == ALICE else ALICE
                self._delete(job.job_id)
                about = {"agent": "orchestrator", "job_id": job.job_id, "playbook": job.playbook}
                self.store.create(job.job_id, owner=other, **about)
            case "expired":
                self.wait(LIFE_MS)

    def _execute(self, job: Job) -> None:
        record = JobRecord(
            self.store, job, send=lambda messages: self._published(job.owner, messages), now_ms=self.clock
        )
        entries = Playbook.of(load_playbook(job, record, FUNCTIONS, NO_SCHEMA)["playbook"]).entries
        told: list[Run] = []
        invoker = AgentInvoker(
            job, record, store=self.store, functions=AgentFunctions(self, FUNCTIONS), announce=nothing,
            report=told.append, now_ms=self.clock,
        )  # fmt: skip
        stands = self.store.read(job.job_id)
        if stands is None or stands.playbook != job.playbook:
            broken("changed", f"an execution of {job.playbook} works on {stands}")
        for name in entries:
            for _ in range(2):  # the first look starts the run, the second one finds its end
                invoker.invoke(entries[name], 1, token="a token")
            run = told.pop()
            if (run.owner, run.job_id) != (job.owner, job.job_id):
                broken("changed", f"the job {job.job_id} takes another's run: {run}")
        event = {"playbook": PLAYBOOK, "summary": mark(job.owner) * 4_000}  # too large for the record
        save_results(job, record, self.store, event, s3=lambda: self, bucket=job.job_id, tell_end=nothing)

    @rule(owner=owners, request_id=written)
    def read(self, owner: Owner, request_id: str) -> None:
        with self.acting(owner):
            answer = read_progress(
                self.store, owner, request_id, sign_link=lambda *asked: self._signed(owner, *asked), now_ms=self.clock
            )
            self.shown(owner, answer)

    @rule(owner=owners, request_id=written)
    def run_again(self, owner: Owner, request_id: str) -> None:
        def started(given: dict[str, Any]) -> dict[str, Any]:
            self.shown(owner, given)
            return {"jobId": request_id}

        with self.acting(owner):
            about: dict[str, Any] = {"store": self.store, "inputs": self.inputs}
            rerun({"rerunOf": request_id}, owner, start_run=started, start_job=started, **about)

    @rule(owner=owners)
    def list_own(self, owner: Owner) -> None:
        with self.acting(owner):
            for each in list_runs(self.store, owner, now_ms=self.clock)["runs"]:
                self._must_be_own(owner, each["requestId"])

    @rule(owner=owners, request_id=written, crossed=st.booleans())
    def cancel(self, owner: Owner, request_id: str, crossed: bool) -> None:
        before = self.items()
        store: Any = Crossed(self) if crossed else self.store
        with self.acting(owner) if not crossed else self._crossed(owner):
            cancel_run(
                owner, request_id, store=store, announce=nothing,
                stop_execution=lambda job_id: self._must_be_own(owner, job_id), hand_over=nothing, now_ms=self.clock,
            )  # fmt: skip
        if not crossed:
            self._only_of_one_job(request_id.lower(), before)

    @rule(owner=owners, request_id=written, job_id=st.one_of(st.none(), job_ids), later=st.booleans())
    def fail_an_invocation(self, owner: Owner, request_id: str, job_id: str | None, later: bool) -> None:
        self.now_ms += (limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1) * later
        payload = {"requestId": request_id, "jobId": job_id, "userId": owner.user_id, "tenantId": owner.tenant_id}
        about = {"requestId": "invocation", "condition": "RetriesExhausted"}
        jobs = {key: item for key, item in self.items().items() if "playbook" in item}
        with self.acting(owner):
            close_failed({"requestContext": about, "requestPayload": payload}, self.store, nothing, now_ms=self.clock)
        if jobs != {key: item for key, item in self.items().items() if "playbook" in item}:
            broken("changed", "a failed invocation of an agent has ended a job")

    @rule(owner=owners, request_id=written)
    def hand_over_an_end(self, owner: Owner, request_id: str) -> None:
        """The end names the worker that holds the record of any owner: a job's worker can be guessed."""
        run = self.store.read(request_id.lower())
        worker = (run and run.worker) or f"invocation/{next(self.numbers)}"
        event = {
            "requestId": request_id, "jobId": JOB_IDS[0], "userId": owner.user_id, "tenantId": owner.tenant_id,
            "agent": "survey", "worker": worker, "taken": 0, "step": "complete", "message": mark(owner),
            "timestamp": self.now_ms, "liveStatus": None, "metadata": None, "status": "complete",
            "result": json.dumps(mark(owner)), "error": None, "reason": "complete",
        }  # fmt: skip
        with self.acting(owner):
            write_end(
                {HANDED_OVER_END: event}, self.store, send=lambda messages: self._published(owner, messages),
                on_end=nothing, remaining_ms=lambda: 60_000,
            )  # fmt: skip
        if run and run.is_job and self.store.read(run.request_id) != run:
            broken("changed", f"a handed-over end of a run has ended the job {run.request_id}")

    @rule(owner=owners, of_job=st.booleans())
    def hand_over_an_end_that_is_not_the_workers(self, owner: Owner, of_job: bool) -> None:
        """The record is another owner's run, or the owner's own job."""
        other, request_id = BOB if owner == ALICE else ALICE, JOB_IDS[1]
        self.wait(LIFE_MS)
        if of_job:
            self.start_a_job(owner, request_id)
            given = {"jobId": request_id, "playbook": "two-stages", "query": "?", "userId": owner.user_id,
                     "tenantId": owner.tenant_id}  # fmt: skip
            job = Job.of(given, execution=request_id)
            JobRecord(self.store, job, send=len, now_ms=self.clock).checkpoint("load", "loading_agents", "Loading")
        else:
            self.track_what_a_user_named(other, request_id, None, False)
        self.hand_over_an_end(owner, request_id)

    @rule(name=named)
    def stop_an_execution(self, name: str) -> None:
        """AWS reports it; an execution acts for the owner of the job that has its name."""
        job, before = self.store.read(name), self.items()
        with self.acting(job.owner if job else ALICE):
            event = {"detail-type": EXECUTION_ENDED, "detail": {"name": name, "status": "ABORTED"}}
            closed = close_execution(event, self.store, nothing, now_ms=self.clock)
            if closed and not (job and job.is_job):
                broken("changed", f"the end of the execution {name} has ended {job}, which is no job")
        self._only_of_one_job(name, before)

    @rule(owner=owners, request_id=ids, other=job_ids)
    def name_another_result(self, owner: Owner, request_id: str, other: str) -> None:
        """An owner's own worker may write what it likes into its own record, another's key too."""
        with self.acting(owner):
            run = self.store.read(request_id)
            if run is None or run.owner != owner or run.worker is None or run.status.ended:
                return
            self.store.append(
                request_id, worker=run.worker, expected_seq=run.seq, lease_until_ms=run.lease_until_ms,
                steps=[step(run, owner)], end=End(RunStatus.COMPLETE, result_key=result_key(other)),
                despite_cancel=True,
            )  # fmt: skip

    @rule(owner=owners, request_id=ids)
    def put_a_page_in_the_place_of_anothers(self, owner: Owner, request_id: str) -> None:
        run = self.store.read(request_id)
        if run is None or run.owner == owner or not run.pages:
            return
        with contextlib.suppress(StoreUnavailable):
            later = run.pages_expire_at_epoch_s + 1  # only a page that expires later replaces one
            self.store.put_page(
                request_id, owner, [step(run, owner, run.pages[0])], expires_at_epoch_s=later, claim_number=1
            )
            assert plain(self.items()[page_id(request_id, run.pages[0])])["owner"] == owner.key

    @rule(owner=owners, way=st.sampled_from(WAYS))
    def collide(self, owner: Owner, way: str) -> None:
        """What must coincide to collide seldom does by chance: the id is free, and then both want it."""
        other, request_id, expires_ms = BOB if owner == ALICE else ALICE, JOB_IDS[1], LIFE_MS
        self.wait(expires_ms)
        at_work = way in ("crossed at work", "page", "result")
        if at_work:
            self.track_what_a_user_named(owner, request_id, None, False)
        else:
            self.start_a_run(owner, request_id)
        match way:
            case "another tracks":
                self.track_what_a_user_named(other, request_id, None, True)
            case "expired":
                self.wait(expires_ms)
                self.track_what_a_user_named(owner, request_id, None, True)
            case "result":
                self.name_another_result(owner, request_id, JOB_IDS[0])
                self.read(owner, request_id)
            case "failure":
                self.fail_an_invocation(other, request_id, None, True)
            case "failure that names a job":
                self.wait(expires_ms)
                self.start_a_job(owner, request_id)
                self.fail_an_invocation(owner, request_id, None, True)
            case "execution":
                self.wait(expires_ms)
                self.start_a_job(owner, request_id)
                self.execute(other, request_id, None, "two-stages")
            case "page":
                self.put_a_page_in_the_place_of_anothers(other, request_id)
                self.read(owner, request_id)
            case _:
                self.cancel(owner, request_id, True)

    @rule(owner=owners, whose=owners)
    def execute_beside_a_run_of_another_job(self, owner: Owner, whose: Owner) -> None:
        """A run, the owner's or another's, has a planned id, but another job: it is neither used nor cancelled."""
        job_id = JOB_IDS[1]
        self.wait(LIFE_MS)
        planned = derived_ids(job_id, "east")[0]
        # With the owner's job id, only its owner differs.
        of_job = JOB_IDS[0] if whose == owner else job_id
        self.store.create(planned, owner=whose, agent="survey", job_id=of_job)
        event = {"requestId": planned, "jobId": of_job, "userId": whose.user_id, "tenantId": whose.tenant_id}
        self._work(event, ends=whose != owner)
        self.start_a_job(owner, job_id)
        self.execute(owner, job_id, None, "another")
        self.execute(owner, job_id, None, "two-stages")
        self.cancel(owner, job_id, False)

    @rule(milliseconds=st.sampled_from([0, 1, limits.LEASE_MS + 1, LIFE_MS]))
    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

"""Creates the records of runs and jobs in the table `AgentProgress`, and claims each for one worker.

A claim creates the record if it does not exist, so a run needs no starter. Each write is one conditional request: the
id must be free, or the record must be unclaimed. `store` describes what a refusal means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from runcast import limits
from runcast.clock import ServerClock
from runcast.errors import ClaimRefused, JobClosed, RunExists, RunGone, StoreUnavailable
from runcast.record.conditions import EXPIRED, NOT_EXPIRED, unless_gone
from runcast.record.ids import is_derived
from runcast.record.items import Item, present, run_of, to_item
from runcast.record.model import Owner, Run, RunStatus
from runcast.record.reads import RecordReads
from runcast.record.refusals import Check, of_record
from runcast.record.table import Table, Write, sets_of
from runcast.redaction import clean_text

_NO_ID = "#"  # no run has this id


class RecordCreation(RecordReads):
    """Creates and claims records.

    Args:
        table: The table.
        now_ms: The time in epoch milliseconds.
        retention_seconds: How long a record is kept, from its creation.
        question_retention_seconds: How long a run that begins to wait is kept, from then on.
    """

    def __init__(
        self, table: Table, now_ms: Callable[[], int], retention_seconds: int, question_retention_seconds: int
    ) -> None:
        super().__init__(table, now_ms)
        self._retention_seconds = retention_seconds
        self._question_retention_seconds = question_retention_seconds

    def create(
        self,
        request_id: str,
        *,
        owner: Owner,
        agent: str,
        job_id: str | None = None,
        playbook: str | None = None,
        query: str | None = None,
        input_digest: str | None = None,
    ) -> Run:
        """Put the record of an unclaimed run, or of an unclaimed job if `playbook` is given.

        Args:
            request_id: The id.
            owner: The owner.
            agent: The agent's name.
            job_id: The id of the run's job; for a job, the job's id.
            playbook: The playbook of a job.
            query: The request. Lists show it without secrets, shortened to `LISTED_QUERY_MAX_CHARACTERS`.
            input_digest: The digest of the input, which identifies the private object with it.

        Returns:
            The new record, with a lease of `QUEUED_LEASE_MS`.

        Raises:
            RunExists: The id is taken by a record that has not expired.
        """
        shown = None if query is None else clean_text(query, "query", limits.LISTED_QUERY_MAX_CHARACTERS)
        more = {"playbook": playbook, "query": shown, "input": input_digest}
        item, free = self._queued(request_id, owner, agent, job_id, more)
        self._table.put_if(item, free)
        return run_of(item)

    def create_in_job(self, request_id: str, *, owner: Owner, agent: str, job_id: str, task_token: str) -> Run:
        """Put the record of a job's run, if the job is open and belongs to the owner.

        Args:
            request_id: The id.
            owner: The owner.
            agent: The agent's name.
            job_id: The job's id.
            task_token: The token of the task of the job's execution that waits for the run.

        Returns:
            The new record, with a lease of `QUEUED_LEASE_MS`.

        Raises:
            JobClosed: The job has ended, has expired, or belongs to another owner.
            RunGone: The job's record was deleted.
            RunExists: The id is taken by a record that has not expired.
            WriteConflict: Another transaction was writing one of the records; nothing was written.
        """
        item, free = self._queued(request_id, owner, agent, job_id, {"taskToken": task_token})
        is_open = Check(
            job_id,
            f"#owner = :owner AND #status = :in_progress AND {NOT_EXPIRED}",
            {"owner": owner.key, "in_progress": RunStatus.IN_PROGRESS.value, **free.values},
            of_record(lambda job: JobClosed(f"Job {job_id} has ended or is another owner's.", job)),
        )
        self._table.transact(Write(is_open), Write(free, item))
        return run_of(item)

    def _queued(
        self, request_id: str, owner: Owner, agent: str, job_id: str | None, more: Mapping[str, Any]
    ) -> tuple[Item, Check]:
        """Return a new, unclaimed record and the check that its id is free."""
        self.learn_time()
        now_ms = self.now_ms()
        record = {
            "requestId": request_id,
            **self._new_record(owner, agent, job_id, now_ms),
            **more,
            "updatedAt": now_ms,
            "leaseUntil": now_ms + limits.QUEUED_LEASE_MS,
        }
        free = Check(
            request_id,
            EXPIRED,
            {"now_s": now_ms // 1000},
            of_record(lambda run: RunExists(f"There is a run {request_id} already.", run)),
        )
        return to_item(record), free

    def claim(
        self,
        request_id: str,
        *,
        worker: str,
        owner: Owner,
        agent: str,
        job_id: str | None,
        lease_until_ms: int,
        playbook: str | None = None,
        part: int = 1,
        created_at_ms: int | None = None,
    ) -> Run:
        """Claim a run for one worker, or a job if `playbook` is given; create the record if it does not exist.

        An expired record is replaced. Three kinds of records are never created here. One is the record of a job's run,
        whose id is derived from the job's id: the orchestrator creates it, so that no other caller can occupy the id.
        The others are the record of a run in a later `part`, and one with a known `created_at_ms`. Both exist already,
        unless they were deleted: an event that arrives after that must not bring the run back. Call `learn_time` before
        computing the lease.

        Returns:
            The record as claimed. The agent, job and creation time of an existing record override the arguments.

        Raises:
            ClaimRefused: The record belongs to another owner, is already claimed, has ended, is in another part, or was
                created at another time. Or the record is a job's and the claim is for a run, or vice versa.
            RunGone: The record does not exist, and a claim may not create it.
        """
        now_ms = self.now_ms()
        defaults = present(self._new_record(owner, agent, job_id, now_ms) | {"playbook": playbook})
        values = {"worker": worker, "updatedAt": now_ms, "leaseUntil": lease_until_ms}
        now_s = now_ms // 1000

        def refusal(run: Run) -> ClaimRefused:
            return ClaimRefused(_why_taken(run, owner), run)

        may_create = not is_derived(request_id) and part == 1 and created_at_ms is None
        named = present({"part": None if part == 1 else part, "created": created_at_ms})
        try:
            item = self._table.update(
                request_id,
                [*(f"#{name} = if_not_exists(#{name}, :{name})" for name in defaults), *sets_of(values)],
                ("attribute_not_exists(#owner) OR " if may_create else "") + "(#owner = :owner AND #expiresAt > :now_s"
                f" AND {'#playbook = :playbook' if playbook else 'attribute_not_exists(#playbook)'}"
                f" AND {'attribute_not_exists(#part)' if part == 1 else '#part = :part'}"
                f"{'' if created_at_ms is None else ' AND #createdAt = :created'}"
                " AND attribute_not_exists(#worker) AND #status = :status)",
                defaults | values | {"now_s": now_s} | named,
                refusal if may_create else unless_gone(refusal, now_ms),
                returning="ALL_NEW",
            )
        except ClaimRefused as refused:
            if refused.run.expires_at_ms > now_ms:
                raise
            item = to_item({"requestId": request_id, **defaults, **values})
            self._table.put_if(item, Check(request_id, EXPIRED, {"now_s": now_s}, of_record(refusal)))
        run = run_of(item)
        if run.worker != worker:
            raise StoreUnavailable(f"DynamoDB's answer is about another worker's claim of run {request_id}. Try again.")
        return run

    def learn_time(self) -> None:
        """Get the time from DynamoDB, if this process has not done so: a new lease needs an accurate clock."""
        if isinstance(self.now_ms, ServerClock) and not self.now_ms.known:
            with suppress(RunGone):
                # A no-op, because no such item exists. A recorder has permission to write to the table, not to read it.
                self._table.update(
                    _NO_ID, ["#seq = :seq"], "attribute_exists(#requestId)", {"seq": 0}, lambda _: RunGone()
                )

    def _new_record(self, owner: Owner, agent: str, job_id: str | None, now_ms: int) -> dict[str, Any]:
        """Return the initial attributes of a record, the same for every creator."""
        expires_at_epoch_s = now_ms // 1000 + self._retention_seconds
        return {
            "steps": [],
            "status": RunStatus.IN_PROGRESS.value,
            "seq": 0,
            "createdAt": now_ms,
            "openSince": now_ms,
            "openTenant": owner.tenant_id,
            "expiresAt": expires_at_epoch_s,
            "pagesExpireAt": expires_at_epoch_s + self._question_retention_seconds,
            "tenantId": owner.tenant_id,
            "userId": owner.user_id,
            "owner": owner.key,
            "agent": agent,
            "jobId": job_id,
        }


def _why_taken(run: Run, owner: Owner) -> str:
    """Return why this owner cannot claim a run. The reason says nothing about another owner's run."""
    if run.owner == owner and not run.is_job:
        if run.status.ended:
            return f"This run has already ended ({run.status}). Choose another requestId."
        if run.worker is not None:
            return "Another worker has already claimed this run. Choose another requestId."
    return "This requestId is taken. Choose another one."

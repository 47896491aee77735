"""The table `AgentProgress`: every read and write of a run's record, each one request.

There is one writer per run, and one protocol: a write says what it believes the record to be (its claim, the last
`seq`, that the run is open) and DynamoDB refuses it otherwise, handing back the record as it stands. Whoever calls
decides what a refusal means; nothing here retries, so that the caller alone keeps the time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from runcast import limits
from runcast.clock import epoch_ms
from runcast.errors import AppendRefused, ClaimRefused, RunExists, StoreUnavailable
from runcast.record.model import (
    Item,
    Owner,
    PlannedRun,
    Run,
    RunStatus,
    Step,
    cancel_hint_id,
    from_item,
    page_id,
    to_item,
)
from runcast.record.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

STORE_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)
"""For the DynamoDB client of a `RunStore`: a second is all a run waits for its record."""

OWNER_INDEX = "byOwner"
"""The index of runs by owner and time of creation."""

OPEN_INDEX = "byOpen"
"""The index of runs that have not ended."""

# What of a run's head is listed: all but its steps and its result.
_LISTED = (
    *("requestId", "tenantId", "userId", "agent", "jobId", "status", "seq", "createdAt", "updatedAt", "expiresAt"),
    *("leaseUntil", "worker", "cancelRequestedAt", "error", "playbook"),
)


@dataclass(frozen=True)
class End:
    """How a run ends (or pauses): what its last write sets beside the step.

    `result_key` names the object that holds a job's result where it is too large for the record.
    """

    status: RunStatus
    result_json: str | None = None
    error: str | None = None
    result_key: str | None = None


class RunStore:
    """Reads and writes records.

    Args:
        client: A boto3 DynamoDB client: made with `STORE_CLIENT_CONFIG` where a run waits for it.
        table_name: The table.
        retention_seconds: How long a record is kept, from its creation.
        now_ms: The wall clock, epoch milliseconds.

    Every method raises `StoreUnavailable` when DynamoDB gave no answer in time or throttled; a write may then have
    taken effect all the same.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        retention_seconds: int = limits.RETENTION_SECONDS,
        now_ms: Callable[[], int] = epoch_ms,
    ) -> None:
        self._table = Table(client, table_name)
        self._retention_seconds = retention_seconds
        self._now_ms = now_ms

    def create(
        self, request_id: str, *, owner: Owner, agent: str, job_id: str | None = None, playbook: str | None = None
    ) -> Run:
        """Put the record of a run, or with `playbook` of a job, that nobody has claimed yet.

        Returns:
            The new record, with a lease of `QUEUED_LEASE_MS`.

        Raises:
            RunExists: The id is taken by a record that has not expired.
        """
        now_ms = self._now_ms()
        item = to_item(
            {
                "requestId": request_id,
                **_new_record(owner, agent, job_id, now_ms, self._retention_seconds),
                "playbook": playbook,
                "updatedAt": now_ms,
                "leaseUntil": now_ms + limits.QUEUED_LEASE_MS,
            }
        )
        self._table.put_if(
            item,
            _EXPIRED,
            {"now_s": now_ms // 1000},
            lambda run: RunExists(f"There is a run {request_id} already.", run),
        )
        return Run.from_item(item)

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
    ) -> Run:
        """Claim a run, or with `playbook` a job, for one worker; create its record if there is none.

        A record that has expired is replaced.

        Returns:
            The record as claimed; agent, job and creation time of an existing record win over the arguments.

        Raises:
            ClaimRefused: It is another owner's, or a job where a run is claimed (or the reverse); or somebody has
                claimed it already, or it has ended.
        """
        now_ms = self._now_ms()
        defaults = _present(_new_record(owner, agent, job_id, now_ms, self._retention_seconds) | {"playbook": playbook})
        values = {"worker": worker, "updatedAt": now_ms, "leaseUntil": lease_until_ms}
        now_s = now_ms // 1000

        def refusal(run: Run) -> ClaimRefused:
            return ClaimRefused(f"Run {request_id} is not free: it is claimed, has ended, or is another owner's.", run)

        try:
            item = self._table.update(
                request_id,
                [*(f"#{name} = if_not_exists(#{name}, :{name})" for name in defaults), *_sets(values)],
                "attribute_not_exists(#owner) OR (#owner = :owner AND #expiresAt > :now_s"
                f" AND {'#playbook = :playbook' if playbook else 'attribute_not_exists(#playbook)'}"
                " AND attribute_not_exists(#worker) AND #status = :status)",
                defaults | values | {"now_s": now_s},
                refusal,
                returning="ALL_NEW",
            )
        except ClaimRefused as refused:
            if refused.run.expires_at_ms > now_ms:
                raise
            item = to_item({"requestId": request_id, **defaults, **values})
            self._table.put_if(item, _EXPIRED, {"now_s": now_s}, refusal)
        run = Run.from_item(item)
        if run.worker != worker:
            raise StoreUnavailable(f"DynamoDB's answer is about another worker's claim of run {request_id}. Try again.")
        return run

    def append(
        self,
        request_id: str,
        *,
        worker: str,
        expected_seq: int,
        lease_until_ms: int,
        steps: Sequence[Step] = (),
        new_page: bool = False,
        end: End | None = None,
        despite_cancel: bool = False,
        runs: Sequence[PlannedRun] = (),
    ) -> None:
        """Append steps, renew the lease and, with `end`, set what the run came to: one write, all or nothing.

        Without steps it is a heartbeat.

        Args:
            request_id: The run.
            worker: Who has claimed it.
            expected_seq: The last step that the record holds.
            lease_until_ms: Until when the worker will have written again.
            steps: What is new.
            new_page: The steps so far stand on a page of their own (`put_page`): list it, and begin anew.
            end: What the run has come to.
            despite_cancel: Write though a cancel has been asked for: for a worker that knows of it.
            runs: The runs that are planned for a job.

        Raises:
            AppendRefused: The run has ended, or is not this worker's, or its `seq` is not `expected_seq`, or a cancel
                has been asked for.
        """
        sets: dict[str, Any] = {
            "seq": expected_seq + len(steps),
            "updatedAt": self._now_ms(),
            "leaseUntil": lease_until_ms,
        }
        if end:
            came_to = {"status": end.status.value, "result": end.result_json, "error": end.error}
            sets |= _present(came_to | {"resultKey": end.result_key})
        if runs:
            sets["runs"] = json.dumps([planned.to_json() for planned in runs])
        expressions = _sets(sets)
        values = {**sets, "expected": expected_seq, "me": worker, **_OPEN}
        if steps:
            expressions.append("#steps = :steps" if new_page else "#steps = list_append(#steps, :steps)")
            values["steps"] = [step.to_stored() for step in steps]
        if new_page:
            expressions.append("#pages = list_append(if_not_exists(#pages, :no_pages), :page)")
            values |= {"no_pages": [], "page": [expected_seq]}
        self._table.update(
            request_id,
            expressions,
            "#status IN (:in_progress, :waiting) AND #seq = :expected AND #worker = :me"
            + ("" if despite_cancel else " AND attribute_not_exists(#cancelRequestedAt)"),
            values,
            lambda run: AppendRefused(f"The record of run {request_id} is not as it was left.", run),
            removes=["#openSince"] if end and end.status.ended else (),
        )

    def put_page(self, request_id: str, owner: Owner, steps: Sequence[Step], *, expires_at_epoch_s: int) -> None:
        """Put steps that the record holds on a page of their own; nobody reads it until `append` lists it.

        The same steps make the same page, so it may be put again. Where the id has been used anew since, the later
        run's page stays: this run's worker hears of it at its next `append`.
        """
        page = {
            "requestId": page_id(request_id, steps[-1].seq),
            "owner": owner.key,
            "steps": [step.to_stored() for step in steps],
            "expiresAt": expires_at_epoch_s,
        }
        self._table.put_latest(to_item(page), "expiresAt")

    def end(self, run: Run, step: Step, end: End) -> Run:
        """End a run from outside, as long as it stands as it was read: one write, all or nothing.

        Returns:
            The record as ended.

        Raises:
            AppendRefused: Somebody has written since `run` was read.
        """
        sets = _present({"seq": step.seq, "updatedAt": self._now_ms(), "status": end.status.value, "error": end.error})
        condition, values = _as_read(run)
        item = self._table.update(
            run.request_id,
            [*_sets(sets), "#steps = list_append(#steps, :steps)"],
            condition,
            {**sets, **values, "steps": [step.to_stored()]},
            lambda now: AppendRefused(f"Run {run.request_id} has changed since it was read.", now),
            removes=["#openSince"],
            returning="ALL_NEW",
        )
        return Run.from_item(item)

    def ask_to_cancel(self, request_id: str, owner: Owner) -> Run:
        """Mark an owner's run that is being worked on, once.

        Returns:
            The record as marked.

        Raises:
            AppendRefused: It is another owner's, nobody works on it, or it is marked already.
        """
        sets = {"cancelRequestedAt": self._now_ms()}
        item = self._table.update(
            request_id,
            _sets(sets),
            "#owner = :owner AND #status = :in_progress AND attribute_exists(#worker)"
            " AND attribute_not_exists(#cancelRequestedAt)",
            {**sets, "owner": owner.key, "in_progress": RunStatus.IN_PROGRESS.value},
            lambda now: AppendRefused(f"Run {request_id} is not being worked on, or is to be cancelled already.", now),
            returning="ALL_NEW",
        )
        return Run.from_item(item)

    def hint_cancel(self, run: Run) -> None:
        """Let the worker of a run that is marked see so before its next heartbeat."""
        sets = {"expiresAt": run.expires_at_ms // 1000}
        self._table.update(
            cancel_hint_id(run.request_id, run.worker or ""),
            _sets(sets),
            "attribute_not_exists(#status)",
            sets,
            lambda now: AppendRefused("A record stands in the place of a hint.", now),
        )

    def is_cancel_hinted(self, request_id: str, worker: str) -> bool:
        """Return whether there is a hint for this worker; a new one may be missed for less than a second."""
        return self._table.get(cancel_hint_id(request_id, worker), consistent=False) is not None

    def read(self, request_id: str) -> Run | None:
        """Return the head of a record, read consistently; None if there is none or it has expired.

        DynamoDB may delete an expired item days late, so the reader decides.
        """
        item = self._table.get(request_id)
        if item is None or "status" not in item:  # a page is no record
            return None
        return self._unless_expired(Run.from_item(item))

    def read_pages(self, request_id: str, owner: Owner, last_seqs: Sequence[int]) -> list[Step]:
        """Return the steps on some pages of a record, oldest first.

        Args:
            request_id: The run.
            owner: The owner of its record, who must also be the owner of its pages.
            last_seqs: Which pages, at most 100, as the record's `pages` names them.
        """
        keys = [page_id(request_id, last_seq) for last_seq in last_seqs]
        items = self._table.get_many(keys, ("requestId", "owner", "steps"))
        pages = [from_item(items[key]) for key in keys if key in items]
        # A page that was put before pages named their owner is the record's own.
        if len(pages) < len(keys) or any(page.get("owner", owner.key) != owner.key for page in pages):
            raise StoreUnavailable(f"A page of run {request_id} is gone: its record has just expired. Read it again.")
        return [Step.from_stored(step) for page in pages for step in page["steps"]]

    def read_heads(self, request_ids: Sequence[str], *, results: bool = False) -> list[Run]:
        """Return runs, in the order asked for, without steps, read consistently.

        Args:
            request_ids: Which runs, at most 100. Those that are gone or have expired are left out, and so is a record
                that cannot be parsed, which is logged: one such must not hide the others.
            results: Whether with their results, too.
        """
        attributes = (*_LISTED, "result") if results else _LISTED
        found = self._table.get_many(request_ids, attributes) if request_ids else {}
        runs = [_parsed(found[key]) for key in request_ids if key in found]
        return [run for run in runs if run and self._unless_expired(run)]

    def newest_ids(
        self, owner: Owner, *, limit: int, after: tuple[int, str] | None
    ) -> tuple[list[str], tuple[int, str] | None]:
        """Return the ids of an owner's runs, newest first, as the index knows them: a new run may be missing yet.

        Args:
            owner: Whose.
            limit: How many at most.
            after: Creation time (epoch ms) and id of the run after which to go on.

        Returns:
            The ids, and the `after` to go on with, None when there are no more.
        """
        start = {"owner": owner.key, "createdAt": after[0], "requestId": after[1]} if after else None
        ids, last = self._table.query_newest(OWNER_INDEX, owner.key, limit, start)
        return ids, (int(last["createdAt"]), str(last["requestId"])) if last else None

    def open_ids(self, *, before_ms: int) -> Iterator[str]:
        """Yield the ids of runs that began before a time (epoch ms) and have not ended, as far as the index knows."""
        return self._table.scan(OPEN_INDEX, "#openSince < :before", {"before": before_ms})

    def _unless_expired(self, run: Run) -> Run | None:
        return run if run.expires_at_ms > self._now_ms() else None


_EXPIRED = "attribute_not_exists(#requestId) OR #expiresAt <= :now_s"
_OPEN = {"in_progress": RunStatus.IN_PROGRESS.value, "waiting": RunStatus.WAITING.value}


def _as_read(run: Run) -> tuple[str, dict[str, Any]]:
    """The condition that nobody has written since.

    Each step, and so each change of the status, adds to `seq`; each heartbeat renews the lease; and a claim names its
    worker, though the lease that it sets may be the one that was there.
    """
    condition = "#owner = :owner_read AND #seq = :seq_read AND #leaseUntil = :lease_read AND "
    values = {"owner_read": run.owner.key, "seq_read": run.seq, "lease_read": run.lease_until_ms}
    if run.worker is None:
        return condition + "attribute_not_exists(#worker)", values
    return condition + "#worker = :worker_read", {**values, "worker_read": run.worker}


def _parsed(item: Item) -> Run | None:
    try:
        return Run.from_item(item)
    except Exception:  # whatever is wrong with the item
        logger.exception("the record of run %s cannot be parsed", item["requestId"]["S"])
        return None


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sets(values: Mapping[str, Any]) -> list[str]:
    return [f"#{name} = :{name}" for name in values]


def _new_record(owner: Owner, agent: str, job_id: str | None, now_ms: int, retention_seconds: int) -> dict[str, Any]:
    """What a record holds from its beginning, whoever writes it first."""
    return {
        "steps": [],
        "status": RunStatus.IN_PROGRESS.value,
        "seq": 0,
        "createdAt": now_ms,
        "openSince": now_ms,
        "expiresAt": now_ms // 1000 + retention_seconds,
        "tenantId": owner.tenant_id,
        "userId": owner.user_id,
        "owner": owner.key,
        "agent": agent,
        "jobId": job_id,
    }

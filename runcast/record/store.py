"""The table `AgentProgress`: each operation on a record is one request to DynamoDB.

`RunStore` has all of them. Those that read are in `reads`, those that create and claim a record in `creation`, and
those that change a record are here.

Each run has one writer. Every write is conditional on the expected state: the claim, the last `seq`, and that the run
is open. If the condition fails, DynamoDB refuses the write and returns the current record. The caller decides what a
refusal means. Nothing here retries, so that only the caller controls the time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config

from runcast import limits
from runcast.clock import ServerClock
from runcast.errors import AppendRefused
from runcast.record.conditions import NOT_EXPIRED, as_read, unless_gone
from runcast.record.deletion import RecordDeletion
from runcast.record.in_job import RecordInJob
from runcast.record.items import cancel_hint_id, page_id, present, run_of, stored_runs, stored_step, to_item
from runcast.record.journal import CallJournal
from runcast.record.model import EndReason, Owner, PlannedRun, Run, RunStatus, Step
from runcast.record.next_part import part_begins
from runcast.record.table import Table, sets_of
from runcast.redaction import clean_result_text, clean_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

STORE_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)
"""For the DynamoDB client of a `RunStore`: a run waits at most a second for its record."""


@dataclass(frozen=True)
class End:
    """The end (or pause, or hand-over) of a run: the attributes that its last write sets in addition to the step.

    Attributes:
        status: The terminal state; `waiting` of a pause; `in_progress` of a hand-over to the next part.
        result_json: The result as JSON text.
        error: Why it failed, for people.
        result_key: Names the object that holds a job's result if the result is too large for the record.
        snapshot_key: Names the object with the agent's state: of a pause or a hand-over that from which the run
            continues, of an end that from which its conversation continues.
        reason: Why it ended, for code. By default the reason of an end that the agent brought about itself.
    """

    status: RunStatus
    result_json: str | None = None
    error: str | None = None
    result_key: str | None = None
    reason: str | None = None
    snapshot_key: str | None = None

    def __post_init__(self) -> None:
        if self.reason is None:
            object.__setattr__(self, "reason", EndReason.of_own_end(self.status))
        object.__setattr__(self, "result_json", clean_result_text(self.result_json))
        object.__setattr__(self, "error", self.error and clean_text(self.error, "error", limits.ERROR_MAX_CHARACTERS))


class Lives(NamedTuple):
    """When a record and its pages expire, epoch seconds."""

    record_epoch_s: int
    pages_epoch_s: int


class RunStore(RecordDeletion, RecordInJob):
    """Reads (`RecordReads`), creates and claims (`RecordCreation`), changes and deletes (`RecordDeletion`) records.

    Args:
        client: A boto3 DynamoDB client, made with `STORE_CLIENT_CONFIG` if a run waits for it.
        table_name: The table.
        retention_seconds: How long a record is kept, from its creation.
        question_retention_seconds: How long a run that begins to wait is kept, from then on.
        conversation_retention_seconds: How long a conversation is kept, from the last time its state was saved.
        now_ms: Returns the time in epoch milliseconds; by default the server's, taken from its responses to `client`.

    Every method raises `StoreUnavailable` if DynamoDB times out or throttles the request. The write may still have
    taken effect.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        retention_seconds: int = limits.RETENTION_SECONDS,
        question_retention_seconds: int = limits.QUESTION_RETENTION_SECONDS,
        conversation_retention_seconds: int = limits.CONVERSATION_RETENTION_SECONDS,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        if now_ms is None:
            now_ms = ServerClock()
            now_ms.listen(client)
        super().__init__(
            Table(client, table_name),
            now_ms,
            retention_seconds,
            question_retention_seconds,
            conversation_retention_seconds,
        )

    def append(
        self,
        request_id: str,
        *,
        worker: str,
        expected_seq: int,
        lease_until_ms: int,
        steps: Sequence[Step] = (),
        pages: Sequence[int] = (),
        end: End | None = None,
        despite_cancel: bool = False,
        next_part: int | None = None,
        runs: Sequence[PlannedRun] = (),
        lives: Lives | None = None,
        conversation_key: str | None = None,
    ) -> None:
        """Append steps, renew the lease and, with `end`, end the run, in one atomic write.

        Without steps and `end`, the write is a heartbeat. A heartbeat only extends the lease; if it arrives late, it
        is refused.

        Args:
            request_id: The run.
            worker: The worker that has claimed the run.
            expected_seq: The last `seq` that the record holds.
            lease_until_ms: When the lease ends (epoch ms); the worker writes again before then.
            steps: The new steps.
            pages: New pages to list, by their last `seq`. They hold the steps so far and the first of the new steps
                (`put_page`). Only the later steps stay in the run's item.
            end: The run's end or pause.
            despite_cancel: Whether to write despite a cancel request; for a worker that has seen the request.
            next_part: Of a hand-over: the number of the part that begins. The write removes the claim, and the lease
                is that of a queued run.
            runs: The planned runs of a job.
            lives: Of a pause: when the record and its pages expire. The write extends the record's life, and with it
                the lease, because a run that waits for people has no heartbeats.
            conversation_key: The key of the conversation whose turn the run is, if any.

        Raises:
            AppendRefused: The run has ended or belongs to another worker, its `seq` is not `expected_seq`, or a cancel
                is requested. A heartbeat is also refused if the record's lease does not end earlier.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets: dict[str, Any] = {
            "seq": expected_seq + len(steps),
            "updatedAt": now_ms,
            "leaseUntil": lease_until_ms,
        }
        if end:
            came_to = {"status": end.status.value, "result": end.result_json, "error": end.error}
            sets |= present(came_to | {"resultKey": end.result_key, "reason": end.reason})
            sets |= present({"turnSnapshotKey" if end.status.ended else "snapshotKey": end.snapshot_key})
        if lives:
            extended_epoch_s = now_ms // 1000 + self._question_retention_seconds
            sets["expiresAt"] = max(lives.record_epoch_s, min(extended_epoch_s, lives.pages_epoch_s))
            sets["leaseUntil"] = sets["expiresAt"] * 1000 - limits.EXPIRY_MARGIN_MS
        if next_part:
            sets |= part_begins(next_part, sets["seq"], now_ms) | {"crashes": 0}
        if runs:
            sets["runs"] = stored_runs(runs)
        expressions = sets_of(sets)
        values = {**sets, "expected": expected_seq, "me": worker, "now_s": now_ms // 1000, **_OPEN}
        if steps:
            expressions.append("#steps = :steps" if pages else "#steps = list_append(#steps, :steps)")
            values["steps"] = [stored_step(step) for step in steps if not pages or step.seq > pages[-1]]
        if pages:
            expressions.append("#pages = list_append(if_not_exists(#pages, :no_pages), :pages)")
            values |= {"no_pages": [], "pages": pages}
        condition = (
            f"#status IN (:in_progress, :waiting) AND #seq = :expected AND #worker = :me AND {NOT_EXPIRED}"
            + ("" if despite_cancel else " AND attribute_not_exists(#cancelRequestedAt)")
            + ("" if steps or end else " AND #leaseUntil < :leaseUntil")
        )
        refusal = unless_gone(
            lambda run: AppendRefused(f"The record of run {request_id} has since changed.", run), now_ms
        )
        if end and end.status.ended:
            turn = {"conversation_key": conversation_key, "snapshot_key": end.snapshot_key}
            self._end_run(request_id, expressions, condition, values, refusal, **turn)
        else:
            removes = ["#worker"] if next_part else ["#openTenant"] if end else []
            self._table.update(request_id, expressions, condition, values, refusal, removes=removes)

    def journal(self) -> CallJournal:
        """Return the journal of tool calls in this table."""
        return CallJournal(self._table, self.now_ms)

    def name_snapshot(self, request_id: str, *, worker: str, snapshot_key: str) -> None:
        """Name the object with the latest state of a run's agent, from which another worker can continue. Idempotent.

        Raises:
            AppendRefused: The run has ended, or another worker has it.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets = {"snapshotKey": snapshot_key, "crashes": 0}
        self._table.update(
            request_id,
            sets_of(sets),
            f"#worker = :me AND #status = :in_progress AND {NOT_EXPIRED}",
            {**sets, "me": worker, "in_progress": RunStatus.IN_PROGRESS.value, "now_s": now_ms // 1000},
            unless_gone(lambda run: AppendRefused(f"Run {request_id} has no place for this state.", run), now_ms),
        )

    def put_page(
        self, request_id: str, owner: Owner, steps: Sequence[Step], *, expires_at_epoch_s: int, claim_number: int
    ) -> None:
        """Put steps of the record on a separate page; no reader reads the page until `append` lists it.

        The write is idempotent, because the same steps make the same page. The page of a later run that has reused the
        id stays, and so does that of a worker that has claimed the run later: a worker that was frozen meanwhile would
        otherwise change steps that clients have read. It is refused at its next `append`.
        """
        page = {
            "requestId": page_id(request_id, steps[-1].seq),
            "owner": owner.key,
            "steps": [stored_step(step) for step in steps],
            "expiresAt": expires_at_epoch_s,
            "claim": claim_number,
        }
        latest = "(attribute_not_exists(#claim) OR #claim <= :claim)"
        self._table.put_unless(
            to_item(page),
            f"attribute_not_exists(#requestId) OR #expiresAt < :expiresAt OR (#expiresAt = :expiresAt AND {latest})",
            {name: page[name] for name in ("expiresAt", "claim")},
        )

    def end(self, run: Run, step: Step, end: End) -> Run:
        """End a run from outside in one atomic write, if its record has not changed since it was read.

        Returns:
            The record as ended.

        Raises:
            AppendRefused: The record has changed since `run` was read.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        came_to = {"status": end.status.value, "error": end.error, "reason": end.reason}
        sets = present({"seq": step.seq, "updatedAt": now_ms, **came_to})
        if run.status is RunStatus.WAITING:
            sets["waitedMs"] = run.waited_until(now_ms)
        condition, values = as_read(run)
        self._end_run(
            run.request_id,
            [*sets_of(sets), "#steps = list_append(#steps, :steps)"],
            f"{condition} AND {NOT_EXPIRED}",
            {**sets, **values, "steps": [stored_step(step)], "now_s": now_ms // 1000},
            unless_gone(lambda now: AppendRefused(f"Run {run.request_id} has changed since it was read.", now), now_ms),
            conversation_key=run.conversation_key,
            snapshot_key=None,
        )
        return replace(
            run,
            status=end.status,
            seq=step.seq,
            steps=(*run.steps, step),
            updated_at_ms=now_ms,
            waited_ms=run.waited_until(now_ms),
            error=end.error,
            reason=end.reason,
            turn_snapshot_key=None,
        )

    def ask_to_cancel(self, request_id: str, owner: Owner) -> Run:
        """Set the cancel request of an owner's run in progress, once.

        Returns:
            The record with the cancel request.

        Raises:
            AppendRefused: The run belongs to another owner, is not in progress, has no worker, or already has a cancel
                request.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets = {"cancelRequestedAt": now_ms}
        item = self._table.update(
            request_id,
            sets_of(sets),
            "#owner = :owner AND #status = :in_progress AND attribute_exists(#worker)"
            f" AND attribute_not_exists(#cancelRequestedAt) AND {NOT_EXPIRED}",
            {**sets, "owner": owner.key, "in_progress": RunStatus.IN_PROGRESS.value, "now_s": now_ms // 1000},
            unless_gone(
                lambda now: AppendRefused(
                    f"Run {request_id} is not being worked on, or is to be cancelled already.", now
                ),
                now_ms,
            ),
            returning="ALL_NEW",
        )
        return run_of(item)

    def hint_cancel(self, run: Run) -> None:
        """Put an item that lets the run's worker see the cancel request before its next heartbeat."""
        sets = {"owner": run.owner.key, "expiresAt": run.expires_at_ms // 1000}
        self._table.update(
            cancel_hint_id(run.request_id, run.worker or ""),
            sets_of(sets),
            "attribute_not_exists(#status)",
            sets,
            lambda now: AppendRefused("A run's record has the key of the cancel hint.", now),
        )


_OPEN = {"in_progress": RunStatus.IN_PROGRESS.value, "waiting": RunStatus.WAITING.value}

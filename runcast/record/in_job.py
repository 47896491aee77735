"""The writes by which a job waits for its runs: the token of the waiting task, and longer lives.

A job's execution waits for a run with a task token, which Step Functions renews for each try. The record has the
newest one. While a run waits for an answer, the job and all its runs must live as long as the question.
"""

from __future__ import annotations

from typing import Any

from runcast.errors import AppendRefused
from runcast.record.conditions import NOT_EXPIRED, unless_gone
from runcast.record.items import run_of
from runcast.record.model import Run, RunStatus
from runcast.record.next_part import RecordParts
from runcast.record.table import sets_of


class RecordInJob(RecordParts):
    """Lets a job wait for its runs."""

    def await_in_job(self, run: Run, task_token: str) -> Run:
        """Store the token of the task that waits for a run of a job, if the run is open.

        Returns:
            The current record.

        Raises:
            AppendRefused: The run has ended, or the record is another run's.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        item = self._table.update(
            run.request_id,
            sets_of({"taskToken": task_token}),
            f"#owner = :owner AND #jobId = :job AND #status IN (:in_progress, :waiting) AND {NOT_EXPIRED}",
            {
                "taskToken": task_token,
                "owner": run.owner.key,
                "job": run.job_id,
                "in_progress": RunStatus.IN_PROGRESS.value,
                "waiting": RunStatus.WAITING.value,
                "now_s": now_ms // 1000,
            },
            unless_gone(lambda now: AppendRefused(f"Run {run.request_id} has ended.", now), now_ms),
            returning="ALL_NEW",
        )
        return run_of(item)

    def extend(self, run: Run, expires_at_epoch_s: int, *, lease_until_ms: int | None = None) -> None:
        """Let a record live longer; with `lease_until_ms`, also set its lease. A no-op if it lives that long.

        Args:
            run: The record as it was read.
            expires_at_epoch_s: When it expires, at most when its pages expire.
            lease_until_ms: When the lease of a job ends (epoch ms). A worker renews its own lease.

        Raises:
            AppendRefused: The record is another one, or already lives longer.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets: dict[str, Any] = {"expiresAt": min(expires_at_epoch_s, run.pages_expire_at_epoch_s)}
        if sets["expiresAt"] <= run.expires_at_epoch_s and lease_until_ms in (None, run.lease_until_ms):
            return
        if lease_until_ms is not None:
            sets["leaseUntil"] = lease_until_ms
        self._table.update(
            run.request_id,
            sets_of(sets),
            f"#owner = :owner AND #expiresAt <= :expiresAt AND {NOT_EXPIRED}",
            {**sets, "owner": run.owner.key, "now_s": now_ms // 1000},
            unless_gone(lambda now: AppendRefused(f"Run {run.request_id} already lives longer.", now), now_ms),
        )

"""Writes the job's record: a series of checkpoints, each written once.

A state may be retried at any point, because its worker was killed or an answer was lost. It recognizes its earlier
steps by the checkpoint's name in their metadata, so a retry does not change the record. A job has few steps and needs
no pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from chalicelib.orchestrator.errors import JobEnded, JobTimedOut
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.status_utils import publish_checkpoint
from runcast import limits
from runcast.errors import AppendRefused, ClaimRefused, Conflict, RunGone, Unavailable
from runcast.json_text import metadata_json
from runcast.record.model import Json, PlannedRun, Run, Step
from runcast.record.planned import is_of_job
from runcast.record.store import End, RunStore
from runcast.redaction import clean_metadata_text, clean_text

_LEASE_GRACE_MS = 60_000


class JobRecord:
    """Writes and reads a job's record.

    Args:
        store: The records.
        job: The job.
        send: Sends status messages and returns how many were accepted; must not raise.
        timeout_seconds: The job's time limit, without the time in which it waits for answers.
        now_ms: The time, epoch milliseconds; by default the store's.

    Its methods raise `Unavailable` if DynamoDB does not answer or the record keeps changing, and `Conflict` if the
    record belongs to another job.
    """

    def __init__(
        self,
        store: RunStore,
        job: Job,
        *,
        send: Callable[[list[Json]], int],
        timeout_seconds: int = limits.JOB_TIMEOUT_SECONDS,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._store = store
        self._job = job
        self._send = send
        self._now_ms = now_ms or store.now_ms

    def read(self) -> Run:
        """Return the record.

        Raises:
            Conflict: The record has another owner or playbook, so it belongs to another job.
            JobEnded: The record has expired.
        """
        run = self.find()
        if run is None:
            raise JobEnded("The job's record is gone.")
        return run

    def find(self) -> Run | None:
        """Return the record; None if it has expired.

        Raises:
            Conflict: The record has another owner or playbook, so it belongs to another job.
        """
        run = self._store.read(self._job.job_id)
        if run and (run.owner, run.playbook) != (self._job.owner, self._job.playbook):
            raise Conflict("Another job has taken this jobId. Start the job with another one.")
        return run

    def require_open(self) -> Run:
        """Return the record if the job has not ended.

        Raises:
            JobEnded: The job has ended, or its record has expired.
        """
        run = self.read()
        if run.status.ended:
            raise _ended(run)
        return run

    @property
    def timed_out(self) -> str:
        """The error of a job that exceeded its time limit."""
        return f"The job took longer than {self._timeout_seconds // 60} minutes."

    def deadline_ms(self, job: Run) -> int:
        """Return when the job exceeds its time limit: at the latest shortly before its record expires.

        The time in which runs waited for answers does not count. If several runs wait at once, their times add up.
        """
        limit_ms = job.created_at_ms + self._timeout_seconds * 1000
        if job.lease_until_ms > limit_ms + _LEASE_GRACE_MS or self._now_ms() >= limit_ms:
            limit_ms += sum(run.waited_until(self._now_ms()) for run in self._runs(job))
        return min(limit_ms, job.expires_at_ms - limits.EXPIRY_MARGIN_MS)

    def require_in_time(self) -> None:
        """Check that the job is open and has not exceeded its time limit.

        Raises:
            JobEnded: The job has ended, or its record has expired.
            JobTimedOut: The job exceeded its time limit.
        """
        if self._now_ms() >= self.deadline_ms(self.require_open()):
            raise JobTimedOut(self.timed_out)

    def keep_for(self, job: Run, waiting: Run) -> None:
        """Let the job and all its runs live as long as a run that waits for an answer."""
        lease_until_ms = min(waiting.lease_until_ms + self._timeout_seconds * 1000, job.pages_expire_at_epoch_s * 1000)
        for run in (job, *self._runs(job)):
            lease = max(lease_until_ms, run.lease_until_ms) if run is job else None
            with suppress(AppendRefused, RunGone):  # another agent's question has extended it, or it is gone
                self._store.extend(run, waiting.expires_at_epoch_s, lease_until_ms=lease)

    def _runs(self, job: Run) -> list[Run]:
        ids = [request_id for planned in job.runs for request_id in planned.request_ids]
        return [run for run in self._store.read_heads(ids) if is_of_job(run, job.owner, job.request_id)]

    def checkpoint(
        self,
        name: str,
        step: str,
        message: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        runs: Sequence[PlannedRun] = (),
        end: End | None = None,
    ) -> None:
        """Record a step unless it is recorded already, and send it live.

        Args:
            name: The checkpoint's name, which identifies the step after a retry.
            step: The step's name, which is also the live status.
            message: A message for people.
            metadata: Additional metadata of the step.
            runs: The planned runs.
            end: The job's end, if this is its last step.

        Raises:
            JobEnded: The job has ended by another step, or its record has expired.
        """
        for _ in range(limits.END_MAX_TRIES):
            run = self._claimed()
            taken = checkpoint_of(run, name)
            if run.status.ended and taken is not run.steps[-1]:
                raise _ended(run)
            if taken is None:
                taken = self._step(run, name, step, message, metadata, end)
                try:
                    self._append(run, taken, runs, end)
                except (AppendRefused, RunGone):
                    continue
            # Send it even if it was recorded before: it may not have been sent, and clients recognize it by its `seq`.
            publish_checkpoint(self._send, run, taken)
            return
        raise Unavailable(f"The record of job {self._job.job_id} kept changing. Try again.")

    def _claimed(self) -> Run:
        run = self.read()
        if run.worker == self._job.worker or run.status.ended:
            return run
        try:
            return self._store.claim(
                run.request_id,
                worker=self._job.worker,
                owner=run.owner,
                agent=run.agent,
                job_id=run.job_id,
                playbook=run.playbook,
                lease_until_ms=self._lease_until_ms(run),
                created_at_ms=run.created_at_ms,
            )
        except RunGone as gone:
            raise JobEnded("The job's record is gone.") from gone
        except ClaimRefused as refused:
            if refused.run.worker in (None, self._job.worker):
                return refused.run
            raise JobEnded("The job's record belongs to another worker.") from refused

    def _step(
        self, run: Run, name: str, step: str, message: str, metadata: Mapping[str, Any] | None, end: End | None
    ) -> Step:
        now_ms = self._now_ms()
        elapsed = {"elapsed": run.elapsed_seconds(now_ms)} if end else {}
        text = metadata_json({"checkpoint": name} | dict(metadata or {}) | elapsed)
        return run.next_step(
            step,
            clean_text(message, "message", limits.MESSAGE_MAX_CHARACTERS),
            now_ms,
            metadata_json=clean_metadata_text(text),
        )

    def _append(self, run: Run, step: Step, runs: Sequence[PlannedRun], end: End | None) -> None:
        self._store.append(
            run.request_id,
            worker=self._job.worker,
            expected_seq=run.seq,
            lease_until_ms=self._lease_until_ms(run),
            steps=[step],
            runs=runs,
            end=end,
        )

    def _lease_until_ms(self, job: Run) -> int:
        """Return the latest time at which the execution can be running. An execution sends no heartbeats."""
        return min(self.deadline_ms(job) + _LEASE_GRACE_MS, job.expires_at_ms)


def checkpoint_of(run: Run, name: str) -> Step | None:
    """Return the step that was recorded for a checkpoint, if any."""
    return next((step for step in run.steps if metadata_of(step).get("checkpoint") == name), None)


def metadata_of(step: Step) -> Json:
    """Return a step's metadata; empty if it has none."""
    metadata: Json = json.loads(step.metadata_json or "{}")
    return metadata


def _ended(run: Run) -> JobEnded:
    return JobEnded(f"The job has already ended: {run.status.value}.")

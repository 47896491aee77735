"""The records that one watch follows: a run's record, or a job's record with those of its runs.

One subscription carries a job and all its runs. The job's record lists its runs with their statuses. So the client
reads the job to check on a run, and reads a run only for missing steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from runcast.client.connection import HEARD_MAX_MESSAGES
from runcast.client.followed import FollowedRecord
from runcast.client.job import JobRun
from runcast.client.patience import Patience
from runcast.client.step import Progress, WatchedStep
from runcast.client.watch_outcome import WatchOutcome


class Records:
    """The known state of a run, or of a job and its runs, and the schedule of their reads.

    Args:
        request_id: The id of the run or job.
        is_job: Whether it is a job; None if unknown.
        patience: The client's timeouts.
        notify: Called with a sentence when a read fails, and when a worker is lost or comes back.
        random: Returns a number from 0 to 1, for the pauses after failed reads.
        now_ms: The time (epoch ms), for messages without a timestamp.

    Attributes:
        own: The record of the run or job itself.
        is_job: As above.
    """

    def __init__(
        self,
        request_id: str,
        *,
        is_job: bool | None,
        patience: Patience,
        notify: Callable[[str], None],
        random: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self.is_job = is_job
        self._request_id = request_id
        self._patience = patience
        self._notify = notify
        self._random = random
        self._now_ms = now_ms
        self.own = self._follow(request_id)
        self._all = {request_id: self.own}
        # Messages of runs that the job's record has not listed yet.
        self._unplaced: list[dict[str, Any]] = []
        # The last notices. Two connections overlap during a token renewal, and both deliver.
        self._notices: dict[str, None] = {}

    @property
    def runs(self) -> tuple[JobRun, ...]:
        """A job's runs in the playbook's order, with the latest state from their own records or the job's."""
        told = self.own.last.runs if self.own.last else ()
        followed = {record.request_id: record.head for record in self._all.values()}
        return tuple(followed.get(run.request_id) or run for run in told)

    @property
    def over(self) -> bool:
        """Whether all records are in a terminal state, so that no more steps follow."""
        return all(record.merge.ended for record in self._all.values())

    @property
    def unplaced(self) -> int:
        """How many messages wait until the job's record lists their run."""
        return len(self._unplaced)

    def verdict(self) -> str | None:
        """Return the final status, if it and every step of all records are known."""
        if self._unplaced or any(record.verdict() is None for record in self._all.values()):
            return None
        return self.own.verdict()

    def outcome(self, status: str) -> WatchOutcome:
        """Return the outcome, as far as it is known."""
        merges, last = [record.merge for record in self._all.values()], self.own.last
        return WatchOutcome(
            request_id=self._request_id,
            status=status,
            recorded=sum(merge.recorded for merge in merges),
            received_live=sum(merge.received_live for merge in merges),
            missing=sum(merge.missing for merge in merges),
            result=last.result if last else None,
            error=last.error if last else None,
            reason=last.reason if last else None,
            runs=self.runs if self.is_job else None,
            result_link=last.result_link if last else None,
        )

    def has_stragglers(self) -> bool:
        """Return whether live messages of already known steps may still be in flight."""
        return any(record.has_stragglers() for record in self._all.values())

    def due(self, *, live: bool) -> tuple[float, FollowedRecord]:
        """Return the time of the next read, by the event loop's clock, and the record to read."""
        due_at, asked = self._own_due_at(live=live), self.own
        for record in self._all.values():
            steps_due_at = record.steps_due_at(live=live)
            if steps_due_at < due_at:
                due_at, asked = steps_due_at, record
        return due_at, asked

    def _own_due_at(self, *, live: bool) -> float:
        """Return when to read the own record, for its status and its runs'."""
        patience, own = self._patience, self.own
        if own.failing:
            return own.steps_due_at(live=live)
        if not live or any(record.in_doubt for record in self._all.values()):
            return own.read_at + patience.poll
        return min(max(own.heard_at, own.read_at) + patience.silence, own.read_at + patience.backstop)

    def doubt(self) -> None:
        """Note that messages may have been lost."""
        for record in self._all.values():
            record.doubt()
        # It lists all the others.
        self.own.read_now = True

    def take_live(self, update: dict[str, Any]) -> list[WatchedStep]:
        """Process a status message; return the steps to show now."""
        if update["seq"] is None:
            return self._take_notice(update)
        record = self._all.get(update["requestId"])
        if record is None:
            self._take_unplaced(update)
            return []
        ready, may_be_last = record.take_live(self._timed(update))
        # The final status and the result of a run are only in the record.
        self.own.read_now |= may_be_last
        return ready

    def take_answer(
        self, record: FollowedRecord, progress: Progress, *, asked_at: float, listened: bool, unplaced: int
    ) -> list[WatchedStep]:
        """Process an answer of the reader.

        Args:
            record: The record that was read.
            progress: The answer.
            asked_at: When the read began.
            listened: Whether all steps from before the subscription had been read by then.
            unplaced: How many messages were waiting for the job's record to list their run by then.

        Returns:
            The steps to show now.

        Raises:
            InvalidInput: The record has expired, and another run uses the id.
        """
        steps = record.take_answer(progress, asked_at=asked_at)
        if record is not self.own:
            return steps
        self.is_job = progress.playbook is not None
        self._take_runs(progress, asked_at=asked_at, listened=listened and self.own.caught_up)
        # A message that arrived after the read began may belong to a run that the answer does not list yet.
        waiting, self._unplaced = self._unplaced, []
        for number, update in enumerate(waiting):
            if update["requestId"] in self._all:
                steps += self.take_live(update)
            elif number >= unplaced:
                self._take_unplaced(update)
        return steps

    def _take_runs(self, progress: Progress, *, asked_at: float, listened: bool) -> None:
        for run in progress.runs:
            if run.created_at_ms is None:
                continue
            if run.request_id not in self._all:
                self._all[run.request_id] = record = self._follow(run.request_id, run)
                record.begin(run.created_at_ms, listened=listened)
                record.read_now = not listened
            self._all[run.request_id].take_head(run, asked_at=asked_at)

    def _take_notice(self, update: dict[str, Any]) -> list[WatchedStep]:
        record = self._all.get(update["requestId"])
        if record is None and not (self.is_job and update["jobId"] == self._request_id):
            return []
        identity = json.dumps(update, sort_keys=True)
        if identity in self._notices:
            return []
        self._notices[identity] = None
        if len(self._notices) > HEARD_MAX_MESSAGES:
            del self._notices[next(iter(self._notices))]
        return (record or self.own).show(self._timed(update))

    def _timed(self, update: dict[str, Any]) -> dict[str, Any]:
        return update if update["timestamp"] is not None else {**update, "timestamp": self._now_ms()}

    def _take_unplaced(self, update: dict[str, Any]) -> None:
        if not self.is_job or update["jobId"] != self._request_id:
            return
        # The run has just begun, so read the job's record, which lists it. Dropped messages are in the run's record.
        if len(self._unplaced) < HEARD_MAX_MESSAGES:
            self._unplaced.append(update)
        self.own.read_now = True

    def _follow(self, request_id: str, head: JobRun | None = None) -> FollowedRecord:
        return FollowedRecord(request_id, head=head, patience=self._patience, notify=self._notify, random=self._random)

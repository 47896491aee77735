"""Follows one record: its known steps, its worker's state, and when to read its steps.

A run's watch follows one record; a job's watch follows its own record and those of its runs. This module handles a
single record, and `records` and `watch` handle all of them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

from runcast.client.job import JobRun, run_title
from runcast.client.merge import Merge
from runcast.client.patience import Patience
from runcast.client.retrying import Failures
from runcast.client.status import Status
from runcast.client.step import Progress, WatchedStep
from runcast.client.watch_outcome import LOST, WAITING
from runcast.errors import InvalidInput, Unavailable
from runcast.record.model import Liveness

# In these states a run dies, comes back or stops within seconds, so it is polled.
_IN_DOUBT = frozenset({Liveness.LATE, Liveness.LOST, Liveness.CANCELLING})


class FollowedRecord:
    """The known part of one run's or job's record.

    Args:
        request_id: The id of the run or job.
        head: Its entry in the job's record; None for the job itself, and for a run that is watched alone.
        patience: The client's timeouts.
        notify: Called with a sentence when a read fails, and when the worker is lost or comes back.
        random: Returns a number from 0 to 1, for the pauses after failed reads.

    Attributes:
        request_id: The id of the run or job.
        head: As above, with the latest state from the job's record or its own.
        began_ms: When it began (epoch ms); None until that is known.
        liveness: How alive its worker was at the last read; None before that.
        merge: Its steps.
        last: The reader's last answer; None before the first read.
        read_now: Whether to read it without waiting.
        caught_up: Whether all steps from before the subscription have been read.
        heard_at: When its last message arrived; by the event loop's clock, as all times here.
        read_at: When it was last read.
    """

    def __init__(
        self,
        request_id: str,
        *,
        head: JobRun | None,
        patience: Patience,
        notify: Callable[[str], None],
        random: Callable[[], float],
    ) -> None:
        self.request_id = request_id
        self.head = head
        self.began_ms: int | None = None
        self.liveness: str | None = None
        self.merge = Merge()
        self.last: Progress | None = None
        self.read_now = True
        self.caught_up = False
        self.heard_at = self.read_at = 0.0
        self._patience = patience
        self._notify = notify
        self._random = random
        self._status: Status | None = None
        # The number of steps that came with the latest status; None if that number was unknown.
        self._told_seq: int | None = None
        # The last step from before the subscription; known once such a record has been read.
        self._before_listening = 0
        # Whether messages may have been lost since the last read began.
        self._doubted = False
        self._failures = Failures(patience, random)
        self._read_again_at = self._gap_at = 0.0
        # Of the consecutive reads that report a lost worker: when the first was answered and when the last began.
        self._lost_at = self._still_lost_at = 0.0

    def begin(self, created_at_ms: int, *, listened: bool) -> None:
        """Set when it began (epoch ms), and whether a live connection existed before its first step."""
        self.began_ms, self.caught_up = created_at_ms, listened
        self._failures.clear()

    def doubt(self) -> None:
        """Note that messages may have been lost, so that the record is read at once unless it is complete."""
        self.read_now, self.caught_up, self._doubted = not self.merge.complete, False, True

    @property
    def in_doubt(self) -> bool:
        """Whether its worker's state is in doubt, so that it is polled."""
        return self.liveness in _IN_DOUBT

    @property
    def failing(self) -> bool:
        """Whether the last read failed."""
        return bool(self._failures)

    def steps_due_at(self, *, live: bool) -> float:
        """Return when to read its steps, from the steps known to be missing; infinity if none are."""
        if self._failures:
            return self._read_again_at
        if self.read_now:
            return 0.0
        if not self.merge.missing:
            return inf
        return max(self._gap_at, self.read_at) + self._patience.gap if live else self.read_at + self._patience.poll

    def take_live(self, update: dict[str, Any]) -> tuple[list[WatchedStep], bool]:
        """Process a status message of this run or job.

        Returns:
            The steps to show now, and whether one of them may be the last.
        """
        assert self.began_ms is not None  # noqa: S101 - the run was started or read before the subscription
        self.heard_at = _now()
        had_gap = self.merge.missing > 0
        ready = self.merge.add_live(WatchedStep.from_live(update, self.began_ms))
        self._see_gap(had_gap)
        # While steps are missing, wait for them first.
        return self._given_out(ready), not self.merge.missing and any(step.may_end_run for step in ready)

    def show(self, update: dict[str, Any]) -> list[WatchedStep]:
        """Convert a status message that is in no record; return the steps to show."""
        return self._given_out([WatchedStep.from_live(update, self.began_ms or 0)])

    def take_head(self, run: JobRun, *, asked_at: float) -> None:
        """Process its state from the job's record, which was requested at `asked_at` and has none of its steps."""
        assert run.status is not None  # noqa: S101 - a run that has not begun is not followed
        self.head = run
        had_gap = self.merge.missing > 0
        self.merge.told(run.last_seq, ended=run.status.ended)
        self._see_gap(had_gap)
        self._take_status(run.status, run.liveness, run.last_seq, asked_at)

    def asked(self) -> int:
        """Note that a read of its steps begins; return the `after_seq` of the read."""
        self.read_now = self._doubted = False
        self.merge.asked()
        return self.merge.held_seq

    def take_answer(self, progress: Progress, *, asked_at: float) -> list[WatchedStep]:
        """Process the answer to a read that began at `asked_at`.

        Returns:
            The steps to show now.

        Raises:
            InvalidInput: Its record has expired, and another run uses the id.
        """
        self._failures.clear()
        if self.began_ms not in (None, progress.created_at_ms):
            raise InvalidInput(f"{self.request_id}: Its record has expired, and another run was started under its id.")
        self.began_ms = progress.created_at_ms
        self.read_at = _now()
        if not (self.caught_up or self._doubted):
            self._before_listening = progress.last_seq
            self.caught_up = progress.whole
        self.last = progress
        if self.head is not None and progress.whole:
            self.head = replace(
                self.head,
                status=progress.status,
                liveness=progress.liveness,
                last_seq=progress.last_seq,
                elapsed_seconds=(progress.updated_at_ms - progress.created_at_ms) / 1000,
                error=progress.error,
                reason=progress.reason,
            )
        self.read_now |= not progress.whole
        last_seq = progress.last_seq if progress.whole else None
        self._take_status(progress.status, progress.liveness, last_seq, asked_at)
        return self._given_out(self.merge.add_recorded(progress))

    def take_failure(self, error: Unavailable, *, watched_seconds: float) -> None:
        """Process a failed read.

        Args:
            error: The failure.
            watched_seconds: How long it has been watched, without the time in which the caller held steps.

        Raises:
            Unavailable: `error`, if reads have failed for too long.
        """
        self._read_again_at = _now() + self._failures.add(error, now=watched_seconds)
        self._notify(f"The record cannot be read ({error}); trying again.")

    def verdict(self) -> str | None:
        """Return the final status, if it and every step are known."""
        if self._status is None or self._told_seq is None or self.merge.missing:
            return None
        if self.merge.held_seq > self._told_seq and not self.merge.ended:
            return None
        if self.merge.complete or self._status == WAITING:
            return str(self._status)
        lost_for_good = self.liveness == Liveness.LOST and self._still_lost_at - self._lost_at >= self._patience.lost
        return LOST if lost_for_good else None

    def has_stragglers(self) -> bool:
        """Return whether live messages of already known steps may still be in flight."""
        return (
            self.caught_up and self.liveness != Liveness.LOST and not self.merge.all_came_live(self._before_listening)
        )

    def _given_out(self, steps: list[WatchedStep]) -> list[WatchedStep]:
        if self.head is None:
            return steps
        return [replace(step, run_name=self.head.name, attempt=self.head.attempt) for step in steps]

    @property
    def _worker(self) -> str:
        if self.head is not None:
            return f"The worker of {run_title(self.head.name, self.head.attempt)}"
        is_job = self.last is not None and self.last.playbook is not None
        return "The job's execution" if is_job else "The run's worker"

    def _see_gap(self, had_gap: bool) -> None:
        if self.merge.missing and not had_gap:
            self._gap_at = _now()

    def _take_status(self, status: Status, liveness: str | None, told_seq: int | None, asked_at: float) -> None:
        self._status, self._told_seq = status, told_seq
        before, self.liveness = self.liveness, liveness
        self._still_lost_at = asked_at
        if liveness == Liveness.LOST and before != Liveness.LOST:
            self._lost_at = _now()
            self._notify(
                f"{self._worker} gives no sign of life: it is probably dead. "
                f"Watching for {self._patience.lost:g} s more, because it may come back, or its end may be written."
            )
        elif before == Liveness.LOST and liveness != Liveness.LOST:
            self._notify(f"{self._worker} is no longer lost: it is {liveness}.")


def _now() -> float:
    return asyncio.get_running_loop().time()

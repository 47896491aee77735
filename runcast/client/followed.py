"""One record, followed: which of its steps are held, how its worker stands, and when its steps have to be asked for.

A run's watch follows one record; a job's follows its own and those of its runs. What is true of each stands here, and
what is true of all of them together in `watch`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

from runcast.client.job import JobRun, run_title
from runcast.client.merge import Merge
from runcast.client.outcome import LOST, WAITING
from runcast.client.patience import Patience
from runcast.client.retrying import Failures
from runcast.client.status import Status
from runcast.client.step import LIVE_ENDINGS, Progress, WatchedStep
from runcast.errors import InvalidInput, Unavailable

# News of such a run is waited for: it dies, comes back, or stops, within seconds.
_IN_DOUBT = frozenset({"late", LOST, "cancelling"})


class FollowedRecord:
    """The record of one run or job, as far as it is known.

    Args:
        request_id: Whose record.
        head: How it stands as a run of a job; None for a job's own record, and for a run that is watched by itself.
        patience: How long to wait for what.
        notify: Told, in a sentence, when a read fails, and when the worker is lost or comes back.
        random: Gives a number from 0 to 1, for the pauses after failed reads.

    Attributes:
        request_id: Whose record.
        head: As above, as it was told last: by the job's record or by its own.
        began_ms: When it was begun (epoch ms); None until that is known.
        liveness: How alive its worker was when last told; None until then.
        merge: Its steps.
        last: The reader's last answer about it, None until then.
        read_now: Whether it is to be read without waiting.
        caught_up: Whether all that was recorded before anybody listened has been read.
        heard_at: When a message of it was heard last; by the event loop's clock, as all times here.
        read_at: When it was read last.
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
        # How many steps there were when its status was told last; None if that was not known with it.
        self._told_seq: int | None = None
        # The last step that was there before anybody listened: known once a record that is older has been read.
        self._before_listening = 0
        # Whether messages may have been lost since its steps were asked for last.
        self._doubted = False
        self._failures = Failures(patience, random)
        self._read_again_at = self._gap_at = 0.0
        # The first and the last of the readings in a row that said that its worker is lost: when the first was
        # answered, and when the last was asked for.
        self._lost_at = self._still_lost_at = 0.0

    def begin(self, created_at_ms: int, *, listened: bool) -> None:
        """Say when it was begun (epoch ms), and whether there was a live connection before its first step."""
        self.began_ms, self.caught_up = created_at_ms, listened
        self._failures.clear()

    def doubt(self) -> None:
        """Say that messages may have been lost: they are asked for, unless all are held, and not waited for."""
        self.read_now, self.caught_up, self._doubted = not self.merge.complete, False, True

    @property
    def in_doubt(self) -> bool:
        """Whether news of its worker is waited for."""
        return self.liveness in _IN_DOUBT

    @property
    def failing(self) -> bool:
        """Whether it could not be read when it was tried last."""
        return bool(self._failures)

    def steps_due_at(self, *, live: bool) -> float:
        """When its steps are to be asked for, going by what is known to be missing; never, if nothing is."""
        if self._failures:
            return self._read_again_at
        if self.read_now:
            return 0.0
        if not self.merge.missing:
            return inf
        return max(self._gap_at, self.read_at) + self._patience.gap if live else self.read_at + self._patience.poll

    def take_live(self, update: dict[str, Any]) -> tuple[list[WatchedStep], bool]:
        """Take a status message of it.

        Returns:
            The steps that are to be shown now, and whether one of them may be the last.
        """
        assert self.began_ms is not None  # noqa: S101 - whoever listens has started the run or read it
        self.heard_at = _now()
        had_gap = self.merge.missing > 0
        ready = self.merge.add_live(WatchedStep.from_live(update, self.began_ms))
        self._see_gap(had_gap)
        # While steps are missing, they are given their time first.
        return self._given_out(ready), not self.merge.missing and any(step.status in LIVE_ENDINGS for step in ready)

    def show(self, update: dict[str, Any]) -> list[WatchedStep]:
        """Take a status message that is in no record; return what is to be shown."""
        return self._given_out([WatchedStep.from_live(update, self.began_ms or 0)])

    def take_head(self, run: JobRun, *, asked_at: float) -> None:
        """Take how it stands by its job's record, which was asked for then and holds none of its steps."""
        assert run.status is not None  # noqa: S101 - a run that has not begun is not followed
        self.head = run
        had_gap = self.merge.missing > 0
        self.merge.told(run.last_seq, ended=run.status.ended)
        self._see_gap(had_gap)
        self._take_standing(run.status, run.liveness, run.last_seq, asked_at)

    def asked(self) -> int:
        """Note that its steps are asked for now; return the `seq` after which they are wanted."""
        self.read_now = self._doubted = False
        self.merge.asked()
        return self.merge.held_seq

    def take_answer(self, progress: Progress, *, asked_at: float) -> list[WatchedStep]:
        """Take what the reader answered to a question of that time.

        Returns:
            The steps that are to be shown now.

        Raises:
            InvalidInput: Its record has expired, and the id is now that of another run.
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
            )
        self.read_now |= not progress.whole
        last_seq = progress.last_seq if progress.whole else None
        self._take_standing(progress.status, progress.liveness, last_seq, asked_at)
        return self._given_out(self.merge.add_recorded(progress))

    def take_failure(self, error: Unavailable, *, watched_seconds: float) -> None:
        """Take that its steps could not be read.

        Args:
            error: What went wrong.
            watched_seconds: For how long it has been watched, without the time in which nobody asked for steps.

        Raises:
            Unavailable: `error`, when it has been failing for too long.
        """
        self._read_again_at = _now() + self._failures.add(error, now=watched_seconds)
        self._notify(f"The record cannot be read ({error}); trying again.")

    def verdict(self) -> str | None:
        """Return what became of it, if that is known together with every step up to there."""
        if self._status is None or self._told_seq is None or self.merge.missing:
            return None
        if self.merge.held_seq > self._told_seq and not self.merge.ended:
            return None
        if self.merge.complete or self._status == WAITING:
            return str(self._status)
        lost_for_good = self.liveness == LOST and self._still_lost_at - self._lost_at >= self._patience.lost
        return LOST if lost_for_good else None

    def has_stragglers(self) -> bool:
        """Say whether steps that are held may still be on their way live."""
        return self.caught_up and self.liveness != LOST and not self.merge.all_came_live(self._before_listening)

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

    def _take_standing(self, status: Status, liveness: str | None, told_seq: int | None, asked_at: float) -> None:
        self._status, self._told_seq = status, told_seq
        before, self.liveness = self.liveness, liveness
        self._still_lost_at = asked_at
        if liveness == LOST and before != LOST:
            self._lost_at = _now()
            self._notify(
                f"{self._worker} gives no sign of life: it is probably dead. "
                f"Watching for {self._patience.lost:g} s more, in case that it comes back or an end is written."
            )
        elif before == LOST and liveness != LOST:
            self._notify(f"{self._worker} is no longer lost: it is {liveness}.")


def _now() -> float:
    return asyncio.get_running_loop().time()

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

from runcast.client.api import Api
from runcast.client.job import JobRun, run_title
from runcast.client.merge import Merge
from runcast.client.outcome import LOST
from runcast.client.patience import Patience
from runcast.client.step import LIVE_ENDINGS, Progress, WatchedStep
from runcast.errors import Unavailable
from runcast.record.model import RunStatus

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
        self._status: RunStatus | None = None
        # How many steps there were when its status was told last; None if that was not known with it.
        self._told_seq: int | None = None
        # The last step that was there before anybody listened: known once a record that is older has been read.
        self._before_listening = 0
        self._failed_reads = 0
        self._readable_at = self._read_again_at = self._gap_at = self._lost_at = 0.0

    def begin(self, began_ms: int, *, listened: bool) -> None:
        """Say when it was begun (epoch ms), and whether there was a live connection before its first step."""
        self.began_ms, self.caught_up = began_ms, listened
        self._readable_at = _now()

    def doubt(self) -> None:
        """Say that messages may have been lost: they are asked for, unless all are held, and not waited for."""
        self.read_now, self.caught_up = not self.merge.complete, False

    @property
    def in_doubt(self) -> bool:
        """Whether news of its worker is waited for."""
        return self.liveness in _IN_DOUBT

    @property
    def failing(self) -> bool:
        """Whether it could not be read when it was tried last."""
        return self._failed_reads > 0

    def steps_due_at(self, *, live: bool) -> float:
        """When its steps are to be asked for, going by what is known to be missing; never, if nothing is."""
        if self._failed_reads:
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

    def take_head(self, run: JobRun) -> None:
        """Take how it stands by its job's record, which holds none of its steps."""
        assert run.status is not None  # noqa: S101 - a run that has not begun is not followed
        self.head = run
        had_gap = self.merge.missing > 0
        self.merge.told(run.last_seq, ended=run.status.ended)
        self._see_gap(had_gap)
        self._take_standing(run.status, run.liveness, run.last_seq)

    async def read(self, api: Api) -> list[WatchedStep] | None:
        """Read on from what is held.

        Returns:
            The steps that are to be shown now; None if it cannot be read now and is to be tried again.

        Raises:
            InvalidInput: There is no such run of this user.
            Unauthorized: No token is accepted, not even a new one.
            Unavailable: It could never be read, or not for long.
        """
        try:
            progress = await api.get_agent_progress(self.request_id, after_seq=self.merge.held_seq)
        except Unavailable as error:
            self._read_failed(error)
            return None
        # From here on nothing is awaited: a timeout must not lose a step.
        self._failed_reads = 0
        self.read_at = self._readable_at = _now()
        if not self.caught_up:
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
        self.read_now = not progress.whole
        self.began_ms = progress.created_at_ms
        self._take_standing(progress.status, progress.liveness, progress.last_seq if progress.whole else None)
        return self._given_out(self.merge.add_recorded(progress))

    def verdict(self) -> str | None:
        """Return what became of it, if that is known together with every step up to there."""
        if self._status is None or self._told_seq is None or self.merge.missing or self.merge.held_seq > self._told_seq:
            return None
        if self.merge.complete or self._status is RunStatus.WAITING:
            return self._status.value
        lost_for_good = self.liveness == LOST and _now() - self._lost_at >= self._patience.lost
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

    def _take_standing(self, status: RunStatus, liveness: str | None, told_seq: int | None) -> None:
        self._status, self._told_seq = status, told_seq
        before, self.liveness = self.liveness, liveness
        if liveness == LOST and before != LOST:
            self._lost_at = _now()
            self._notify(
                f"{self._worker} gives no sign of life: it is probably dead. "
                f"Watching for {self._patience.lost:g} s more, in case that it comes back or an end is written."
            )
        elif before == LOST and liveness != LOST:
            self._notify(f"{self._worker} is no longer lost: it is {liveness}.")

    def _read_failed(self, error: Unavailable) -> None:
        now, patience = _now(), self._patience
        if self.began_ms is None or now - self._readable_at >= patience.unreadable:
            raise error
        self._failed_reads += 1
        self._read_again_at = now + patience.poll + patience.pause_seconds(self._failed_reads, self._random)
        self._notify(f"The record cannot be read ({error}); trying again.")


def _now() -> float:
    return asyncio.get_running_loop().time()

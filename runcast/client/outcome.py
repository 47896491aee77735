"""What became of a watched run or job: what is said last, to people and to scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runcast.client.job import JobRun, ResultLink

LOST = "lost"
TIMEOUT = "timeout"
WAITING = "waiting"


@dataclass(frozen=True)
class Outcome:
    """What became of a watched run or job. A job's counts are those of its own record and of all its runs'.

    Attributes:
        request_id: Which run or job.
        status: `complete`, `error`, `cancelled`, or `waiting` (for people); `lost` when its worker's lease has
            passed and neither a step nor an end has come for a while; `timeout` when the watching was over before the
            run was.
        recorded: How many steps its record is known to hold.
        received_live: How many of them came over the live channel.
        missing: How many of them were not shown; 0 unless the watching was over too early.
        result: What came out.
        error: Why it failed.
        runs: A job's runs, those that never began included; None for a run.
        result_link: Where a job's result is, if it is too large to be in the record; `result` is None then.
    """

    request_id: str
    status: str
    recorded: int
    received_live: int
    missing: int
    result: Any = None
    error: str | None = None
    runs: tuple[JobRun, ...] | None = None
    result_link: ResultLink | None = None

    def __str__(self) -> str:
        is_job = self.runs is not None
        runs = f" {runs_in_words(self.runs)}," if self.runs is not None else ""
        return (
            f"{'job' if is_job else 'run'} {self.request_id}: {self.status},{runs} {self.recorded} steps recorded, "
            f"{self.received_live} received live, {self.missing} missing"
        )


def runs_in_words(runs: tuple[JobRun, ...]) -> str:
    """Return how many runs of a job have begun, each attempt being a run: `4 runs`."""
    begun = sum(run.created_at_ms is not None for run in runs)
    return f"{begun} run{'' if begun == 1 else 's'}"

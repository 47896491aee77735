"""The outcome of a watched run or job, which ends the output for people and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runcast.client.job import JobRun, ResultLink

LOST = "lost"
TIMEOUT = "timeout"
WAITING = "waiting"


@dataclass(frozen=True)
class WatchOutcome:
    """The outcome of a watched run or job. A job's counts include the records of all its runs.

    Attributes:
        request_id: The id of the run or job.
        status: `complete`, `error`, `cancelled`, or `waiting` (for an answer). `lost` if its worker's lease has expired
            and neither a step nor an end followed for a while. `timeout` if the watch timed out before the run ended.
        recorded: How many steps its record is known to hold.
        received_live: How many of them arrived on the live channel.
        missing: How many of them were not shown; 0 unless the watch ended early.
        result: The result.
        error: The error.
        reason: The code for why it ended, such as `worker_died`; None if it has not.
        runs: A job's runs, including those that never began; None for a run.
        result_link: The link to a job's result that is too large for the record; `result` is then None.
    """

    request_id: str
    status: str
    recorded: int
    received_live: int
    missing: int
    result: Any = None
    error: str | None = None
    reason: str | None = None
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
    """Return how many runs of a job have begun, such as `4 runs`; each attempt is a run."""
    begun = sum(run.created_at_ms is not None for run in runs)
    return f"{begun} run{'' if begun == 1 else 's'}"

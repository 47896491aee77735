"""Decides whether a run whose worker has died continues in another worker, and describes the crash."""

from __future__ import annotations

from runcast import limits
from runcast.json_text import metadata_json
from runcast.record.model import CONTINUING, Run, RunStatus, Step


def is_resumable(run: Run) -> bool:
    """Whether the run's worker has begun a part and died, and another worker can continue from its agent's saved state.

    A run that is to be cancelled, or whose workers keep dying at the same point, is ended instead.
    """
    return (
        run.crashes is not None
        and run.crashes < limits.CRASHES_MAX
        and run.status is RunStatus.IN_PROGRESS
        and run.worker is not None
        and run.part_has_begun
        and run.cancel_requested_at_ms is None
    )


def crash_step(run: Run, now_ms: int) -> Step:
    """Return the step with which a run continues after the death of its worker."""
    text = metadata_json({"part": run.part + 1, "crashes": (run.crashes or 0) + 1})
    return run.next_step(CONTINUING, "Continuing in another worker: the last one stopped", now_ms, metadata_json=text)


def crashes_in_a_row(run: Run) -> str | None:
    """Return a sentence about the workers that have died one after the other, for the error; None if there are none."""
    return f"This has happened {run.crashes + 1} times in a row at the same point." if run.crashes else None

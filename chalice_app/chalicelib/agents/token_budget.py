"""Stops runs that have used up a budget of tokens: that of the run, or that of its user's day.

The tokens of a run are counted in this process, and those of a day in the table, on a separate thread, so that no run
waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context

from chalicelib.runtime.day_tokens import count_tokens, report_uncounted
from chalicelib.runtime.owner_limits import OwnerLimits
from runcast.clock import epoch_ms
from runcast.record.owner_counts import OwnerCounts
from runcast.record.recorder import Recorder


class TokenBudget:
    """Counts tokens and stops the runs that exceed a limit.

    Args:
        limits: The limits.
        counts: The counts of owners.
        now_ms: The time, epoch milliseconds, for the day.
        executor: Runs the requests to the table.
    """

    def __init__(
        self,
        limits: OwnerLimits,
        counts: OwnerCounts,
        *,
        now_ms: Callable[[], int] = epoch_ms,
        executor: Executor | None = None,
    ) -> None:
        self._limits = limits
        self._counts = counts
        self._now_ms = now_ms
        self._executor = executor or ThreadPoolExecutor(max_workers=1, thread_name_prefix="token-budget")

    def spend(self, recorder: Recorder, tokens: int) -> None:
        """Count the tokens of a model call; stop the run if it or its user is over a limit. Returns at once."""
        if recorder.usage.total() > self._limits.run_tokens:
            recorder.exceed_budget()
        try:
            self._executor.submit(copy_context().run, self._spend_of_day, recorder, tokens)
        except RuntimeError as error:  # no thread can be started, or the process is exiting
            report_uncounted(error)

    def close(self) -> None:
        """Wait until all tokens are counted, and count no more."""
        self._executor.shutdown()

    def _spend_of_day(self, recorder: Recorder, tokens: int) -> None:
        if count_tokens(self._counts, recorder.owner, tokens, self._now_ms()) > self._limits.user_tokens_per_day:
            recorder.exceed_budget()

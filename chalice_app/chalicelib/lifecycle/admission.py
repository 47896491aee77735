"""Limits what one user and one tenant can start, so that nobody uses up the account's concurrency.

The limits protect a budget and not the records. So if a start cannot be counted, it is admitted, and a metric tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime import metrics
from chalicelib.runtime.owner_limits import OwnerLimits
from runcast.errors import StoreUnavailable, TooManyRequests
from runcast.record.model import Owner
from runcast.record.owner_counts import DAY_MS, MINUTE_MS, OwnerCounts

logger = logging.getLogger(__name__)

Counts = TypeVar("Counts", int, tuple[int, int])

OPEN_RETRY_SECONDS = 30
"""When to try again after too many runs in progress. Nobody knows when one of them ends."""


class Admission:
    """Admits or refuses starts, uploads and answers.

    Args:
        limits: The limits.
        counts: The counts of owners and tenants.
        now_ms: The time, epoch milliseconds.
    """

    def __init__(self, limits: OwnerLimits, counts: OwnerCounts, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._counts = counts
        self._now_ms = now_ms

    def require_start(self, owner: Owner) -> None:
        """Count a start of a run or a job.

        Raises:
            TooManyRequests: The user or the tenant has started too many in this minute, or as `require_open`.
        """
        self.require_open(owner)
        self._require_rate(owner, "runs and jobs")

    def require_upload(self, owner: Owner, size_bytes: int) -> None:
        """Count an upload as a start, and its bytes.

        Raises:
            TooManyRequests: The user or the tenant has started too many in this minute, or the user has uploaded too
                much on this day.
        """
        self._require_rate(owner, "runs, jobs and uploads")
        now_ms = self._now_ms()
        used_bytes = self._counted(lambda: self._counts.add_upload(owner, size_bytes, now_ms), 0)
        maximum_mb = self._limits.user_upload_mb_per_day
        if used_bytes > maximum_mb * 1024**2:
            # A smaller file may still fit.
            self._counted(lambda: self._counts.add_upload(owner, -size_bytes, now_ms), 0)
            retry_after_seconds = _seconds_left(DAY_MS, now_ms)
            message = f"A user may upload {maximum_mb} MB a day. Try again in {retry_after_seconds} s."
            raise TooManyRequests(message, retry_after_seconds)

    def require_open(self, owner: Owner) -> None:
        """Check that the owner may have one more run in progress.

        Raises:
            TooManyRequests: The user or the tenant has too many in progress, or the user has no tokens left today.
        """
        self._require_tokens(owner)
        in_progress = self._counted(lambda: self._counts.open_runs(owner), (0, 0))
        maxima = self._limits.user_open_runs, self._limits.tenant_open_runs
        for who, count, maximum in zip(("A user", "A tenant"), in_progress, maxima, strict=True):
            rule = f"{who} may have {maximum} runs and jobs in progress"
            _require(count + 1, maximum, rule, OPEN_RETRY_SECONDS)

    def _require_rate(self, owner: Owner, what: str) -> None:
        now_ms = self._now_ms()
        # A start that is over the limit of the user does not count for the tenant: one user could use up all of it.
        for who, name, maximum in (
            ("A user", owner.key, self._limits.user_starts_per_minute),
            ("A tenant", owner.tenant_id, self._limits.tenant_starts_per_minute),
        ):
            starts = self._counted(partial(self._counts.count_start, name, now_ms), 0)
            if not starts:
                return  # the table does not answer: do not wait for it again
            _require(starts, maximum, f"{who} may start {maximum} {what} a minute", _seconds_left(MINUTE_MS, now_ms))

    def _require_tokens(self, owner: Owner) -> None:
        now_ms = self._now_ms()
        used = self._counted(lambda: self._counts.tokens(owner, now_ms), 0)
        maximum = self._limits.user_tokens_per_day
        if used > maximum:
            retry_after_seconds = _seconds_left(DAY_MS, now_ms)
            message = f"A user may use {maximum} tokens a day. Try again in {retry_after_seconds} s."
            raise TooManyRequests(message, retry_after_seconds)

    def _counted(self, count: Callable[[], Counts], unknown: Counts) -> Counts:
        """Return the counts, or `unknown` if DynamoDB does not answer."""
        try:
            return count()
        except (StoreUnavailable, BotoCoreError, ClientError) as error:
            logger.warning("the limits were not checked: %s", error)
            metrics.count_unchecked_limits()
            return unknown


def _seconds_left(period_ms: int, now_ms: int) -> int:
    """Return the seconds until the current period of this length ends, rounded up."""
    return -(-(period_ms - now_ms % period_ms) // 1000)


def _require(count: int, maximum: int, rule: str, retry_after_seconds: int) -> None:
    if count > maximum:
        raise TooManyRequests(f"{rule}. Try again in {retry_after_seconds} s.", retry_after_seconds)

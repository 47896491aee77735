"""Counts the tokens that a user has used on a day, for the limit of users.

Agents and the summaries of jobs use them. If the table does not answer, the tokens of a call are not counted, and a
metric reports it: the limit protects a budget and not the records.
"""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime import metrics
from runcast.errors import StoreUnavailable
from runcast.record.model import Owner
from runcast.record.owner_counts import OwnerCounts

logger = logging.getLogger(__name__)


def count_tokens(counts: OwnerCounts, owner: Owner, tokens: int, now_ms: int) -> int:
    """Count the tokens of a model call; return those of the user's day, or 0 if they could not be counted."""
    try:
        return counts.add_tokens(owner, tokens, now_ms)
    except (StoreUnavailable, BotoCoreError, ClientError) as error:
        report_uncounted(error)
        return 0


def report_uncounted(error: Exception) -> None:
    """Report that the tokens of a model call were not counted."""
    logger.warning("the tokens of a model call were not counted for the day: %s", error)
    metrics.count_unchecked_limits()

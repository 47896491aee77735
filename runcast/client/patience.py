"""All timeouts and intervals of a watching client, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Caps the exponent: the longest pause is reached long before.
_DOUBLINGS_MAX = 30


@dataclass(frozen=True)
class Patience:
    """The timeouts and intervals of a watching client, in seconds.

    Attributes:
        gap: How long to wait for a missing step before reading the record.
        silence: How long to wait for any live message before reading the record.
        backstop: The longest time between two reads, because a connection may deliver only some messages.
        poll: The time between two reads without a live connection, or while the worker's state is in doubt.
        lost: How long to watch after the worker's lease has expired. A frozen worker may come back, and an end may
            still be written for a dead one.
        read: The timeout of one read. It is far below the time after which a run counts as lost.
        unreadable: How long to retry after the first of several consecutive failures.
        straggler: How long to wait after the end for live messages of known steps. It only affects the count of live
            steps, and nothing extends it.
        connect: The timeout for a live connection to be ready.
        retry_first: The longest pause before the first retry; it doubles with each failure.
        retry_longest: The upper limit of the pause.
        tries: After this many consecutive failures, live connections count as blocked. The client still retries rarely.
    """

    gap: float = 0.5
    silence: float = 5.0
    backstop: float = 30.0
    poll: float = 1.0
    lost: float = 30.0
    read: float = 10.0
    unreadable: float = 60.0
    straggler: float = 5.0
    connect: float = 5.0
    retry_first: float = 0.5
    retry_longest: float = 60.0
    tries: int = 5

    def pause_seconds(self, failures: int, random: Callable[[], float]) -> float:
        """Return the pause after `failures` consecutive failures: exponential back-off with full jitter.

        The jitter prevents many clients from reconnecting at the same time after an outage.

        Args:
            failures: 1 or more.
            random: Returns a number from 0 to 1.

        Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        doubled = self.retry_first * float(2 ** min(failures - 1, _DOUBLINGS_MAX))
        return random() * min(self.retry_longest, doubled)

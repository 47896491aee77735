"""Retries after failures: when to retry and when to give up, for starts, reads and lists alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from runcast.client.patience import Patience
from runcast.errors import Unavailable, Unreachable

Answer = TypeVar("Answer")


class Failures:
    """The consecutive failures of one request. The time limit counts from the first failure.

    Args:
        patience: The client's timeouts.
        random: Returns a number from 0 to 1, for jitter.
    """

    def __init__(self, patience: Patience, random: Callable[[], float]) -> None:
        self._patience = patience
        self._random = random
        self._count = 0
        self._first_at = 0.0
        self._reached = False

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, error: Unavailable, *, now: float) -> float:
        """Count a failure.

        Args:
            error: The failure.
            now: The time in seconds, from the same clock in every call.

        Returns:
            How long to pause before the retry, in seconds.

        Raises:
            Unavailable: `error`, if requests have failed for too long, or if the service was never reached, because
                the address is probably wrong.
        """
        self._reached = self._reached or not isinstance(error, Unreachable)
        if self._count == 0:
            self._first_at = now
        if not self._reached or now - self._first_at > self._patience.unreadable:
            raise error
        self._count += 1
        return self._patience.poll + self._patience.pause_seconds(self._count, self._random)

    def clear(self) -> None:
        """Reset after a success."""
        self._count, self._reached = 0, True


async def ask_until_answered(
    ask: Callable[[], Awaitable[Answer]], failures: Failures, *, notify: Callable[[str], None]
) -> Answer:
    """Retry a request after each failure, until it is answered or the time limit is reached.

    Args:
        ask: Sends the request once. It must be idempotent.
        failures: Counts the failures; a new instance for each request.
        notify: Called with a sentence for each failure.

    Raises:
        Unavailable: The request has failed for too long.
        RuncastError: Any other error of `ask`, without a retry.
    """
    while True:
        try:
            return await ask()
        except Unavailable as error:
            pause_seconds = failures.add(error, now=asyncio.get_running_loop().time())
            notify(f"No answer ({error}); asking again.")
        await asyncio.sleep(pause_seconds)

"""Asking again after failures: when to ask, and when to give up. It is the same for starts, reads and lists."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from runcast.client.patience import Patience
from runcast.errors import Unavailable, Unreachable

Answer = TypeVar("Answer")


class Failures:
    """The failures in a row of one question. The limit counts from the first of them, not from the last success.

    Args:
        patience: How long to wait for what.
        random: Gives a number from 0 to 1, for the pauses.
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
            error: What went wrong.
            now: The time, in seconds of any clock, as long as it is always the same one.

        Returns:
            How long to pause before asking again, in seconds.

        Raises:
            Unavailable: `error`, when it has been failing for too long, or if nothing was ever reached: the address is
                probably wrong.
        """
        self._reached = self._reached or not isinstance(error, Unreachable)
        if self._count == 0:
            self._first_at = now
        if not self._reached or now - self._first_at > self._patience.unreadable:
            raise error
        self._count += 1
        return self._patience.poll + self._patience.pause_seconds(self._count, self._random)

    def clear(self) -> None:
        """Note a success."""
        self._count, self._reached = 0, True


async def ask_until_answered(
    ask: Callable[[], Awaitable[Answer]], failures: Failures, *, notify: Callable[[str], None]
) -> Answer:
    """Ask again after each failure, until there is an answer or it is time to give up.

    Args:
        ask: Asks once. Asking twice must do no more than asking once.
        failures: Counts them; new for each question.
        notify: Told, in a sentence, of each failure.

    Raises:
        Unavailable: It has been failing for too long.
        RuncastError: Whatever else `ask` raises, at once.
    """
    while True:
        try:
            return await ask()
        except Unavailable as error:
            pause_seconds = failures.add(error, now=asyncio.get_running_loop().time())
            notify(f"No answer ({error}); asking again.")
        await asyncio.sleep(pause_seconds)

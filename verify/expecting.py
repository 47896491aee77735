"""Expectations of the checks: immediate, or within a time limit, because AWS is eventually consistent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")

STEP_SECONDS = 60
"""How long a check waits for one thing to happen."""


class CheckFailed(Exception):
    """The deployment did not behave as expected; the message says how."""


class NotApplicable(Exception):
    """The deployment is configured without the subject of the check; the message names it."""


def expect(holds: bool, otherwise: str) -> None:
    """Fail the check unless a condition holds.

    Raises:
        CheckFailed: It does not.
    """
    if not holds:
        raise CheckFailed(otherwise)


async def until(find: Callable[[], Awaitable[Found | None]], what: str, *, seconds: float = STEP_SECONDS) -> Found:
    """Retry until there is an answer, and return it.

    Raises:
        CheckFailed: There was none in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (found := await find()) is None:
        expect(loop.time() < deadline, f"waited {seconds:g} s without success for {what}")
        await asyncio.sleep(0.2)
    return found

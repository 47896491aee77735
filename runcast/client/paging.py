"""Repeats a request until it has returned, or deleted, everything. Users and operators read the same way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from runcast import limits
from runcast.client.endpoint import Answer
from runcast.client.step import Progress


async def whole_record(read: Callable[[int], Awaitable[Progress]]) -> Progress:
    """Return a record with all its steps; `read` returns those after a `seq`, as many as fit in one answer."""
    progress = await read(0)
    steps = list(progress.steps)
    while not progress.whole:
        progress = await read(progress.last_seq)
        steps += progress.steps
    return replace(progress, after_seq=0, steps=tuple(steps))


async def listed(
    page: Callable[[int | None, str | None], Awaitable[tuple[list[Answer], str | None]]], limit: int | None
) -> AsyncIterator[Answer]:
    """Yield the entries of a list, at most `limit`.

    Args:
        page: Returns the entries of one page and the next page's cursor, for the number wanted and a cursor.
        limit: How many at most; None means all.
    """
    cursor, count = None, 0
    while limit is None or count < limit:
        wanted = None if limit is None else min(limit - count, limits.LIST_MAX_RUNS)
        found, cursor = await page(wanted, cursor)
        for each in found:
            yield each
        count += len(found)
        if cursor is None:
            return


async def delete_all(delete: Callable[[], Awaitable[tuple[int, bool]]], *, pause_seconds: float) -> int:
    """Delete until nothing remains; return how many were deleted.

    Args:
        delete: Deletes some; returns how many, and whether there may be more.
        pause_seconds: The pause after a request that has deleted nothing, because a worker has to stop first.
    """
    total, remaining = 0, True
    while remaining:
        deleted, remaining = await delete()
        total += deleted
        if remaining and not deleted:
            await asyncio.sleep(pause_seconds)
    return total

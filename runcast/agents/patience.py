"""Retries the writes without which an agent must not go on: those of its state and of its tool calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from runcast import limits
from runcast.errors import Unavailable
from runcast.runs.stop import AgentStop

logger = logging.getLogger(__name__)

_BACKOFF_SECONDS = 0.2

Answer = TypeVar("Answer")


async def patiently(stop: AgentStop, write: Callable[[], Answer]) -> Answer:
    """Call `write` on another thread, and retry it for `SNAPSHOT_SAVE_SECONDS` if it raises `Unavailable`.

    Args:
        stop: If the run's agents have to stop, there are no more retries.
        write: A request that may be repeated.

    Raises:
        Unavailable: That of the last try.
    """
    loop = asyncio.get_running_loop()
    until_seconds = loop.time() + limits.SNAPSHOT_SAVE_SECONDS
    while True:
        try:
            return await asyncio.to_thread(write)
        except Unavailable as error:
            if loop.time() > until_seconds or stop.reason:
                raise
            logger.warning("a request failed, without which the agent cannot go on, retrying: %s", error)
        await asyncio.sleep(_BACKOFF_SECONDS)

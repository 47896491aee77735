"""Keeps recording faults out of the agent, because Strands propagates exceptions from hooks and middlewares."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from runcast.errors import RuncastError

logger = logging.getLogger(__name__)


@contextmanager
def harmless() -> Iterator[None]:
    """Log any exception raised in the block, and continue after the block."""
    try:
        yield
    except RuncastError as error:
        logger.warning("what an agent did was not recorded: %s", error)
    except Exception:
        logger.exception("what an agent did was not recorded")

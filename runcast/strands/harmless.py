"""Keeps faults of the recording out of the agent: Strands raises what a hook or a middleware raises into its run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from runcast.errors import RuncastError

logger = logging.getLogger(__name__)


@contextmanager
def harmless() -> Iterator[None]:
    """Log what is raised within, and go on behind it."""
    try:
        yield
    except RuncastError as error:
        logger.warning("what an agent did was not recorded: %s", error)
    except Exception:
        logger.exception("what an agent did was not recorded")

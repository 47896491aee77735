"""Releases an agent's resources after its run, such as MCP servers, which would outlive the run in a warm process."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.agents.registry import AnyAgent

logger = logging.getLogger(__name__)

_CLEAN_UP_SECONDS = 2.0


def clean_up(agent: AnyAgent | None) -> None:
    """Release the agent's resources, if it was built. Never raises.

    This happens on a thread with a short timeout: a server that does not stop must not delay the answer.
    """
    if agent is None:
        return
    from runcast.agents import parts  # imports Strands

    thread = Thread(target=parts.clean_up, args=(agent,), name="runcast-clean-up", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the process has no more threads; the run has ended, and its answer must go out
        logger.warning("the agent's servers are left running: %s", error)
    else:
        thread.join(_CLEAN_UP_SECONDS)

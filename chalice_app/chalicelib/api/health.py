"""Checks whether the REST API works, by a real request to each dependency that changes nothing.

Anyone may call the health check, so its answer names what failed but not the reason, which is in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.agents.agent_functions import AgentFunctions
from runcast.errors import Unavailable
from runcast.record.model import Json
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


def check_health(store: RunStore, functions: AgentFunctions, agent_function: str) -> Json:
    """Read the table, and check that the agent can be invoked.

    Returns:
        `status` (`ok` or `failing`) and `checks`, which has the same for `agentProgressTable` and `agentFunction`.
    """
    checks = {
        "agentProgressTable": _passes("agentProgressTable", lambda: store.read("health-check")),
        "agentFunction": _passes("agentFunction", lambda: functions.check(agent_function)),
    }
    return {
        "status": "ok" if all(checks.values()) else "failing",
        "checks": {name: "ok" if passed else "failing" for name, passed in checks.items()},
    }


def _passes(name: str, check: Callable[[], object]) -> bool:
    try:
        check()
    except (BotoCoreError, ClientError, Unavailable) as error:
        logger.warning("health: %s failed: %s", name, error)
        return False
    return True

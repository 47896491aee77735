"""Whether the REST API can do its work: each thing it depends on is asked for real, without changing anything.

The answer goes to anybody, so it says what failed and not why; the reason is in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runcast.errors import Unavailable
from runcast.record.model import Json
from runcast.record.store import RunStore

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)


def check_health(store: RunStore, invoker: LambdaClient, agent_function: str) -> Json:
    """Read the table, and ask whether the agent could be invoked.

    Returns:
        `status` (`ok` or `failing`) and `checks`: for `agentProgressTable` and `agentFunction` the same two words.
    """
    checks = {
        "agentProgressTable": _passes("agentProgressTable", lambda: store.read("health-check")),
        # A dry run checks the permission and that the function is there, and invokes nothing.
        "agentFunction": _passes(
            "agentFunction", lambda: invoker.invoke(FunctionName=agent_function, InvocationType="DryRun")
        ),
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

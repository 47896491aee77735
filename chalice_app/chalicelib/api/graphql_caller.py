"""Finds out who asks for a GraphQL field, and what callers with an API key may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.identity import owner_of_caller
from chalicelib.runtime import logs
from chalicelib.runtime.config import ProgressReaderConfig, RunStarterConfig
from runcast.errors import Unauthorized
from runcast.record.model import PUBLIC, Owner

_OPEN_TO_API_KEYS = ("getAgentProgress", "listAgents")
"""What callers with an API key may always do. All of them are one user, so a list would show them each other's runs."""


def caller_of(event: Mapping[str, Any], config: RunStarterConfig | ProgressReaderConfig) -> Owner:
    """Return the owner that the caller's identity names; it is in all log lines from now on.

    Args:
        event: What AppSync passes: `field`, `authType` and `identity`.
        config: The Lambda's settings.

    Raises:
        Unauthorized: The identity names nobody, or nobody who may ask for this field.
    """
    owner = owner_of_caller(
        event.get("authType"),
        (event.get("identity") or {}).get("claims"),
        user_id_claim=config.user_id_claim,
        tenant_id_claim=config.tenant_id_claim,
        oidc=config.oidc,
    )
    logs.about_owner(owner)
    if owner == PUBLIC and not config.api_key_may_start and event["field"] not in _OPEN_TO_API_KEYS:
        raise Unauthorized("Callers with an API key may read runs by their id, and list the agents. Sign in for more.")
    return owner

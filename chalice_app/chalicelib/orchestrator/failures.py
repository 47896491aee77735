"""What failed invocations and executions say, for people: Lambda and Step Functions wrap it in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.text import shortened


def sentence_of(failure: Any, name: str | None = None) -> str:
    """Return what a caught failure says.

    Args:
        failure: `Error` and `Cause`, as the state machine catches them: of a Lambda's error, the cause is JSON text.
        name: Whose failure it is, where that need not stand in the message.
    """
    failure = failure if isinstance(failure, Mapping) else {}
    error, cause = str(failure.get("Error") or ""), str(failure.get("Cause") or "")
    message = message_in(cause) or ": ".join(filter(None, (error, cause))) or "It failed for an unknown reason."
    if name and not message.startswith(f"{name}: "):
        message = f"{name}: {message}"
    return shortened(message, limits.ERROR_MAX_CHARACTERS)


def message_in(cause: str) -> str | None:
    """Return the message in the cause of a failure that was a Lambda's; it holds a stack beside it."""
    try:
        message = json.loads(cause)["errorMessage"]
    except (KeyError, TypeError, ValueError):
        return None
    return str(message) if message else None


def lambda_error(payload: Mapping[str, Any]) -> str:
    """Return what a function's error says: its class and its message, as far as they are there."""
    return ": ".join(str(payload[name]) for name in ("errorType", "errorMessage") if payload.get(name))

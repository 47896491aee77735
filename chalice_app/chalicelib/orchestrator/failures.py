"""Extracts readable messages from failed invocations and executions, which Lambda and Step Functions wrap in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.text import shortened


def sentence_of(failure: Any, name: str | None = None) -> str:
    """Return the message of a caught failure.

    Args:
        failure: `Error` and `Cause`, as the state machine catches them. The cause of a Lambda's error is JSON text.
        name: The agent that failed; prefixed to the message unless the message starts with it.
    """
    failure = failure if isinstance(failure, Mapping) else {}
    error, cause = str(failure.get("Error") or ""), str(failure.get("Cause") or "")
    message = message_in(cause) or ": ".join(filter(None, (error, cause))) or "It failed for an unknown reason."
    if name and not message.startswith(f"{name}: "):
        message = f"{name}: {message}"
    return shortened(message, limits.ERROR_MAX_CHARACTERS)


def message_in(cause: str) -> str | None:
    """Return the message in the cause of a Lambda's failure, without the stack trace; None for other causes."""
    try:
        message = json.loads(cause)["errorMessage"]
    except (KeyError, TypeError, ValueError):
        return None
    return str(message) if message else None


def lambda_error(payload: Mapping[str, Any]) -> str:
    """Return the class and the message of a function's error, as far as the payload has them."""
    return ": ".join(str(payload[name]) for name in ("errorType", "errorMessage") if payload.get(name))

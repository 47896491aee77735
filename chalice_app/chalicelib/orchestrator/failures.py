"""What a failed state is for people: a sentence, made of what the state machine has caught."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.record.model import shortened


def sentence_of(failure: Any, name: str | None = None) -> str:
    """Return what a caught failure says.

    Args:
        failure: `Error` and `Cause`, as the state machine catches them: of a Lambda's error, the cause is JSON text.
        name: Whose failure it is, where that need not stand in the message.
    """
    failure = failure if isinstance(failure, Mapping) else {}
    error, cause = str(failure.get("Error") or ""), str(failure.get("Cause") or "")
    try:
        message = json.loads(cause)["errorMessage"]
    except (KeyError, TypeError, ValueError):
        message = f"{error}: {cause}" if error and cause else error or cause or "It failed for an unknown reason."
    message = str(message)
    if name and not message.startswith(f"{name}: "):
        message = f"{name}: {message}"
    return shortened(message, limits.ERROR_MAX_CHARACTERS)

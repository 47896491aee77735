"""Writes a place in a list as an opaque text, and reads it again from what a client has sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from runcast import limits


def digest_of(*filters: Any) -> str:
    """Return a short text that differs for other filters, so that a cursor fits only the list that it is from."""
    return hashlib.sha256(json.dumps(filters).encode()).hexdigest()[:8]


def encoded_place(at_ms: int, *more: str) -> str:
    """Return the text for the place of an entry, at a time in epoch milliseconds."""
    return base64.urlsafe_b64encode(json.dumps([at_ms, *more]).encode()).decode()


def decoded_place(cursor: str) -> list[Any]:
    """Return the time and the other values of a place; an empty list if the text is none. The values are unchecked."""
    if len(cursor) > limits.CURSOR_MAX_CHARACTERS:
        return []
    try:
        match json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True)):
            case [int(at_ms), *more] if not isinstance(at_ms, bool) and 0 <= at_ms < 10**15:
                return [at_ms, *more]
    except (binascii.Error, RecursionError, ValueError):  # deeply nested JSON cannot be parsed
        pass
    return []

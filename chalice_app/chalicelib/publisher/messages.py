"""Validates the publisher's event and converts its messages to GraphQL input.

AppSync refuses a whole request for one invalid variable, so invalid messages are refused here by name. Texts and
metadata over their limits are visibly shortened. Ids cannot be shortened, so they are refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.errors import InvalidInput
from runcast.json_text import object_text
from runcast.record.ids import canonical_id, owner_name
from runcast.record.model import Json, Owner, RunStatus
from runcast.text import shortened

_INT_MAX = 2**31 - 1  # GraphQL's Int


def messages_of(event: Any) -> list[Json]:
    """Return the messages of an event, each as a `PublishStatusInput`.

    Args:
        event: One message, or `{"messages": [...]}` with at most 50 messages and 200 KB.

    Raises:
        InvalidInput: The event is over a limit, or a message is invalid.
    """
    messages = event.get("messages", [event]) if isinstance(event, Mapping) else None
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        raise InvalidInput("The event must be a status message, or an object whose messages are a list of them.")
    if not 1 <= len(messages) <= limits.BATCH_MAX_MESSAGES:
        raise InvalidInput(f"messages must be 1 to {limits.BATCH_MAX_MESSAGES}, not {len(messages)}.")
    # The same measure as `batches` uses, but for messages that are not validated yet.
    text = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    size_bytes = len(text.encode("utf-8", "replace")) - len("[]")
    if size_bytes > limits.BATCH_MAX_BYTES:
        raise InvalidInput(f"messages must be at most {limits.BATCH_MAX_BYTES // 1024} KB, not {size_bytes:,} bytes.")
    return [_input(message, f"messages[{index}]") for index, message in enumerate(messages)]


def owner_of_message(message: Json) -> Owner:
    """Return the owner of a validated message."""
    return Owner(message["tenantId"], message["userId"])


def _input(message: Mapping[str, Any], where: str) -> Json:
    return {
        "userId": _name(message, "userId", where),
        "tenantId": _name(message, "tenantId", where),
        "jobId": _id(message, "jobId", where),
        "requestId": _id(message, "requestId", where),
        "agentName": _text(message, "agentName", where, limits.NAME_MAX_CHARACTERS),
        "toolName": _text(message, "toolName", where, limits.NAME_MAX_CHARACTERS),
        "status": _text(message, "status", where, limits.NAME_MAX_CHARACTERS, required=True),
        "message": _text(message, "message", where, limits.MESSAGE_MAX_CHARACTERS),
        "timestamp": _number(message, "timestamp", where),
        "metadata": _metadata(message, where),
        "seq": _int(message, "seq", where),
        "schemaVersion": _int(message, "schemaVersion", where),
    }


def _name(message: Mapping[str, Any], name: str, where: str) -> str:
    return owner_name(f"{where}.{name}", message.get(name))


def _id(message: Mapping[str, Any], name: str, where: str) -> str | None:
    value = message.get(name)
    return None if value is None else canonical_id(f"{where}.{name}", value)


def _text(
    message: Mapping[str, Any], name: str, where: str, max_characters: int, *, required: bool = False
) -> str | None:
    value = message.get(name)
    if value is None and not required:
        return None
    if isinstance(value, str) and (value or not required):
        return shortened(value, max_characters)
    raise InvalidInput(f"{where}.{name} must be text.")


def _number(message: Mapping[str, Any], name: str, where: str) -> float | None:
    value = message.get(name)
    # The comparison is also false for NaN, which JSON does not allow.
    if value is None or (_is_number(value) and abs(value) <= sys.float_info.max):
        return value
    raise InvalidInput(f"{where}.{name} must be a finite number.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _int(message: Mapping[str, Any], name: str, where: str) -> int | None:
    value = message.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _INT_MAX):
        return value
    raise InvalidInput(f"{where}.{name} must be a whole number from 0 to {_INT_MAX}.")


def _metadata(message: Mapping[str, Any], where: str) -> str | None:
    value = message.get("metadata")
    if value is None or isinstance(value, Mapping):
        max_bytes = limits.METADATA_MAX_BYTES + limits.METADATA_ADDED_MAX_BYTES
        if message.get("status") == RunStatus.WAITING:
            max_bytes += limits.QUESTIONS_MAX_BYTES
        return object_text(value, max_bytes)
    raise InvalidInput(f"{where}.metadata must be an object.")

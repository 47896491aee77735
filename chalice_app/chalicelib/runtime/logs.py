"""Writes each log line as one JSON object that names its run, on every thread of a Lambda.

Lambda can write JSON itself, but it uses `requestId` for its own id, and its level filter would drop our metrics; see
docs/decisions/0007-json-logs.md. Log ids, counts and reasons only, never an event, a query or a token.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runcast import limits
from runcast.record.model import Json, Owner
from runcast.redaction import clean, clean_json
from runcast.text import shortened

TEXT_MAX_CHARACTERS = 30_000
"""The limit of a message and of a stack trace. Both together are far below CloudWatch's event limit (256 KB)."""

_HASH_CHARACTERS = 16


@dataclass
class LogContext:
    """The ids of one Lambda invocation and of its run, and the owner."""

    aws_request_id: str
    request_id: str | None = None
    owner: Owner | None = None


# A thread that was started with a copy of its parent's context keeps logging for its own run, even after the Lambda has
# received the next one. All other threads log for the latest invocation, because a process handles one at a time.
_current: ContextVar[LogContext | None] = ContextVar("log_context", default=None)
_latest: LogContext | None = None


def begin_invocation(context: Any) -> None:
    """Attach all log lines from here on to the invocation of this Lambda context.

    Inside Lambda, the first call also switches logging to JSON lines on standard output.
    """
    global _latest
    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if function_name and _latest is None:
        _write_json(function_name)
    _latest = LogContext(str(getattr(context, "aws_request_id", "")))
    _current.set(_latest)


def about_run(request_id: str) -> None:
    """Add the run's id to the invocation's log lines. Call it as soon as the id is known."""
    if context := _current.get():
        context.request_id = shortened(str(request_id), limits.REQUEST_ID_MAX_CHARACTERS)


def about_owner(owner: Owner) -> None:
    """Add the tenant and a hash of the user to the invocation's log lines. Call it as soon as the owner is known."""
    if context := _current.get():
        context.owner = owner


def user_hash(owner: Owner) -> str:
    """Return the name of a user in the logs: a person can find a known user's lines by it, but not read who it is."""
    return hashlib.sha256(owner.key.encode()).hexdigest()[:_HASH_CHARACTERS]


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON; `extra={"fields": {...}}` adds members to it.

    Args:
        function_name: The name of the Lambda.
    """

    def __init__(self, function_name: str) -> None:
        super().__init__()
        self._function_name = function_name

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a newline. Never raises for any record."""
        invocation = _current.get() or _latest
        line: Json = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "message": _message(record),
            "logger": record.name,
            "function": self._function_name,
            "awsRequestId": invocation.aws_request_id if invocation else None,
        }
        if invocation and invocation.request_id:
            line["requestId"] = invocation.request_id
        if invocation and invocation.owner:
            line |= {"tenantId": invocation.owner.tenant_id, "userHash": user_hash(invocation.owner)}
        if record.exc_info and (error := record.exc_info[1]):
            line |= {
                "errorType": type(error).__name__,
                "errorMessage": shortened(_text(error), TEXT_MAX_CHARACTERS),
                "stackTrace": shortened("".join(traceback.format_exception(error)), TEXT_MAX_CHARACTERS),
            }
        for name in ("message", "errorMessage", "stackTrace"):
            if name in line:
                line[name] = clean(line[name], "log")
        return json.dumps(line | clean_json(getattr(record, "fields", {}), "log"), default=_text)


def _write_json(function_name: str) -> None:
    """Replace all log handlers by JSON; log our packages from INFO on and all others from WARNING on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(function_name))
    logging.root.handlers = [handler]  # in place of Lambda's, which writes text
    logging.root.setLevel(logging.WARNING)
    for ours in ("chalicelib", "runcast"):
        logging.getLogger(ours).setLevel(logging.INFO)
    logging.captureWarnings(True)


def _message(record: logging.LogRecord) -> str:
    try:
        return shortened(record.getMessage(), TEXT_MAX_CHARACTERS)
    except Exception as error:  # noqa: BLE001 - a wrong placeholder, or somebody's __str__: the line is worth having
        return f"a message of {record.filename}:{record.lineno} cannot be written: {type(error).__name__}"


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - somebody's __str__ may raise anything
        return f"a {type(value).__name__} that cannot be written"

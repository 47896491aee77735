"""Log lines as JSON: what is logged in a Lambda, on whichever thread, is one object that says which run it is about.

Lambda can write JSON itself, but gives `requestId` to its own id, and its level filter would drop our metrics; see
docs/decisions/0007-json-logs.md. No line holds an event, a query or a token: what is logged is ids, counts and reasons.
"""

from __future__ import annotations

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
from runcast.record.model import Json
from runcast.text import shortened

TEXT_MAX_CHARACTERS = 30_000
"""Of a message and of a stack each: together far below what CloudWatch takes for one event (256 KB)."""


@dataclass
class Invocation:
    """What one invocation of a Lambda is about."""

    aws_request_id: str
    request_id: str | None = None


# A thread that was started with a copy of its starter's context goes on logging for the run it was started for, though
# the Lambda may have been given the next one meanwhile. Other threads are taken to work for the latest, because Lambda
# gives a process one at a time.
_current: ContextVar[Invocation | None] = ContextVar("invocation", default=None)
_latest: Invocation | None = None


def begin_invocation(context: Any) -> None:
    """Say that what is logged from here on belongs to the invocation of this Lambda context.

    Inside Lambda, the first call also turns all logging into JSON lines on standard output.
    """
    global _latest
    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if function_name and _latest is None:
        _write_json(function_name)
    _latest = Invocation(str(getattr(context, "aws_request_id", "")))
    _current.set(_latest)


def about_run(request_id: str) -> None:
    """Say which run the invocation is about, as soon as that is known."""
    if invocation := _current.get():
        invocation.request_id = shortened(str(request_id), limits.REQUEST_ID_MAX_CHARACTERS)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON; `extra={"fields": {...}}` adds members to it.

    Args:
        function_name: The Lambda's.
    """

    def __init__(self, function_name: str) -> None:
        super().__init__()
        self._function_name = function_name

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end. Never raises for what it was given to log."""
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
        if record.exc_info and (error := record.exc_info[1]):
            line |= {
                "errorType": type(error).__name__,
                "errorMessage": shortened(_text(error), TEXT_MAX_CHARACTERS),
                "stackTrace": shortened("".join(traceback.format_exception(error)), TEXT_MAX_CHARACTERS),
            }
        return json.dumps(line | getattr(record, "fields", {}), default=_text)


def _write_json(function_name: str) -> None:
    """Log everything as JSON, and nothing otherwise: our own lines from INFO on, those of others from WARNING on."""
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

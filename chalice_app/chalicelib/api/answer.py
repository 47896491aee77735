"""Turns the outcome of a request into the answer that GraphQL and REST share.

The answer is `{"data": ...}` or `{"error": {"type", "message", "retryAfter"?}}`, which each API converts to its own
format. An unexpected exception is logged, and the client gets one general sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from chalicelib.runtime import metrics
from runcast.errors import Conflict, InvalidInput, RuncastError, TooManyRequests, Unauthorized, Unavailable
from runcast.record.model import Json
from runcast.redaction import clean

logger = logging.getLogger(__name__)

FAILURE = {"type": "InternalFailure", "message": "The request failed on our side; the log has the reason."}

_ERROR_TYPES: dict[type[RuncastError], str] = {
    InvalidInput: "BadRequest",
    Unauthorized: "Unauthorized",
    TooManyRequests: "TooManyRequests",
    Conflict: "Conflict",
    Unavailable: "Unavailable",
}


def answer_of(serve: Callable[[], Json]) -> Json:
    """Call `serve` and return its result as `data`, or its exception as `error`."""
    try:
        return {"data": serve()}
    except tuple(_ERROR_TYPES) as error:
        if isinstance(error, Unavailable):
            logger.warning("the request could not be served now: %s", error, exc_info=error.__cause__)
            metrics.count_failed_request()
        kind = next(name for error_class, name in _ERROR_TYPES.items() if isinstance(error, error_class))
        retry_after = {"retryAfter": error.retry_after_seconds} if isinstance(error, TooManyRequests) else {}
        return {"error": {"type": kind, "message": clean(str(error), "error"), **retry_after}}
    except Exception:
        logger.exception("the request failed for a reason that is not the caller's")
        metrics.count_failed_request()
        return {"error": dict(FAILURE)}

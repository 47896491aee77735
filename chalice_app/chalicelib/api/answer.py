"""What a client is told when a request ends, the same over GraphQL and REST.

The answer is `{"data": ...}` or `{"error": {"type", "message"}}`; each way in turns it into its own form. Nothing else
ever leaves here: an unexpected failure is logged and answered in one sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from chalicelib.runtime import metrics
from runcast.errors import Conflict, InvalidInput, RuncastError, Unauthorized, Unavailable
from runcast.record.model import Json

logger = logging.getLogger(__name__)

FAILURE = {"type": "InternalFailure", "message": "The request failed on our side; the log has why."}

_ERROR_TYPES: dict[type[RuncastError], str] = {
    InvalidInput: "BadRequest",
    Unauthorized: "Unauthorized",
    Conflict: "Conflict",
    Unavailable: "Unavailable",
}


def answer_of(serve: Callable[[], Json]) -> Json:
    """Return what `serve` returns as `data`, or why it did not as `error`."""
    try:
        return {"data": serve()}
    except tuple(_ERROR_TYPES) as error:
        if isinstance(error, Unavailable):
            logger.warning("the request could not be served now: %s", error, exc_info=error.__cause__)
            metrics.count_failed_request()
        kind = next(name for error_class, name in _ERROR_TYPES.items() if isinstance(error, error_class))
        return {"error": {"type": kind, "message": str(error)}}
    except Exception:
        logger.exception("the request failed for a reason that is not the caller's")
        metrics.count_failed_request()
        return {"error": dict(FAILURE)}

"""Gives all responses of the REST API the same error format and the CORS headers.

Chalice fixes the allowed origin at packaging time and has its own error format. Here each environment configures its
origins, and clients see a single error format. This module imports little, because it also answers preflights.
"""

from __future__ import annotations

import os

from chalice.app import Request, Response

METHODS = "GET,POST,DELETE,OPTIONS"
HEADERS = "Authorization,Content-Type"
PREFLIGHT_MAX_AGE_SECONDS = 7200
"""The longest that Chrome remembers. Source: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age"""

_STATUS_BY_TYPE = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "MethodNotAllowed": 405,
    "Conflict": 409,
    "PayloadTooLarge": 413,
    "UnsupportedMediaType": 415,
    "TooManyRequests": 429,
    "InternalFailure": 500,
    "Unavailable": 503,
}
_TYPE_BY_STATUS = {status: kind for kind, status in _STATUS_BY_TYPE.items()}


def refusal(kind: str, message: str, *, retry_after_seconds: int | None = None) -> Response:
    """Return an error response: `{"error": {"type", "message", "retryAfter"?}}` with the type's HTTP status."""
    error: dict[str, str | int] = {"type": kind, "message": message}
    headers: dict[str, str | list[str]] = {}
    if retry_after_seconds is not None:
        error["retryAfter"] = retry_after_seconds
        headers["Retry-After"] = str(retry_after_seconds)
    return Response(body={"error": error}, status_code=_STATUS_BY_TYPE[kind], headers=headers)


def in_one_form(response: Response) -> Response:
    """Convert Chalice's own errors (`{"Code", "Message"}`) to our format; return other responses unchanged."""
    if not (isinstance(response.body, dict) and response.body.keys() == {"Code", "Message"}):
        return response
    kind = _TYPE_BY_STATUS.get(response.status_code, "InternalFailure")
    reworded = refusal(kind, f"{response.body['Message'].rstrip('.')}.")
    reworded.headers.update(response.headers)
    return reworded


def admit_origin(request: Request, response: Response) -> None:
    """Add the CORS headers that let the calling page read the response, if its origin is allowed.

    `CORS_ORIGINS` lists the allowed origins, separated by spaces; `*` means any.
    """
    allowed = os.environ.get("CORS_ORIGINS", "").split()
    if not allowed:
        return
    origin = "*" if "*" in allowed else request.headers.get("origin")
    if origin != "*":
        response.headers["Vary"] = "Origin"
        if origin not in allowed:
            return
    response.headers["Access-Control-Allow-Origin"] = str(origin)
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE_SECONDS)

"""Sends one GraphQL request over HTTP, and maps its response and its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncAuthentication
from gql.transport.exceptions import TransportError, TransportProtocolError, TransportServerError

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.documents import document
from runcast.errors import (
    Conflict,
    InvalidInput,
    RuncastError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from runcast.text import shortened

Answer = TypeVar("Answer")

# A resolver may take 30 s, but none of these takes longer than a Lambda's cold start.
# Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html
_REQUEST_TIMEOUT_SECONDS = 30

_ERRORS: dict[str, type[RuncastError]] = {
    "BadRequest": InvalidInput,
    "Conflict": Conflict,
    "Unauthorized": Unauthorized,
    "UnauthorizedException": Unauthorized,
    "Unavailable": Unavailable,
    "InternalFailure": Unavailable,
}
"""By `errorType`. AppSync, the layers in front of it, and newer servers have many more types; all of those are
retried."""
_REASON_MAX_CHARACTERS = 300
# If the server refuses a start and does not say for how long. The limits count by the minute.
_RETRY_AFTER_SECONDS = 60

# Request Timeout, Too Early, Too Many Requests: a retry of the same request may succeed.
_LATER_CODES = (408, 425, 429)
# The connection to the service, or through the proxy, failed.
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL)


class Endpoint:
    """The GraphQL endpoint of a deployment. Create it with `open_endpoint()`."""

    def __init__(self, transport: AIOHTTPTransport, clock: AdjustedClock) -> None:
        self._transport = transport
        self._clock = clock

    async def ask(
        self,
        field: str,
        variables: Mapping[str, Any],
        read: Callable[[Any], Answer],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send the document of a field, and return the field's answer as converted by `read`.

        Raises:
            Unreachable: The request did not reach the service.
            Unavailable: No answer, or a failure.
            RuncastError: The request was refused.
        """
        request = GraphQLRequest(document(field), variable_values=dict(variables))
        asked_ms = self._clock.local_ms()
        try:
            result = await self._transport.execute(request, extra_args={"headers": dict(headers or {})})
            self._clock.take(self._header("Date"), asked_ms=asked_ms)
        except TransportError as error:
            raise self._unanswered(error) from error
        try:
            # Partial data next to errors does not count as an answer.
            if result.errors:
                raise _as_runcast_error(result.errors[0])
            return read((result.data or {})[field])
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise Unavailable(f"{self._transport.url} gave a malformed answer: {error!r}") from error

    def _unanswered(self, error: TransportError) -> Unavailable:
        url = self._transport.url
        reason = shortened(str(error) or type(error.__cause__ or error).__name__, _REASON_MAX_CHARACTERS)
        if isinstance(error.__cause__, _NOT_CONNECTED):
            return Unreachable(f"{url} cannot be reached: {reason}")
        code = error.code if isinstance(error, TransportServerError) else None
        refused = code is not None and code < 500 and code not in _LATER_CODES
        if refused or (isinstance(error, TransportProtocolError) and "json" not in self._header("Content-Type")):
            # The server is not a GraphQL API, or it refused the request unread.
            return Unreachable(f"{url} did not take the request: {reason} Check RUNCAST_GRAPHQL_URL.")
        return Unavailable(f"{url} gave no answer: {reason}")

    def _header(self, name: str) -> str:
        """Return a header of the last response; empty if it is missing."""
        headers = self._transport.response_headers
        return "" if headers is None else headers.get(name, "")


@asynccontextmanager
async def open_endpoint(
    graphql_url: str, clock: AdjustedClock, *, signed_by: AppSyncAuthentication | None = None
) -> AsyncIterator[Endpoint]:
    """Open the HTTP connection; it closes at the end of the block.

    Args:
        graphql_url: The endpoint.
        clock: The clock to adjust by the responses.
        signed_by: Signs each request; None if the caller of `ask` authorizes it.
    """
    transport = AIOHTTPTransport(
        url=graphql_url,
        timeout=_REQUEST_TIMEOUT_SECONDS,
        auth=signed_by,
        # Use the environment's proxy settings, as the WebSocket and the sign-in do.
        client_session_args={"trust_env": True},
    )
    await transport.connect()
    try:
        yield Endpoint(transport, clock)
    finally:
        await transport.close()


def require_found(answer: Mapping[str, Any], request_id: str) -> None:
    """Check that the run exists.

    Raises:
        InvalidInput: It does not, to this caller.
    """
    if not answer["success"]:
        raise InvalidInput(f"{request_id}: {answer['error']}")


def _as_runcast_error(error: Any) -> RuncastError:
    # gql types these as GraphQLError, but passes on the response's own objects.
    kind, message = error.get("errorType"), str(error.get("message"))
    if kind == "TooManyRequests":
        retry_after = (error.get("errorInfo") or {}).get("retryAfter")
        return TooManyRequests(message, retry_after if isinstance(retry_after, int) else _RETRY_AFTER_SECONDS)
    return _ERRORS.get(kind, Unavailable)(message if kind in _ERRORS or not kind else f"{kind}: {message}")

"""The client's side of the live channel: one WebSocket with one subscription, until it breaks.

gql implements the protocol but does not expose the server's `start_ack`. A client needs it so as not to miss a run's
first step, so this module exposes it. It also applies the server's keep-alive timeout, which gql leaves to its caller.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gql import GraphQLRequest
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportError
from graphql import ExecutionResult

from runcast.client.documents import document
from runcast.client.sign_in import Identity
from runcast.errors import Unavailable

# The timeout of the closing handshake is short, because the server may be gone.
_CLOSE_TIMEOUT_SECONDS = 1
# The default keep-alive timeout; the server sends its own in `connection_ack`, and AppSync sends this value.
# Source: https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
_KEEP_ALIVE_SECONDS = 300.0


class Subscription:
    """One run's or job's subscription, which passes on each status message. Create it with `subscribe()`.

    Attributes:
        ended: Done when the subscription has ended; its result is the reason.
    """

    def __init__(
        self,
        transport: _Transport,
        request: GraphQLRequest,
        hear: Callable[[dict[str, Any]], None],
    ) -> None:
        self._transport = transport
        self._hear = hear
        self.ended: asyncio.Task[Unavailable] = asyncio.create_task(self._end(request))

    async def wait_until_acknowledged(self) -> None:
        """Wait until the server acknowledges the subscription.

        Raises:
            Unavailable: The subscription ended first.
        """
        acknowledged = asyncio.create_task(self._transport.acknowledged.wait())
        try:
            await asyncio.wait({self.ended, acknowledged}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            acknowledged.cancel()
        if self.ended.done():
            raise self.ended.result()

    async def close(self) -> None:
        """Close the connection cleanly, if it is still open."""
        await self._transport.close()
        self.ended.cancel()
        await asyncio.wait([self.ended])

    async def _end(self, request: GraphQLRequest) -> Unavailable:
        parts = {asyncio.create_task(self._listen(request)), asyncio.create_task(self._transport.falls_silent())}
        try:
            finished, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return finished.pop().result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.wait(parts)

    async def _listen(self, request: GraphQLRequest) -> Unavailable:
        try:
            async for result in self._transport.subscribe(request):
                if result.data and result.data.get("onStatusUpdate"):
                    self._hear(_checked(result.data["onStatusUpdate"]))
        except TransportError as error:
            return Unavailable(_reason(error))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            return Unavailable(f"the server sent a malformed message: {error!r}")
        return Unavailable("the server ended the subscription")


async def subscribe(
    identity: Identity,
    hear: Callable[[dict[str, Any]], None],
    *,
    graphql_url: str,
    what: Mapping[str, str],
    timeout_seconds: float,
) -> Subscription:
    """Subscribe to the status messages of a run, or of a job and its runs; return when the server acknowledges it.

    Args:
        identity: The user who subscribes.
        hear: Called with each message, a GraphQL `StatusUpdate`; it must not block.
        graphql_url: The API's HTTP address. gql derives the real-time address from it.
        what: `{"requestId": ...}` or `{"jobId": ...}`; the run or job need not exist yet.
        timeout_seconds: How long connecting and subscribing may take in total.

    Raises:
        Unavailable: The subscription failed; the message says why.
    """
    transport = _Transport(
        # gql turns https:// into wss:// itself; only a local endpoint has no TLS.
        graphql_url.replace("http://", "ws://", 1),
        auth=AppSyncJWTAuthentication(host=urlsplit(graphql_url).netloc, jwt=identity.id_token),
    )
    variables = {"userId": identity.user_id, **what}
    request = GraphQLRequest(document("onStatusUpdate"), variable_values=variables)
    subscription: Subscription | None = None
    acknowledged = False
    try:
        async with asyncio.timeout(timeout_seconds):
            await transport.connect()
            subscription = Subscription(transport, request, hear)
            await subscription.wait_until_acknowledged()
            acknowledged = True
            return subscription
    except TimeoutError as error:
        raise Unavailable(f"no answer within {timeout_seconds:g} s") from error
    except TransportError as error:
        raise Unavailable(_reason(error)) from error
    finally:
        if not acknowledged:
            await (subscription or transport).close()


class _Transport(AppSyncWebsocketsTransport):
    """gql's transport, which also reports the acknowledgement and applies the server's keep-alive timeout.

    gql uses `asyncio.wait_for`, which on Python 3.11 may swallow a cancellation. A broken connection would then not be
    reported, and an abandoned one would stay open. So this class never cancels a task that runs gql's waits.
    """

    def __init__(self, url: str, *, auth: AppSyncJWTAuthentication) -> None:
        super().__init__(
            url,
            auth=auth,
            close_timeout=_CLOSE_TIMEOUT_SECONDS,
            connect_args={"close_timeout": _CLOSE_TIMEOUT_SECONDS},
        )
        self.connect_timeout = self.ack_timeout = None
        self.acknowledged = asyncio.Event()
        self._keep_alive_seconds = _KEEP_ALIVE_SECONDS
        self._alive_at = 0.0

    async def close(self) -> None:
        """Close the connection cleanly, if it is still open."""
        closing = asyncio.create_task(super().close())
        await asyncio.wait([closing])
        closing.result()

    async def falls_silent(self) -> Unavailable:
        """Wait until no keep-alive has arrived for the server's keep-alive timeout."""
        now = asyncio.get_running_loop().time
        while (left_seconds := self._alive_at + self._keep_alive_seconds - now()) > 0:
            await asyncio.sleep(left_seconds)
        return Unavailable(f"no keep-alive for {self._keep_alive_seconds:g} s")

    def _parse_answer(self, answer: str) -> tuple[str, int | None, ExecutionResult | None]:
        parsed = super()._parse_answer(answer)
        kind = parsed[0]
        if kind in ("connection_ack", "ka"):
            self._alive_at = asyncio.get_running_loop().time()
        if kind == "start_ack":
            self.acknowledged.set()
        elif kind == "connection_ack":
            timeout_ms = (json.loads(answer).get("payload") or {}).get("connectionTimeoutMs")
            self._keep_alive_seconds = _KEEP_ALIVE_SECONDS if timeout_ms is None else timeout_ms / 1000
        return parsed


def _checked(update: dict[str, Any]) -> dict[str, Any]:
    """Return a status message if its fields have the types of the schema.

    Raises:
        KeyError: A field is missing.
        TypeError: A field, or the message, has another type.
    """
    for name in ("requestId", "jobId", "agentName", "status", "message", "metadata"):
        if not isinstance(update[name], str | None):
            raise TypeError(name)
    if not isinstance(update["seq"], int | None):
        raise TypeError("seq")
    if update["timestamp"] is not None and not math.isfinite(update["timestamp"]):
        raise TypeError("timestamp")
    return update


def _reason(error: TransportError) -> str:
    """Return the server's message, if it sent one; otherwise the error's."""
    payload = (getattr(error, "errors", None) or [None])[0]
    if isinstance(payload, dict) and payload.get("errors"):
        return str(payload["errors"][0].get("message"))
    return ": ".join(str(part) for part in (error, error.__cause__) if part and str(part)) or type(error).__name__

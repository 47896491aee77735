"""The live channel as a client sees it: one WebSocket with one subscription, until it breaks.

gql speaks the protocol, but keeps the server's `start_ack` to itself; whoever must not miss a run's first step needs
to know of it, so it is brought out here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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

_CLOSE_TIMEOUT_SECONDS = 1


class _Started:
    """Stands in the queue for the server's `start_ack`."""


class Subscription:
    """The status messages of one run, as they come. Make it with `subscribe()`."""

    def __init__(self, transport: _Transport, heard: asyncio.Queue[Any], request: GraphQLRequest) -> None:
        self._transport = transport
        self._heard = heard
        self._listening = asyncio.create_task(self._listen(request))

    async def next(self) -> dict[str, Any]:
        """Wait for the next message: a GraphQL `StatusUpdate`.

        Raises:
            Unavailable: The connection broke, or the server refused or ended the subscription. Nothing comes after it.
        """
        heard = await self._heard.get()
        if isinstance(heard, Unavailable):
            raise heard
        return dict(heard)

    async def close(self) -> None:
        """Leave the connection in order, if it still stands."""
        await self._transport.close()
        self._listening.cancel()
        await asyncio.wait([self._listening])

    async def started(self) -> None:
        """Wait for the server's word that the subscription stands; to be called once, before `next()`."""
        while not isinstance(heard := await self._heard.get(), _Started):
            if isinstance(heard, Unavailable):
                raise heard

    async def _listen(self, request: GraphQLRequest) -> None:
        try:
            async for result in self._transport.subscribe(request):
                if result.data and result.data.get("onStatusUpdate"):
                    self._heard.put_nowait(result.data["onStatusUpdate"])
        except TransportError as error:
            self._heard.put_nowait(Unavailable(_reason(error)))
        else:
            self._heard.put_nowait(Unavailable("the server ended the subscription"))


async def subscribe(graphql_url: str, identity: Identity, request_id: str, *, timeout_seconds: float) -> Subscription:
    """Subscribe to one run's status messages; return when the server has said that it stands.

    Args:
        graphql_url: The API's HTTP address. gql derives the real-time one from it.
        identity: Who subscribes.
        request_id: The run; it need not exist yet.
        timeout_seconds: How long connecting and subscribing may take, together.

    Raises:
        Unavailable: It cannot be had; the message says why.
    """
    heard: asyncio.Queue[Any] = asyncio.Queue()
    transport = _Transport(
        # gql turns https:// into wss:// itself; only a local endpoint has no TLS.
        graphql_url.replace("http://", "ws://", 1),
        auth=AppSyncJWTAuthentication(host=urlsplit(graphql_url).netloc, jwt=identity.id_token),
        close_timeout=_CLOSE_TIMEOUT_SECONDS,
        on_started=lambda: heard.put_nowait(_Started()),
    )
    variables = {"userId": identity.user_id, "requestId": request_id}
    request = GraphQLRequest(document("onStatusUpdate"), variable_values=variables)
    subscription: Subscription | None = None
    stands = False
    try:
        async with asyncio.timeout(timeout_seconds):
            await transport.connect()
            subscription = Subscription(transport, heard, request)
            await subscription.started()
            stands = True
            return subscription
    except TimeoutError as error:
        raise Unavailable(f"no answer within {timeout_seconds:g} s") from error
    except TransportError as error:
        raise Unavailable(_reason(error)) from error
    finally:
        if not stands:
            await (subscription or transport).close()


class _Transport(AppSyncWebsocketsTransport):
    """gql's transport, which also says when a subscription has been acknowledged."""

    def __init__(
        self, url: str, *, auth: AppSyncJWTAuthentication, close_timeout: int, on_started: Callable[[], None]
    ) -> None:
        super().__init__(url, auth=auth, close_timeout=close_timeout)
        self._on_started = on_started

    def _parse_answer(self, answer: str) -> tuple[str, int | None, ExecutionResult | None]:
        parsed = super()._parse_answer(answer)
        if parsed[0] == "start_ack":
            self._on_started()
        return parsed


def _reason(error: TransportError) -> str:
    """Return the server's own words, where there are some."""
    payload = (getattr(error, "errors", None) or [None])[0]
    if isinstance(payload, dict) and payload.get("errors"):
        return str(payload["errors"][0].get("message"))
    return ": ".join(str(part) for part in (error, error.__cause__) if part and str(part)) or type(error).__name__

"""AppSync's real-time protocol: one WebSocket connection and its subscriptions.

The caller is authorised when connecting and again at each `start`; the subscription's resolver runs once, as an
ordinary request through MiniStack. Each connection sends its frames through a bounded queue, so that a client that does
not read delays no other client and is dropped when it falls too far behind.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
"""

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from local.appsync.authorisation import Refused
from local.appsync.filters import FilterInvalid, check_server_filter
from local.appsync.gateway import Gateway
from local.appsync.limits import MAX_SUBSCRIPTIONS
from local.appsync.subscriptions import Subscription, Subscriptions

CONNECTION_TIMEOUT_MS = 300_000
KEEP_ALIVE_SECONDS = 60
_OUTBOX_BYTES = 8 * 1024 * 1024
_CLOSE_SECONDS = 1

_Frame = dict[str, Any]

_logger = logging.getLogger(__name__)


async def serve_connection(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
    *,
    api_id: str,
    gateway: Gateway,
    subscriptions: Subscriptions,
) -> None:
    """Serves one WebSocket from its handshake to its end."""
    await receive()  # websocket.connect
    if "graphql-ws" not in scope["subprotocols"]:
        await send({"type": "websocket.close", "code": 1002})
        return
    await send({"type": "websocket.accept", "subprotocol": "graphql-ws"})
    try:
        await gateway.authenticate_connection(api_id, scope["path"], _handshake_headers(scope))
    except Refused as refused:
        error = {"errorType": refused.error_type, "message": str(refused), "errorCode": refused.status}
        frame = {"type": "connection_error", "payload": {"errors": [error]}}
        await send({"type": "websocket.send", "text": json.dumps(frame)})
        await send({"type": "websocket.close", "code": 1000})
        return
    await _Connection(api_id, receive, send, gateway, subscriptions).serve()


class _Connection:
    """An authorised connection."""

    def __init__(
        self,
        api_id: str,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
        gateway: Gateway,
        subscriptions: Subscriptions,
    ) -> None:
        self._api_id = api_id
        self._receive = receive
        self._send = send
        self._gateway = gateway
        self._subscriptions = subscriptions
        self._running: dict[str, Subscription] = {}
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._unsent_bytes = 0
        self._overflowed = asyncio.Event()

    async def serve(self) -> None:
        """Runs until the client leaves or falls too far behind."""
        parts = (self._read(), self._write(), self._keep_alive(), self._overflowed.wait())
        tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(part) for part in parts]
        try:
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for subscription in self._running.values():
                self._subscriptions.remove(subscription)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in finished:
            if error := task.exception():
                _logger.error("a real-time connection failed", exc_info=error)
        if self._overflowed.is_set():
            _logger.warning("a real-time connection is dropped: its client left %d bytes unread", self._unsent_bytes)
            # This is queued behind data in the sockets: a client that never reads again never receives it.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._send({"type": "websocket.close", "code": 1008}), _CLOSE_SECONDS)

    def _put(self, frame: _Frame) -> None:
        text = json.dumps(frame)
        self._unsent_bytes += len(text)
        if self._unsent_bytes > _OUTBOX_BYTES:
            self._overflowed.set()
        else:
            self._outbox.put_nowait(text)

    async def _write(self) -> None:
        while True:
            text = await self._outbox.get()
            await self._send({"type": "websocket.send", "text": text})
            self._unsent_bytes -= len(text)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            self._put({"type": "ka"})

    async def _read(self) -> None:
        while (message := await self._receive())["type"] != "websocket.disconnect":
            try:
                frame = json.loads(message.get("text") or "")
                kind, frame_id = frame["type"], frame.get("id")
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self._fail(None, "UnsupportedOperation", "unknown not supported through the realtime channel")
                continue
            if kind == "connection_init":
                self._put({"type": "connection_ack", "payload": {"connectionTimeoutMs": CONNECTION_TIMEOUT_MS}})
                self._put({"type": "ka"})
            elif kind == "start":
                await self._start(frame_id, frame)
            elif kind == "stop":
                self._stop(frame_id)
            else:
                self._fail(frame_id, "UnsupportedOperation", f"{kind} not supported through the realtime channel")

    async def _start(self, frame_id: Any, frame: _Frame) -> None:
        try:
            data, authorization = frame["payload"]["data"], frame["payload"]["extensions"]["authorization"]
            headers = {str(name).lower(): str(value) for name, value in authorization.items()}
            if not isinstance(frame_id, str) or not isinstance(data, str):
                raise TypeError
        except (KeyError, TypeError, AttributeError):
            self._fail(frame_id, "BadRequestException", "start needs id, payload.data and extensions.authorization")
            return
        if frame_id in self._running:
            self._fail(frame_id, "DuplicatedOperationError", f"Duplicated operation id {frame_id}")
            return
        if len(self._running) >= MAX_SUBSCRIPTIONS:
            limit = f"Max number of {MAX_SUBSCRIPTIONS} subscriptions reached"
            self._fail(frame_id, "MaxSubscriptionsReachedError", limit)
            return
        try:
            answer, subscribed = await self._gateway.subscribe(self._api_id, headers, data.encode())
            if subscribed and subscribed.server_filter is not None:
                check_server_filter(subscribed.server_filter)
        except Refused as refused:
            self._fail(frame_id, refused.error_type, str(refused))
        except FilterInvalid as invalid:
            self._fail(frame_id, "BadRequestException", f"Invalid subscription filter: {invalid}")
        else:
            if subscribed is None:
                self._put({"type": "error", "id": frame_id, "payload": answer})
                return
            subscription = Subscription(
                self._api_id,
                subscribed,
                lambda payload: self._put({"type": "data", "id": frame_id, "payload": payload}),
            )
            self._put({"type": "start_ack", "id": frame_id})
            self._running[frame_id] = subscription
            self._subscriptions.add(subscription)

    def _stop(self, frame_id: Any) -> None:
        subscription = self._running.pop(frame_id, None)
        if subscription is None:
            self._fail(frame_id, "UnknownOperationError", f"Unknown operation id {frame_id}")
            return
        self._subscriptions.remove(subscription)
        self._put({"type": "complete", "id": frame_id})

    def _fail(self, frame_id: Any, error_type: str, message: str) -> None:
        payload = {"errors": [{"errorType": error_type, "message": message}]}
        self._put({"type": "error", **({"id": frame_id} if frame_id is not None else {}), "payload": payload})


def _handshake_headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """The authorisation object that came as a subprotocol `header-<base64url>` or as the query's `header`.

    Raises:
        Refused: it is missing or does not decode to an object.
    """
    query = parse_qs(scope["query_string"].decode().replace("+", "%2B"))
    offered = [name.removeprefix("header-") for name in scope["subprotocols"] if name.startswith("header-")]
    encoded = next(iter([*offered, *query.get("header", [])]), None)
    if encoded is None:
        raise Refused("BadRequestException", "The header with the authorisation is missing.", 400)
    try:
        text = base64.b64decode(encoded.translate(str.maketrans("-_", "+/")) + "=" * (-len(encoded) % 4))
        return {str(name).lower(): str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise Refused("BadRequestException", "The header with the authorisation does not decode.", 400) from error

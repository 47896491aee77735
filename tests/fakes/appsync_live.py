"""The real-time protocol of the fake AppSync: its connections and subscriptions, and their faults."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web
from graphql import execute_sync

from tests.fakes.appsync_schema import document_of, schema
from tests.fakes.cognito import USER_ID, FakeCognito


@dataclass
class FakeLive(FakeCognito):
    """Serves WebSockets to the user that signs in.

    Attributes:
        refuse_live: Why connections are refused; None accepts them.
        refuse_subscription: Why subscriptions are refused; None accepts them.
        acknowledge: Whether subscriptions are acknowledged.
        connection_timeout_ms: How long the server tells clients to wait for keep-alives. It sends only one.
        attempts: How many WebSockets have been opened so far.
        subscriptions: How many subscriptions have been acknowledged so far.
    """

    refuse_live: str | None = None
    refuse_subscription: str | None = None
    acknowledge: bool = True
    connection_timeout_ms: int | None = 300_000
    attempts: int = 0
    subscriptions: int = 0

    def __post_init__(self) -> None:
        self._subscribers: dict[tuple[web.WebSocketResponse, str], tuple[str, dict[str, Any]]] = {}
        self._connections: set[Any] = set()
        self._condition = asyncio.Condition()

    async def send_event(self, event: dict[str, Any]) -> None:
        """Send one status message to the subscriptions that it is for."""
        for (socket, subscription_id), (query, variables) in list(self._subscribers.items()):
            if all(variables.get(name) in (None, event[name]) for name in ("requestId", "jobId")):
                root = {"onStatusUpdate": event}
                selected = execute_sync(schema(), document_of(query)[0], root, variable_values=variables)
                await _send(socket, {"id": subscription_id, "type": "data", "payload": {"data": selected.data}})

    async def send_unchecked(self, update: Any) -> None:
        """Send this as a status message, even if it does not fit the schema."""
        for socket, subscription_id in list(self._subscribers):
            payload = {"data": {"onStatusUpdate": update}}
            await _send(socket, {"id": subscription_id, "type": "data", "payload": payload})

    def drop(self) -> None:
        """Cut every WebSocket, without a closing handshake."""
        self._subscribers.clear()
        for transport in self._connections:
            transport.abort()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the clients' actions make the condition true."""
        async with self._condition:
            await self._condition.wait_for(condition)

    async def end_subscriptions(self) -> None:
        """End every subscription from this side; the connections stay."""
        for socket, subscription_id in list(self._subscribers):
            await _send(socket, {"id": subscription_id, "type": "complete"})

    @property
    def subscribed(self) -> bool:
        """Whether somebody is subscribed."""
        return bool(self._subscribers)

    async def serve_live(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket."""
        self.attempts += 1
        socket = web.WebSocketResponse(protocols=["graphql-ws"])
        await socket.prepare(request)
        token = json.loads(base64.b64decode(request.query["header"])).get("Authorization")
        refusal = self.refuse_live or (None if token == self.token else "You are not authorized to make this call.")
        if refusal:
            payload = {"errors": [{"errorType": "UnauthorizedException", "message": refusal, "errorCode": 401}]}
            await _send(socket, {"type": "connection_error", "payload": payload})
            await socket.close()
            return socket
        transport = request.transport
        self._connections.add(transport)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._frame(socket, json.loads(message.data))
        self._connections.remove(transport)
        await self._changed(lambda: [self._subscribers.pop(key) for key in [*self._subscribers] if key[0] is socket])
        return socket

    async def _frame(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        if frame["type"] == "connection_init":
            await _send(
                socket, {"type": "connection_ack", "payload": {"connectionTimeoutMs": self.connection_timeout_ms}}
            )
            await _send(socket, {"type": "ka"})
        elif frame["type"] == "start":
            await self._subscribe(socket, frame)
        elif frame["type"] == "stop":
            if (socket, frame["id"]) not in self._subscribers:
                await _refuse(socket, frame["id"], "UnknownOperationError", f"Unknown operation id {frame['id']}")
                return
            await self._changed(lambda: self._subscribers.pop((socket, frame["id"]), None))
            await _send(socket, {"type": "complete", "id": frame["id"]})
        else:
            unknown = f"{frame['type']} not supported through the realtime channel"
            await _refuse(socket, frame.get("id"), "UnsupportedOperation", unknown)

    async def _subscribe(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        data = json.loads(frame["payload"]["data"])
        _, invalid = document_of(data["query"])
        refusal = self.refuse_subscription or "; ".join(each.message for each in invalid)
        if frame["payload"]["extensions"]["authorization"]["Authorization"] != self.token:
            refusal = "You are not authorized to make this call."
        if data["variables"]["userId"] != USER_ID:
            refusal = "userId must be your own."
        if (socket, frame["id"]) in self._subscribers:
            refusal = f"Duplicated operation id {frame['id']}"
        if refusal:
            await _refuse(socket, frame["id"], "Unauthorized", refusal)
            return
        if self.acknowledge:
            self._subscribers[socket, frame["id"]] = (data["query"], data["variables"])
            await _send(socket, {"type": "start_ack", "id": frame["id"]})
            self.subscriptions += 1
            await self._changed(lambda: None)

    async def _changed(self, change: Callable[[], Any]) -> None:
        async with self._condition:
            change()
            self._condition.notify_all()


async def _refuse(socket: web.WebSocketResponse, frame_id: str | None, error_type: str, message: str) -> None:
    whose = {} if frame_id is None else {"id": frame_id}
    payload = {"errors": [{"errorType": error_type, "message": message}]}
    await _send(socket, {"type": "error", **whose, "payload": payload})


async def _send(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
    # The client may leave at any time.
    with contextlib.suppress(ConnectionError):
        await socket.send_str(json.dumps(frame))

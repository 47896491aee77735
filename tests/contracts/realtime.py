"""The frames of AppSync's real-time protocol, for every server that emulates AppSync here.

The unit tests check the fake server with it, and the end-to-end tests the local machine.
Source: https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import websockets.asyncio.client

DOCUMENT = (Path(__file__).parents[2] / "graphql" / "operations" / "onStatusUpdate.graphql").read_text()
FRAME_SECONDS = 20
UNKNOWN_FIELD = "subscription Watch($userId: ID!) { onStatusUpdate(userId: $userId) { color } }"


@dataclass(frozen=True)
class Endpoint:
    """One AppSync and one user of it: the addresses, the user's id, and a token that is accepted."""

    graphql_url: str
    realtime_url: str
    user_id: str
    token: str


class Connection:
    """An open WebSocket, spoken frame by frame."""

    def __init__(self, socket: Any, authorization: dict[str, str]) -> None:
        self._socket = socket
        self._authorization = authorization

    async def send(self, kind: str, **more: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **more}))

    async def next(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self._socket.recv(), FRAME_SECONDS))

    async def start(self, frame_id: str, query: str = DOCUMENT, *, token: str | None = None, **variables: Any) -> Any:
        """Ask for a subscription; return what answers."""
        authorization = self._authorization | ({"Authorization": token} if token else {})
        data = json.dumps({"query": query, "variables": variables})
        await self.send("start", id=frame_id, payload={"data": data, "extensions": {"authorization": authorization}})
        return await self.next()


@asynccontextmanager
async def connected(endpoint: Endpoint, token: str | None = None) -> AsyncIterator[Connection]:
    authorization = {"host": endpoint.graphql_url.split("/")[2], "Authorization": token or endpoint.token}
    header = base64.b64encode(json.dumps(authorization).encode()).decode()
    url = f"{endpoint.realtime_url}?header={header}&payload=e30="
    async with websockets.asyncio.client.connect(url, subprotocols=["graphql-ws"]) as socket:
        yield Connection(socket, authorization)


async def check_the_way_of_a_subscription(endpoint: Endpoint) -> None:
    """It is acknowledged, starts, and is complete when it is stopped; the connection stays."""
    async with connected(endpoint) as connection:
        await connection.send("connection_init")
        acknowledged = await connection.next()
        assert acknowledged["type"] == "connection_ack"
        assert acknowledged["payload"]["connectionTimeoutMs"] > 0
        assert await connection.next() == {"type": "ka"}
        for frame_id in ("one", "two"):
            answer = await connection.start(frame_id, userId=endpoint.user_id)
            assert (answer["type"], answer["id"]) == ("start_ack", frame_id)
        await connection.send("stop", id="one")
        assert await connection.next() == {"type": "complete", "id": "one"}
        await connection.send("stop", id="one")
        check_error(await connection.next(), "one")
        answer = await connection.start("two", userId=endpoint.user_id)
        check_error(answer, "two")


async def check_what_is_refused(endpoint: Endpoint) -> None:
    """Another user's subscription, another token, an unknown field: each is an error of that subscription only."""
    async with connected(endpoint) as connection:
        await connection.send("connection_init")
        assert [(await connection.next())["type"] for _ in range(2)] == ["connection_ack", "ka"]
        check_error(await connection.start("another's", userId="somebody-else"), "another's")
        check_error(await connection.start("no token", token="none", userId=endpoint.user_id), "no token")
        check_error(await connection.start("no field", UNKNOWN_FIELD, userId=endpoint.user_id), "no field")
        await connection.send("what is this")
        check_error(await connection.next(), None)
        assert (await connection.start("mine", userId=endpoint.user_id))["type"] == "start_ack"


async def check_a_refused_connection(endpoint: Endpoint) -> None:
    """A connection without a valid token gets the reason and is closed."""
    async with connected(endpoint, token="none") as connection:
        refused = await connection.next()
        assert refused["type"] == "connection_error"
        [error] = refused["payload"]["errors"]
        assert error["errorType"] == "UnauthorizedException"
        assert error["errorCode"] == 401
        try:
            raise AssertionError(f"it was not closed: {await connection.next()}")
        except websockets.exceptions.ConnectionClosed:
            pass


def check_error(frame: dict[str, Any], frame_id: str | None) -> None:
    assert frame["type"] == "error", frame
    assert frame.get("id") == frame_id, frame
    for error in frame["payload"]["errors"]:
        assert error["message"], frame


CHECKS = (check_the_way_of_a_subscription, check_what_is_refused, check_a_refused_connection)

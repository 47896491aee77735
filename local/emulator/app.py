"""The ASGI application: MiniStack behind AppSync's data plane.

It handles three kinds of requests: WebSockets of the real-time endpoint; GraphQL requests (it authenticates the caller
before, and notifies subscribers of mutations after); and control-plane answers that contain an API's addresses.
Everything else goes straight to MiniStack.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from local.appsync.authorisation import Refused
from local.appsync.execution import EXCHANGE, Exchange
from local.appsync.gateway import Gateway
from local.appsync.realtime import serve_connection
from local.appsync.subscriptions import Subscriptions
from local.asgi import AsgiApp, CheckSignature

_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[Any], Awaitable[None]]

_GRAPHQL = re.compile(r"/v1/apis/([^/]+)/graphql")
_REALTIME = re.compile(r"/v1/apis/([^/]+)/graphql(?:/realtime)?")
_CONTROL = re.compile(r"/v1/apis(?:/[^/]+)?/?")


class EmulatorApp:
    """The application behind the guard.

    Args:
        ministack: What serves everything that is not taken out here.
        port: The one port.
        check_signature: Checks the signatures that come inside a WebSocket; the guard has checked all others.
    """

    def __init__(self, ministack: AsgiApp, *, port: int, check_signature: CheckSignature) -> None:
        self._ministack = ministack
        self._port = port
        self._gateway = Gateway(ministack, port=port, check_signature=check_signature)
        self._subscriptions = Subscriptions()

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Serves one connection or request."""
        path = scope.get("path", "")
        if scope["type"] == "websocket" and (found := _REALTIME.fullmatch(path)):
            await serve_connection(
                scope,
                receive,
                send,
                api_id=found[1],
                gateway=self._gateway,
                subscriptions=self._subscriptions,
            )
        elif scope["type"] == "http" and scope["method"] == "POST" and (found := _GRAPHQL.fullmatch(path)):
            await self._graphql(found[1], scope, receive, send)
        elif scope["type"] == "http" and _CONTROL.fullmatch(path):
            await self._ministack(scope, receive, _Rewriter(send, self._with_local_addresses))
        else:
            await self._ministack(scope, receive, send)

    async def _graphql(self, api_id: str, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            caller = await self._gateway.authenticate_request(api_id, headers)
        except Refused as refused:
            await _refuse(refused, send)
            return
        exchange = Exchange(caller)
        EXCHANGE.set(exchange)

        async def publish_then_send(message: Mapping[str, Any]) -> None:
            # Before the answer, because the caller may close the request as soon as it has it.
            if message["type"] == "http.response.start":
                for mutation, event in exchange.mutated:
                    self._subscriptions.publish(api_id, mutation, event)
            await send(message)

        await self._ministack(scope, receive, publish_then_send)

    def _with_local_addresses(self, body: bytes) -> bytes:
        answer = json.loads(body)
        for api in [answer.get("graphqlApi"), *answer.get("graphqlApis", [])]:
            if api:
                path = f"127.0.0.1:{self._port}/v1/apis/{api['apiId']}/graphql"
                api["uris"] = {"GRAPHQL": f"http://{path}", "REALTIME": f"ws://{path}/realtime"}
        return json.dumps(answer).encode()


class _Rewriter:
    """Holds an HTTP answer back until its body is whole, and passes it on rewritten."""

    def __init__(self, send: _Send, rewrite: Callable[[bytes], bytes]) -> None:
        self._send = send
        self._rewrite = rewrite
        self._start: dict[str, Any] = {}
        self._body = b""

    async def __call__(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = dict(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._rewrite(self._body) if self._start["status"] == 200 else self._body
        headers = [(name, value) for name, value in self._start["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


async def _refuse(refused: Refused, send: _Send) -> None:
    body = json.dumps({"errors": [{"errorType": refused.error_type, "message": str(refused)}]}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"access-control-allow-origin", b"*"),
        (b"x-amzn-errortype", refused.error_type.encode()),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

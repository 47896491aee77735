"""MiniStack's public HTTP surface, called in process.

The gateway's own requests to MiniStack (an API's settings, its keys, a pool's signing keys) are signed as the root
user, like those of any client. Requests on behalf of a caller have the caller's headers, and their signature has been
checked.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.appsync.authorisation import Caller, Refused, authenticate
from local.appsync.execution import EXCHANGE, Exchange, Subscribed
from local.appsync.oidc_keys import fetched_keys
from local.asgi import AsgiApp, CheckSignature, Request

_REGION = "us-east-1"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes


class Gateway:
    """Sends the gateway's own requests to MiniStack."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        port: int,
        check_signature: CheckSignature,
        now_epoch_s: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._check_signature = check_signature
        self._port = port
        self._now_epoch_s = now_epoch_s

    async def authenticate_request(self, api_id: str, headers: Mapping[str, str]) -> Caller:
        """Who sends this HTTP request, whose signature the guard has checked if it carries one.

        Raises:
            Refused: see `authorisation.authenticate`, or there is no such API.
        """
        return await authenticate(await self._api(api_id), headers, self, now_epoch_s=self._now_epoch_s)

    async def authenticate_connection(self, api_id: str, path: str, headers: Mapping[str, str]) -> Caller:
        """Who opens this WebSocket; an IAM caller has signed a POST of `{}` to `<endpoint>/connect`.

        Raises:
            Refused: see `authorisation.authenticate`, or there is no such API.
        """
        self._require_valid_signature(f"{path.removesuffix('/realtime')}/connect", headers, b"{}")
        return await self.authenticate_request(api_id, headers)

    async def subscribe(
        self, api_id: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[dict[str, Any], Subscribed | None]:
        """Runs a subscription's resolver.

        Returns:
            The GraphQL answer, and the subscription unless the answer holds errors.

        Raises:
            Refused: see `authorisation.authenticate`.
        """
        path = f"/v1/apis/{api_id}/graphql"
        self._require_valid_signature(path, headers, body)
        exchange = Exchange(await self.authenticate_request(api_id, headers), realtime=True)
        token = EXCHANGE.set(exchange)
        try:
            reply = await self.call("POST", path, {"content-type": "application/json", **headers}, body)
        finally:
            EXCHANGE.reset(token)
        return json.loads(reply.body), exchange.subscribed

    async def api_keys(self, api_id: str) -> list[dict[str, Any]]:
        """The API's keys."""
        keys: list[dict[str, Any]] = (await self._control(f"/v1/apis/{api_id}/apikeys"))["apiKeys"]
        return keys

    async def signing_keys(self, user_pool_id: str) -> dict[str, Any]:
        """The user pool's JWKS document; empty when there is no such pool."""
        reply = await self.call("GET", f"/{user_pool_id}/.well-known/jwks.json", {}, b"")
        return json.loads(reply.body) if reply.status == 200 else {}

    async def oidc_keys(self, issuer: str) -> dict[str, Any]:
        """The provider's JWKS document; empty when there is none."""
        return await asyncio.to_thread(fetched_keys, issuer)

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Sends one request to MiniStack."""
        given = {"host": f"127.0.0.1:{self._port}", "content-length": str(len(body)), **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", self._port),
        }
        request = iter([{"type": "http.request", "body": body, "more_body": False}])
        status, chunks = 0, []

        async def receive() -> dict[str, Any]:
            return next(request, {"type": "http.disconnect"})

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                chunks.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return Reply(status, b"".join(chunks))

    def _require_valid_signature(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Checks what the guard does not see: the signature, if there is one, that came inside a WebSocket."""
        request = Request("http", "POST", path, path, {}, headers)
        if request.signed_in_header and self._check_signature(request, body):
            raise Refused("UnauthorizedException", "You are not authorized to make this call.")

    async def _api(self, api_id: str) -> dict[str, Any]:
        api: dict[str, Any] = (await self._control(f"/v1/apis/{api_id}"))["graphqlApi"]
        return api

    async def _control(self, path: str) -> Any:
        """Reads from AppSync's control plane as root, whose signature MiniStack does not check."""
        credential = f"Credential=test/20260101/{_REGION}/appsync/aws4_request"
        authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"
        reply = await self.call("GET", path, {"authorization": authorization}, b"")
        if reply.status != 200:
            raise Refused("ResourceNotFoundException", "Unable to find the Api.", 404)
        return json.loads(reply.body)

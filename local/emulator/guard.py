"""Decides which requests reach the emulated AWS.

A function of the emulated AWS is a program on this machine, and every page in the developer's browser can send
requests to it. So a request must have a valid signature, or be one that AWS answers without a signature: GraphQL, a
REST route, a public Cognito operation, or a pool's public keys. Pages may send these, and use links to S3 objects and
signed forms that upload one. All other requests from a page of another origin are refused, even with a signature.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from local.asgi import AsgiApp, CheckSignature, Request

_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[Any], Awaitable[None]]

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_GRAPHQL = re.compile(r"/v1/apis/[^/]+/graphql")
_REALTIME = re.compile(r"/v1/apis/[^/]+/graphql(/realtime)?")
_REST = re.compile(r"/restapis/[^/]+/[^/]+/_user_request_(/.*)?", re.DOTALL)
_PUBLIC_KEYS = re.compile(r"/[\w-]+/\.well-known/(jwks\.json|openid-configuration)")
_S3_OBJECT = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/.+")
_S3_BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/?")
_COGNITO = "AWSCognitoIdentityProviderService."


class Access(Enum):
    """How a request may be served."""

    PUBLIC = "without a signature"
    SIGNED = "with a valid signature"
    REFUSED = "not at all"


class Guard:
    """ASGI middleware that passes on only the requests that may be served.

    Args:
        app: What serves them.
        check_signature: Checks a signature over the whole request.
        public_operations: The operations of Cognito's user pools that AWS serves without a signature.
    """

    def __init__(self, app: AsgiApp, *, check_signature: CheckSignature, public_operations: Collection[str]) -> None:
        self._app = app
        self._check_signature = check_signature
        self._public_operations = public_operations

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Serves one connection or request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = Request.of(scope)
        granted = access(request, self._public_operations)
        if granted is Access.REFUSED:
            await _refuse(request, send)
        elif granted is Access.PUBLIC:
            await self._app(scope, receive, send)
        else:
            body = await _read(receive)
            if refusal := self._check_signature(request, body):
                await _answer(send, *refusal)
            else:
                await self._app(scope, _once_more(body, receive), send)


def access(request: Request, public_operations: Collection[str]) -> Access:
    """Decides by a request's head alone how it may be served.

    Args:
        request: The request.
        public_operations: See `Guard`.
    """
    if not _is_this_machine(f"//{request.headers.get('host', '')}"):
        return Access.REFUSED  # a page whose own name resolves to this machine
    if request.kind == "websocket":
        return Access.PUBLIC if _REALTIME.fullmatch(request.path) else Access.REFUSED
    is_object_link = request.signed_in_query and _is_object_link(request)
    is_upload_form = _is_upload_form(request)
    is_public = _is_public(request, public_operations)
    if not (is_public or is_object_link or is_upload_form) and _is_from_another_origin(request):
        return Access.REFUSED
    if is_upload_form:
        return Access.SIGNED
    if request.method == "OPTIONS":
        return Access.PUBLIC if is_public or is_object_link else Access.REFUSED
    if request.signed_in_header and not request.signed_in_query:
        return Access.SIGNED
    if request.signed_in_query:
        return Access.SIGNED if is_object_link else Access.REFUSED
    return Access.PUBLIC if is_public else Access.REFUSED


def _is_public(request: Request, public_operations: Collection[str]) -> bool:
    """Whether AWS serves this, or answers the preflight for it, without a signature."""
    target = request.headers.get("x-amz-target")
    if request.method == "OPTIONS":
        sends_form = request.headers.get("access-control-request-method") == "POST" and not request.query
        is_form = sends_form and _S3_BUCKET.fullmatch(request.path)
        return bool(request.path == "/" or is_form or _GRAPHQL.fullmatch(request.path) or _REST.fullmatch(request.path))
    if target is not None:  # The emulator dispatches on this header and ignores the path.
        operation = target.removeprefix(_COGNITO)
        is_cognito = (request.method, request.path) == ("POST", "/") and not request.query
        return is_cognito and target != operation and operation in public_operations
    if request.method == "POST" and _GRAPHQL.fullmatch(request.path):
        return True
    if request.method == "GET" and _PUBLIC_KEYS.fullmatch(request.path):
        return "authorization" not in request.headers
    return _REST.fullmatch(request.path) is not None


def _is_object_link(request: Request) -> bool:
    scope = "".join(request.query.get("X-Amz-Credential", [])).split("/")
    return (
        not request.signed_in_header
        and "x-amz-target" not in request.headers
        and request.query.get("X-Amz-Algorithm") == ["AWS4-HMAC-SHA256"]
        and len(scope) == 5
        and scope[3] == "s3"
        and _S3_OBJECT.fullmatch(request.path) is not None
    )


def _is_upload_form(request: Request) -> bool:
    """Whether this is a form for a bucket, whose signature is one of its fields."""
    return (
        request.method == "POST"
        and not request.query
        and not request.signed_in_header
        and "x-amz-target" not in request.headers
        and request.headers.get("content-type", "").startswith("multipart/form-data")
        and _S3_BUCKET.fullmatch(request.path) is not None
    )


def _is_from_another_origin(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin != f"http://{request.headers['host']}"


def _is_this_machine(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _THIS_MACHINE
    except ValueError:
        return False


async def _read(receive: _Receive) -> bytes:
    chunks = []  # joined once: a package comes in hundreds of chunks
    while (message := await receive())["type"] == "http.request":
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _once_more(body: bytes, receive: _Receive) -> _Receive:
    """Return a `receive` that yields the already read body first, and then the following messages."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Any:
        return unread.pop() if unread else await receive()

    return receive_again


async def _refuse(request: Request, send: _Send) -> None:
    if request.kind == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    code = "MissingAuthenticationTokenException"
    message = "Unsigned or foreign requests are refused: sign them with a key of this machine, outside a browser."
    body = json.dumps({"__type": code, "message": message}).encode()
    await _answer(send, 403, {"content-type": "application/json", "x-amzn-errortype": code}, body)


async def _answer(send: _Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    sent.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})

"""Requests as an ASGI server passes them on, before anything acts on them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, quote

_QUERY_CREDENTIALS = {"x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid"}


@dataclass(frozen=True)
class Request:
    """The head of an HTTP request or of a WebSocket handshake.

    Attributes:
        kind: `http` or `websocket`.
        method: The HTTP method; `GET` for a WebSocket.
        path: The decoded path.
        raw_path: The path as sent, which S3's signatures cover.
        query: Each parameter's values.
        headers: By lower-case name. Repeated headers are joined with a comma, as SigV4 signs them.
    """

    kind: str
    method: str
    path: str
    raw_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Self:
        """Reads an ASGI connection scope."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), _text(raw_value)
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        return cls(
            kind=scope["type"],
            method=scope.get("method", "GET"),
            path=scope["path"],
            raw_path=(scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1"),
            query=parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True),
            headers=headers,
        )

    @property
    def signed_in_header(self) -> bool:
        """Whether the Authorization header carries an AWS signature, valid or not."""
        return self.headers.get("authorization", "").startswith("AWS")

    @property
    def signed_in_query(self) -> bool:
        """Whether the query string carries any part of an AWS signature, valid or not."""
        return any(name.lower() in _QUERY_CREDENTIALS for name in self.query)


AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
CheckSignature = Callable[[Request, bytes], tuple[int, Mapping[str, str], bytes] | None]
"""Returns None for a valid signature, else the answer that refuses it."""


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

"""Keeps the pages of strangers out of the emulated AWS.

Its root key is known to everybody, so that a browser on this machine is all that a foreign page would need to create a
function, and a function is a program that runs here. GraphQL and REST stay open to all pages, because they want a
user's token. A page that has given its own name this machine's address is known by the host that it asks for.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_FOR_PAGES = re.compile(r"/v1/apis/[^/]+/graphql(/realtime)?|/restapis/[^/]+/[^/]+/_user_request_(/.*)?")


def from_a_foreign_page(scope: Mapping[str, Any]) -> bool:
    """Whether a request comes from a page of another machine and asks for what no page should.

    Args:
        scope: The ASGI connection scope.
    """
    if scope["type"] not in ("http", "websocket"):
        return False
    headers = dict(scope["headers"])
    if not _is_this_machine(f"//{headers.get(b'host', b'127.0.0.1').decode('latin-1')}"):
        return True
    origin = headers.get(b"origin")
    if origin is None or _FOR_PAGES.fullmatch(scope["path"]):
        return False
    return not _is_this_machine(origin.decode("latin-1"))


def _is_this_machine(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _THIS_MACHINE
    except ValueError:
        return False

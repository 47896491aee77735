"""Fetches the keys of an OpenID Connect provider, as AppSync finds them: by the provider's discovery document.

AppSync remembers keys for a while. Here they are fetched for each request, because a provider on this machine is new
with each test, and another one answers fast enough.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
"""

import json
import ssl
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

_TIMEOUT_SECONDS = 5


def fetched_keys(issuer: str) -> dict[str, Any]:
    """Returns the provider's JWKS document; an empty one, with which no token is valid, if it cannot be read."""
    try:
        discovered = _json_at(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        return _json_at(discovered["jwks_uri"]) if discovered.get("issuer") == issuer else {}
    except (URLError, TimeoutError, ValueError, KeyError):
        return {}


def _json_at(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValueError(f"{url} is not https")
    if parts.hostname == "127.0.0.1":  # Its certificate is its own, and nobody else can answer there.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opener = build_opener(HTTPSHandler(context=context), ProxyHandler({}))
    else:
        opener = build_opener()
    with opener.open(url, timeout=_TIMEOUT_SECONDS) as response:
        document: dict[str, Any] = json.load(response)
    return document

"""An OpenID Connect provider on this machine: a discovery document, keys made at its start, and tokens for anybody."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.emulator.certificate import write_certificate

AUDIENCE = "client-1"
TENANT_CLAIM = "https://example.com/tenant"
KEY_ID = "key-1"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class OidcIssuer:
    """The provider; its `issuer` has no slash at the end.

    Attributes:
        issuer: Its address, and the claim `iss` of its tokens.
        documents: What it serves, by path.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._key = new_key()
        self.issuer = f"https://127.0.0.1:{server.server_port}/realms/main"
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        self.documents: dict[str, Any] = {
            "/realms/main/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
            },
            "/realms/main/keys": {"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]},
        }

    def token(self, sub: str, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        """A token of this user with these claims instead of the usual ones; None leaves one out."""
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": sub, "iat": now, "auth_time": now, "exp": now + 3600}
        claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
        key = self._key if key is None else key
        return jwt.encode(claims, None if algorithm == "none" else key, algorithm=algorithm, headers={"kid": KEY_ID})


@contextmanager
def oidc_issuer(folder: Path) -> Iterator[OidcIssuer]:
    """Within this context, the provider answers over TLS, with a certificate that only this machine has."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = made.documents.get(self.path)
            body = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_certificate(folder, "127.0.0.1"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = OidcIssuer(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""How long a warm publisher takes per message, ours and the usual way. AppSync answers after 10 ms, over TLS.

Ours keeps its connection between invocations, so that only the first one makes a handshake.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import requests
from botocore.credentials import Credentials
from chalicelib.publisher.appsync import AppSync
from chalicelib.publisher.publish import Publisher
from chalicelib.publisher.sessions import Sessions

from bench.baseline import publish
from bench.row import RATIO, Row, single
from local.emulator.certificate import write_certificate

_REPETITIONS = 5
_MESSAGES = 100
_USUAL_MESSAGES = 25  # enough, because each is a separate request
_BATCH = 50
_APPSYNC_SECONDS = 0.010


class _Watched:
    """Every user is watching, as a warm publisher remembers."""

    def may_watch(self, _: object) -> bool:
        return True


class _AppSync(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    handshakes = 0

    def setup(self) -> None:
        """Count the connections."""
        type(self).handshakes += 1
        super().setup()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(_APPSYNC_SECONDS)
        names = [name for name in body["variables"] if name.startswith("m")] or ["publishStatus"]
        answer = json.dumps({"data": {name: {"userId": "x"} for name in names}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure_publisher() -> list[Row]:
    """Publish the same messages in batches, as the recorder hands them over, and one by one."""
    with _appsync() as url:
        before = _AppSync.handshakes
        ours = [[_ours(url)] for _ in range(_REPETITIONS)]
        handshakes = (_AppSync.handshakes - before) / _REPETITIONS
        usual = [[_usual(url)] for _ in range(_REPETITIONS)]
    return [
        Row("publisher, warm, AppSync at 10 ms: per message", "ms", ours, {RATIO: 0.1}, usual),
        single("  handshakes of its invocations", handshakes, "handshakes", 1),
    ]


def _ours(url: str) -> float:
    with requests.Session() as session:
        appsync = AppSync(
            url,
            region="us-east-1",
            credentials=Credentials("x", "x"),
            session=session,
            mutations_per_request=_BATCH,
        )
        publisher = Publisher(cast(Sessions, _Watched()), lambda: appsync, count=lambda *_: None)
        publisher.publish({"messages": [_message(0)]})  # opens the connection
        began = time.perf_counter()
        for first in range(0, _MESSAGES, _BATCH):
            answer = publisher.publish({"messages": [_message(first + number) for number in range(_BATCH)]})
            if answer["published"] != _BATCH:
                raise RuntimeError(f"the publisher answered {answer}, so its figures mean nothing")
        return (time.perf_counter() - began) * 1000 / _MESSAGES


def _usual(url: str) -> float:
    # Only here: the measurements after this one need the environment as it was.
    with patch.dict(os.environ, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x"):
        began = time.perf_counter()
        for number in range(_USUAL_MESSAGES):
            publish(_message(number), url, "us-east-1")
        return (time.perf_counter() - began) * 1000 / _USUAL_MESSAGES


def _message(number: int) -> dict[str, Any]:
    return {
        "userId": "alice",
        "tenantId": "acme",
        "requestId": "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11",
        "status": "thinking",
        "message": f"Step {number}",
        "timestamp": 1_700_000_000_000 + number,
        "seq": number + 1,
    }


@contextmanager
def _appsync() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _AppSync)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = write_certificate(Path(folder), "127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread.start()
        try:
            # Only here: the measurements after this one need the environment as it was.
            with patch.dict(os.environ, REQUESTS_CA_BUNDLE=str(certificate)):
                yield f"https://127.0.0.1:{server.server_port}/graphql"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

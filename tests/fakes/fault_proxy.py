"""A proxy that plants faults in front of an AWS server, chosen by a seeded random generator.

Of each ten requests, the rate decides exactly how many meet a fault, in a shuffled order, so that even a short run at
10 % meets one. A hanging or refused request never reaches the server; a request whose answer is cut has taken effect.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = ("refuse", "hang", "fail", "cut")
_ERRORS = [
    (500, {"__type": "InternalServerError", "message": "a fault"}),
    (400, {"__type": "ThrottlingException", "message": "a fault"}),
]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FaultProxy:
    """Stands on a free port of 127.0.0.1 before an HTTP server. Make it with `fault_proxy()`.

    Attributes:
        requests: How many requests have come so far.
        faults: How many of them met a fault.
    """

    def __init__(self, upstream: str, faults: Sequence[str], percent: int, seed: int) -> None:
        self.requests = 0
        self.faults = 0
        self._upstream = urlsplit(upstream)
        self._kinds = faults
        self._percent = percent
        self._dice = random.Random(seed)
        self._fates: list[str | None] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.upstream = HTTPConnection(proxy._upstream.hostname, proxy._upstream.port)

            def finish(self):
                self.upstream.close()
                super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fate = proxy._fate()
                if fate == "refuse":
                    self._reset()
                elif fate == "hang":
                    proxy._released.wait()
                    self._reset()
                elif fate == "fail":
                    status, error = proxy._dice.choice(_ERRORS)
                    self._answer(status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(error).encode())
                else:
                    self._pass_on(body, cut=fate == "cut")

            def _pass_on(self, body, *, cut):
                self.upstream.request("POST", self.path, body, dict(self.headers))
                answer = self.upstream.getresponse()
                content = answer.read()
                headers = {
                    name: value
                    for name, value in answer.getheaders()
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server")
                }
                self._answer(answer.status, headers, content, cut=cut)

            def _answer(self, status, headers, content, *, cut=False):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(max(len(content), cut)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if cut else content)
                if cut:
                    self._reset()

            def _reset(self):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                self.connection.close()
                self.close_connection = True

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def heal(self) -> None:
        """From now on every request passes; those that hang are refused."""
        with self._lock:
            self._percent = 0
            self._fates = []
        self._released.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _fate(self) -> str | None:
        with self._lock:
            if not self._fates:
                struck = self._percent // 10
                self._fates = [self._dice.choice(self._kinds) for _ in range(struck)] + [None] * (10 - struck)
                self._dice.shuffle(self._fates)
            fate = self._fates.pop()
            self.requests += 1
            self.faults += fate is not None
            return fate


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that give up are the point."""


@contextmanager
def fault_proxy(upstream: str, faults: Sequence[str] = FAULTS, *, percent: int, seed: int = 0) -> Iterator[FaultProxy]:
    """Run the proxy in front of the server at `upstream` during the block.

    Args:
        upstream: The server, `http://127.0.0.1:<port>`.
        faults: Which of `FAULTS` may happen.
        percent: How many of a hundred requests meet one: tens.
        seed: For the dice.
    """
    proxy = FaultProxy(upstream, faults, percent, seed)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()

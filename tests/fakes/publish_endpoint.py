"""A tiny HTTP server for the publisher's mutations: records the requests and returns the answers that a test sets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes
    client_port: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def take_everything(request: Received) -> tuple[int, Any]:
    """Answer as AppSync does when it takes each message."""
    return 200, {"data": dict(request.json["variables"])}


class PublishEndpoint:
    """Serves on a free port of 127.0.0.1; `answer` says what comes back: a status and JSON, or text, with `headers`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], tuple[int, Any]] = take_everything
        self.headers: dict[str, str] = {}
        self.released = threading.Event()
        self.silent = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.path, headers, body, self.client_address[1])
                outer.received.append(request)
                if outer.silent:
                    outer.released.wait()
                    self.close_connection = True
                    return
                status, answer = outer.answer(request)
                content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                for name, value in {**outer.headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/graphql"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def publish_endpoint() -> Iterator[PublishEndpoint]:
    endpoint = PublishEndpoint()
    endpoint.start()
    try:
        yield endpoint
    finally:
        endpoint.stop()

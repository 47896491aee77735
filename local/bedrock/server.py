"""The scripted model's HTTP server, on loopback only.

The standard library's server is enough: one route, no streaming (the emulator always asks for complete answers), and
one thread per request, so that a slow answer does not delay others.
"""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.bedrock.script import MODEL_NAME, ModelError, complete_chat

HOST = "127.0.0.1"
MAX_REQUEST_BYTES = 8 * 1024 * 1024


def create_server(port: int) -> ThreadingHTTPServer:
    """Return a server bound to `port` of 127.0.0.1 (0 picks a free one); `serve_forever` is the caller's to call.

    Routes: `POST /v1/chat/completions`, and `GET /v1/models`, which answers once the server is ready.

    Raises:
        OSError: The port is taken.
    """
    server = ThreadingHTTPServer((HOST, port), _Handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # Seconds after which a silent connection is closed.

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._answer(HTTPStatus.OK, {"object": "list", "data": [{"id": MODEL_NAME, "object": "model"}]})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"There is no {self.path} here; POST to /v1/chat/completions.")

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_REQUEST_BYTES:
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, f"content-length must be given, and at most {MAX_REQUEST_BYTES}.")
            return
        body = self.rfile.read(int(length))
        if self.path != "/v1/chat/completions":
            self._refuse(HTTPStatus.NOT_FOUND, f"There is no {self.path} here; POST to /v1/chat/completions.")
            return
        try:
            request = json.loads(body)
            if not isinstance(request, dict):
                raise ModelError(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.")
            self._answer(HTTPStatus.OK, complete_chat(request))
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}")
        except ModelError as error:
            self._refuse(error.status, str(error))

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: requests contain users' queries."""

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"error": {"message": message, "type": "scripted_model_error", "code": None}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

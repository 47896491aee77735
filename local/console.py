"""Serves the built console: `python -m local.console --directory STATE` until SIGTERM or Ctrl-C.

It serves the files as a static host on AWS would, with the same Content-Security-Policy but for the addresses. The
configuration is read from the state directory at each request, because a deployment may change it.
"""

import argparse
import sys
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local.serving import serve_until_signal
from local.settings import HOST, ROOT

BUILT = ROOT / "web" / "console" / "dist"
CONFIG_FILE = "config.json"
POLICY_FILE = "content-security-policy"
PORT = 8100
"""Always the same if it is free, because a browser keeps the sign-in for each address."""


class ConsoleServer(ThreadingHTTPServer):
    """The server of the console.

    Args:
        port: The port on 127.0.0.1; 0 stands for any free one.
        directory: The state directory, which has the configuration and the policy.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int, directory: Path) -> None:
        super().__init__((HOST, port), _Handler)
        self.directory = directory


class _Handler(SimpleHTTPRequestHandler):
    server: ConsoleServer
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=str(BUILT))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == f"/{CONFIG_FILE}":
            self._send_config()
        elif path == "/" and not (BUILT / "index.html").exists():
            self.send_error(HTTPStatus.NOT_FOUND, "The console is not built: run make setup")
        else:
            super().do_GET()

    def end_headers(self) -> None:
        policy = self.server.directory / POLICY_FILE
        if policy.exists():
            self.send_header("Content-Security-Policy", policy.read_text())
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:  # noqa: ARG002 - there is nothing to list
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: object) -> None:
        pass

    def _send_config(self) -> None:
        config = self.server.directory / CONFIG_FILE
        if not config.exists():
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "The local machine is not deployed yet")
            return
        body = config.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> int:
    """Serve until told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.console", description="Serve the console.")
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()
    try:
        server = ConsoleServer(PORT, options.directory)
    except OSError:
        server = ConsoleServer(0, options.directory)  # another local machine has it
    serve_until_signal(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())

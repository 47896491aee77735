"""A page in a real browser: the page's server waits until its script has reported."""

import contextlib
import json
import mimetypes
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.browser import chromium

_REPORT_SECONDS = 120
# It runs as root in containers, where Chromium has no sandbox, and with little shared memory.
_OPTIONS = ("--headless", "--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")


def report_of(page: str, *, host: str, assets: Path | None = None) -> Any:
    """Open a page in the browser and return what its script posts, as JSON, to `/report`.

    Args:
        page: The page's HTML.
        host: The name that it is served under; in the browser it stands for this machine.
        assets: The folder of the files that it loads.
    """
    files = {f"/{path.relative_to(assets)}": path for path in assets.rglob("*") if path.is_file()} if assets else {}
    with _Server(page, files) as server, tempfile.TemporaryDirectory() as profile:
        url = f"http://{host}:{server.server_port}/"
        rules = f"--host-resolver-rules=MAP {host} 127.0.0.1"
        command = [chromium(), *_OPTIONS, "--no-proxy-server", rules, f"--user-data-dir={profile}", url]
        with _running(command, Path(profile)):
            if not server.reported.wait(_REPORT_SECONDS):
                pytest.fail(f"the page has not reported: {(Path(profile) / 'log').read_text()[-2000:]}")
    return server.report


@contextlib.contextmanager
def _running(command: list[str], directory: Path) -> Iterator[None]:
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": str(directory)})
        try:
            yield
        finally:
            process.terminate()
            process.wait()


class _Server(ThreadingHTTPServer):
    """Serves one page with its files, and takes its report."""

    daemon_threads = True

    def __init__(self, page: str, files: Mapping[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page.encode()
        self.files = files
        self.report: Any = None
        self.reported = threading.Event()

    def __enter__(self) -> "_Server":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        file = self.server.files.get(self.path)
        if self.path == "/":
            self._answer(200, self.server.page)
        elif file:
            self._answer(200, file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream")
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(204, b"")
        self.server.reported.set()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes, content_type: str = "text/html; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

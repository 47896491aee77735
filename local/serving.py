"""Serves until a signal, for the local servers that are processes of their own."""

import signal
import threading
from http.server import ThreadingHTTPServer

from local.settings import HOST


def serve_until_signal(server: ThreadingHTTPServer) -> None:
    """Print on one line that the server is ready, and where; serve until SIGTERM or Ctrl-C; then close it."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        print(f"ready http://{HOST}:{server.server_port}", flush=True)
        stop.wait()
        server.shutdown()

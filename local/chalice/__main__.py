"""`python -m local.chalice --socket FD`: serves the application's routes on an open socket.

The first line of standard input describes the deployed API. The process ends when standard input ends, so it never
outlives its parent. It is restarted after each change of the sources. If the sources cannot be loaded, each response
contains the error until the next change, because a developer may watch either the terminal or the responses.
"""

import argparse
import importlib
import logging
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from chalice.local import ChaliceRequestHandler, ThreadedHTTPServer

from local.chalice.deployed import DeployedApi
from local.chalice.gateway import Gateway, UnloadableApp
from local.settings import ROOT


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until standard input ends, and return the exit code."""
    parser = argparse.ArgumentParser(prog="local.chalice", description="The application's routes.")
    parser.add_argument("--socket", type=int, required=True, help="number of a listening socket")
    options = parser.parse_args(arguments)
    # As `chalice local` does, so that the application behaves the same.
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    api = DeployedApi.from_json(sys.stdin.readline())
    handler = partial(_Handler, gateway=_gateway(api))
    with _Server(socket.socket(fileno=options.socket), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()
    return 0


def _gateway(api: DeployedApi) -> Gateway | UnloadableApp:
    sys.path.insert(0, str(ROOT / "chalice_app"))
    try:
        return Gateway(importlib.import_module("app").app, api)
    except Exception as error:  # noqa: BLE001 - sources that are being edited may fail in any way
        traceback.print_exc(limit=-2)
        return UnloadableApp(error, api)


class _Handler(ChaliceRequestHandler):
    """Chalice's handler, with an existing gateway."""

    def __init__(self, *connection: Any, gateway: Any) -> None:
        self.local_gateway = gateway
        BaseHTTPRequestHandler.__init__(self, *connection)


class _Server(ThreadedHTTPServer):
    """Chalice's server, on a socket that outlives it: requests during a reload wait and are not refused."""

    socket: Any

    def __init__(self, listener: socket.socket, handler: Any) -> None:
        super().__init__(listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


if __name__ == "__main__":
    sys.exit(main())

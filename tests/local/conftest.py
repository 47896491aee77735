"""One emulator for all tests here, and its APIs."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from local.emulator.process import REPOSITORY, EmulatorProcess
from tests.local.appsync_api import Aws, GraphqlApi, ModelServer, RealtimeClient, User, create_api


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            model.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            message = {"role": "assistant", "content": "hello from the model"}
            body = json.dumps({"choices": [{"message": message}]}).encode()
            self.send_response(model.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model = ModelServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield model
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def new_emulator(model_server: ModelServer) -> Callable[[Path], EmulatorProcess]:
    def create(directory: Path, **options: Any) -> EmulatorProcess:
        given = {
            "interpreter": REPOSITORY / ".local/ministack-venv/bin/python",
            "function_python": REPOSITORY / ".local/function-venv/bin/python",
            "model_url": model_server.url,
            "log": directory / "emulator.log",
        }
        return EmulatorProcess(**given | options)

    return create


@pytest.fixture(scope="session")
def emulator(
    new_emulator: Callable[[Path], EmulatorProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmulatorProcess]:
    with new_emulator(tmp_path_factory.mktemp("emulator")) as process:
        yield process


@pytest.fixture(scope="session")
def aws(emulator: EmulatorProcess) -> Aws:
    return Aws(emulator.endpoint)


@pytest.fixture(scope="session")
def api(aws: Aws) -> GraphqlApi:
    return create_api(aws, "rules")


@pytest.fixture(scope="session")
def other_api(aws: Aws) -> GraphqlApi:
    return create_api(aws, "other")


@pytest.fixture
def dial(api: GraphqlApi) -> Iterator[Callable[..., RealtimeClient]]:
    """Opens connections that end with the test; a user's ID token is the credential unless headers are given."""
    with ExitStack() as stack:

        def open_connection(
            user: User | None = None, *, headers: Any = None, url: str = "", in_query: bool = False, **options: Any
        ) -> RealtimeClient:
            host = {"host": api.url.split("/")[2]}
            sent = headers or {**host, "Authorization": user.id_token if user else ""}
            text = json.dumps(sent).encode()
            offered, query = ["graphql-ws"], ""
            if in_query:
                query = f"?header={base64.b64encode(text).decode()}&payload=e30="
            else:
                offered.append("header-" + base64.urlsafe_b64encode(text).decode().rstrip("="))
            address = (url or api.realtime_url) + query
            socket = stack.enter_context(connect(address, subprotocols=[Subprotocol(each) for each in offered]))
            return RealtimeClient(socket, sent, **options)

        yield open_connection

"""Another server answers for Bedrock's models, by its own model name and key; its errors reach the caller."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.process import EmulatorProcess
from tests.local.appsync_api import Aws
from tests.local.emulator.test_emulator_compute import converse, converse_stream, create_function, put_role

NAME = "llama3.2:3b"
KEY = "sk-a-key-that-nobody-may-see"
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}
CALLS = pytest.mark.parametrize("call", [converse, converse_stream])

NewEmulator = Callable[..., EmulatorProcess]


@pytest.fixture(scope="module")
def picky_server() -> Iterator[str]:
    """A server as vLLM is with `--api-key`: it wants its key, and a model that it has."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers.get("Authorization", "")
            if key != f"Bearer {KEY}":
                self.answer(401, {"error": f"Unauthorized: {key}"})
            elif asked["model"] != NAME:
                message = f"The model `{asked['model']}` does not exist for {KEY}."
                self.answer(404, {"error": {"message": message, "type": "NotFoundError", "code": 404}})
            else:
                self.answer(200, ANSWER)

        def answer(self, status: int, told: Any) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def failure(emulator: EmulatorProcess, call: Callable[[Any], str]) -> str:
    with pytest.raises(ClientError) as failed:
        call(Aws(emulator.endpoint).client("bedrock-runtime"))
    error = failed.value.response["Error"]
    assert error["Code"] == "ModelErrorException"
    message: str = error["Message"]
    return message


@CALLS
def test_the_server_is_asked_for_its_own_model_with_its_key(
    new_emulator: NewEmulator, tmp_path: Path, picky_server: str, call: Any
) -> None:
    with new_emulator(tmp_path, model_url=picky_server, model_name=NAME, model_key=KEY) as emulator:
        assert call(Aws(emulator.endpoint).client("bedrock-runtime")) == "hello"


@CALLS
@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("gpt-1", KEY, "The model server answered 404: The model `gpt-1` does not exist for ***."),
        (NAME, "other", "The model server answered 401: Unauthorized: Bearer ***"),
    ],
)
def test_the_servers_own_error_reaches_the_caller(
    new_emulator: NewEmulator, tmp_path: Path, picky_server: str, call: Any, name: str, key: str, message: str
) -> None:
    with new_emulator(tmp_path, model_url=picky_server, model_name=name, model_key=key) as emulator:
        assert failure(emulator, call) == message


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, b"<h1>Bad gateway</h1>", "The model server answered 500: <h1>Bad gateway</h1>"),
        (503, b'{"detail": "loading"}', 'The model server answered 503: {"detail": "loading"}'),
        (400, b'{"object": "error", "message": "too long"}', "The model server answered 400: too long"),
        (500, b"x" * 10_000, "The model server answered 500: " + "x" * 500),
        (200, b"{}", "The model server's answer is no chat completion."),
        (200, b"hello", "The model server at {url} gave no usable answer: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_whatever_a_server_says_is_told(
    new_emulator: NewEmulator, tmp_path: Path, status: int, body: bytes, message: str
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url, new_emulator(tmp_path, model_url=url) as emulator:
        assert failure(emulator, converse) == message.replace("{url}", url)


def test_a_server_that_is_not_there(new_emulator: NewEmulator, tmp_path: Path) -> None:
    with new_emulator(tmp_path, model_url="http://127.0.0.1:1") as emulator:
        assert failure(emulator, converse).startswith("The model server at http://127.0.0.1:1 gave no usable answer: ")


def test_no_function_inherits_the_models_key(new_emulator: NewEmulator, tmp_path: Path, picky_server: str) -> None:
    code = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    with new_emulator(tmp_path, model_url=picky_server, model_key=KEY) as emulator:
        aws = Aws(emulator.endpoint)
        create_function(aws, "probe", put_role(aws, "probe", {"Effect": "Deny", "Action": "*", "Resource": "*"}), code)
        answer = aws.client("lambda").invoke(FunctionName="probe")["Payload"].read().decode()
    assert "AWS_LAMBDA_FUNCTION_NAME" in answer
    assert KEY not in answer
    assert aws.endpoint.secret_access_key not in answer

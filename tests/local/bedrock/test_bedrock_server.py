"""The scripted model over HTTP, as the emulator asks it."""

import http.client
import json
import signal
import subprocess
import sys
import threading

import pytest

from local.bedrock.server import create_server


@pytest.fixture
def connection():
    with create_server(0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        yield connection
        connection.close()
        server.shutdown()
        thread.join()


def exchange(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_a_chat_is_completed(connection):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]})
    status, answer = exchange(connection, "POST", "/v1/chat/completions", body)
    assert (status, answer["model"], answer["choices"][0]["finish_reason"]) == (200, "m", "stop")


def test_it_says_that_it_is_ready(connection):
    assert exchange(connection, "GET", "/v1/models")[0] == 200


def test_a_directed_error_is_an_http_error_with_its_reason(connection):
    body = json.dumps({"messages": [{"role": "user", "content": "[model:error 500]"}]})
    status, answer = exchange(connection, "POST", "/v1/chat/completions", body)
    assert (status, answer["error"]["message"]) == (500, "The query asked the scripted model to fail with 500.")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/v1/other", None, None, 404),
        ("POST", "/v1/other", "{}", None, 404),
        ("POST", "/v1/chat/completions", "{", None, 400),
        ("POST", "/v1/chat/completions", "[]", None, 400),
        ("POST", "/v1/chat/completions", None, {"content-length": "99999999"}, 400),
    ],
)
def test_what_it_does_not_serve_is_refused(connection, method, path, body, headers, status):
    got, answer = exchange(connection, method, path, body, headers)
    assert (got, bool(answer["error"]["message"])) == (status, True)


def test_the_command_serves_until_it_is_told_to_stop():
    command = [sys.executable, "-m", "local.bedrock", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_the_command_says_when_its_port_is_taken():
    with create_server(0) as server:
        command = [sys.executable, "-m", "local.bedrock", "--port", str(server.server_port)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{server.server_port}: Address already in use" in result.stderr

"""Starting and ending: what is refused with one line, and what is left behind."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from botocore.exceptions import BotoCoreError

from local.emulator.process import REPOSITORY, EmulatorFailed, EmulatorProcess
from tests.local.appsync_api import Aws, create_api
from tests.local.emulator.test_emulator_compute import converse, create_function, invoke, put_role
from tests.waiting import wait_until

NewEmulator = Callable[..., EmulatorProcess]
STATEMENT = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_leaves_no_process_behind(
    new_emulator: NewEmulator, tmp_path: Path, signal_number: signal.Signals
) -> None:
    emulator = new_emulator(tmp_path)
    with emulator:
        aws = Aws(emulator.endpoint)
        create_function(aws, "probe", put_role(aws, "reader", STATEMENT))
        assert invoke(aws, "probe")[0]
        api = create_api(aws, "one")
        assert "errors" not in api.post("{ whoAmI { sub } }", authorization=api.ada.id_token).json()
        process = psutil.Process(emulator.pid)
        children = process.children(recursive=True)
        assert {Path(child.name()).name.rstrip("0123456789.") for child in children} == {"python", "node"}
        listening = {connection.laddr.ip for connection in process.net_connections() if connection.status == "LISTEN"}
        assert listening == {"127.0.0.1"}
        os.kill(emulator.pid, signal_number)
        wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
        assert emulator.stop() == 0
        wait_until(lambda: not any(child.is_running() for child in children))


def test_the_end_does_not_wait_for_a_function_at_work_or_an_open_connection(
    new_emulator: NewEmulator, tmp_path: Path
) -> None:
    with new_emulator(tmp_path) as emulator, requests.Session() as idle:
        idle.get(emulator.url, timeout=5)
        aws = Aws(emulator.endpoint)
        create_function(aws, "probe", put_role(aws, "reader", STATEMENT))
        payload = json.dumps({"sleep": 50})
        aws.client("lambda").invoke(FunctionName="probe", InvocationType="Event", Payload=payload)
        process = psutil.Process(emulator.pid)
        wait_until(lambda: bool(process.children()))
        (worker,) = process.children()
        assert emulator.stop() == 0
        wait_until(lambda: not worker.is_running())


def test_the_end_does_not_wait_for_a_model_that_does_not_answer(new_emulator: NewEmulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as others:
        with new_emulator(tmp_path, model_url=f"http://127.0.0.1:{silent.getsockname()[1]}") as emulator:
            asking = others.submit(converse, Aws(emulator.endpoint).client("bedrock-runtime"))
            silent.settimeout(30)
            connection, _ = silent.accept()
            with connection:
                assert emulator.stop() == 0
        assert isinstance(asking.exception(), BotoCoreError)


def test_a_taken_port(new_emulator: NewEmulator, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        emulator = new_emulator(tmp_path, port=port)
        with pytest.raises(EmulatorFailed, match=rf"^local\.emulator: port {port} on 127\.0\.0\.1 cannot be used"):
            emulator.start()
        assert emulator.stop() == 1


def test_a_chosen_port(new_emulator: NewEmulator, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with new_emulator(tmp_path, port=port) as emulator:
        assert emulator.url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("changed", "function_python", "message"),
    [
        ({"PATH": "/nonexistent"}, "/bin/sh", "local.emulator: node is not on the PATH"),
        ({}, "/nonexistent/python", "local.emulator: --function-python /nonexistent/python is not"),
        (
            {"AWS_SECRET_ACCESS_KEY": ""},
            "/bin/sh",
            "local.emulator: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(changed: dict[str, str], function_python: str, message: str) -> None:
    command = [
        str(REPOSITORY / ".local/ministack-venv/bin/python"),
        *("-m", "local.emulator", "--port", "0", "--folder", "/nonexistent", "--model-url", "http://127.0.0.1:1"),
        *("--function-python", function_python),
    ]
    environment = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "root", "AWS_SECRET_ACCESS_KEY": "secret"} | changed
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(message)


def test_another_version_of_ministack_is_refused() -> None:
    code = "import local.emulator.ministack as m; m.SUPPORTED_VERSION = '0'; m.install('python', None)"
    command = [str(REPOSITORY / ".local/ministack-venv/bin/python"), "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "UnsupportedMinistack: MiniStack 0 is required, 1.5.33 is installed" in done.stderr

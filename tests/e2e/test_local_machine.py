"""The commands of the local machine: up once, found again, stopped without a trace; refusals; interruption."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest

from local.bedrock.server import create_server
from local.settings import ROOT
from local.stack_state import load_state

TIMEOUT_SECONDS = 240


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "stack"


@pytest.fixture
def environment(directory):
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    return {
        # What it prints must come at once without this help, too.
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", "LOCAL_MODEL_URL")},
        "RUNCAST_LOCAL_PORT": str(ports[0]),
        "RUNCAST_LOCAL_MODEL_PORT": str(ports[1]),
        "RUNCAST_LOCAL_DIR": str(directory),
    }


@pytest.fixture
def local(environment):
    """Run a command of the local machine; stop everything that it leaves running."""

    def run(*arguments, **variables):
        command = [sys.executable, "-m", "local", *arguments]
        return subprocess.run(
            command,
            env=environment | variables,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )

    yield run
    run("down")


def processes_of(directory):
    return [psutil.Process(process.pid) for process in load_state(directory).processes]


def at_work(command, name):
    """Wait until a command has started the process `name`; return all that it has started."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        assert command.poll() is None
        assert time.monotonic() < deadline
        children = psutil.Process(command.pid).children(recursive=True)
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if any(name in " ".join(child.cmdline()) for child in children):
                return children
        time.sleep(0.02)


def test_it_comes_up_once_and_goes_without_a_trace(local, directory):
    up = local("up")
    assert (up.returncode, up.stderr) == (0, "")
    assert "Users     alice (tenant acme) and bob (tenant globex)" in up.stdout
    processes = processes_of(directory)
    again = local("up")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "The local machine is running already.")
    assert processes_of(directory) == processes
    assert local("status").returncode == 0
    assert {connection.laddr.ip for process in processes for connection in process.net_connections("inet")} == {
        "127.0.0.1"
    }
    family = [*processes, *(child for process in processes for child in process.children(recursive=True))]
    assert local("down").stdout == "The local machine has stopped.\n"
    assert psutil.wait_procs(family, timeout=TIMEOUT_SECONDS)[1] == []
    assert not directory.exists()
    assert (local("status").returncode, local("down").returncode) == (1, 0)


@pytest.mark.long
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(environment, directory, signal_number):
    command = [sys.executable, "-m", "local", "up"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as up:
        while up.stdout.readline() != "Applying the Terraform ...\n":
            assert up.poll() is None
        processes = processes_of(directory)
        children = at_work(up, "local.terraform_provider")
        up.send_signal(signal_number)
        assert up.wait(TIMEOUT_SECONDS) == 130
    assert len(processes) == 3
    psutil.wait_procs(children, timeout=10)
    assert not any(process.is_running() for process in [*processes, *children])
    assert not directory.exists()


@pytest.fixture
def other_model():
    with create_server(0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.long
def test_held_and_with_another_model_it_stops_on_ctrl_c(environment, directory, other_model):
    command = [sys.executable, "-m", "local", "up", "--hold"]
    environment |= {"LOCAL_MODEL_URL": other_model, "LOCAL_MODEL_NAME": "any"}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as up:
        printed = []
        while not printed or printed[-1] != "Press Ctrl-C to stop it.\n":
            assert up.poll() is None
            printed.append(up.stdout.readline())
        assert f"Model     {other_model}\n" in printed
        assert [process.name for process in load_state(directory).processes] == ["the console", "the emulated AWS"]
        up.send_signal(signal.SIGINT)
        assert up.wait(TIMEOUT_SECONDS) == 130
        assert up.stdout.read() == "The local machine has stopped.\n"
    assert not directory.exists()


@pytest.mark.long
def test_what_a_killed_command_has_left_is_cleared_away(local, environment, directory):
    command = [sys.executable, "-m", "local", "up"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as up:
        while up.stdout.readline() != "Applying the Terraform ...\n":
            assert up.poll() is None
        processes = processes_of(directory)
        second = local("up")
        up.kill()
    message = f"Process {up.pid} is bringing the local machine up; wait for it or end it.\n"
    assert (second.returncode, second.stderr) == (1, message)
    assert all(process.is_running() for process in processes)
    assert local("status").stdout.splitlines()[-1] == "It is not ready."
    # It goes on to look for what it needs only when everything is cleared away.
    assert local("up", PATH="/nowhere").stdout == "Removing a local machine that has stopped ...\n"
    assert psutil.wait_procs(processes, timeout=TIMEOUT_SECONDS)[1] == []
    assert not directory.exists()


def test_a_taken_port_is_named(local, environment, directory):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["RUNCAST_LOCAL_PORT"])))
        taken.listen()
        up = local("up")
    port = environment["RUNCAST_LOCAL_PORT"]
    message = f"Port {port} of 127.0.0.1 is taken: free it, or choose another in RUNCAST_LOCAL_PORT.\n"
    assert (up.returncode, up.stdout, up.stderr) == (1, "", message)
    assert not directory.exists()


def test_a_missing_node_is_named(local, directory):
    up = local("up", PATH="/nowhere")
    message = "node is not on the PATH: install Node 20 or later; AppSync's resolvers run on it.\n"
    assert (up.returncode, up.stderr) == (1, message)
    assert not directory.exists()


def test_a_failing_terraform_is_shown_and_leaves_nothing_behind(local, directory, tmp_path):
    # Found first on the PATH, new enough, and unable to do anything.
    broken = tmp_path / "bin" / "terraform"
    broken.parent.mkdir()
    broken.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo \'{"terraform_version": "1.15.0"}\' && exit\necho "no disk"; exit 1\n'
    )
    broken.chmod(0o755)
    up = local("up", PATH=f"{broken.parent}:{os.environ['PATH']}")
    assert (up.returncode, up.stderr) == (1, "terraform init failed (1):\nno disk\n\n")
    assert not directory.exists()

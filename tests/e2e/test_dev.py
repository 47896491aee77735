"""`make dev`: what it prints, how it follows the sources, how it ends; its answers are compared in `test_rest`."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest
import requests

from local.settings import ROOT
from tests.e2e.conftest import AGENT, DEADLINE_SECONDS, DEPLOYED_SECONDS, Dev, free_port
from tests.waiting import wait_until

LIMITS = "runcast/limits.py"


class Sources:
    """Changes sources that `make dev` follows, and changes them back."""

    def __init__(self, dev):
        self._dev = dev
        self._kept = {}

    def edit(self, name, change):
        source = self._dev.project / name
        self._kept.setdefault(source, source.read_text())
        source.write_text(change(self._kept[source]))

    def restore(self):
        """Change everything back, and wait until that is deployed."""
        printed, kept = len(self._dev.lines), self._kept
        self._kept = {}
        for source, text in kept.items():
            source.write_text(text)
        if kept:
            self._dev.wait_for("Deployed.", after=printed)


@pytest.fixture
def sources(dev):
    sources = Sources(dev)
    yield sources
    sources.restore()


def test_the_lines_that_it_prints_do_what_they_say(dev, tmp_path):
    begin = dev.lines.index("As alice, in another shell:")
    lines = [line for line in dev.lines[begin + 1 : begin + 8] if line.startswith("  ")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert (done.returncode, f"  export RUNCAST_REST_URL={dev.url}" in lines) == (0, True), done
    assert done.stdout.splitlines()[-1].startswith(f'{{"agents":[{{"name":"{AGENT}"')


@pytest.mark.long
def test_a_change_is_served_at_once_and_deployed_behind_and_a_mistake_is_named_until_it_is_corrected(
    dev, sources, stack, alice
):
    def limit_told_by(url):
        headers = {"Authorization": alice.id_token}
        try:
            answer = requests.post(f"{url}/runs", json={"agent": AGENT}, headers=headers, timeout=DEADLINE_SECONDS)
        except requests.ConnectionError:
            return "nothing: it is being reloaded"
        return answer.json()["error"]["message"].removeprefix("query must be text of 1 to ")

    def health():
        try:
            answer = requests.get(f"{dev.url}/health", timeout=DEADLINE_SECONDS)
        except requests.ConnectionError:
            return "nothing: it is being reloaded"
        return answer.status_code, answer.json()

    printed = len(dev.lines)
    sources.edit(LIMITS, lambda text: text.replace("QUERY_MAX_CHARACTERS = 10_000", "QUERY_MAX_CHARACTERS = 9_999"))
    dev.wait_for(f"Changed: {LIMITS}. Reloading ...", after=printed)
    wait_until(lambda: limit_told_by(dev.url) == "9,999 characters.", deadline_seconds=DEPLOYED_SECONDS)
    wait_until(
        lambda: limit_told_by(stack.state.outputs["rest_url"]) == "9,999 characters.", deadline_seconds=DEPLOYED_SECONDS
    )
    dev.wait_for("Deployed.", after=printed)

    printed = len(dev.lines)
    line = len((dev.project / "chalice_app" / "app.py").read_text().splitlines()) + 1
    sources.edit("chalice_app/app.py", lambda text: text + "def broken(\n")
    reason = f"The application cannot be loaded: SyntaxError: '(' was never closed (app.py, line {line})."
    wait_until(
        lambda: health() == (500, {"error": {"type": "InternalFailure", "message": reason}}),
        deadline_seconds=DEPLOYED_SECONDS,
    )
    dev.wait_for("SyntaxError: '(' was never closed", after=printed)
    dev.wait_for("Not deployed, see above; the full log is ", after=printed)

    # Both at once, because each deployment takes long.
    sources.restore()
    wait_until(lambda: health()[0] == 200, deadline_seconds=DEPLOYED_SECONDS)
    assert limit_told_by(dev.url) == limit_told_by(stack.state.outputs["rest_url"]) == "10,000 characters."


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_a_machine_that_was_up_before_stays_and_nothing_else(stack, dev, signal_number):
    with Dev(stack, dev.project) as second:
        children = psutil.Process(second.process.pid).children(recursive=True)
        second.process.send_signal(signal_number)
        code = second.process.wait(DEADLINE_SECONDS)
        _, alive = psutil.wait_procs(children, timeout=DEADLINE_SECONDS)
    assert (len(children), alive) == (1, [])
    if signal_number == signal.SIGTERM:
        assert (code, second.lines[-1]) == (0, "The local machine keeps running; `make down` stops it.")
    assert stack.state.ready


@pytest.fixture
def refused(tmp_path):
    """Run it in a setting in which it cannot start; return its output. Nothing is left running."""

    def run(**variables):
        directory = tmp_path / "stack"
        environment = os.environ | {"RUNCAST_LOCAL_DIR": str(directory)} | variables
        for name in ("RUNCAST_LOCAL_PORT", "RUNCAST_LOCAL_MODEL_PORT"):
            environment[name] = str(free_port())
        done = subprocess.run(
            [sys.executable, "-m", "local", "dev"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        assert (done.returncode, done.stdout, directory.exists()) == (1, "", False)
        return done.stderr

    return run


def test_a_taken_port_is_named(refused):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = f"Port {port} of 127.0.0.1 is taken: free it, or choose another in RUNCAST_LOCAL_REST_PORT.\n"
        assert refused(RUNCAST_LOCAL_REST_PORT=port) == message


def test_what_the_machine_lacks_is_named(refused):
    message = "node is not on the PATH: install Node 20 or later; AppSync's resolvers run on it.\n"
    assert refused(RUNCAST_LOCAL_REST_PORT=str(free_port()), PATH="/nowhere") == message

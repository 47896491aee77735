"""The command as a process: what it loads, how signals end it, and what it does when nobody takes its output."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from local.settings import ROOT
from runcast.client.config import ClientConfig
from tests.contracts.watching_client import DEADLINE_SECONDS
from tests.fakes.appsync import FakeAppSync
from tests.unit.client.conftest import REQUEST_ID, goes_well
from tests.unit.client.terminal.conftest import COME_BACK, environment

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
COMMAND = ("-m", "runcast.client.terminal.command")
A_RUN = ("run", "terrain", "Where?", "--request-id", REQUEST_ID)
# A signal that comes while the commands are imported, as it does in the first second.
SIGNALLED_IMPORT = """
import os, sys
class Signal:
    def find_spec(self, name, *_):
        if name == "runcast.client.terminal.commands":
            os.kill(os.getpid(), int(sys.argv[1]))
sys.meta_path.insert(0, Signal())
from runcast.client.terminal.command import main
sys.exit(main(["list"]))
"""


@asynccontextmanager
async def process(
    config: ClientConfig, *arguments: str, stdout: int = asyncio.subprocess.PIPE, stdin: int | None = None
):
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environment(config)},
        stdin=stdin,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def one_step(server: FakeAppSync) -> None:
    await server.send(server.record("init"))


def test_help_loads_no_library_of_others():
    show = (
        "import sys; from runcast.client.terminal.command import main\n"
        "try: main(['--help'])\nfinally: print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in shown.stdout.splitlines()[-1].split()}
    assert not loaded & {"asyncio", "boto3", "botocore", "aiohttp", "gql", "graphql", "rich", "websockets", "yarl"}


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_ends_it_cleanly_and_it_says_how_to_come_back(
    server: FakeAppSync, config: ClientConfig, number: signal.Signals
):
    server.script = one_step
    async with process(config, *COMMAND, *A_RUN) as running:
        first = await running.stdout.readline()
        running.send_signal(number)
        out, err = await running.communicate()
        await server.until(lambda: not server.subscribed)

    assert first.decode().split() == ["1", "0.10", "s", "init"]
    assert (running.returncode, out) == (SIGNALS[number], b"")
    assert err.decode().splitlines() == [f"The run goes on. To watch it again: {COME_BACK}", "runcast: interrupted"]


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_during_the_imports_is_one_line(config: ClientConfig, number: signal.Signals):
    async with process(config, "-c", SIGNALLED_IMPORT, str(int(number))) as running:
        out, err = await running.communicate()

    assert (running.returncode, out, err) == (SIGNALS[number], b"", b"runcast: interrupted\n")


async def test_what_nohup_ignores_stays_ignored(server: FakeAppSync, config: ClientConfig):
    async def script(server: FakeAppSync) -> None:
        await server.send(server.record("init"))
        await hung_up.wait()
        await server.send(server.end())

    hung_up = asyncio.Event()
    server.script = script
    ignoring = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "from runcast.client.terminal.command import main"
    )
    async with process(config, "-c", f"{ignoring}; sys.exit(main(sys.argv[1:]))", *A_RUN) as running:
        await running.stdout.readline()
        running.send_signal(signal.SIGHUP)
        hung_up.set()
        _, err = await running.communicate()

    assert (running.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("list",),
        A_RUN,
        pytest.param(("token",), marks=pytest.mark.long),
        pytest.param(("show", REQUEST_ID), marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("kind", ["a closed pipe", "a full disk"])
async def test_an_output_that_takes_no_more_is_one_line(
    server: FakeAppSync, config: ClientConfig, arguments: tuple[str, ...], kind: str
):
    if arguments == A_RUN:
        server.script = goes_well
    else:
        server.has_run(REQUEST_ID)
    if kind == "a full disk":
        stdout = os.open("/dev/full", os.O_WRONLY)
        reason = "No space left on device"
    else:
        taken, stdout = os.pipe()
        os.close(taken)
        reason = "Broken pipe"
    try:
        async with process(config, *COMMAND, *arguments, stdout=stdout) as running:
            _, err = await running.communicate()
    finally:
        os.close(stdout)

    said = f"runcast: The output cannot be written: {reason}."
    how = f" The run goes on. To watch it again: {COME_BACK}" if arguments == A_RUN else ""
    assert (running.returncode, err.decode()) == (6, f"{said}{how}\n")

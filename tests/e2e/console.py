"""Plays what users do in the console: web/console/tests in the browser, against the local machine."""

import json
import os
import shutil
import subprocess
import tempfile
from typing import Any

from local.browser import chromium
from local.settings import ROOT
from local.stack import LocalStack
from tests.e2e.conftest import AGENT, Caller

_TESTS = ROOT / "web" / "console" / "tests"
_PLAY_SECONDS = 300


def play(stack: LocalStack, caller: Caller, flow: str, *, script: str = "flows.mjs", **settings: Any) -> Any:
    """Play a flow in the browser, and return what it has seen; None if it reports nothing.

    Args:
        stack: The machine that serves the console.
        caller: The user that signs in.
        flow: The flow's name.
        script: The script that has it.
        settings: What the flow needs besides the address, the user and an agent.
    """
    node = shutil.which("node")
    assert node, "Node 20 or later is missing"
    common = {
        "url": stack.state.console_url,
        "chromium": chromium(),
        "alice": {"name": caller.user.name, "password": caller.user.password},
        "agent": AGENT,
    }
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [node, str(_TESTS / script), flow],
            input=json.dumps(common | settings),
            env={**os.environ, "HOME": home},
            capture_output=True,
            text=True,
            timeout=_PLAY_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null")


def recorded(caller: Caller, request_id: str) -> list[dict[str, Any]]:
    """Wait until a run has ended, and return the numbers and messages of its steps."""
    return [{"seq": step["seq"], "message": step["message"]} for step in caller.read_to_its_end(request_id)["steps"]]

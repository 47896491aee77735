"""The console in a real browser, as `make up` serves it."""

import gzip
import http.client
import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import requests

from local.console import BUILT
from local.settings import ROOT
from tests.browser.chromium import chromium
from tests.e2e.conftest import AGENT

FLOWS = ROOT / "web" / "console" / "tests" / "flows.mjs"
FLOW_SECONDS = 300


@pytest.fixture
def played(stack, alice, tmp_path):
    """Play a flow of web/console/tests in the browser, and return what it has seen."""
    node = shutil.which("node")
    assert node, "Node 20 or later is missing"

    def play(flow: str, **settings: Any) -> Any:
        common = {
            "url": stack.state.console_url,
            "chromium": chromium(),
            "alice": {"name": alice.user.name, "password": alice.user.password},
            "agent": AGENT,
        }
        done = subprocess.run(
            [node, str(FLOWS), flow],
            input=json.dumps(common | settings),
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=FLOW_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return play


def recorded(caller: Any, request_id: str) -> list[dict[str, Any]]:
    return [{"seq": step["seq"], "message": step["message"]} for step in caller.read_to_its_end(request_id)["steps"]]


def test_a_user_signs_in_starts_a_run_and_sees_each_step(played, alice):
    seen = played("run")

    assert seen["refused"] == "Incorrect username or password."
    steps = recorded(alice, seen["id"])
    assert seen["steps"] == steps
    assert seen["reloaded"] == steps
    assert seen["connection"] == "live"
    assert (seen["violations"], seen["problems"]) == ([], [])


def test_it_may_load_its_own_files_and_reach_this_deployment_only(stack):
    page = requests.get(stack.state.console_url, timeout=10)

    directives = [directive.split() for directive in page.headers["Content-Security-Policy"].split(";")]
    policy = {name: set(values) for name, *values in directives}
    host = stack.state.endpoint.url.removeprefix("http://")
    assert policy["default-src"] == {"'self'"}
    assert policy["connect-src"] == {"'self'", f"http://{host}", f"ws://{host}"}
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page.text) == []
    config = requests.get(f"{stack.state.console_url}/config.json", timeout=10)
    assert config.json()["API"] == stack.state.outputs["frontend_config"]["API"]


@pytest.mark.parametrize("path", ["/assets/", "/../package.json", "/%2e%2e/vite.config.ts", "/missing.js"])
def test_it_serves_nothing_but_its_files(stack, path):
    connection = http.client.HTTPConnection(stack.state.console_url.removeprefix("http://"), timeout=10)
    connection.request("GET", path)  # `requests` would leave the dots out
    with connection.getresponse() as answer:
        assert answer.status == 404
    connection.close()


def test_its_first_view_has_at_most_200_kb():
    files = [path.read_bytes() for path in BUILT.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert sum(len(gzip.compress(content)) for content in files) <= 200_000

"""`@runcast/client` in a real browser, with the configuration that `make up` writes, against the local machine."""

import copy
import json
import shutil
import subprocess

from local.deployment import CONFIG_FILE
from local.settings import ROOT
from tests.browser.chromium import report_of
from tests.e2e.conftest import AGENT

WEB = ROOT / "web"
PAGE = (ROOT / "tests" / "web" / "watch.html").read_text()
BUILD_SECONDS = 120


def built_client() -> str:
    npm = shutil.which("npm")
    assert npm, "Node 20 or later is missing"
    command = [npm, "run", "build", "--silent", "--workspace", "client"]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (WEB / "client" / "dist" / "index.js").read_text()


def test_a_page_starts_a_run_and_shows_each_step_to_its_owner_alone(stack, alice):
    config = json.loads((stack.state.directory / CONFIG_FILE).read_text())
    settings = {
        "config": config,
        "users": [{"name": user.name, "password": user.password} for user in stack.state.users],
        "client": built_client(),
        "agent": AGENT,
    }

    text = json.dumps(settings).replace("</", "<\\/")
    report = report_of(PAGE.replace("/* settings */ null", text), host="app.example")

    assert "failed" not in report, report
    record = alice.read(report["id"])
    view = report["view"]
    assert (view["kind"], view["status"], view["missing"]) == ("run", record["status"], 0)
    recorded = [(step["seq"], step["status"] or step["step"], step["message"]) for step in record["steps"]]
    assert [(step["seq"], step["status"], step["message"]) for step in view["steps"] if step["seq"]] == recorded
    assert [step["toolName"] for step in view["steps"] if step["seq"]] == [step["toolName"] for step in record["steps"]]
    assert view["result"] == json.loads(record["result"])
    assert {tool["outcome"] for tool in view["tools"]} <= {"ok"}
    assert "live" in report["connections"]
    assert (report["others"]["status"], report["others"]["steps"]) == ("not-found", [])
    assert report["id"] in report["listed"]
    assert AGENT in report["agents"]


def test_the_configuration_names_the_emulated_cognito(stack):
    config = json.loads((stack.state.directory / CONFIG_FILE).read_text())

    expected = copy.deepcopy(stack.state.outputs["frontend_config"])
    expected["Auth"]["Cognito"]["userPoolEndpoint"] = f"{stack.state.endpoint.url}/"
    assert config == expected

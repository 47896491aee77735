"""`@runcast/client` in a real browser, with the configuration that `make up` writes, against the local machine."""

import copy
import itertools
import json
import shutil
import subprocess
from typing import Any

import pytest

from local.deployment import CONFIG_FILE
from local.settings import ROOT
from tests.browser.chromium import report_of
from tests.e2e.answering_agents import FUNCTIONS, WRITING_AGENT
from tests.e2e.conftest import AGENT, deployed

WEB = ROOT / "web"
PAGES = ROOT / "tests" / "web"
BUILD_SECONDS = 120
STEPS = 10_000
COUNTING_AGENT = f'''"""Records {STEPS} steps as fast as it can."""

from runcast import publish_status
from strands import Agent, tool


@tool
def count() -> str:
    """Count."""
    for number in range({STEPS}):
        publish_status(None, "working", f"Step {{number}}")
    return "Counted."


def build(run):
    return Agent(name="counter", model=run.model, tools=[count], callback_handler=None)
'''


def built_client() -> str:
    npm = shutil.which("npm")
    assert npm, "Node 20 or later is missing"
    command = [npm, "run", "build", "--silent", "--workspace", "client"]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (WEB / "client" / "dist" / "index.js").read_text()


def report(flow: str, stack, agent: str = AGENT) -> Any:
    """Play a flow of `tests/web` in the browser, and return what it has seen."""
    settings = {
        "config": json.loads((stack.state.directory / CONFIG_FILE).read_text()),
        "users": [{"name": user.name, "password": user.password} for user in stack.state.users],
        "client": built_client(),
        "flow": (PAGES / f"{flow}.js").read_text(),
        "agent": agent,
    }
    text = json.dumps(settings).replace("</", "<\\/")
    return report_of((PAGES / "page.html").read_text().replace("/* settings */ null", text), host="app.example")


def shown(view: dict[str, Any], request_id: str) -> list[tuple[int, str, str]]:
    steps = [step for step in view["steps"] if step["requestId"] == request_id and step["seq"] is not None]
    return [(step["seq"], step["status"], step["message"]) for step in steps]


def recorded(record: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(step["seq"], step["status"], step["message"]) for step in record["steps"]]


def test_a_page_starts_a_run_and_shows_each_step_to_its_owner_alone(stack, alice):
    page = report("watch", stack)

    assert "failed" not in page, page
    record = alice.read(page["id"])
    view = page["view"]
    assert (view["kind"], view["status"], view["missing"]) == ("run", record["status"], 0)
    assert shown(view, page["id"]) == recorded(record)
    assert [step["toolName"] for step in view["steps"] if step["seq"]] == [step["toolName"] for step in record["steps"]]
    assert view["result"] == json.loads(record["result"])
    assert {tool["outcome"] for tool in view["tools"]} <= {"ok"}
    assert "live" in page["connections"]
    assert (page["others"]["status"], page["others"]["steps"]) == ("not-found", [])
    assert page["id"] in page["listed"]
    assert AGENT in page["agents"]


@pytest.mark.long
def test_whatever_happens_to_a_page_it_shows_what_is_recorded(stack, alice):
    flows = report("disturbances", stack)
    assert "failed" not in flows, flows
    afterwards, job = flows.pop("afterwards"), flows.pop("job")

    for name, flow in flows.items():
        record = alice.read_to_its_end(flow["id"])
        assert flow["view"]["status"] == record["status"], name
        assert shown(flow["view"], flow["id"]) == recorded(record), name
    assert flows["blockedSockets"]["view"]["connection"] == "polling"
    two_tabs = flows["twoTabs"]
    assert shown(two_tabs["other"], two_tabs["id"]) == shown(two_tabs["view"], two_tabs["id"])
    assert flows["cancel"]["view"]["status"] in ("cancelled", "complete")
    assert flows["networkCut"]["offline"]["connection"] == "offline"
    assert afterwards["steps"] == []
    assert (job is not None) == bool(alice.get("listAgents")["playbooks"])
    for request_id in [job["id"], *(run["requestId"] for run in job["view"]["runs"] if run["status"])] if job else []:
        assert shown(job["view"], request_id) == recorded(alice.read_to_its_end(request_id))


@pytest.mark.long
def test_a_page_shows_ten_thousand_steps_as_they_are_recorded(stack, alice):
    with deployed(
        stack, ("agent_function_name", "run_starter_function_name"), {"chalicelib/agents/counter.py": COUNTING_AGENT}
    ):
        page = report("watch", stack, agent="counter")

    assert "failed" not in page, page
    steps: list[tuple[int, str, str]] = []
    after_seq: int | None = 0
    while after_seq is not None:
        record = alice.get("getAgentProgress", requestId=page["id"], afterSeq=after_seq)
        steps += recorded(record)
        after_seq = record["nextSeq"]
    assert len(steps) > STEPS
    assert shown(page["view"], page["id"]) == steps


@pytest.mark.long
def test_a_page_has_a_conversation_of_three_turns(stack, alice):
    with deployed(stack, FUNCTIONS, {"chalicelib/agents/writer.py": WRITING_AGENT}):
        page = report("conversation", stack, agent="writer")

    assert "failed" not in page, page
    assert (page["before"], page["other"], page["afterwards"]) == (None, None, None)
    conversation, turns = page["conversation"], page["turns"]
    assert conversation["conversationId"] in page["listed"]
    assert [run["requestId"] for run in conversation["runs"]] == [turn["id"] for turn in reversed(turns)]
    for turn in turns:
        assert turn["view"]["status"] == "complete"
        assert shown(turn["view"], turn["id"]) == recorded(alice.read(turn["id"]))
        # It was shown as it was written.
        assert len(turn["texts"]) > 2, turn["texts"]
        assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(turn["texts"]))
    queries = ["Where is it flat?", "And where is it steep?", "Thank you."]
    messages = [(message["role"], message["text"]) for message in conversation["messages"]]
    assert messages == [
        message
        for number, query in enumerate(queries, 1)
        for message in [("user", query), ("assistant", f"This is the answer to question {number} . ")]
    ]


def test_the_configuration_names_the_emulated_cognito(stack):
    config = json.loads((stack.state.directory / CONFIG_FILE).read_text())

    expected = copy.deepcopy(stack.state.outputs["frontend_config"])
    expected["Auth"]["Cognito"]["userPoolEndpoint"] = f"{stack.state.endpoint.url}/"
    assert config == expected

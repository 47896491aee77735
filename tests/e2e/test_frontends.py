"""The examples of docs/frontend.md, with the libraries that they name, against the local machine."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import uuid

import pytest

from local.deployment import CONFIG_FILE, TLS_CONFIG_FILE
from local.emulator.process import CERTIFICATE_FILE
from local.settings import ROOT
from tests.e2e.conftest import AGENT, OPERATIONS

FRONTENDS = ROOT / ".local" / "frontends"
PRELUDE = ROOT / "tests" / "frontends" / "prelude.mjs"
PAGE = (ROOT / "docs" / "frontend.md").read_text()
SNIPPETS = dict(re.findall(r"^```js\n// (\w+)\n(.*?)^```$", PAGE, re.M | re.S))
[IN_PYTHON] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
DOCUMENTS = {file.stem: file.read_text() for file in OPERATIONS.glob("*.graphql")}
QUERY = "How steep is the ground?"
NAMES = (
    "config, idToken, onStatusUpdate, startAgentRun, getAgentProgress, userId, requestId, agent, query, show, "
    "connected, acknowledged, report"
)
TIMEOUT_SECONDS = 120


def run_in_node(library, stack, caller, epilogue=""):
    """Run a snippet; return what it has shown."""
    if not (FRONTENDS / ".ready").exists():
        pytest.fail(".local/frontends is missing: run make setup")
    directory = stack.state.directory
    settings = {
        "library": library,
        "config": json.loads((directory / (TLS_CONFIG_FILE if library == "amplify" else CONFIG_FILE)).read_text()),
        "documents": DOCUMENTS,
        "token": caller.id_token,
        "user": {"name": caller.user.name, "password": caller.user.password},
        "agent": AGENT,
        "query": QUERY,
        "userId": caller.user.user_id,
        "requestId": str(uuid.uuid4()),
    }
    used = [name for name in NAMES.split(", ") if re.search(rf"\b{name}\b", SNIPPETS[library] + epilogue)]
    script = FRONTENDS / f"{library}.mjs"
    shutil.copy(PRELUDE, FRONTENDS)
    # A name that the snippet also binds, in an answer, is its own there.
    script.write_text(f"import {{ {', '.join(used)} }} from './prelude.mjs';\n{SNIPPETS[library]}{epilogue}")
    done = subprocess.run(
        ["node", str(script)],
        input=json.dumps(settings),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(directory / CERTIFICATE_FILE)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return settings["requestId"], json.loads(done.stdout)


def brief(steps):
    return sorted({(each["seq"], each["status"], each["message"]) for each in steps if each["seq"] is not None})


def test_every_snippet_of_the_section_has_a_test():
    assert set(SNIPPETS) == {"amplify", "apollo", "urql", "fetch"}


@pytest.mark.long
@pytest.mark.parametrize("library", ["amplify", "apollo", "urql"])
def test_a_library_shows_a_run(library, stack, alice):
    request_id, shown = run_in_node(library, stack, alice)

    assert brief(shown) == brief(alice.read_to_its_end(request_id)["steps"])


@pytest.mark.long
def test_a_run_is_started_and_read_without_a_library(stack, alice):
    request_id, progress = run_in_node("fetch", stack, alice, "report(progress);")

    assert (progress["success"], progress["requestId"]) == (True, request_id)


@pytest.mark.long
async def test_gql_shows_a_run(stack, alice):
    space, shown = {}, []
    exec(compile(IN_PYTHON, "docs/frontend.md", "exec"), space)
    config = json.loads((stack.state.directory / CONFIG_FILE).read_text())
    run = {"agent": AGENT, "query": QUERY, "requestId": str(uuid.uuid4())}
    documents = (DOCUMENTS["onStatusUpdate"], DOCUMENTS["startAgentRun"])

    watching = space["watch"](config, alice.id_token, *documents, alice.user.user_id, run, shown.append)
    await asyncio.wait_for(watching, TIMEOUT_SECONDS)

    steps = alice.read_to_its_end(run["requestId"])["steps"]
    assert brief(shown)[-1] == brief(steps)[-1]
    assert set(brief(shown)) <= set(brief(steps))

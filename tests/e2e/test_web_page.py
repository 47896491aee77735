"""Pages made in a new folder as a frontend developer does: Vite's template, both packages, and the configuration."""

import contextlib
import json
import re
import shutil
import subprocess
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local.deployment import CONFIG_FILE
from local.settings import ROOT
from tests.browser.chromium import report_of
from tests.e2e.conftest import AGENT, deployed
from tests.e2e.test_answers import ASKING_AGENT
from tests.e2e.test_answers import FUNCTIONS as ASKING_FUNCTIONS

WEB = ROOT / "web"
# Vite's own, of the version that web/package.json pins.
TEMPLATE = WEB / "node_modules" / "create-vite" / "template-react-ts"
EXAMPLE = ROOT / "examples" / "use-chat"
TIMEOUT_SECONDS = 240


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Return a node_modules with the packed packages and, as `npm install` would, what they and the template need."""
    npm = shutil.which("npm")
    assert npm, "Node 20 or later is missing"
    packed, modules = tmp_path_factory.mktemp("packed"), tmp_path_factory.mktemp("installed") / "node_modules"
    run(npm, "run", "build", "--silent", cwd=WEB)
    run(npm, "pack", "--silent", "--workspaces", "--pack-destination", str(packed), cwd=WEB)
    modules.mkdir()
    for each in (WEB / "node_modules").iterdir():
        if each.name != "@runcast":
            (modules / each.name).symlink_to(each)
    for name in ("client", "react"):
        [archive] = packed.glob(f"runcast-{name}-*.tgz")
        with tarfile.open(archive) as opened:
            opened.extractall(packed / name, filter="data")
        shutil.copytree(packed / name / "package", modules / "@runcast" / name)
    return modules


@pytest.fixture
def report(stack, modules, tmp_path):
    """Return what a page reports that is built of these sources; `main` is the script that it begins with."""

    def report(main: str, sources: dict[str, str]) -> Any:
        project = tmp_path / "page"
        shutil.copytree(TEMPLATE, project)
        (project / "node_modules").symlink_to(modules)
        source = project / "src"
        (source / "main.tsx").unlink()
        for name, text in sources.items():
            (source / name).write_text(text)
        shutil.copy(ROOT / "tests" / "web" / main, source)
        shutil.copy(stack.state.directory / CONFIG_FILE, source)
        user = stack.state.users[0]
        (source / "user.json").write_text(json.dumps({"name": user.name, "password": user.password}))
        page = project / "index.html"
        page.write_text(page.read_text().replace("/src/main.tsx", f"/src/{main}"))

        run(str(modules / ".bin" / "tsc"), "--build", cwd=project)
        run(str(modules / ".bin" / "vite"), "build", cwd=project)

        [script] = (project / "dist" / "assets").glob("*.js")
        code = script.read_text().replace("</script", "<\\/script")
        body = f'<!doctype html><body><div id="root"></div><script type="module">{code}</script>'
        # Browsers trust a name under localhost as they trust TLS.
        return report_of(body, host="page.localhost")

    return report


@contextlib.contextmanager
def asking_agent(stack):
    """Deploy the agent of docs/going-on.md with the others, and record what it says."""
    code = re.sub(r"return (Agent\(.*\))", r"return track(\1, text=True)", f"from runcast import track\n{ASKING_AGENT}")
    with deployed(stack, (*ASKING_FUNCTIONS, "progress_reader_function_name"), {"chalicelib/agents/buyer.py": code}):
        yield


@pytest.mark.long
def test_the_documented_page_watches_a_run(report, alice):
    [app] = re.findall(r"^ *```tsx\n(.*?)^ *```", (ROOT / "docs" / "frontend.md").read_text(), re.DOTALL | re.MULTILINE)

    steps = report("main.tsx", {"App.tsx": textwrap.dedent(app).replace("'terrain'", f"'{AGENT}'")})

    newest = alice.get("listAgentRuns", limit=50)["runs"][0]
    record = alice.read(newest["requestId"])
    assert [step["seq"] for step in steps if step["seq"]] == [step["seq"] for step in record["steps"]]
    assert all(recorded["message"] in step["text"] for step, recorded in zip(steps, record["steps"], strict=True))


@pytest.mark.long
def test_an_ag_ui_page_reloads_and_answers_a_question(report, stack):
    with asking_agent(stack):
        page = report("ag-ui.ts", {})

    assert "failed" not in page, page
    first, reloaded, resumed, last = [[event["type"] for event in stream] for stream in page["streams"]]
    assert first[0] == "RUN_STARTED"
    assert (reloaded[:2], reloaded[-1]) == (["RUN_STARTED", "MESSAGES_SNAPSHOT"], "RUN_FINISHED")
    assert "TOOL_CALL_START" in reloaded
    assert page["streams"][1][-1]["outcome"]["type"] == "interrupt"
    assert page["streams"][2][-1]["outcome"]["type"] == "success"
    assert resumed.count("RUN_STARTED") == 1
    assert last == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert page["pendingInterrupts"] == []
    said = [(message["role"], message["content"]) for message in page["messages"]]
    assert said[0] == ("user", "Buy three turbines.")
    assert said[-1][0] == "assistant"
    assert "Bought" in said[-1][1]


@pytest.mark.long
def test_the_example_of_use_chat_stops_reloads_answers_and_cancels(report, stack, alice):
    sources = {path.name: path.read_text() for path in EXAMPLE.glob("*.ts*")}
    sources["App.tsx"] = sources["App.tsx"].replace("agent: 'terrain'", "agent: 'buyer'")
    with asking_agent(stack):
        page = report("use-chat.tsx", sources)

    assert "failed" not in page, page
    # It was asked, so the run was open, and its text was shown.
    assert [message["role"] for message in page["asked"]] == ["user", "assistant"]
    assert "I call buy." in page["asked"][1]["text"]
    # To stop watching does not cancel: after the reload, the same run took the answer.
    assert [message["role"] for message in page["answered"]] == ["user", "assistant"]
    assert "Bought" in page["answered"][1]["text"]
    runs = alice.get("getConversation", conversationId=page["chatId"])["runs"]
    assert [alice.read_to_its_end(run["requestId"])["status"] for run in runs] == ["cancelled", "complete"]


def test_the_example_of_use_chat_pins_what_the_test_builds_it_with():
    pinned = json.loads((EXAMPLE / "package.json").read_text())["dependencies"]
    locked = json.loads((WEB / "package-lock.json").read_text())["packages"]
    assert pinned == {name: locked[f"node_modules/{name}"]["version"] for name in ("@ai-sdk/react", "ai")}

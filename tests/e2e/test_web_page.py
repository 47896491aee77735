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
EXAMPLES = ROOT / "examples"
COPILOTKIT = ROOT / ".local" / "copilotkit"
TIMEOUT_SECONDS = 240


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Return a folder with both packages, packed and unpacked."""
    npm = shutil.which("npm")
    assert npm, "Node 20 or later is missing"
    packed = tmp_path_factory.mktemp("packed")
    run(npm, "run", "build", "--silent", cwd=WEB)
    run(npm, "pack", "--silent", "--workspaces", "--pack-destination", str(packed), cwd=WEB)
    for name in ("client", "react"):
        [archive] = packed.glob(f"runcast-{name}-*.tgz")
        with tarfile.open(archive) as opened:
            opened.extractall(packed / name, filter="data")
        (packed / "@runcast").mkdir(exist_ok=True)
        (packed / name / "package").rename(packed / "@runcast" / name)
    return packed


def install(modules: Path, *folders: Path) -> None:
    """Link each package of these folders into a node_modules; of packages with one name, the first."""
    for each in [path for folder in folders for path in (*folder.glob("[!@.]*"), *folder.glob("@*/*"))]:
        linked = modules / each.relative_to(each.parents[1] if each.parent.name.startswith("@") else each.parent)
        if not linked.exists():
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.symlink_to(each)


@pytest.fixture
def report(stack, packages, tmp_path):
    """Return a function that builds a page, and returns what it reports."""

    def report(main: str, sources: dict[str, str], *libraries: Path) -> Any:
        """Build a page of these sources.

        Args:
            main: The script of `tests/web` that it begins with.
            sources: The texts of the other files, by their names.
            libraries: Further folders with packages, which take precedence.
        """
        project = tmp_path / "page"
        shutil.copytree(TEMPLATE, project)
        for name in ("client", "react"):
            # Copied, so that they find their peers here.
            shutil.copytree(packages / "@runcast" / name, project / "node_modules" / "@runcast" / name)
        install(project / "node_modules", *libraries, WEB / "node_modules")
        source = project / "src"
        (source / "main.tsx").unlink()
        for name, text in sources.items():
            (source / name).write_text(text)
        for name in (main, "user.ts"):
            shutil.copy(ROOT / "tests" / "web" / name, source)
        shutil.copy(stack.state.directory / CONFIG_FILE, source)
        user = stack.state.users[0]
        (source / "user.json").write_text(json.dumps({"name": user.name, "password": user.password}))
        page = project / "index.html"
        page.write_text(page.read_text().replace("/src/main.tsx", f"/src/{main}"))

        for command in (("tsc", "--build"), ("vite", "build")):
            run(str(WEB / "node_modules" / ".bin" / command[0]), command[1], cwd=project)
        dist = project / "dist"
        # Browsers trust a name under localhost as they trust TLS.
        return report_of((dist / "index.html").read_text(), host="page.localhost", assets=dist)

    return report


@contextlib.contextmanager
def asking_agent(stack):
    """Deploy the agent of docs/going-on.md with the others, and record what it says."""
    code = re.sub(r"return (Agent\(.*\))", r"return track(\1, text=True)", f"from runcast import track\n{ASKING_AGENT}")
    with deployed(stack, (*ASKING_FUNCTIONS, "progress_reader_function_name"), {"chalicelib/agents/buyer.py": code}):
        yield


def sources_of(example: str) -> dict[str, str]:
    """Return the sources of an example's page, with the agent that asks."""
    sources = {path.name: path.read_text() for path in (EXAMPLES / example).glob("*.ts*")}
    sources["App.tsx"] = sources["App.tsx"].replace("agent: 'terrain'", "agent: 'buyer'")
    return sources


@pytest.mark.long
def test_the_documented_page_watches_a_run(report, alice):
    [app] = re.findall(r"^ *```tsx\n(.*?)^ *```", (ROOT / "docs" / "frontend.md").read_text(), re.DOTALL | re.MULTILINE)

    page = report("main.tsx", {"App.tsx": textwrap.dedent(app).replace("'terrain'", f"'{AGENT}'")})

    assert "failed" not in page, page
    steps = page["steps"]

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
    with asking_agent(stack):
        page = report("use-chat.tsx", sources_of("use-chat"))

    assert "failed" not in page, page
    # It was asked, so the run was open, and its text was shown.
    assert [message["role"] for message in page["asked"]] == ["user", "assistant"]
    assert "I call buy." in page["asked"][1]["text"]
    # To stop watching does not cancel: after the reload, the same run took the answer.
    assert [message["role"] for message in page["answered"]] == ["user", "assistant"]
    assert "Bought" in page["answered"][1]["text"]
    runs = alice.get("getConversation", conversationId=page["chatId"])["runs"]
    assert [alice.read_to_its_end(run["requestId"])["status"] for run in runs] == ["cancelled", "complete"]


@pytest.mark.long
def test_the_example_of_copilotkit_reloads_and_answers(report, stack, alice):
    if not (COPILOTKIT / ".ready").exists():
        pytest.fail(".local/copilotkit is missing, because it is large: run make .local/copilotkit/.ready")
    with asking_agent(stack):
        page = report("copilotkit.tsx", sources_of("copilotkit"), COPILOTKIT / "node_modules")

    assert "failed" not in page, page
    query = {"role": "user", "text": "Buy three turbines."}
    assert page["asked"][0] == page["askedAgain"][0] == query
    assert page["answered"][0] == page["last"][0] == query
    assert "Bought" in page["answered"][-1]["text"]
    assert "Bought" in page["last"][-1]["text"]
    # An answered question does not return.
    assert page["questions"] == 0
    [run] = alice.ask("getConversation", conversationId=page["threadId"])["data"]["getConversation"]["runs"]
    assert run["status"] == "complete"


def test_the_example_of_use_chat_pins_what_the_test_builds_it_with():
    pinned = json.loads((EXAMPLES / "use-chat" / "package.json").read_text())["dependencies"]
    locked = json.loads((WEB / "package-lock.json").read_text())["packages"]
    assert pinned == {name: locked[f"node_modules/{name}"]["version"] for name in ("@ai-sdk/react", "ai")}

"""The page of docs/frontend.md, made in a new folder from the two packed packages, watches a run in the browser."""

import json
import re
import shutil
import subprocess
import tarfile
import textwrap
from pathlib import Path

import pytest

from local.deployment import CONFIG_FILE
from local.settings import ROOT
from tests.browser.chromium import report_of
from tests.e2e.conftest import AGENT

WEB = ROOT / "web"
TIMEOUT_SECONDS = 240
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "skipLibCheck": True,
        "noEmit": True,
        "jsx": "react-jsx",
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "resolveJsonModule": True,
        "noUncheckedSideEffectImports": False,
        "types": [],
    },
    "include": ["src"],
}


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def installed(project: Path, packed: Path) -> None:
    """Install the packed packages and, beside them, what `npm install` would get: React and Vite."""
    npm = shutil.which("npm")
    assert npm, "Node 20 or later is missing"
    packed.mkdir()
    run(npm, "run", "build", "--silent", cwd=WEB)
    run(npm, "pack", "--silent", "--workspaces", "--pack-destination", str(packed), cwd=WEB)
    modules = project / "node_modules"
    modules.mkdir(parents=True)
    for each in (WEB / "node_modules").iterdir():
        if each.name != "@runcast":
            (modules / each.name).symlink_to(each)
    for name in ("client", "react"):
        [archive] = packed.glob(f"runcast-{name}-*.tgz")
        with tarfile.open(archive) as opened:
            opened.extractall(packed / name, filter="data")
        shutil.copytree(packed / name / "package", modules / "@runcast" / name)


@pytest.mark.long
def test_the_documented_page_watches_a_run(stack, alice, tmp_path):
    [app] = re.findall(r"^ *```tsx\n(.*?)^ *```", (ROOT / "docs" / "frontend.md").read_text(), re.DOTALL | re.MULTILINE)
    project = tmp_path / "page"
    installed(project, tmp_path / "packed")
    source = project / "src"
    source.mkdir()
    (source / "App.tsx").write_text(textwrap.dedent(app).replace("'terrain'", f"'{AGENT}'"))
    shutil.copy(ROOT / "tests" / "web" / "main.tsx", source)
    shutil.copy(stack.state.directory / CONFIG_FILE, source)
    user = stack.state.users[0]
    (source / "user.json").write_text(json.dumps({"name": user.name, "password": user.password}))
    (project / "index.html").write_text('<!doctype html><script type="module" src="/src/main.tsx"></script>')
    (project / "package.json").write_text('{"type": "module"}')
    (project / "tsconfig.json").write_text(json.dumps(TSCONFIG))

    run(str(project / "node_modules" / ".bin" / "tsc"), cwd=project)
    run(str(project / "node_modules" / ".bin" / "vite"), "build", cwd=project)

    [script] = (project / "dist" / "assets").glob("*.js")
    code = script.read_text().replace("</script", "<\\/script")
    steps = report_of(f'<!doctype html><body><script type="module">{code}</script>', host="page.example")
    newest = alice.ask("listAgentRuns", limit=50)["data"]["listAgentRuns"]["runs"][0]
    record = alice.read(newest["requestId"])
    assert [step["seq"] for step in steps if step["seq"]] == [step["seq"] for step in record["steps"]]
    assert all(recorded["message"] in step["text"] for step, recorded in zip(steps, record["steps"], strict=True))

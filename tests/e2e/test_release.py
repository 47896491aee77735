"""Makes a release in a clone, installs each artefact in an empty environment, and runs the quick start with it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.deployment import CONFIG_FILE, client_environment
from local.settings import ROOT
from local.terraform import find_terraform
from tests.e2e.conftest import AGENT

VERSION = "9.8.7"
TIMEOUT_SECONDS = 900
# Signs in and lists the agents, as a page does.
QUICK_START = """
import { readFileSync } from "node:fs";
import { cognitoAuth, createRuncast } from "@runcast/client";
import * as react from "@runcast/react";
const [config, user] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")));
const auth = cognitoAuth(config);
await auth.signIn(user.name, user.password);
const { agents } = await createRuncast({ config, auth }).agents();
console.log(JSON.stringify({ agents: agents.map(({ name }) => name), react: Object.keys(react) }));
"""

# A clone with its own npm packages, three builds and three installations.
pytestmark = [pytest.mark.long, pytest.mark.timeout(TIMEOUT_SECONDS)]


def run(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=environment or os.environ, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "runcast"
    run("git", "clone", "-q", ROOT, folder, cwd=ROOT)
    run("git", "config", "user.name", "t", cwd=folder)
    run("git", "config", "user.email", "t@example.com", cwd=folder)
    run("npm", "ci", "--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund", "--prefer-offline",
        cwd=folder / "web")  # fmt: skip
    (folder / "build" / "package").mkdir(parents=True)
    (folder / "build" / "package" / "dependencies").symlink_to(ROOT / "build" / "package" / "dependencies")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    run(sys.executable, "-m", "packager.release", VERSION, cwd=folder, environment=environment)
    return folder


@pytest.fixture(scope="module")
def artefacts(clone: Path) -> Path:
    return clone / "dist" / VERSION


def only(folder: Path, pattern: str) -> Path:
    [path] = folder.glob(pattern)
    return path


def test_the_tag_has_the_changes_and_the_folder_has_each_artefact_with_its_checksum(clone: Path, artefacts: Path):
    assert run("git", "describe", cwd=clone).strip() == f"v{VERSION}"
    assert run("git", "status", "--porcelain", "--untracked-files=no", cwd=clone) == ""
    assert f"## [{VERSION}] - 20" in (clone / "CHANGELOG.md").read_text()
    assert "Runs and their record" in run("git", "tag", "-n20", "--list", f"v{VERSION}", cwd=clone)
    commit = run("git", "rev-parse", "--short=12", "HEAD", cwd=clone).strip()
    module = f"runcast-terraform-{VERSION}-{commit}.zip"
    digests = dict(reversed(line.split()) for line in (artefacts / "SHA256SUMS").read_text().splitlines())
    assert set(digests) == {
        *(module, f"{module}.cdx.json", f"runcast-{VERSION}-py3-none-any.whl"),
        *(f"runcast-client-{VERSION}.tgz", f"runcast-react-{VERSION}.tgz"),
    }
    assert {path.name for path in artefacts.iterdir()} == {*digests, "SHA256SUMS"}
    for name, digest in digests.items():
        assert hashlib.sha256((artefacts / name).read_bytes()).hexdigest() == digest


def test_the_command_of_the_wheel_runs_an_agent(artefacts: Path, stack, tmp_path: Path):
    uv, venv = Path(sys.executable).with_name("uv"), tmp_path / "venv"
    run(uv, "venv", "-q", "--python", sys.executable, venv, cwd=tmp_path)
    wheel = f"{only(artefacts, '*.whl')}[client]"
    run(uv, "pip", "install", "-q", "--python", venv, "-c", ROOT / "requirements-dev.txt", wheel, cwd=tmp_path)
    command = venv / "bin" / "runcast"
    assert run(command, "--version", cwd=tmp_path) == f"runcast {VERSION}\n"
    environment = {"PATH": os.environ["PATH"], **client_environment(stack.state, stack.state.users[0])}
    shown = run(command, "run", AGENT, "How steep is the ground?", cwd=tmp_path, environment=environment)
    assert re.search(r"^run \S+: complete, (\d+) steps recorded, \1 received live, 0 missing$", shown, re.MULTILINE)


def test_the_npm_packages_sign_in_and_list_the_agents(artefacts: Path, stack, tmp_path: Path):
    (tmp_path / "package.json").write_text('{"type": "module"}')
    react = only(ROOT / "web" / "node_modules", "react")
    packed = [only(artefacts, f"runcast-{name}-*.tgz") for name in ("client", "react")]
    run("npm", "install", "--silent", "--offline", "--legacy-peer-deps", *packed, cwd=tmp_path)
    shutil.copytree(react, tmp_path / "node_modules" / "react")
    (tmp_path / "quick-start.mjs").write_text(QUICK_START)
    user = stack.state.users[0]
    (tmp_path / "user.json").write_text(json.dumps({"name": user.name, "password": user.password}))
    config = stack.state.directory / CONFIG_FILE
    found = json.loads(run("node", "quick-start.mjs", config, "user.json", cwd=tmp_path))
    assert AGENT in found["agents"]
    assert {"RuncastProvider", "useRun"} <= set(found["react"])


def test_the_module_is_planned_from_the_unpacked_archive(artefacts: Path, stack, tmp_path: Path):
    with zipfile.ZipFile(only(artefacts, "*.zip")) as archive:
        archive.extractall(tmp_path)
    environment = {
        **{"PATH": "/nowhere", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"},
        "TF_CLI_CONFIG_FILE": str(stack.state.directory / "terraform" / "terraform.rc"),
        **stack.state.endpoint.environment,
    }
    terraform = find_terraform()
    run(*terraform, "init", "-no-color", cwd=tmp_path, environment=environment)
    planned = run(*terraform, "plan", "-no-color", "-var=name_prefix=released-", cwd=tmp_path, environment=environment)
    assert "released-AgentProgress" in planned

"""The packages in `web/` pass their own tests, and their lock is complete."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
TIMEOUT_SECONDS = 240
# Its licence is in a file only: MIT.
UNDECLARED = ["node_modules/khroma"]


@pytest.fixture(scope="module", autouse=True)
def tools():
    if not (WEB / "node_modules" / ".bin" / "vitest").exists():
        pytest.fail("web/node_modules is missing: run make setup")


def test_their_own_tests_pass():
    npm = shutil.which("npm")
    assert npm, "Node 20 or later is missing"
    done = subprocess.run(
        [npm, "--silent", "test"], cwd=WEB, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["web", "graphql", "tests/browser", "tests/frontends", "examples/copilotkit"])
def test_every_locked_package_has_a_digest_and_a_licence_and_names_no_registry(folder):
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    installed = {
        path: package for path, package in packages.items() if "node_modules/" in path and not package.get("link")
    }

    assert installed
    assert [path for path, package in installed.items() if not package.get("integrity")] == []
    assert [path for path, package in installed.items() if not package.get("license") and path not in UNDECLARED] == []
    assert [path for path, package in installed.items() if "resolved" in package] == []


def test_no_locked_package_runs_a_script_when_it_is_installed():
    installs = re.findall(r"npm .*\bci\b.*", (ROOT / "Makefile").read_text())

    assert len(installs) >= 3
    assert [line for line in installs if "--ignore-scripts" not in line] == []
    assert "ignore-scripts=true" in (WEB / ".npmrc").read_text().splitlines()

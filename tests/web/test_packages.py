"""The packages in `web/` pass their own tests, and their lock is complete."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
TIMEOUT_SECONDS = 240


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


def test_every_locked_package_has_a_digest_and_a_licence_and_names_no_registry():
    packages = json.loads((WEB / "package-lock.json").read_text())["packages"]
    installed = {
        path: package for path, package in packages.items() if "node_modules/" in path and not package.get("link")
    }

    assert installed
    assert [path for path, package in installed.items() if not package.get("integrity")] == []
    assert [path for path, package in installed.items() if not package.get("license")] == []
    assert [path for path, package in installed.items() if "resolved" in package] == []
    assert "ignore-scripts=true" in (WEB / ".npmrc").read_text().splitlines()

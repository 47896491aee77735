"""A release: one version everywhere, a dated changelog, and what is refused. tests/e2e/test_release.py makes one."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
import yaml

import runcast
from packager.errors import PackagingError
from packager.release import dated, release, set_version, versions

ROOT = Path(__file__).parents[2]
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- New.\n\n## [0.1.0] - 2026-01-02\n\n- First.\n"


def test_the_version_is_the_same_in_each_place():
    found = list(versions(ROOT))
    assert {version for _, version in found} == {runcast.__version__}, found
    assert [name for name, _ in found] == [
        *("pyproject.toml", "runcast/__init__.py", "web/client/package.json"),
        *["web/react/package.json"] * 2,
        *["web/package-lock.json"] * 3,
        *["docs/frontend.md"] * 2,
    ]


def test_a_new_version_is_written_in_each_place_and_nothing_else_changes(tmp_path: Path):
    for name in {name for name, _ in versions(ROOT)}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    before = list(versions(tmp_path))
    set_version(tmp_path, "9.8.7-rc.1")
    assert list(versions(tmp_path)) == [(name, "9.8.7-rc.1") for name, _ in before]
    set_version(tmp_path, runcast.__version__)
    for name, _ in before:
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_unreleased_changes_become_those_of_the_version():
    text, changes = dated(CHANGELOG, "1.0.0", date(2026, 11, 28))
    assert changes == "- New."
    assert text == CHANGELOG.replace("- New.", "## [1.0.0] - 2026-11-28\n\n- New.")
    with pytest.raises(PackagingError, match="nothing under"):
        dated(text, "1.0.1", date(2026, 11, 29))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    git("init", "-q")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "runcast").mkdir()
    git("add", "-A")
    git("commit", "-qm", "first")
    git("tag", "v1.0.0")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "file", "message"),
    [
        ("1.0", None, "VERSION is '1.0'"),
        ("", None, "VERSION is ''"),
        ("1.0.0", None, "The tag v1.0.0 exists already"),
        ("1.0.1", "CHANGELOG.md", "changes that are not committed"),
        ("1.0.1", "runcast/new.py", "Git does not know these files.*\nruncast/new.py"),
    ],
)
def test_what_could_not_be_built_again_from_the_tag_is_refused(clone: Path, version: str, file: str, message: str):
    if file:
        (clone / file).write_text("changed")
    with pytest.raises(PackagingError, match=message):
        release(clone, version)
    heads = subprocess.run(["git", "-C", str(clone), "rev-list", "--all"], capture_output=True, text=True, check=True)
    assert len(heads.stdout.split()) == 1


def test_the_workflows_run_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    workflows = {path.name: path.read_text() for path in (ROOT / ".github" / "workflows").iterdir()}
    assert ".ci/run" in workflows["ci.yml"]
    nightly = yaml.safe_load(workflows["nightly.yml"])["jobs"]["long"]["strategy"]["matrix"]["command"]
    made = {command.split()[1] for command in nightly}
    assert {"test-long", "chaos", "chaos-proof", "fuzz", "prove-iam"} <= made <= targets
    for text in workflows.values():
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_each_issue_form_asks_for_something():
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").iterdir() if path.name != "config.yml"]
    assert len(forms) >= 2
    for form in forms:
        body = yaml.safe_load(form.read_text())["body"]
        assert any(field.get("validations", {}).get("required") for field in body)

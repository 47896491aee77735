"""A newcomer's path: the README from its first command on, in a fresh clone, with only what a reader has."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from local.settings import ROOT
from tests.e2e.conftest import AGENT, free_port
from tests.e2e.reader import environment_of

_SUMMARY = re.compile(r"^(run|job) (\S+): complete,.* (\d+) steps recorded, \3 received live, 0 missing$", re.MULTILINE)


def test_the_readme_fits_three_screens_and_leads_to_each_page():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages == set(re.findall(r"\]\(docs/([\w-]+\.md)", "\n".join(lines)))


@pytest.mark.long  # a second local machine: what it runs, test_documents.py runs on the shared one
@pytest.mark.timeout(1_800)
def test_the_readme_in_a_fresh_clone_from_its_first_command_on(tmp_path: Path):
    clone = tmp_path / "runcast"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    for path in clone.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (0, 0))  # nothing is newer than what is installed, so nothing is installed again
    for installed in (".venv", ".local", "graphql/node_modules", "web/node_modules"):
        (clone / installed).symlink_to(ROOT / installed)
    environment = environment_of(tmp_path) | {
        **{name: str(free_port()) for name in ("RUNCAST_LOCAL_PORT", "RUNCAST_LOCAL_MODEL_PORT")},
        **{"RUNCAST_LOCAL_DIR": str(tmp_path / "stack"), "PYTHONPATH": str(clone)},
    }

    def type_in(lines: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines], cwd=clone, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done.stdout

    readme = (clone / "README.md").read_text()
    first = re.findall(r"^    (make .+)$", readme, re.MULTILINE)[0]
    assert first == "make demo"
    shown, following = type_in(first).split("\n\nNext:\n")
    assert [what for what, _, _ in _SUMMARY.findall(shown)[-2:]] == ["run", "job"]

    commands = [line.partition("  # ")[0].strip() for line in following.splitlines() if line.startswith("  ")]
    up, *in_a_shell = [command for command in commands if not command.startswith("make new")]
    assert up == "make up"
    type_in(up)
    try:
        assert _SUMMARY.search(type_in("\n".join(in_a_shell)))
        set_up = in_a_shell[0]
        by_command, by_rest = re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        request_id = ""
        for line in by_command.splitlines():
            printed = type_in("\n".join([set_up, re.sub(r"\bID\b", request_id, line)]))
            if found := _SUMMARY.search(printed):
                request_id = found[2]
        assert request_id
        answers = [json.loads(line) for line in type_in(f"{set_up}\n{by_rest}").splitlines() if line.startswith('{"')]
        health, agents, started, read = answers
        assert (health["status"], started["requestId"]) == ("ok", read["requestId"])
        assert AGENT in [agent["name"] for agent in agents["agents"]]
    finally:
        type_in("make down")
    unknown = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert [
        line for line in unknown.stdout.splitlines() if not line.endswith((".venv", ".local", "node_modules"))
    ] == []

"""Runs the commands of docs/your-agents.md in a fresh clone, in their order, with only what their reader has."""

import os
import re
import signal
import subprocess

import psutil
import pytest

from tests.copied import clone_of_project
from tests.e2e.conftest import DEADLINE_SECONDS, free_port
from tests.e2e.reader import blocks_of, environment_of, read_in_a_shell

[PAGE] = blocks_of("docs/your-agents.md")
NEW, DEMO, DEV, DEPLOY = COMMANDS = [line.partition("#")[0].strip() for line in PAGE.splitlines()]


@pytest.fixture
def clone(tmp_path):
    return clone_of_project(tmp_path / "runcast")


@pytest.fixture
def environment(tmp_path):
    """The reader's home, whose caches are warm, and ports that are free here."""
    names = ("RUNCAST_LOCAL_PORT", "RUNCAST_LOCAL_MODEL_PORT", "RUNCAST_LOCAL_REST_PORT")
    return environment_of(tmp_path) | {"HOME": os.environ["HOME"]} | {name: str(free_port()) for name in names}


def test_the_folder_s_own_page_has_the_same_commands():
    [page] = blocks_of("examples/my_agents/README.md")
    assert [line.partition("#")[0].strip() for line in page.splitlines()] == COMMANDS[1:]
    assert DEPLOY == "make deploy"  # tests/terraform/test_deploy.py runs it


@pytest.mark.long
def test_a_first_agent_and_its_playbook_are_shown_and_nothing_stays_running(clone, environment, tmp_path):
    lines = read_in_a_shell(f"{NEW}\n{DEMO}", home=tmp_path, environment=environment, cwd=clone).splitlines()
    assert (clone / ".." / "my-agents" / "hello.py").resolve().exists()
    for kind in (r"run \S+: complete,", r"job \S+: complete, \d+ runs?,"):
        summary = re.compile(rf"{kind} ([1-9]\d*) steps recorded, \1 received live, 0 missing")
        assert any(map(summary.fullmatch, lines)), lines
    assert "Nothing is left running." in lines
    assert not (clone / ".local" / "stack").exists()


@pytest.mark.long
def test_an_agent_that_is_changed_during_the_first_deployment_is_deployed_too(clone, environment, tmp_path):
    read_in_a_shell(NEW, home=tmp_path, environment=environment, cwd=clone)
    hello = (clone / ".." / "my-agents" / "hello.py").resolve()
    with subprocess.Popen(
        DEV.split(), cwd=clone, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as dev:
        children = []
        try:
            wait_for("Applying the Terraform", dev)
            hello.write_text(hello.read_text().replace("Counts the words of a text.", "Counts words.", 1))
            wait_for("Deployed.", dev)
            listed = read_in_a_shell(". .local/stack/env\nruncast agents", home=tmp_path, cwd=clone)
            assert re.search(r"^agent +hello +Counts words\.$", listed, re.MULTILINE)
            children = psutil.Process(dev.pid).children(recursive=True)
        finally:
            os.killpg(dev.pid, signal.SIGINT)
            dev.communicate(timeout=DEADLINE_SECONDS)
    _, alive = psutil.wait_procs(children, timeout=DEADLINE_SECONDS)
    assert (bool(children), alive) == (True, [])
    assert not (clone / ".local" / "stack").exists()


def wait_for(beginning, process):
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith(beginning):
            return
    pytest.fail(f"it has ended before it has printed {beginning!r}: {''.join(printed)}")

"""The state directory: it is saved and loaded, private, and only removed if it was created here."""

import os
import subprocess

import pytest

from local.endpoint import Endpoint
from local.processes import LocalProcess
from local.settings import ROOT
from local.stack_state import StackState, StateDirectoryTaken, load_state, prepare_directory, write_shell_environment
from local.users import User

ALICE = User("alice", "acme", "id-1", "secret word")


@pytest.fixture
def directory(tmp_path):
    prepare_directory(tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def sleeper(start_python):
    return start_python("import time; print('ready', flush=True); time.sleep(600)")


def state_of(directory, *processes, users=(ALICE,)):
    starter = LocalProcess.of("the test", os.getpid())
    endpoint = Endpoint("http://127.0.0.1:1", "AKIAROOT", "the root secret")
    state = StackState(directory, endpoint, "http://127.0.0.1:2", starter, tuple(processes), {"region": "r"}, users)
    state.save()
    return state


def test_what_is_saved_comes_back(directory, sleeper):
    state = state_of(directory, sleeper)
    assert load_state(directory) == state


def test_nothing_saved_is_none(directory):
    assert load_state(directory) is None


def test_it_is_ready_with_users_and_live_processes_only(directory, sleeper):
    assert state_of(directory, sleeper).ready
    assert not state_of(directory, sleeper, users=()).ready
    sleeper.stop()
    assert not state_of(directory, sleeper).ready
    assert state_of(directory, sleeper).at_work


def test_stopping_ends_processes_and_removes_the_directory(directory, sleeper):
    (directory / "terraform").mkdir()
    (directory / "terraform" / "main.tf").write_text("")
    state_of(directory, sleeper).stop()
    assert not sleeper.alive
    assert not directory.exists()


def test_files_are_readable_by_their_owner_only(directory):
    state_of(directory)
    write_shell_environment(directory / "env", {"A": "b"})
    assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {
        "stack.json": 0o600,
        "env": 0o600,
    }
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_directory_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(StateDirectoryTaken, match="holds files that are not the local machine's"):
        prepare_directory(tmp_path)


def test_a_shell_reads_the_exports_as_they_were(directory):
    write_shell_environment(directory / "env", {"PASSWORD": 'a\'b $c "d"'})
    command = ["sh", "-c", f'. {directory}/env; printf %s "$PASSWORD"']
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == 'a\'b $c "d"'


def test_a_shell_keeps_what_it_had_but_a_profile_and_the_keys_of_another_account(directory):
    write_shell_environment(directory / "env", {"AWS_ACCESS_KEY_ID": "AKIAROOT"})
    before = {
        "PATH": "/usr/bin:/bin",
        "NO_PROXY": "intranet.example",
        "AWS_PROFILE": "work",
        "AWS_DEFAULT_PROFILE": "work",
        "AWS_SESSION_TOKEN": "of another key",
    }
    command = ["sh", "-euc", f". {directory}/env; env -0"]
    said = subprocess.run(command, env=before, capture_output=True, text=True, check=True).stdout
    after = dict(line.split("=", 1) for line in said.split("\0") if line)
    assert after["PATH"] == f"/usr/bin:/bin:{ROOT}/.venv/bin"
    assert (after["NO_PROXY"], after["no_proxy"]) == ("127.0.0.1,intranet.example", "127.0.0.1")
    assert {name: value for name, value in after.items() if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID": "AKIAROOT"
    }


def test_a_password_is_not_printed():
    assert "secret word" not in repr(ALICE)

"""The Makefile's traps: a broken virtual environment, a home where nothing can be written, a removed demonstration."""

import os
import shutil
import subprocess
import sys

import pytest

from local.endpoint import Endpoint
from local.processes import LocalProcess
from local.settings import ROOT
from local.stack_state import StackState, prepare_directory
from tests.copied import copy_of_project

# It makes no environment: what it makes passes on to the one that runs the tests.
FAKE_VENV = f"""#!/bin/sh
case "$*" in
  "-m venv .venv")
    mkdir -p .venv/bin && cp "$0" .venv/bin/python && ln -s /bin/true .venv/bin/uv ;;
  "-m pip "*) ;;
  *) exec {sys.executable} "$@" ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    return copy_of_project(tmp_path / "project")


@pytest.fixture
def bare(tmp_path):
    """A project of which only the Makefile and what `.venv` is made from are there, as empty and new files."""
    folder = tmp_path / "bare"
    (folder / "local").mkdir(parents=True)
    shutil.copy2(ROOT / "Makefile", folder)
    for name in ("requirements-dev.txt", "uv-requirements.txt", "local/terraform-requirements.txt", "pyproject.toml"):
        (folder / name).touch()
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def make(tmp_path):
    """Call make in a project, with a separate environment."""
    python = tmp_path / "python"
    python.write_text(FAKE_VENV)
    python.chmod(0o755)
    # What a `make` around the tests hands on would say where this one works, and keeps its caches.
    not_kept = ("MAKE", "MFLAGS", "UV_CACHE_DIR", "PIP_CACHE_DIR", "npm_config_cache")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(not_kept)}

    def call(project, *arguments, **settings):
        return subprocess.run(
            ["make", f"PYTHON={python}", *arguments],
            cwd=project, env=kept | {"RUNCAST_LOCAL_DIR": str(tmp_path / "stack")} | settings,
            capture_output=True, text=True,
        )  # fmt: skip

    return call


@pytest.fixture
def stack_process(start_python, tmp_path):
    """A process that a local machine's state names."""
    process = start_python("import time; print('ready', flush=True); time.sleep(600)")
    prepare_directory(tmp_path / "stack")
    starter = LocalProcess.of("the test", os.getpid())
    StackState(tmp_path / "stack", Endpoint("", "", ""), "", starter, (process,)).save()
    return process


@pytest.mark.parametrize(
    ("target", "breakage"),
    [
        ("down", "its packages are gone"),
        pytest.param("down", "its Python is gone", marks=pytest.mark.long),
        pytest.param("clean", "its packages are gone", marks=pytest.mark.long),
        pytest.param("clean", "its Python is gone", marks=pytest.mark.long),
    ],
)
def test_a_broken_environment_does_not_keep_the_machine_running(make, project, stack_process, target, breakage):
    (project / ".venv").unlink()
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/nowhere/python3.11" if breakage == "its Python is gone" else "/bin/false")
    (project / ".venv" / ".ready").touch()
    done = make(project, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The local machine has stopped." in done.stdout
    assert not stack_process.alive
    assert (project / ".venv").exists() is (target == "down")


def test_clean_needs_no_environment_when_nothing_runs(make, bare):
    (bare / ".venv").unlink()
    assert make(bare, "clean", "PYTHON=/nowhere").returncode == 0


def test_an_environment_that_works_is_left_alone(make, bare):
    before = (ROOT / ".venv" / ".ready").stat().st_mtime_ns
    assert make(bare, "-n", "down").returncode == 0
    assert (ROOT / ".venv" / ".ready").stat().st_mtime_ns == before


@pytest.mark.parametrize("home", ["/proc", "/nowhere"])  # Nobody can write there, not even root.
def test_caches_are_in_the_project_when_home_cannot_be_written(make, bare, home):
    shown = "\t@echo $$UV_CACHE_DIR $$PIP_CACHE_DIR $$npm_config_cache\n"
    (bare / "caches.mk").write_text(f"include Makefile\ncaches:\n{shown}")
    caches = make(bare, "-f", "caches.mk", "caches", HOME=home).stdout.split()
    assert caches == [f"{bare}/.local/cache/{name}" for name in ("uv", "pip", "npm")]


def test_locking_keeps_what_is_locked_and_upgrading_does_not(make, bare):
    locked = make(bare, "-n", "lock").stdout
    assert ("pip compile" in locked, "--upgrade" in locked) == (True, False)
    lines = make(bare, "-n", "upgrade").stdout
    assert lines.count("pip compile") == lines.count("--upgrade") >= 4


@pytest.mark.parametrize("name", ["mine", "my agents", "my own agents", "größe 密"])
def test_the_first_playbook_of_a_folder_is_found_whatever_its_path(make, bare, tmp_path, name):
    (tmp_path / name / "playbooks").mkdir(parents=True)
    for playbook in ("greet", "leave"):
        (tmp_path / name / "playbooks" / f"{playbook}.json").write_text("{}")
    result = make(bare, f"AGENTS=../{name}", "-s", "--eval", "show: ; @echo '[$(PLAYBOOK)]' \"$$AGENTS\"", "show")
    assert result.stdout == f"[greet] ../{name}\n", result.stderr


def test_without_the_demonstration_an_agent_of_ones_own_is_shown(make, project):
    agents = project / "chalice_app" / "chalicelib" / "agents"
    shutil.rmtree(agents / "demo")
    assert 'local demo ""' in make(project, "-n", "demo").stdout
    for agent in agents.glob("*_agent.py"):
        agent.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "local", "demo", "", "Where?"], cwd=project, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("There is no agent to show. Start with one of your own: make new AGENTS=../my-agents\n")


@pytest.fixture
def programs(tmp_path, bare):
    """A PATH with interpreters that say the version they are given, and nothing else that could be a Python."""
    (bare / ".venv").unlink()
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("make", "sh", "test", "echo", "grep", "awk", "mkdir", "rm", "touch", "uname"):
        (folder / name).symlink_to(shutil.which(name))

    def add(name, version):
        # Of the code that it is given, it runs only the comparison of versions.
        code = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
        script = f'#!/bin/sh\n[ "$1" = -c ] || exit 9\nexec {sys.executable} -c "{code}" "$2"\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)

    def chosen(*arguments):
        done = subprocess.run(
            ["make", "-n", ".venv/.ready", *arguments],
            cwd=bare, env={"PATH": str(folder), "HOME": str(tmp_path)}, capture_output=True, text=True,
        )  # fmt: skip
        return next((line.split()[0] for line in done.stdout.splitlines() if " -m venv " in line), None)

    return add, chosen


@pytest.mark.parametrize(
    ("interpreters", "expected"),
    [
        ({"python3": (3, 11, 7), "python3.13": (3, 13, 0)}, "python3"),
        ({"python3": (3, 13, 0)}, "python3"),
        ({"python3": (3, 9, 6), "python3.12": (3, 12, 1)}, "python3.12"),
        ({"python3.11": (3, 11, 7), "python3.13": (3, 13, 0)}, "python3.13"),
        ({"python3.14": (3, 14, 0)}, "python3.14"),
    ],
)
def test_the_first_python_that_is_new_enough_is_taken(programs, interpreters, expected):
    add, chosen = programs
    for name, version in interpreters.items():
        add(name, version)
    assert chosen() == expected
    assert chosen("PYTHON=mine") == "mine"


def test_without_a_python_that_is_new_enough_it_says_what_to_do(programs, bare, tmp_path):
    add, _ = programs
    add("python3", (3, 10, 1))
    done = subprocess.run(
        ["make", ".venv/.ready"],
        cwd=bare, env={"PATH": str(tmp_path / "programs"), "HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    said = "Runcast needs Python 3.11 or later on the PATH; or name it: make PYTHON=/path/to/python3.13"
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, said)

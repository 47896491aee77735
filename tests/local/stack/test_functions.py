"""The environments that functions run in: one for each runtime whose Python is here, and a first choice."""

import subprocess
import sys

import pytest

from local.functions import make_environments, python_used
from packager.errors import PackagingError
from packager.platforms import DEFAULT_RUNTIME, RUNTIMES, find_interpreter, lambda_platform, runtime_of

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def no_other_python(monkeypatch, tmp_path):
    """A machine where only the Python that runs the tests can be found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path))


def environments(folder):
    runtimes = {path.name: runtime_of(path / "bin" / "python") for path in (folder / "runtimes").iterdir()}
    return runtime_of(folder / "bin" / "python"), runtimes


def test_each_runtime_runs_on_its_own_version_and_the_default_is_the_first_choice(tmp_path):
    found = {runtime for runtime in RUNTIMES if find_interpreter(runtime)}
    make_environments(tmp_path / "functions")
    first_choice = DEFAULT_RUNTIME if DEFAULT_RUNTIME in found else OWN
    assert environments(tmp_path / "functions") == (first_choice, {runtime: runtime for runtime in found})


@pytest.mark.usefixtures("no_other_python")
def test_with_one_python_it_is_the_first_choice_and_earlier_environments_go(tmp_path):
    (tmp_path / "functions" / "runtimes" / "python3.10").mkdir(parents=True)
    make_environments(tmp_path / "functions")
    assert environments(tmp_path / "functions") == (OWN, {OWN: OWN})


@pytest.mark.usefixtures("no_other_python")
def test_an_environment_holds_no_packages(tmp_path):
    make_environments(tmp_path)
    for module in ("pip", "boto3", "runcast"):
        command = [tmp_path / "bin" / "python", "-c", f"import {module}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert f"No module named '{module}'" in done.stderr


def test_the_python_that_is_used_is_named_with_how_to_have_the_runtime_s():
    assert python_used(lambda_platform(DEFAULT_RUNTIME)) == "The functions run on Python 3.13, as on python3.13."
    said = python_used(lambda_platform("python3.11"))
    assert said.startswith(
        "The functions run on Python 3.11, because `make setup` found no Python 3.13, which python3.13"
    )


@pytest.mark.parametrize(("printed", "named"), [("python3.10", "is python3.10"), ("", "cannot start")])
def test_a_python_that_lambda_has_no_runtime_for_is_refused(tmp_path, printed, named):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n[ -n '{printed}' ] && echo {printed} || {{ echo cannot start >&2; exit 1; }}\n")
    python.chmod(0o755)
    with pytest.raises(PackagingError, match=f"{named}; functions run on one of python3.11, .*python3.14"):
        runtime_of(python)

"""The installation of dependencies, offline: uv finds only the wheels that these tests build."""

import fcntl
import hashlib
import re
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest

from packager.dependencies import install_command, install_dependencies
from packager.errors import PackagingError
from packager.platforms import Platform, lambda_platform, own_platform

PYTHON = Path(sys.executable)
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
CP = f"cp{VERSION.replace('.', '')}"
X86_64 = Platform(f"python{VERSION}", "x86_64", "x86_64-manylinux_2_17")
ARM64 = Platform(f"python{VERSION}", "arm64", "aarch64-manylinux_2_17")


def make_wheel(folder: Path, name: str, tag: str, text: str = "VALUE = 1\n") -> None:
    described = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", text)
        wheel.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{described}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{described}/RECORD", f"{name}.py,,\n")


def requirements(tmp_path: Path, text: str) -> Path:
    """Lock requirements to the wheels of now, as `make lock` does; what has no wheel gets some hash."""
    path = tmp_path / "requirements.txt"
    path.write_text(re.sub(r"(?m)^(\w+)==1.0$|^(\w+)==.*$", partial(_hashed, tmp_path / "wheels"), text))
    return path


def _hashed(wheels: Path, line: re.Match[str]) -> str:
    found = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels.glob(f"{line[1]}-1.0-*.whl")]
    return "".join([line[0], *(f" \\\n    --hash=sha256:{each}" for each in found or ["0" * 64])])


def test_a_wheel_that_fits_is_installed_and_kept(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = requirements(tmp_path, "fitting==1.0\n")
    installed = install_dependencies(listed, X86_64, PYTHON, tmp_path / "cache")
    assert (installed / "fitting.py").read_text() == "VALUE = 1\n"
    assert (installed / "__pycache__" / f"fitting.{sys.implementation.cache_tag}.pyc").is_file()
    (wheels / "fitting-1.0-py3-none-any.whl").unlink()
    assert install_dependencies(listed, X86_64, PYTHON, tmp_path / "cache") == installed


def test_two_processes_do_not_install_into_one_folder_at_once(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
):
    make_wheel(wheels, "fitting", "py3-none-any")
    refused = []

    def compile_meanwhile(*_: Path) -> None:
        with (tmp_path / "cache" / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                refused.append(error)

    monkeypatch.setattr("packager.dependencies.compile_bytecode", compile_meanwhile)
    install_dependencies(requirements(tmp_path, "fitting==1.0\n"), X86_64, PYTHON, tmp_path / "cache")
    assert len(refused) == 1


def test_other_requirements_are_installed_anew(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    make_wheel(wheels, "another", "py3-none-any")
    first = install_dependencies(requirements(tmp_path, "fitting==1.0\n"), X86_64, PYTHON, tmp_path / "cache")
    second = install_dependencies(requirements(tmp_path, "another==1.0\n"), X86_64, PYTHON, tmp_path / "cache")
    assert not first.exists()
    assert (second / "another.py").exists()


def test_each_architecture_gets_its_own_wheels_and_neither_takes_the_other_s_place(tmp_path: Path, wheels: Path):
    for tag in ("manylinux_2_17_x86_64", "manylinux2014_aarch64"):
        make_wheel(wheels, "compiled", f"{CP}-{CP}-{tag}", text=f"TAG = {tag!r}\n")
    listed = requirements(tmp_path, "compiled==1.0\n")
    x86_64 = install_dependencies(listed, X86_64, PYTHON, tmp_path / "cache")
    arm64 = install_dependencies(listed, ARM64, PYTHON, tmp_path / "cache")
    assert (x86_64 / "compiled.py").read_text() == "TAG = 'manylinux_2_17_x86_64'\n"
    assert (arm64 / "compiled.py").read_text() == "TAG = 'manylinux2014_aarch64'\n"


def test_every_requirement_without_a_wheel_is_named_and_nothing_is_reused(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "newer", f"{CP}-{CP}-manylinux_2_27_aarch64")
    make_wheel(wheels, "foreign", f"{CP}-{CP}-manylinux_2_17_x86_64")
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = requirements(
        tmp_path, "# What is needed\nabsent==2.0\nfitting==1.0\nforeign==1.0\n    # via newer\nnewer==1.0\n"
    )
    with pytest.raises(PackagingError) as caught:
        install_dependencies(listed, ARM64, PYTHON, tmp_path / "cache")
    first, *named, remedy = str(caught.value).splitlines()
    assert first == f"Lambda (python{VERSION}, arm64) needs wheels that fit it in requirements.txt:"
    assert [line.split(": ")[0] for line in named] == ["  absent==2.0", "  foreign==1.0", "  newer==1.0"]
    assert "no wheels with a matching platform tag (e.g., `manylinux_2_17_aarch64`)" in named[1]
    assert remedy == "If there are wheels for x86_64, use ARCHITECTURE=x86_64."
    assert [path.name for path in (tmp_path / "cache" / ARM64.name).iterdir()] == ["partial"]


def test_a_wheel_with_other_content_than_the_locked_one_is_refused(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = requirements(tmp_path, "fitting==1.0\n")
    make_wheel(wheels, "fitting", "py3-none-any", text="VALUE = 2\n")
    with pytest.raises(PackagingError, match=r"(?s)^requirements\.txt: .*[Hh]ash.*fitting"):
        install_dependencies(listed, X86_64, PYTHON, tmp_path / "cache")


def test_a_requirement_without_a_hash_is_refused(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = tmp_path / "requirements.txt"
    listed.write_text("fitting==1.0\n")
    with pytest.raises(PackagingError, match=r"(?s)^requirements\.txt: .*hash.*fitting"):
        install_dependencies(listed, X86_64, PYTHON, tmp_path / "cache")


@pytest.mark.usefixtures("wheels")
def test_requirements_that_cannot_be_read_are_an_error_that_says_why(tmp_path: Path):
    with pytest.raises(PackagingError, match=r"(?s)^requirements\.txt: .*fitting=1\.0"):
        install_dependencies(requirements(tmp_path, "fitting=1.0\n"), X86_64, PYTHON, tmp_path / "cache")


@pytest.mark.parametrize(
    ("platform", "tag", "fits"),
    [
        (
            lambda_platform("python3.11", "x86_64"),
            "cp311-cp311-manylinux_2_17_x86_64",
            True,
        ),  # Amazon Linux 2 has glibc 2.26
        (lambda_platform("python3.11", "x86_64"), "cp311-cp311-manylinux_2_27_x86_64", False),
        (
            lambda_platform("python3.13", "x86_64"),
            "cp313-cp313-manylinux_2_34_x86_64",
            True,
        ),  # Amazon Linux 2023 has 2.34
        (lambda_platform("python3.13", "x86_64"), "cp313-cp313-manylinux_2_35_x86_64", False),
        (lambda_platform("python3.13", "x86_64"), "cp311-cp311-manylinux_2_17_x86_64", False),
        (lambda_platform("python3.12", "arm64"), "cp312-cp312-manylinux_2_28_aarch64", True),
        (lambda_platform("python3.14", "arm64"), "cp314-cp314-macosx_11_0_arm64", False),
    ],
)
@pytest.mark.usefixtures("wheels")
def test_a_runtime_takes_the_wheels_of_its_python_and_of_its_c_library(
    tmp_path: Path, wheels: Path, platform: Platform, tag: str, fits: bool
):
    make_wheel(wheels, "compiled", tag)
    command = install_command(platform, PYTHON, tmp_path / "target")
    done = subprocess.run([*command, "--dry-run", "compiled==1.0"], capture_output=True, text=True)
    assert (done.returncode == 0) is fits, done.stderr


@pytest.mark.parametrize("machine", ["arm64", "x86_64"])
def test_on_macos_what_runs_here_has_the_host_s_wheels_and_what_is_deployed_has_lambda_s(machine: str):
    here = install_command(own_platform("python3.13", system="Darwin", machine=machine), PYTHON, Path("target"))
    assert "--python-platform" not in here
    assert here[here.index("--python-version") + 1] == "3.13"
    deployed = install_command(lambda_platform("python3.13", "arm64"), PYTHON, Path("target"))
    assert deployed[deployed.index("--python-platform") + 1] == "aarch64-manylinux_2_34"
    assert {"--only-binary=:all:", "--no-deps"} <= set(here) & set(deployed)

"""All offline: uv finds nothing but the wheels that these tests make."""

import zipfile
from pathlib import Path

import pytest

from packager.dependencies import install_dependencies
from packager.errors import PackagingError


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder


def make_wheel(folder: Path, name: str, tag: str, text: str = "VALUE = 1\n") -> None:
    described = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", text)
        wheel.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{described}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{described}/RECORD", f"{name}.py,,\n")


def requirements(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return path


def test_a_wheel_that_fits_is_installed_and_kept(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = requirements(tmp_path, "fitting==1.0\n")
    installed = install_dependencies(listed, "x86_64", tmp_path / "cache")
    assert (installed / "fitting.py").read_text() == "VALUE = 1\n"
    assert (installed / "__pycache__" / "fitting.cpython-311.pyc").is_file()
    (wheels / "fitting-1.0-py3-none-any.whl").unlink()
    assert install_dependencies(listed, "x86_64", tmp_path / "cache") == installed


def test_other_requirements_are_installed_anew(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    make_wheel(wheels, "another", "py3-none-any")
    first = install_dependencies(requirements(tmp_path, "fitting==1.0\n"), "x86_64", tmp_path / "cache")
    second = install_dependencies(requirements(tmp_path, "another==1.0\n"), "x86_64", tmp_path / "cache")
    assert not first.exists()
    assert (second / "another.py").exists()


def test_each_architecture_gets_its_own_wheels_and_neither_takes_the_other_s_place(tmp_path: Path, wheels: Path):
    for tag in ("manylinux_2_17_x86_64", "manylinux2014_aarch64"):
        make_wheel(wheels, "compiled", f"cp311-cp311-{tag}", text=f"TAG = {tag!r}\n")
    listed = requirements(tmp_path, "compiled==1.0\n")
    x86_64 = install_dependencies(listed, "x86_64", tmp_path / "cache")
    arm64 = install_dependencies(listed, "arm64", tmp_path / "cache")
    assert (x86_64 / "compiled.py").read_text() == "TAG = 'manylinux_2_17_x86_64'\n"
    assert (arm64 / "compiled.py").read_text() == "TAG = 'manylinux2014_aarch64'\n"


def test_every_requirement_without_a_wheel_is_named_and_nothing_is_reused(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "newer", "cp311-cp311-manylinux_2_27_aarch64")  # Lambda's Python 3.11 has glibc 2.26
    make_wheel(wheels, "foreign", "cp311-cp311-manylinux_2_17_x86_64")
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = requirements(
        tmp_path, "# What is needed\nabsent==2.0\nfitting==1.0\nforeign==1.0\n    # via newer\nnewer==1.0\n"
    )
    with pytest.raises(PackagingError) as caught:
        install_dependencies(listed, "arm64", tmp_path / "cache")
    first, *named = str(caught.value).splitlines()
    assert first == "Lambda (Python 3.11, arm64) needs wheels that fit it in requirements.txt:"
    assert [line.split(": ")[0] for line in named] == ["  absent==2.0", "  foreign==1.0", "  newer==1.0"]
    assert "no wheels with a matching platform tag (e.g., `manylinux_2_17_aarch64`)" in named[1]
    assert [path.name for path in (tmp_path / "cache" / "arm64").iterdir()] == ["partial"]


@pytest.mark.usefixtures("wheels")
def test_requirements_that_cannot_be_read_are_an_error_that_says_why(tmp_path: Path):
    with pytest.raises(PackagingError, match=r"(?s)^requirements\.txt: .*fitting=1\.0"):
        install_dependencies(requirements(tmp_path, "fitting=1.0\n"), "x86_64", tmp_path / "cache")

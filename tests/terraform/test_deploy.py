"""`make deploy`, `make plan` and `make destroy` on the emulated AWS, from a user's own root with an environment."""

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from chalicelib.agents import registry

from deploy.terraform import deployed_agents_in
from local.settings import FUNCTION_PYTHON, REGION
from local.terraform import find_terraform, prepare
from packager.build import EXPORT_NAME
from packager.platforms import RUNTIMES, find_interpreter, runtime_of
from tests.copied import copy_of_project
from tests.terraform.applied import Aws
from tests.terraform.conftest import PROJECT

ROOT = """
terraform {
  backend "local" {}
}

variable "name_prefix" {
  type = string
}

module "runcast" {
  source = "../terraform"

  name_prefix    = var.name_prefix
  lambda_runtime = var.lambda_runtime
}

variable "lambda_runtime" {
  type = string
}

output "runcast" {
  value     = module.runcast
  sensitive = true
}
"""
TABLE = "made-AgentProgress"
HELD = registry.names()[0]


@dataclass(frozen=True)
class Operator:
    """Someone at a shell, with credentials for the emulated AWS and a root for the environment `dev`."""

    root: Path
    environment: dict[str, str]
    project: Path = PROJECT

    def make(self, target: str, answer: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", target, f"TF_DIR={self.root}", "ENVIRONMENT=dev"],
            cwd=self.project,
            env=self.environment | settings,
            input=answer,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def operator(module: Path, aws: Aws, tmp_path: Path) -> Operator:
    prepare(module, tmp_path)
    (tmp_path / "terraform" / "backend_override.tf").unlink()  # The state is the root's.
    root = tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text(ROOT)
    (root / "dev.tfvars").write_text('name_prefix = "made-"\n')
    (root / "dev.local.tfbackend").write_text('path = "dev.tfstate"\n')
    programs = tmp_path / "bin"
    programs.mkdir()
    # A shell whose environment names an endpoint on this machine is refused, so the profile names it. The local
    # provider reads no profile.
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(f"[default]\nendpoint_url = {aws.endpoint.url}\n")
    (programs / "terraform").write_text(
        f'#!/bin/sh\nAWS_ENDPOINT_URL={aws.endpoint.url} exec {shlex.join(find_terraform())} "$@"\n'
    )
    (programs / "terraform").chmod(0o755)
    # Nor the variables of a `make` around the tests: a make inside it would print its directory.
    left_out = ("TF_", "AWS_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return Operator(
        root,
        kept
        | {
            "HOME": str(tmp_path),
            "PATH": f"{programs}:{os.environ['PATH']}",
            **aws.endpoint.key_variables,
            "AWS_REGION": REGION,
            "NO_PROXY": "127.0.0.1",
            "TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc"),
            "TF_CLI_ARGS": "-no-color",
            "CHECKPOINT_DISABLE": "1",
            "RUNTIME": runtime_of(FUNCTION_PYTHON),
        },
    )


@pytest.mark.long
def test_an_environment_from_its_deployment_to_its_end(operator: Operator, aws: Aws):
    deployed = operator.make("deploy", "yes\n")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert deployed.stdout.startswith(f"AWS account 000000000000, region {REGION}, as arn:aws:iam::000000000000:root\n")
    assert "Do you want to perform these actions?" in deployed.stdout
    shown = subprocess.run(
        ["terraform", f"-chdir={operator.root}", "show", "-json"],
        env=operator.environment,
        capture_output=True,
        check=True,
    )
    assert deployed_agents_in(json.loads(shown.stdout)) == [*registry.names()]
    aws.dynamodb.put_item(TableName=TABLE, Item={"requestId": {"S": "one"}})
    # The emulator spells AWSServiceRoleForAppSync its own way.
    assert aws.iam.get_role(RoleName="AWSServiceRoleForAppsync")["Role"]["Path"].endswith("/appsync.amazonaws.com/")
    assert "No changes." in operator.make("plan").stdout

    # It has read the environment's outputs, and creates nothing without consent.
    asked = operator.make("verify", "no\n")
    assert f"This creates in account 000000000000 as arn:aws:iam::000000000000:root, region {REGION}:" in asked.stdout
    assert asked.stdout.endswith("Type yes to go on: Nothing was created.\n")

    refused = operator.make("destroy", "yes\n")
    assert refused.returncode == 2
    assert f" resources of account 000000000000, {REGION} and permanently deletes their data:\n" in refused.stdout
    assert f"  table {TABLE}: 1 items\n" in refused.stdout
    assert "  user pool made-runcast: about 0 users\n" in refused.stdout
    assert "  log group /aws/lambda/made-runcast-agent: 0.0 MB\n" in refused.stdout
    assert "Type made-runcast to destroy this deployment: Nothing was destroyed.\n" in refused.stdout
    assert TABLE in tables(aws)

    destroyed = operator.make("destroy", "made-runcast\n")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert [name for name in (*tables(aws), *aws.log_groups()) if "made-" in name] == []
    assert "There is nothing to destroy." in operator.make("destroy").stdout


@pytest.mark.long
def test_the_architecture_and_the_runtime_reach_the_package_and_terraform(operator: Operator, tmp_path_factory):
    operator = replace(operator, project=copy_of_project(tmp_path_factory.mktemp("project")))
    told = operator.root / "told"
    (operator.root.parent / "bin" / "terraform").write_text(
        f"""#!/bin/sh
        [ "$1" = version ] && echo '{{"terraform_version": "1.9.0"}}'
        echo "$TF_VAR_lambda_architecture $TF_VAR_lambda_runtime $*" >> {told}
        """
    )
    runtime = next(each for each in RUNTIMES if find_interpreter(each))
    planned = operator.make("plan", ARCHITECTURE="arm64", RUNTIME=runtime)
    packaged = json.loads((operator.project / "terraform" / EXPORT_NAME).read_text())
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert packaged["locals"]["packaged_architecture"] == "arm64"
    assert packaged["locals"]["packaged_runtime"] == runtime
    assert f"Packaging the functions ({runtime}, arm64) ..." in planned.stdout
    assert told.read_text().splitlines()[-1] == f"arm64 {runtime} -chdir={operator.root} plan -var-file=dev.tfvars"


def test_agents_that_would_disappear_are_listed_and_nothing_happens_without_consent(operator: Operator):
    told = operator.root / "told"
    agents = {"type": "terraform_data", "name": "packaged_agents", "values": {"input": ["gone_one", HELD, "gone_two"]}}
    other = {"type": "terraform_data", "name": "other", "values": {"input": ["other"]}}
    state = {"values": {"root_module": {"resources": [other], "child_modules": [{"resources": [agents]}]}}}
    (operator.root.parent / "bin" / "terraform").write_text(
        f"""#!/bin/sh
        [ "$1" = version ] && echo '{{"terraform_version": "1.9.0"}}'
        [ "$2" = show ] && echo '{json.dumps(state)}'
        [ "$2" = apply ] && read answer && echo "apply, told $answer" >> {told}
        exit 0
        """
    )
    for answer, end in (("no\n", ""), ("", "nobody answered.\n")):
        refused = operator.make("deploy", answer)
        assert refused.returncode == 2
        assert (
            "These deployed agents are not in the package and would disappear: gone_one, gone_two.\n" in refused.stdout
        )
        assert refused.stdout.endswith(f"Type yes to go on without them: {end}Nothing was deployed.\n")
        assert not told.exists()
    agreed = operator.make("deploy", "yes\nTerraform's answer\n")
    assert agreed.returncode == 0, agreed.stdout + agreed.stderr
    assert told.read_text() == "apply, told Terraform's answer\n"


def test_credentials_that_aws_refuses_stop_it_before_anything_is_built(operator: Operator):
    refused = operator.make("deploy", AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE")
    assert (refused.returncode, refused.stdout) == (2, "")
    said = "Cannot deploy: AWS refused the credentials (InvalidClientTokenId). Sign in again, or replace them."
    assert refused.stderr.splitlines()[0] == said


def test_the_module_alone_needs_a_region(operator: Operator):
    nowhere = {name: value for name, value in operator.environment.items() if name != "AWS_REGION"}
    refused = subprocess.run(["make", "plan"], cwd=PROJECT, env=nowhere, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (2, "")
    said = "Cannot plan: there is no AWS region. Set AWS_REGION, or the region of the profile."
    assert refused.stderr.splitlines()[0] == said


def tables(aws: Aws) -> list[str]:
    return aws.dynamodb.list_tables()["TableNames"]

"""The module as it lies there: form, and what its variables refuse."""

import re
import subprocess
from pathlib import Path

import pytest

from local.settings import REGION
from local.terraform import Terraform, TerraformFailed, find_terraform, prepare
from tests.terraform.applied import Stack


def test_the_files_are_formatted(project: Path):
    done = subprocess.run(
        [*find_terraform(), "fmt", "-check", "-diff", str(project / "terraform")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_module_is_valid_without_a_warning(module: Path, tmp_path: Path):
    prepare(module, tmp_path)
    terraform = Terraform(tmp_path, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": REGION})
    terraform.init()
    assert terraform.validate().strip() == "Success! The configuration is valid."


def test_it_holds_no_provider_and_no_backend(project: Path):
    sources = "\n".join(path.read_text() for path in (project / "terraform").glob("*.tf"))
    assert not re.search(r"^\s*(provider|backend)\s", sources, re.MULTILINE)


def test_variables_and_outputs_are_described(project: Path):
    for name in ("variables.tf", "outputs.tf"):
        blocks = re.split(r"^(?=variable|output)", (project / "terraform" / name).read_text(), flags=re.MULTILINE)
        for block in filter(None, blocks):
            assert re.search(r'^  description = "[A-Z].*\."$', block, re.MULTILINE), block


def test_bad_variables_are_refused_with_what_is_allowed(module: Path, tmp_path: Path):
    bad = {
        "name_prefix": "9",
        "log_retention_days": 2,
        "log_level": "WARN",
        "cors_origins": ["https://app.example.com/path"],
        "bedrock_model_id": "arn:aws:bedrock:us-east-1::foundation-model/x",
        "model_max_tokens": 0,
        "publish_batch_size": 51,
        "user_id_claim": "name",
        "tenant_id_claim": "tenantId",
    }
    stack = Stack(module, tmp_path, "http://127.0.0.1:9", bad)
    with pytest.raises(TerraformFailed) as caught:
        stack.terraform.plan()
    said = " ".join(str(caught.value).replace("│", " ").split())
    for message in (
        "name_prefix must be empty, or 1 to 20 letters, digits and hyphens that begin with a letter.",
        "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60,",
        "log_level must be one of NONE, ERROR, INFO, DEBUG, ALL.",
        'cors_origins must be ["*"], or origins without a path such as https://app.example.com and '
        "http://localhost:5173.",
        "bedrock_model_id must be the id of a foundation model (anthropic.claude-sonnet-4-6) or of a cross-region "
        "inference profile (eu.anthropic.claude-sonnet-4-6), not an ARN.",
        "model_max_tokens must be a whole number from 1 to 200000.",
        "publish_batch_size must be a whole number from 1 to 50.",
        "user_id_claim must be sub or cognito:username: users can change the others.",
        'tenant_id_claim must be "custom:" followed by 1 to 20 letters, digits and underscores that begin with a',
    ):
        assert message in said

"""Runs the module's own tests (`terraform/tests`) with the local provider's schema.

`terraform test` runs them with the real provider; they need no account.
"""

import re
from pathlib import Path

import pytest

from local.terraform import Terraform, TerraformFailed, prepare

NO_CLOUD = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}


@pytest.fixture
def terraform(module: Path, tmp_path: Path) -> Terraform:
    prepare(module, tmp_path)
    (tmp_path / "terraform" / "local.auto.tfvars.json").unlink()  # `terraform test` runs with the module's defaults
    made = Terraform(tmp_path, NO_CLOUD)
    made.init()
    return made


@pytest.fixture(scope="module")
def tests(project: Path) -> str:
    return "\n".join(path.read_text() for path in sorted((project / "terraform" / "tests").glob("*.tftest.hcl")))


@pytest.mark.long
def test_they_pass(terraform: Terraform, tests: str):
    told = terraform.test()
    runs = re.findall(r'^run "(\w+)"', tests, re.MULTILINE)
    assert re.findall(r'run "(\w+)"\.\.\. pass', told) == runs
    assert f"Success! {len(runs)} passed, 0 failed." in told


@pytest.mark.parametrize(
    ("file", "right", "wrong", "tests_in", "expected"),
    [
        (
            *("variables.tf", '"OPTIONAL", "ON"], var', '"OPTIONAL", "ON", "SMS"], var'),
            *("validations", r'run "bad_values"\.\.\. fail'),
        ),
        pytest.param(
            *("dynamodb.tf", "= var.deletion_protection", "= true", "variables", r'run "defaults"\.\.\. fail'),
            marks=pytest.mark.long,
        ),
    ],
)
def test_they_find_what_is_planted(
    terraform: Terraform, tmp_path: Path, file: str, right: str, wrong: str, tests_in: str, expected: str
):
    for other in (tmp_path / "terraform" / "tests").iterdir():
        if other.name != f"{tests_in}.tftest.hcl":
            other.unlink()
    source = tmp_path / "terraform" / file
    assert right in source.read_text()
    source.write_text(source.read_text().replace(right, wrong))
    with pytest.raises(TerraformFailed, match=expected):
        terraform.test()


def test_every_variable_and_every_validation_is_in_them(project: Path, tests: str):
    text = (project / "terraform" / "variables.tf").read_text()
    variables = dict(re.findall(r'^variable "(\w+)" {\n(.*?)^}', text, re.MULTILINE | re.DOTALL))
    assert len(variables) > 20
    failing = re.findall(r"\bvar\.(\w+)", " ".join(re.findall(r"expect_failures = \[(.*?)\]", tests, re.DOTALL)))
    for name, block in variables.items():
        assert re.search(rf"^    {name} += ", tests, re.MULTILINE), f"no run sets {name}"
        assert failing.count(name) >= block.count("validation {"), f"a validation of {name} has no run"

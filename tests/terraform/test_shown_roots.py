"""The root modules in documents and examples: a user's own Lambda, and a rule for the ends of runs.

tests/e2e starts such a Lambda.
"""

import json
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

from local.terraform import find_terraform, prepare
from tests.terraform.applied import Aws


def test_a_function_of_ones_own_can_be_planned_as_it_stands(project: Path, module: Path, aws: Aws, tmp_path: Path):
    [root] = (project / "examples" / "own-lambda").iterdir()
    run = laid_out(root.read_text().replace('"../../terraform"', '"../terraform"'), module, aws, tmp_path)
    run("plan", "-no-color", "-out=plan")
    plan = json.loads(run("show", "-json", "plan"))
    planned = {change["address"]: change["change"] for change in plan["resource_changes"]}
    # Each side's values about the other are known only after that is made; neither waits for itself.
    assert planned["aws_lambda_function.counter"]["after_unknown"]["arn"] is True
    told = planned["module.runcast.aws_lambda_function.run_starter"]["after_unknown"]["environment"][0]["variables"]
    assert told is True or told["AGENT_FUNCTIONS"] is True


def test_a_rule_for_the_ends_of_runs_can_be_planned_as_it_stands(project: Path, module: Path, aws: Aws, tmp_path: Path):
    run = shown_in(project / "docs" / "operations.md", module, aws, tmp_path, heading="When a run has ended")
    function = {"name": "mine", "arn": "arn:aws:lambda:us-east-1:000000000000:function:mine"}
    planned = run("plan", "-no-color", f"-var=on_failed_run={json.dumps(function)}")
    assert "Plan: 3 to add, 0 to change, 0 to destroy." in planned


def shown_in(document: Path, module: Path, aws: Aws, tmp_path: Path, *, heading: str) -> Callable[..., str]:
    """Lay out the root that a section of a document shows; return what runs Terraform there."""
    section = document.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    [block] = re.findall(r"^```hcl\n(.*?)^```$", section, re.M | re.S)
    return laid_out(block, module, aws, tmp_path)


def laid_out(block: str, module: Path, aws: Aws, tmp_path: Path) -> Callable[..., str]:
    """Lay out a root module and a function's zip; return what runs Terraform there."""
    prepare(module, tmp_path)
    (tmp_path / "terraform" / "backend_override.tf").unlink()
    root = tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text(block)
    (root / "providers.tf").write_text('provider "aws" {}\n')
    with zipfile.ZipFile(root / "my_function.zip", "w") as archive:
        archive.writestr("my_function.py", "")

    def run(*arguments: str) -> str:
        environment = {
            "PATH": "/nowhere",
            "HOME": str(tmp_path),
            "TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc"),
            "CHECKPOINT_DISABLE": "1",
            **aws.endpoint.environment,
        }
        done = subprocess.run(
            [*find_terraform(), f"-chdir={root}", *arguments], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("fmt", "-check", "-diff")
    run("init", "-no-color")
    assert run("validate", "-no-color").strip() == "Success! The configuration is valid."
    return run

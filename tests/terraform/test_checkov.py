"""checkov finds nothing in the module, including the generated functions, but findings skipped with a reason."""

import json
import re
from pathlib import Path

import hcl2

from packager.scan import as_hcl, scan

LEFT_AT_MOST = 17
SKIPPED = re.compile(r"#checkov:skip=(\w+):(.*)")
SKIPPED_IN_FUNCTIONS = re.compile(r"((?:^  # .*\n)*)^  - (CKV\w+)$", re.MULTILINE)


def test_checkov_finds_nothing_that_is_not_decided(module: Path):
    done = scan(module, "--output", "json")
    assert done.stderr == ""
    report = json.loads(done.stdout)
    failed = report["results"]["failed_checks"]
    found = [f"{each['check_id']} {each['check_name']}: {each['resource']} in {each['file_path']}" for each in failed]
    assert found == [], "Fix it, or skip it beside the resource with the reason."
    assert report["summary"]["parsing_errors"] == 0
    export = json.loads((module / "terraform" / "chalice.tf.json").read_text())
    functions = {f"aws_lambda_function.{name}" for name in export["resource"]["aws_lambda_function"]}
    assert functions <= {each["resource"] for each in report["results"]["passed_checks"]}


def test_what_is_left_is_little_and_has_a_reason(project: Path):
    beside = [each for file in (project / "terraform").glob("*.tf") for each in SKIPPED.findall(file.read_text())]
    settings = (project / "terraform" / ".checkov.yaml").read_text()
    in_functions = [(check, reason) for reason, check in SKIPPED_IN_FUNCTIONS.findall(settings)]
    assert len(in_functions) == settings.count("CKV")
    assert [check for check, reason in beside + in_functions if len(reason) < 40] == []
    assert len({check for check, _ in beside + in_functions}) <= LEFT_AT_MOST


def test_an_exported_function_is_shown_as_terraform_reads_it():
    function = {
        "architectures": ["${var.lambda_architecture}"],
        "depends_on": ["aws_iam_role_policy.function"],
        "dynamic": {"vpc_config": {"for_each": "${var.vpc_config[*]}", "content": {"ids": "${vpc_config.value.ids}"}}},
        "environment": {"variables": {"NUMBER": "5", "CORS": '${join(" ", var.cors_origins)}'}},
        "filename": "${path.module}/deployment.zip",
        "source_code_hash": '${filebase64sha256("${path.module}/deployment.zip")}',
        "timeout": 900,
    }
    expected = """
        resource "aws_lambda_function" "agent" {
          architectures = [var.lambda_architecture]
          depends_on    = [aws_iam_role_policy.function]
          dynamic "vpc_config" {
            for_each = var.vpc_config[*]
            content {
              ids = vpc_config.value.ids
            }
          }
          environment {
            variables = {
              NUMBER = "5"
              CORS   = join(" ", var.cors_origins)
            }
          }
          filename         = "${path.module}/deployment.zip"
          source_code_hash = filebase64sha256("${path.module}/deployment.zip")
          timeout          = 900
        }
    """
    assert hcl2.loads(as_hcl({"agent": function})) == hcl2.loads(expected)

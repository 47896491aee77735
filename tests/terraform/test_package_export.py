import copy
from pathlib import Path
from typing import Any

import pytest

from packager.errors import PackagingError
from packager.export import export_app, repair

EXPORT: dict[str, Any] = {
    "resource": {
        "aws_lambda_function": {
            "run_starter": {
                "function_name": "runcast-terraform-run_starter",
                "runtime": "python3.11",
                "handler": "app.run_starter",
                "memory_size": 512,
                "tags": {"aws-chalice": "version=1.34.0:stage=terraform:app=runcast"},
                "timeout": 10,
                "source_code_hash": '${filebase64sha256("${path.module}/deployment.zip")}',
                "filename": "${path.module}/deployment.zip",
                "environment": {"variables": {"AGENT_PROGRESS_TABLE": "${aws_dynamodb_table.agent_progress.name}"}},
                "role": '${aws_iam_role.function["run_starter"].arn}',
            }
        }
    },
    "locals": {},
    "terraform": {
        "required_version": ">= 0.12.26, < 1.4.0",
        "required_providers": {"aws": {"version": ">= 3.61.0, < 5"}, "null": {"version": ">= 2, < 4"}},
    },
    "data": {"null_data_source": {"chalice": {"inputs": {"app": "runcast", "stage": "terraform"}}}},
}


def test_only_functions_are_left_so_the_module_decides_the_versions():
    repaired = repair(EXPORT)
    assert list(repaired["resource"]) == ["aws_lambda_function"]
    assert repaired.keys() == {"//", "resource"}


def test_no_name_or_tag_depends_on_the_stage():
    function = repair(EXPORT)["resource"]["aws_lambda_function"]["run_starter"]
    assert function["function_name"] == '${local.function_names["run_starter"]}'
    assert function["tags"] == "${var.tags}"
    assert "terraform-" not in str(function)


def test_functions_wait_for_their_log_groups():
    function = repair(EXPORT)["resource"]["aws_lambda_function"]["run_starter"]
    assert function["depends_on"] == ["aws_cloudwatch_log_group.function"]


def test_what_needs_no_repair_is_kept_and_the_export_is_not_changed():
    before = copy.deepcopy(EXPORT)
    function = repair(EXPORT)["resource"]["aws_lambda_function"]["run_starter"]
    assert before == EXPORT
    original = EXPORT["resource"]["aws_lambda_function"]["run_starter"]
    unchanged = original.keys() - {"function_name", "tags"}
    assert {name: function[name] for name in unchanged} == {name: original[name] for name in unchanged}


def test_a_resource_type_that_the_repair_does_not_know_is_refused():
    export = copy.deepcopy(EXPORT)
    export["resource"]["aws_cloudwatch_event_rule"] = {"nightly": {}}
    with pytest.raises(PackagingError, match=r"^Chalice exported aws_cloudwatch_event_rule, which packager/export.py"):
        repair(export)


@pytest.mark.parametrize("role", [None, ""])
def test_a_function_without_a_role_is_refused(role: str | None):
    export = copy.deepcopy(EXPORT)
    export["resource"]["aws_lambda_function"]["run_starter"]["role"] = role
    with pytest.raises(PackagingError, match="function run_starter has no role: set its iam_role_arn"):
        repair(export)


def test_an_app_that_cannot_be_imported_is_an_error_that_says_why(tmp_path: Path):
    (tmp_path / "app" / ".chalice").mkdir(parents=True)
    (tmp_path / "app" / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "broken"}')
    (tmp_path / "app" / "app.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(PackagingError, match=r"(?s)chalice package failed.*nowhere_to_be_found"):
        export_app(tmp_path / "app", tmp_path / "out")

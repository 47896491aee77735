import copy
import json
from pathlib import Path
from typing import Any

import pytest

from packager.errors import PackagingError
from packager.export import export_app, repair
from packager.platforms import lambda_platform

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


SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"version": "1.0", "title": "runcast"},
    "paths": {
        "/runs": {
            "post": {
                "summary": "Start ${this} and %{that}.",
                "description": "Costs $5, or 5 %.",
                "x-amazon-apigateway-integration": {"uri": "${aws_lambda_function.api_handler.invoke_arn}"},
            }
        }
    },
    "securityDefinitions": {"users": {"providerARNs": ["${aws_cognito_user_pool.users.arn}"]}},
}


def with_api(**changes: Any) -> dict[str, Any]:
    """The export of an application with a REST API, as Chalice 1.34 writes it."""
    export = copy.deepcopy(EXPORT)
    export["locals"]["chalice_api_swagger"] = json.dumps(SWAGGER)
    function = export["resource"]["aws_lambda_function"]["run_starter"]
    export["resource"] |= {
        "aws_lambda_function": {
            **export["resource"]["aws_lambda_function"],
            "api_handler": {**function, "function_name": "runcast-terraform", "handler": "app.app"},
        },
        "aws_api_gateway_rest_api": {
            "rest_api": {
                "body": "${local.chalice_api_swagger}",
                "name": "runcast",
                "binary_media_types": ["image/png"],
                "endpoint_configuration": {"types": ["EDGE"]},
            }
        },
        "aws_api_gateway_deployment": {
            "rest_api": {
                "stage_name": "api",
                "stage_description": "${md5(local.chalice_api_swagger)}",
                "rest_api_id": "${aws_api_gateway_rest_api.rest_api.id}",
                "lifecycle": {"create_before_destroy": True},
            }
        },
        "aws_lambda_permission": {"rest_api_invoke": {"action": "lambda:InvokeFunction"}},
    }
    export["output"] = {"EndpointURL": {"value": "${aws_api_gateway_deployment.rest_api.invoke_url}"}}
    for kind, resources in changes.items():
        for name, resource in resources.items():
            export["resource"].setdefault(kind, {}).setdefault(name, {}).update(resource)
    return export


def test_of_an_api_its_definition_and_its_function_are_left():
    repaired = repair(with_api())
    assert list(repaired["resource"]) == ["aws_lambda_function"]
    assert repaired.keys() == {"//", "resource", "locals"}
    assert repaired["locals"].keys() == {
        "packaged_agents",
        "packaged_architecture",
        "packaged_runtime",
        "rest_api_definition",
    }
    function = repaired["resource"]["aws_lambda_function"]["api_handler"]
    assert (function["function_name"], function["handler"]) == ('${local.function_names["api_handler"]}', "app.app")
    definition = repaired["locals"]["rest_api_definition"]
    assert definition["securityDefinitions"] == SWAGGER["securityDefinitions"]
    method = definition["paths"]["/runs"]["post"]
    assert method["x-amazon-apigateway-integration"]["uri"] == "${aws_lambda_function.api_handler.invoke_arn}"


def test_what_a_docstring_says_is_no_template():
    method = repair(with_api())["locals"]["rest_api_definition"]["paths"]["/runs"]["post"]
    assert method["summary"] == "Start $${this} and %%{that}."
    assert method["description"] == "Costs $5, or 5 %."


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"aws_api_gateway_domain_name": {"api": {}}}, "aws_api_gateway_domain_name"),
        ({"aws_lambda_permission": {"nightly_invoke": {}}}, "aws_lambda_permission.nightly_invoke"),
        ({"aws_api_gateway_rest_api": {"rest_api": {"policy": "{}"}}}, "policy of the REST API"),
    ],
)
def test_what_would_be_lost_with_the_api_s_resources_is_refused(changes: dict[str, Any], named: str):
    with pytest.raises(PackagingError, match=f"^Chalice exported {named}, which packager/export.py cannot repair"):
        repair(with_api(**changes))


def test_only_functions_are_left_so_the_module_decides_the_versions():
    repaired = repair(EXPORT)
    assert list(repaired["resource"]) == ["aws_lambda_function"]
    assert repaired.keys() == {"//", "resource", "locals"}


def test_the_module_can_tell_what_the_zip_is_for():
    repaired = repair(EXPORT, platform=lambda_platform("python3.12", "arm64"), agents=["mine"])
    assert repaired["locals"] == {
        "packaged_agents": ["mine"],
        "packaged_architecture": "arm64",
        "packaged_runtime": "python3.12",
    }
    function = repaired["resource"]["aws_lambda_function"]["run_starter"]
    assert (function["architectures"], function["runtime"]) == (["${var.lambda_architecture}"], "${var.lambda_runtime}")


def test_no_name_or_tag_depends_on_the_stage():
    function = repair(EXPORT)["resource"]["aws_lambda_function"]["run_starter"]
    assert function["function_name"] == '${local.function_names["run_starter"]}'
    assert function["tags"] == "${var.tags}"
    assert "terraform-" not in str(function)


def test_functions_wait_for_their_log_groups_and_for_the_right_to_trace():
    function = repair(EXPORT)["resource"]["aws_lambda_function"]["run_starter"]
    assert function["depends_on"] == ["aws_cloudwatch_log_group.function", "aws_iam_role_policy.function_basics"]


def test_what_needs_no_repair_is_kept_and_the_export_is_not_changed():
    before = copy.deepcopy(EXPORT)
    function = repair(EXPORT)["resource"]["aws_lambda_function"]["run_starter"]
    assert before == EXPORT
    original = EXPORT["resource"]["aws_lambda_function"]["run_starter"]
    unchanged = original.keys() - {"function_name", "tags", "runtime"}
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

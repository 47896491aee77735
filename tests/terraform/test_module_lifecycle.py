"""Plans show no change after an apply, and drift; two environments are independent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chalicelib.agents import registry

from local.settings import REGION
from packager.build import ARCHIVE_NAME, EXPORT_NAME
from tests.terraform.applied import Aws, Stack
from tests.waiting import wait_until

DEADLINE_SECONDS = 60


def test_a_second_plan_shows_no_change(other: Stack):
    plan = other.terraform.plan()
    assert plan.differing == {}
    assert "No changes." in plan.text


def test_what_is_changed_behind_terraform_is_named_by_the_next_plan_and_undone_by_apply(other: Stack, aws: Aws):
    expected = change_one_thing_of_each_type(other, aws)
    assert {address.split(".")[0] for address in expected} == other.types()
    differing = other.terraform.plan().differing
    assert {address: name for address, name in expected.items() if name in differing.get(address, ())} == expected
    other.terraform.apply()
    assert other.terraform.plan().differing == {}


@pytest.mark.long
def test_two_environments_of_one_package_run_and_one_outlives_the_other(
    module: Path, stack: Stack, aws: Aws, tmp_path: Path
):
    before = files(module / "terraform")
    gone = Stack(module, tmp_path, aws.endpoint, {"name_prefix": "gone-", "retention_hours": 2})
    gone.terraform.apply()
    assert [name for name in names(aws) if "gone-" in name]
    runs = {prefix: run_to_its_end(aws, prefix) for prefix in ("", "gone-")}
    assert {run["status"] for run in runs.values()} == {"complete"}, runs
    kept_hours = {prefix: kept_seconds(aws, prefix, run) / 3600 for prefix, run in runs.items()}
    assert kept_hours == {"": pytest.approx(24, abs=0.001), "gone-": pytest.approx(2, abs=0.001)}
    assert "no such run" in read(aws, "", runs["gone-"]["requestId"])["error"]
    for name in (ARCHIVE_NAME, EXPORT_NAME):
        assert (tmp_path / "terraform" / name).read_bytes() == before[name]

    gone.terraform.destroy()
    assert [name for name in names(aws) if "gone-" in name] == []
    plan = stack.terraform.plan()
    assert (plan.differing, "No changes." in plan.text) == ({}, True)
    assert run_to_its_end(aws, "")["status"] == "complete"
    assert files(module / "terraform") == before


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file in a folder, by its path in there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run_to_its_end(aws: Aws, prefix: str) -> dict[str, Any]:
    """Start a run of one environment as its API would, and wait for its end; return the record."""
    arguments = {"agent": registry.names()[0], "query": "How steep is it?"}
    started = invoke(aws, f"{prefix}runcast-run-starter", "startAgentRun", arguments)
    return wait_for_end(aws, prefix, started["requestId"])


def wait_for_end(aws: Aws, prefix: str, request_id: str, deadline_seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
    """Wait for the end of a run, and return its record."""
    return wait_for(aws, prefix, request_id, lambda record: record["liveness"] == "done", deadline_seconds)


def wait_for(
    aws: Aws,
    prefix: str,
    request_id: str,
    condition: Callable[[dict[str, Any]], bool],
    deadline_seconds: float = DEADLINE_SECONDS,
) -> dict[str, Any]:
    """Wait until a run's record fulfils a condition, and return the record."""
    return wait_until(lambda: read(aws, prefix, request_id), condition, deadline_seconds=deadline_seconds)


def read(aws: Aws, prefix: str, request_id: str) -> dict[str, Any]:
    return invoke(aws, f"{prefix}runcast-progress-reader", "getAgentProgress", {"requestId": request_id})


def invoke(aws: Aws, function: str, field: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function as a resolver does for a user, and return the data of its answer."""
    event = json.dumps(event_of(field, arguments))
    answer = json.load(aws.lambda_.invoke(FunctionName=function, Payload=event)["Payload"])
    assert "data" in answer, answer
    return answer["data"]


def event_of(field: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a resolver sends to a function for a field that a user asks for."""
    claims = {"sub": "ana", "custom:tenantId": "acme", "token_use": "id"}
    return {
        "field": field,
        "arguments": arguments,
        "authType": "User Pool Authorization",
        "identity": {"claims": claims},
    }


def kept_seconds(aws: Aws, prefix: str, run: dict[str, Any]) -> float:
    """How long the table keeps a run, from its creation."""
    key = {"requestId": {"S": run["requestId"]}}
    item = aws.dynamodb.get_item(TableName=f"{prefix}AgentProgress", Key=key)["Item"]
    return int(item["expiresAt"]["N"]) - int(item["createdAt"]["N"]) / 1000


def change_one_thing_of_each_type(stack: Stack, aws: Aws) -> dict[str, str]:
    """Change one thing of each resource type with boto3; return which attribute of which address the plan must name."""
    api_id = stack.terraform.output()["graphql_api_id"]
    pool_id = stack.terraform.output()["user_pool_id"]
    aws.dynamodb.update_table(TableName="other-user_sessions", DeletionProtectionEnabled=False)
    aws.iam.update_role(RoleName=f"other-runcast-agent-{REGION}", Description="Changed.")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    aws.iam.put_role_policy(
        RoleName=f"other-runcast-agent-{REGION}", PolicyName="access", PolicyDocument=json.dumps(everything)
    )
    attached = stack.state("aws_iam_role_policy_attachment", "gateway_logs", 0)
    aws.iam.detach_role_policy(RoleName=attached["role"], PolicyArn=attached["policy_arn"])
    aws.lambda_.update_function_configuration(FunctionName="other-runcast-agent", Timeout=3)
    aws.lambda_.put_function_event_invoke_config(
        FunctionName="other-runcast-agent", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=120
    )
    aws.lambda_.put_function_recursion_config(FunctionName="other-runcast-agent", RecursiveLoop="Terminate")

    change_the_rest_api(stack, aws)
    aws.events.put_rule(Name="other-runcast-sweep", ScheduleExpression="rate(1 day)")
    [target] = aws.events.list_targets_by_rule(Rule="other-runcast-sweep")["Targets"]
    aws.events.put_targets(Rule="other-runcast-sweep", Targets=[target | {"Input": "{}"}])
    alarm = aws.cloudwatch.describe_alarms(AlarmNames=["other-runcast-runs-failed"])["MetricAlarms"][0]
    taken = ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator")
    aws.cloudwatch.put_metric_alarm(**{name: alarm[name] for name in taken}, Threshold=99)
    aws.cloudwatch.put_dashboard(DashboardName=f"other-runcast-{REGION}", DashboardBody='{"widgets": []}')
    aws.logs.put_retention_policy(logGroupName="/aws/lambda/other-runcast-agent", retentionInDays=1)
    api = aws.appsync.get_graphql_api(apiId=api_id)["graphqlApi"]
    kept = ("name", "authenticationType", "userPoolConfig", "additionalAuthenticationProviders", "logConfig")
    aws.appsync.update_graphql_api(apiId=api_id, xrayEnabled=False, **{name: api[name] for name in kept})
    aws.appsync.update_data_source(apiId=api_id, name="none", type="NONE", description="Changed.")
    aws.appsync.update_resolver(
        apiId=api_id,
        typeName="Mutation",
        fieldName="publishStatus",
        kind="UNIT",
        dataSourceName="none",
        runtime={"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"},
        code="export function request() { return {}; }\nexport function response() { return null; }\n",
    )
    key_id = stack.state("aws_appsync_api_key", "public", 0)["api_key_id"]
    aws.appsync.update_api_key(apiId=api_id, id=key_id, description="Changed.")
    pool = aws.cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    policy = pool["Policies"]["PasswordPolicy"] | {"MinimumLength": 6}
    aws.cognito.update_user_pool(
        UserPoolId=pool_id,
        Policies={"PasswordPolicy": policy},
        DeletionProtection="ACTIVE",
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
    )
    aws.cognito.update_user_pool_client(
        UserPoolId=pool_id,
        ClientId=stack.terraform.output()["user_pool_client_id"],
        WriteAttributes=["name", "custom:organisation"],
    )
    change_the_jobs(stack, aws)
    return {
        "aws_s3_bucket.results": "tags",
        "aws_s3_bucket_public_access_block.results": "block_public_acls",
        "aws_s3_bucket_ownership_controls.results": "rule",
        "aws_s3_bucket_cors_configuration.results[0]": "cors_rule",
        "aws_s3_bucket_server_side_encryption_configuration.results": "rule",
        "aws_s3_bucket_lifecycle_configuration.results": "rule",
        "aws_s3_bucket_policy.results": "policy",
        "aws_sfn_state_machine.playbook": "definition",
        "aws_dynamodb_table.user_sessions": "deletion_protection_enabled",
        'aws_iam_role.function["agent"]': "description",
        'aws_iam_role_policy.function_access["agent"]': "policy",
        "aws_iam_role_policy_attachment.gateway_logs[0]": "policy_arn",
        "aws_lambda_function.agent": "timeout",
        "aws_lambda_function_event_invoke_config.agent": "maximum_retry_attempts",
        'aws_lambda_function_recursion_config.handover["other-runcast-agent"]': "recursive_loop",
        'aws_cloudwatch_log_group.function["agent"]': "retention_in_days",
        'aws_cloudwatch_metric_alarm.alarm["runs-failed"]': "threshold",
        "aws_cloudwatch_dashboard.runcast[0]": "dashboard_body",
        "aws_cloudwatch_event_rule.sweep": "schedule_expression",
        "aws_cloudwatch_event_target.sweep": "input",
        "aws_appsync_graphql_api.runcast": "xray_enabled",
        "aws_appsync_datasource.none": "description",
        'aws_appsync_resolver.field["Mutation.publishStatus"]': "code",
        "aws_appsync_api_key.public[0]": "description",
        "aws_cognito_user_pool.users[0]": "password_policy",
        "aws_cognito_user_pool_client.frontend[0]": "write_attributes",
        "aws_api_gateway_rest_api.rest_api": "description",
        "aws_api_gateway_deployment.rest_api": "description",
        "aws_api_gateway_stage.rest_api": "xray_tracing_enabled",
        "aws_api_gateway_method_settings.throttling[0]": "settings",
        'aws_wafv2_web_acl_association.api["rest"]': "web_acl_arn",
        "aws_api_gateway_account.logs[0]": "cloudwatch_role_arn",
        "aws_lambda_permission.rest_api": "source_arn",
    }


def change_the_jobs(stack: Stack, aws: Aws) -> None:
    bucket = stack.terraform.output()["results_bucket_name"]
    aws.s3.delete_bucket_tagging(Bucket=bucket)
    aws.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    shared = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    aws.s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=shared)
    anyone = {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}]}
    aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=anyone)
    unkeyed = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=unkeyed)
    kept = {"ID": "forget", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    aws.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [kept]})
    policy = json.loads(aws.s3.get_bucket_policy(Bucket=bucket)["Policy"])
    policy["Statement"][0]["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}
    aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    done = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    machine = stack.terraform.output()["state_machine_arn"]
    aws.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(done))


def change_the_rest_api(stack: Stack, aws: Aws) -> None:
    api_id = stack.state("aws_api_gateway_rest_api", "rest_api")["id"]
    described = [{"op": "replace", "path": "/description", "value": "Changed."}]
    aws.apigateway.update_rest_api(restApiId=api_id, patchOperations=described)
    deployment_id = stack.state("aws_api_gateway_deployment", "rest_api")["id"]
    aws.apigateway.update_deployment(restApiId=api_id, deploymentId=deployment_id, patchOperations=described)
    untraced = [{"op": "replace", "path": "/tracingEnabled", "value": "false"}]
    aws.apigateway.update_stage(restApiId=api_id, stageName="v1", patchOperations=untraced)
    slower = [{"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "5"}]
    aws.apigateway.update_stage(restApiId=api_id, stageName="v1", patchOperations=slower)
    aws.firewall.disassociate_web_acl(ResourceArn=stack.state("aws_api_gateway_stage", "rest_api")["arn"])
    aws.apigateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": "foreign"}])
    aws.lambda_.remove_permission(FunctionName="other-runcast-api", StatementId="rest-api")
    aws.lambda_.add_permission(
        FunctionName="other-runcast-api",
        StatementId="rest-api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )


def names(aws: Aws) -> list[str]:
    """The names of everything in the account that the module makes."""
    return [
        *aws.dynamodb.list_tables()["TableNames"],
        *(role["RoleName"] for role in aws.iam.list_roles()["Roles"]),
        *(each["FunctionName"] for each in aws.lambda_.list_functions()["Functions"]),
        *(api["name"] for api in aws.appsync.list_graphql_apis()["graphqlApis"]),
        *(api["name"] for api in aws.apigateway.get_rest_apis()["items"]),
        *(bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]),
        *(machine["name"] for machine in aws.states.list_state_machines()["stateMachines"]),
        *(pool["Name"] for pool in aws.cognito.list_user_pools(MaxResults=60)["UserPools"]),
        *(alarm["AlarmName"] for alarm in aws.cloudwatch.describe_alarms()["MetricAlarms"]),
        *(each["DashboardName"] for each in aws.cloudwatch.list_dashboards()["DashboardEntries"]),
        *aws.log_groups(),
    ]

"""That plans tell the truth about what was built: no change, drift, and nothing left after a destroy."""

import json
from pathlib import Path

import pytest

from local.settings import REGION
from tests.terraform.applied import Aws, Stack


@pytest.mark.parametrize("name", ["stack", "other"])
def test_a_second_plan_shows_no_change(name: str, request: pytest.FixtureRequest):
    plan = request.getfixturevalue(name).terraform.plan()
    assert plan.differing == {}
    assert "No changes." in plan.text


def test_what_is_changed_behind_terraform_is_named_by_the_next_plan_and_undone_by_apply(other: Stack, aws: Aws):
    expected = change_one_thing_of_each_type(other, aws)
    assert {address.split(".")[0] for address in expected} == other.types()
    differing = other.terraform.plan().differing
    assert {address: name for address, name in expected.items() if name in differing.get(address, ())} == expected
    other.terraform.apply()
    assert other.terraform.plan().differing == {}


def test_destroy_leaves_nothing_and_touches_no_other_environment(module: Path, stack: Stack, aws: Aws, tmp_path: Path):
    files = sorted(path.name for path in (module / "terraform").iterdir())
    gone = Stack(module, tmp_path, aws.endpoint_url, {"name_prefix": "gone-"})
    gone.terraform.apply()
    assert [name for name in names(aws) if "gone-" in name]
    gone.terraform.destroy()
    assert [name for name in names(aws) if "gone-" in name] == []
    assert stack.terraform.plan().differing == {}
    assert sorted(path.name for path in (module / "terraform").iterdir()) == files


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
    aws.lambda_.update_function_configuration(FunctionName="other-runcast-agent", Timeout=3)
    aws.lambda_.put_function_event_invoke_config(
        FunctionName="other-runcast-agent", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=120
    )
    change_the_rest_api(stack, aws)
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
    return {
        "aws_dynamodb_table.user_sessions": "deletion_protection_enabled",
        'aws_iam_role.function["agent"]': "description",
        'aws_iam_role_policy.function_access["agent"]': "policy",
        "aws_lambda_function.agent": "timeout",
        "aws_lambda_function_event_invoke_config.agent": "maximum_retry_attempts",
        'aws_cloudwatch_log_group.function["agent"]': "retention_in_days",
        'aws_cloudwatch_metric_alarm.alarm["runs-failed"]': "threshold",
        "aws_cloudwatch_dashboard.runcast[0]": "dashboard_body",
        "aws_appsync_graphql_api.runcast": "xray_enabled",
        "aws_appsync_datasource.none": "description",
        'aws_appsync_resolver.field["Mutation.publishStatus"]': "code",
        "aws_appsync_api_key.public[0]": "description",
        "aws_cognito_user_pool.users[0]": "password_policy",
        "aws_cognito_user_pool_client.frontend[0]": "write_attributes",
        "aws_api_gateway_rest_api.rest_api": "description",
        "aws_api_gateway_deployment.rest_api": "description",
        "aws_api_gateway_stage.rest_api": "xray_tracing_enabled",
        "aws_api_gateway_account.logs[0]": "cloudwatch_role_arn",
        "aws_lambda_permission.rest_api": "source_arn",
    }


def change_the_rest_api(stack: Stack, aws: Aws) -> None:
    api_id = stack.state("aws_api_gateway_rest_api", "rest_api")["id"]
    described = [{"op": "replace", "path": "/description", "value": "Changed."}]
    aws.apigateway.update_rest_api(restApiId=api_id, patchOperations=described)
    deployment_id = stack.state("aws_api_gateway_deployment", "rest_api")["id"]
    aws.apigateway.update_deployment(restApiId=api_id, deploymentId=deployment_id, patchOperations=described)
    untraced = [{"op": "replace", "path": "/tracingEnabled", "value": "false"}]
    aws.apigateway.update_stage(restApiId=api_id, stageName="v1", patchOperations=untraced)
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
        *(pool["Name"] for pool in aws.cognito.list_user_pools(MaxResults=60)["UserPools"]),
        *(alarm["AlarmName"] for alarm in aws.cloudwatch.describe_alarms()["MetricAlarms"]),
        *(each["DashboardName"] for each in aws.cloudwatch.list_dashboards()["DashboardEntries"]),
        *aws.log_groups(),
    ]

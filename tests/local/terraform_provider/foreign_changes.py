"""Changes of every resource behind Terraform's back, and what the next plan must say of each."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any


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
    attached = state["aws_iam_role_policy_attachment.worker"]["policy_arn"]
    iam.detach_role_policy(RoleName="fixture-worker", PolicyArn=attached)
    iam.untag_role(RoleName=state["aws_iam_service_linked_role.appsync"]["name"], TagKeys=["team"])
    functions.update_function_configuration(
        FunctionName="fixture-worker",
        Timeout=7,
        Environment={"Variables": {}},
        TracingConfig={"Mode": "PassThrough"},
        KMSKeyArn="",
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    )
    # Only now, because the function's settings need the policy.
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="fixture-worker", PolicyName="table", PolicyDocument=json.dumps(policy))
    functions.update_function_code(
        FunctionName="fixture-worker", ZipFile=foreign_zip(zip_file), Architectures=["arm64"]
    )
    functions.put_function_concurrency(FunctionName="fixture-worker", ReservedConcurrentExecutions=9)
    functions.put_function_event_invoke_config(
        FunctionName="fixture-worker", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60
    )
    functions.put_function_recursion_config(FunctionName="fixture-worker", RecursiveLoop="Terminate")
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
    slower = {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "7"}
    gateway.update_stage(restApiId=rest_api, stageName="api", patchOperations=[slower])
    emulator.client("wafv2").disassociate_web_acl(ResourceArn=state["aws_api_gateway_stage.rest"]["arn"])
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
    cognito.set_user_pool_mfa_config(
        UserPoolId=pool, MfaConfiguration="OFF", SoftwareTokenMfaConfiguration={"Enabled": False}
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
        "aws_iam_service_linked_role.appsync": {"tags"},
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
        "aws_api_gateway_method_settings.rest": {"settings"},
        "aws_wafv2_web_acl_association.rest[0]": {"resource_arn", "web_acl_arn", "id", "region"},
        "aws_api_gateway_account.account[0]": {"cloudwatch_role_arn"},
        "aws_lambda_function_event_invoke_config.worker": {"maximum_retry_attempts", "maximum_event_age_in_seconds"},
        "aws_lambda_function_recursion_config.worker": {"recursive_loop"},
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
        "aws_cognito_user_pool.users": {
            "admin_create_user_config",
            "password_policy",
            "mfa_configuration",
            "software_token_mfa_configuration",
        },
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

"""What the module builds, with its defaults (`stack`) and with most variables set (`other`)."""

import base64
import hashlib
import json
import re
from pathlib import Path

from graphql import build_schema, strip_ignored_characters

from local.settings import REGION
from tests.terraform.applied import FUNCTIONS, RESULTS, STATE_MACHINE, Aws, Stack
from tests.terraform.conftest import OTHER
from tests.terraform.variables import LIMITS


def test_outputs(stack: Stack, other: Stack, aws: Aws, module: Path):
    output = stack.terraform.output()
    output.pop("recorder_policy_json")  # see test_module_roles.py
    output.pop("operator_policy_json")
    api_id = output["graphql_api_id"]
    rest_api_id = stack.state("aws_api_gateway_rest_api", "rest_api")["id"]
    host = aws.endpoint.url.removeprefix("http://")
    pool_id = output["user_pool_id"]
    assert aws.cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]["Name"] == "runcast"
    assert output == {
        "graphql_url": f"http://{host}/v1/apis/{api_id}/graphql",
        "realtime_url": f"ws://{host}/v1/apis/{api_id}/graphql/realtime",
        "rest_url": f"http://{host}/restapis/{rest_api_id}/v1/_user_request_",
        "frontend_config": {
            "Auth": {
                "Cognito": {
                    "userPoolId": pool_id,
                    "userPoolClientId": output["user_pool_client_id"],
                    "userPoolEndpoint": f"https://cognito-idp.{REGION}.amazonaws.com/",
                }
            },
            "API": {
                "GraphQL": {"endpoint": output["graphql_url"], "region": REGION, "defaultAuthMode": "userPool"},
            },
            "runcast": {
                "realtimeUrl": output["realtime_url"],
                "restUrl": output["rest_url"],
                "userIdClaim": "sub",
            },
        },
        "content_security_policy": (
            f"default-src 'self'; connect-src 'self' http://{host} ws://{host} "
            f"https://cognito-idp.{REGION}.amazonaws.com https://{RESULTS}.s3.{REGION}.amazonaws.com; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "
            "trusted-types 'none'"
        ),
        "graphql_api_id": api_id,
        "agent_role_name": f"runcast-agent-{REGION}",
        "region": REGION,
        "user_pool_id": pool_id,
        "user_pool_client_id": stack.state("aws_cognito_user_pool_client", "frontend", 0)["id"],
        "user_id_claim": "sub",
        "tenant_id_claim": "custom:tenantId",
        "deployment_sha256": base64.b64encode(
            hashlib.sha256((module / "terraform" / "deployment.zip").read_bytes()).digest()
        ).decode(),
        "agent_progress_table_name": "AgentProgress",
        "user_sessions_table_name": "user_sessions",
        "agent_function_name": "runcast-agent",
        "status_publisher_function_name": "runcast-status-publisher",
        "progress_reader_function_name": "runcast-progress-reader",
        "run_starter_function_name": "runcast-run-starter",
        "orchestrator_function_name": "runcast-orchestrator",
        "state_machine_arn": STATE_MACHINE,
        "results_bucket_name": RESULTS,
        "rest_api_function_name": "runcast-api",
        "run_closer_function_arn": f"arn:aws:lambda:{REGION}:000000000000:function:runcast-run-closer",
        "recorder_environment": {
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "RETENTION_HOURS": "24",
            "QUESTION_RETENTION_HOURS": "168",
            "RESULTS_BUCKET": RESULTS,
            "RUN_CLOSER_FUNCTION": "runcast-run-closer",
            "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
        },
    }
    assert other.terraform.output()["api_key"].startswith("da2-")
    assert other.terraform.output()["agent_function_name"] == "other-runcast-agent"


def test_tables(stack: Stack, other: Stack, aws: Aws):
    keys = {"AgentProgress": ["requestId"], "user_sessions": ["tenantId", "userId"]}
    for prefix, variable in (("", False), ("other-", True)):
        for name, key in keys.items():
            table = aws.dynamodb.describe_table(TableName=prefix + name)["Table"]
            assert [part["AttributeName"] for part in table["KeySchema"]] == key
            assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
            # Without a key of the account's own, DynamoDB's own key encrypts.
            assert (table.get("SSEDescription", {}).get("Status") == "ENABLED") is variable
            assert table.get("DeletionProtectionEnabled", False) is variable
            ttl = aws.dynamodb.describe_time_to_live(TableName=prefix + name)["TimeToLiveDescription"]
            assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
            backups = aws.dynamodb.describe_continuous_backups(TableName=prefix + name)["ContinuousBackupsDescription"]
            recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
            assert recovery == ("DISABLED" if variable else "ENABLED")


def test_users_cannot_sign_up_or_choose_their_tenant(stack: Stack, other: Stack, aws: Aws):
    for made, attribute in ((stack, "custom:tenantId"), (other, "custom:organisation")):
        output = made.terraform.output()
        pool = aws.cognito.describe_user_pool(UserPoolId=output["user_pool_id"])["UserPool"]
        assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
        assert attribute in [schema["Name"] for schema in pool["SchemaAttributes"]]
        client = aws.cognito.describe_user_pool_client(
            UserPoolId=output["user_pool_id"], ClientId=output["user_pool_client_id"]
        )["UserPoolClient"]
        assert attribute in client["ReadAttributes"]
        assert client["WriteAttributes"] == ["name"]
        assert not client.get("ClientSecret")
        assert client["PreventUserExistenceErrors"] == "ENABLED"


def test_api_admits_users_and_the_publisher_and_others_only_if_asked(stack: Stack, other: Stack, aws: Aws):
    for made, additional in ((stack, ["AWS_IAM"]), (other, ["AWS_IAM", "API_KEY", "OPENID_CONNECT"])):
        api = aws.appsync.get_graphql_api(apiId=made.terraform.output()["graphql_api_id"])["graphqlApi"]
        assert api["authenticationType"] == "AMAZON_COGNITO_USER_POOLS"
        assert api["userPoolConfig"]["userPoolId"] == made.terraform.output()["user_pool_id"]
        assert [each["authenticationType"] for each in api["additionalAuthenticationProviders"]] == additional
        assert api["xrayEnabled"] is True
        assert api["logConfig"]["excludeVerboseContent"] is True
        schema = made.state("aws_appsync_graphql_api", "runcast")["schema"]
        assert api["resolverCountLimit"] == 1000
        assert ("@aws_api_key" in schema) is ("API_KEY" in additional)
        assert ("@aws_oidc" in schema) is ("OPENID_CONNECT" in additional)
        assert "@aws_cognito_user_pools" in schema


def test_the_schema_is_sent_without_comments_and_descriptions(project: Path, stack: Stack):
    sent = stack.state("aws_appsync_graphql_api", "runcast")["schema"]
    file = (project / "graphql" / "schema.graphql").read_text()
    assert "#" not in sent
    assert '"""' not in sent
    expected = re.sub(' @aws_(?:api_key|oidc)|"""[^\n]*"""', "", file)
    assert strip_ignored_characters(sent) == strip_ignored_characters(expected)


def test_without_origins_no_page_may_call(module: Path, aws: Aws, tmp_path: Path):
    plan = Stack(module, tmp_path, aws.endpoint, {"name_prefix": "mute-", "cors_origins": []}).terraform.plan()
    # S3 rejects a rule without origins.
    assert not [address for address in plan.planned if address.startswith("aws_s3_bucket_cors_configuration")]
    assert plan.planned["aws_lambda_function.api_handler"]["environment"][0]["variables"]["CORS_ORIGINS"] == ""


def test_resolvers_compare_with_the_claims_of_the_variables(stack: Stack, other: Stack):
    for made, user, tenant in ((stack, "sub", "custom:tenantId"), (other, "cognito:username", "custom:organisation")):
        code = made.state("aws_appsync_resolver", "field", "Subscription.onStatusUpdate")["code"]
        assert f"const USER_ID_CLAIM = '{user}';" in code
        assert f"const TENANT_ID_CLAIM = '{tenant}';" in code
        variables = made.state("aws_lambda_function", "run_starter")["environment"][0]["variables"]
        assert (variables["USER_ID_CLAIM"], variables["TENANT_ID_CLAIM"]) == (user, tenant)


def test_limits_are_those_of_the_variables(other: Stack):
    environments = {
        name: other.state("aws_lambda_function", name)["environment"][0]["variables"]
        for name in ("agent", "status_publisher")
    }
    assert environments["agent"]["MODEL_MAX_TOKENS"] == "1000"
    assert environments["status_publisher"]["MUTATIONS_PER_REQUEST"] == "1"


def test_every_field_has_a_resolver_and_every_resolver_file_a_field(project: Path, stack: Stack):
    schema = build_schema((project / "graphql" / "appsync.graphql").read_text()
                          + (project / "graphql" / "schema.graphql").read_text())  # fmt: skip
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    resolvers = [
        stack.state("aws_appsync_resolver", "field", f"{root.name}.{name}") for root in roots for name in root.fields
    ]
    sources = {path.read_text() for path in (project / "graphql" / "resolvers").glob("*.js")}
    assert {resolver["code"] for resolver in resolvers} == sources


def test_functions(stack: Stack, aws: Aws):
    environments = {}
    for name in FUNCTIONS:
        function = aws.lambda_.get_function_configuration(FunctionName=f"runcast-{name}")
        environments[name] = function["Environment"]["Variables"]
        assert function["TracingConfig"]["Mode"] == "Active"
        assert function["Role"].endswith(f":role/runcast-{name}-{REGION}")
    output = stack.terraform.output()
    assert environments == {
        "agent": {
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
            "RUN_CLOSER_FUNCTION": "runcast-run-closer",
            "RESULTS_BUCKET": RESULTS,
            "BEDROCK_MODEL_ID": "global.anthropic.claude-sonnet-4-6",
            "MODEL_MAX_TOKENS": "4096",
            "MODEL_CONNECT_TIMEOUT_SECONDS": "5",
            "MODEL_READ_TIMEOUT_SECONDS": "120",
            "MODEL_MAX_ATTEMPTS": "2",
            "RETENTION_HOURS": "24",
            "QUESTION_RETENTION_HOURS": "168",
            "MODEL_PRICES": "{}",
            "HANDOVER_SECONDS": "120",
            "MAX_RUN_HOURS": "8",
            "LIMITS": LIMITS.format(20),
        },
        "api": {
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "AGENT_FUNCTION": "runcast-agent",
            "RUN_CLOSER_FUNCTION": "runcast-run-closer",
            "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
            "AGENT_FUNCTIONS": "{}",
            "TENANT_ISOLATION": "false",
            "USER_POOL_CLIENT_ID": output["user_pool_client_id"],
            "USER_ID_CLAIM": "sub",
            "TENANT_ID_CLAIM": "custom:tenantId",
            "CORS_ORIGINS": "*",
            "OIDC": "",
            "APPSYNC_API_URL": output["graphql_url"],
            "RETENTION_HOURS": "24",
            "QUESTION_RETENTION_HOURS": "168",
            "CONVERSATION_RETENTION_DAYS": "30",
            "STATE_MACHINE_ARN": STATE_MACHINE,
            "RESULTS_BUCKET": RESULTS,
            "LIMITS": LIMITS.format(20),
        },
        "orchestrator": {
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
            "AGENT_FUNCTION": "runcast-agent",
            "AGENT_FUNCTIONS": "{}",
            "TENANT_ISOLATION": "false",
            "RESULTS_BUCKET": RESULTS,
            "RETENTION_HOURS": "24",
            "QUESTION_RETENTION_HOURS": "168",
            "JOB_TIMEOUT_MINUTES": "60",
            "BEDROCK_MODEL_ID": "global.anthropic.claude-sonnet-4-6",
            "MODEL_MAX_TOKENS": "4096",
            "MODEL_CONNECT_TIMEOUT_SECONDS": "5",
            "MODEL_READ_TIMEOUT_SECONDS": "120",
            "MODEL_MAX_ATTEMPTS": "2",
        },
        "run-closer": {
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
            "AGENT_FUNCTION": "runcast-agent",
            "AGENT_FUNCTIONS": "{}",
            "TENANT_ISOLATION": "false",
            "QUESTION_RETENTION_HOURS": "168",
        },
        "run-starter": {
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "AGENT_FUNCTION": "runcast-agent",
            "RUN_CLOSER_FUNCTION": "runcast-run-closer",
            "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
            "AGENT_FUNCTIONS": "{}",
            "TENANT_ISOLATION": "false",
            "USER_ID_CLAIM": "sub",
            "TENANT_ID_CLAIM": "custom:tenantId",
            "RETENTION_HOURS": "24",
            "QUESTION_RETENTION_HOURS": "168",
            "CONVERSATION_RETENTION_DAYS": "30",
            "STATE_MACHINE_ARN": STATE_MACHINE,
            "RESULTS_BUCKET": RESULTS,
            "LIMITS": LIMITS.format(20),
            "API_KEY_MAY_START": "false",
            "OIDC": "",
        },
        "progress-reader": {
            "API_KEY_MAY_START": "false",
            "OIDC": "",
            "AGENT_PROGRESS_TABLE": "AgentProgress",
            "AGENT_FUNCTIONS": "{}",
            "USER_ID_CLAIM": "sub",
            "TENANT_ID_CLAIM": "custom:tenantId",
            "RESULTS_BUCKET": RESULTS,
        },
        "status-publisher": {
            "APPSYNC_API_URL": output["graphql_url"],
            "APPSYNC_API_ID": output["graphql_api_id"],
            "USER_SESSIONS_TABLE": "user_sessions",
            "MUTATIONS_PER_REQUEST": "50",
        },
    }


def test_the_rest_api_is_chalice_s_with_the_module_s_authorizer_and_answers(stack: Stack, other: Stack, aws: Aws):
    for made, prefix, origin in ((stack, "", "*"), (other, "other-", "https://app.example.com")):
        api = made.state("aws_api_gateway_rest_api", "rest_api")
        body = json.loads(api["body"])
        assert api["name"] == f"{prefix}runcast"
        own = [
            *("/agents", "/conversations", "/conversations/{conversation_id}", "/health", "/jobs", "/runs"),
            *("/runs/{request_id}", "/runs/{request_id}/answers", "/uploads"),
        ]
        assert sorted(body["paths"]) == ["/", *own, "/{proxy+}"]
        secured = {path for path, methods in body["paths"].items() for each in methods.values() if "security" in each}
        # With an OpenID Connect provider, the function has AppSync verify each token.
        assert secured == ({*own} - {"/health"} if made is stack else set())
        for path, methods in body["paths"].items():
            refused = methods["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
            assert (refused["type"], refused["responses"]["default"]["statusCode"]) == ("mock", "404"), path
            assert "security" not in methods["x-amazon-apigateway-any-method"]
        assert body["securityDefinitions"]["users"]["x-amazon-apigateway-authorizer"]["providerARNs"] == [
            made.state("aws_cognito_user_pool", "users", 0)["arn"]
        ]
        for kind, response in body["x-amazon-apigateway-gateway-responses"].items():
            assert response["responseParameters"] == {
                "gatewayresponse.header.Access-Control-Allow-Origin": f"'{origin}'"
            }
            filled = response["responseTemplates"]["application/json"].replace("$context.error.messageString", '"m"')
            assert json.loads(filled)["error"].keys() == {"type", "message"}, kind
        assert made.state("aws_api_gateway_stage", "rest_api")["xray_tracing_enabled"] is True
        variables = made.state("aws_lambda_function", "api_handler")["environment"][0]["variables"]
        assert variables["CORS_ORIGINS"] == origin


def test_only_the_api_s_own_stage_may_invoke_its_function(stack: Stack, aws: Aws):
    [statement] = json.loads(aws.lambda_.get_policy(FunctionName="runcast-api")["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    execution = stack.state("aws_api_gateway_rest_api", "rest_api")["execution_arn"]
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": f"{execution}/v1/*"}}


def test_the_state_machine_logs_without_data_and_is_traced(stack: Stack, other: Stack, aws: Aws):
    for made, prefix in ((stack, ""), (other, "other-")):
        name = f"{prefix}runcast-playbook"
        machine = aws.states.describe_state_machine(stateMachineArn=made.terraform.output()["state_machine_arn"])
        assert (machine["name"], machine["type"]) == (name, "STANDARD")
        assert machine["roleArn"].endswith(f":role/{name}-{REGION}")
        group = f"arn:aws:logs:{REGION}:000000000000:log-group:/aws/vendedlogs/states/{name}:*"
        assert machine["loggingConfiguration"] == {
            "level": "ERROR",
            "includeExecutionData": False,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        }
        assert made.state("aws_sfn_state_machine", "playbook")["tracing_configuration"] == [{"enabled": True}]
        function = f"arn:aws:lambda:{REGION}:000000000000:function:{prefix}runcast-orchestrator"
        assert set(re.findall(r"arn:aws:lambda:[^\"]+", machine["definition"])) == {function}
    assert machine["encryptionConfiguration"]["kmsKeyId"] == OTHER["kms_key_arn"]


def test_objects_are_private_encrypted_and_soon_forgotten(stack: Stack, other: Stack, aws: Aws):
    for made, prefix, record_days, conversation_days in ((stack, "", 8, 38), (other, "other-", 2, 9)):
        bucket = made.terraform.output()["results_bucket_name"]
        assert bucket == prefix + RESULTS
        blocks = aws.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert blocks == dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        [rule] = aws.s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}
        encryption = aws.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        by_default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
        assert by_default["SSEAlgorithm"] == "aws:kms"
        assert by_default.get("KMSMasterKeyID") == (OTHER["kms_key_arn"] if prefix else None)
        rules = {rule["ID"]: rule for rule in aws.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
        assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
        incomplete = rules.pop("incomplete")
        assert incomplete["Filter"] == {"Prefix": ""}
        assert incomplete["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
        # Rules that overlap would all apply, the shortest first.
        days = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules.values()}
        lives = dict.fromkeys(("answers/", "inputs/", "results/", "snapshots/", "uploads/"), record_days)
        assert days == {**lives, "conversations/": conversation_days}
        [statement] = json.loads(aws.s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert sorted(statement["Resource"]) == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_log_groups_forget(stack: Stack, other: Stack, aws: Aws):
    found = aws.log_groups()
    for made, prefix, days in ((stack, "", 30), (other, "other-", 7)):
        api_id = made.terraform.output()["graphql_api_id"]
        names = [f"/aws/lambda/{prefix}runcast-{each}" for each in FUNCTIONS]
        names += [f"/aws/appsync/apis/{api_id}", f"/aws/vendedlogs/states/{prefix}runcast-playbook"]
        assert {name: found[name] for name in names} == dict.fromkeys(names, days)


def test_runs_are_indexed_by_owner_and_while_they_are_open_with_their_keys_only(stack: Stack, aws: Aws):
    indexes = aws.dynamodb.describe_table(TableName="AgentProgress")["Table"]["GlobalSecondaryIndexes"]
    keys = {
        index["IndexName"]: [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]] for index in indexes
    }
    assert keys == {
        "byOwner": [("owner", "HASH"), ("createdAt", "RANGE")],
        "byOpen": [("requestId", "HASH"), ("openSince", "RANGE")],
        "openByTenant": [("openTenant", "HASH"), ("owner", "RANGE")],
    }
    assert {index["Projection"]["ProjectionType"] for index in indexes} == {"KEYS_ONLY"}


def test_the_access_log_has_no_header_and_no_body(other: Stack, aws: Aws):
    settings = other.state("aws_api_gateway_stage", "rest_api")["access_log_settings"]
    assert settings[0]["destination_arn"].endswith(":log-group:/aws/apigateway/other-runcast")
    fields = json.loads(settings[0]["format"])
    assert fields["requestId"] == "$context.requestId"
    assert not [value for value in fields.values() if "header" in value.lower() or "body" in value.lower()]
    role = other.state("aws_iam_role", "gateway_logs", 0)["arn"]
    assert aws.apigateway.get_account()["cloudwatchRoleArn"] == role
    attached = aws.iam.list_attached_role_policies(RoleName=role.rpartition("/")[2])["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonAPIGatewayPushToCloudWatchLogs"]

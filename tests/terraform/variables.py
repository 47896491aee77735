"""What the module's variables change, and which names they prefix: the tables that the tests go through."""

import json
from typing import Any

from local.settings import REGION
from tests.terraform.conftest import OTHER

OWN_POOL = {"cognito_user_pool_id": "eu-west-1_Own", "cognito_user_pool_client_id": "ownclient"}
SET = {
    **OTHER,
    "lambda_architecture": "x86_64",
    "lambda_runtime": "python3.12",
    "create_appsync_service_linked_role": True,
}

AGENT = "aws_lambda_function.agent"
APPSYNC_ROLE = "aws_iam_service_linked_role.appsync[0]"
ALARM = 'aws_cloudwatch_metric_alarm.alarm["agent-errors"]'
API_HANDLER = "aws_lambda_function.api_handler"
CLOSER = "aws_lambda_function.run_closer"
DASHBOARD = "aws_cloudwatch_dashboard.runcast[0]"
ENCRYPTED = "aws_s3_bucket_server_side_encryption_configuration.results"
FORGOTTEN = "aws_s3_bucket_lifecycle_configuration.results"
GRAPHQL = "aws_appsync_graphql_api.runcast"
KEY_USER = 'data.aws_iam_policy_document.function_basics["agent"]'
MACHINE = "aws_sfn_state_machine.playbook"
ORCHESTRATOR = "aws_lambda_function.orchestrator"
POOL = "aws_cognito_user_pool.users[0]"
READER = "aws_lambda_function.progress_reader"
RUNS, SESSIONS = "aws_dynamodb_table.agent_progress", "aws_dynamodb_table.user_sessions"
STARTER = "aws_lambda_function.run_starter"
SUBSCRIPTION = 'aws_appsync_resolver.field["Subscription.onStatusUpdate"]'
THROTTLING = "aws_api_gateway_method_settings.throttling[0]"
KEY = SET["kms_key_arn"]
MINE = SET["agent_functions"]
# Terraform sorts the keys.
PRICES = '{"amazon.nova-lite-v1:0":{"cache_read":0.015,"cache_write":null,"input":0.06,"output":0.24}}'

OIDC = json.dumps(
    {
        "audience": SET["oidc_audience"],
        "issuer": SET["oidc_issuer"],
        "tenantIdClaim": SET["oidc_tenant_id_claim"],
    },
    separators=(",", ":"),
)
PROVIDER = "additional_authentication_provider[?authentication_type=='OPENID_CONNECT'].openid_connect_config[]"

LIMITS = (
    '{{"run_tokens":2000000,"tenant_open_runs":200,"tenant_starts_per_minute":600,"user_open_runs":{},'
    '"user_starts_per_minute":60,"user_tokens_per_day":10000000,"user_upload_mb_per_day":1000}}'
)


def environment(name: str) -> str:
    return f"environment[0].variables.{name}"


# Variable, address, what of it (JMESPath), with the default, with the other value; None: there is no such thing.
EFFECTS: list[tuple[str, str, str, Any, Any]] = [
    ("name_prefix", RUNS, "name", "AgentProgress", "other-AgentProgress"),
    ("log_retention_days", 'aws_cloudwatch_log_group.function["agent"]', "retention_in_days", 30, 7),
    ("log_retention_days", "aws_cloudwatch_log_group.api", "retention_in_days", 30, 7),
    ("log_retention_days", "aws_cloudwatch_log_group.rest_api[0]", "retention_in_days", None, 7),
    ("log_retention_days", "aws_cloudwatch_log_group.playbook", "retention_in_days", 30, 7),
    ("log_level", GRAPHQL, "log_config[0].field_log_level", "ERROR", "NONE"),
    ("kms_key_arn", RUNS, "server_side_encryption[0].kms_key_arn", None, KEY),
    ("kms_key_arn", SESSIONS, "server_side_encryption[0].kms_key_arn", None, KEY),
    ("kms_key_arn", ENCRYPTED, "rule[0].apply_server_side_encryption_by_default[0].kms_master_key_id", None, KEY),
    ("kms_key_arn", RUNS, "server_side_encryption[0].enabled", False, True),
    ("kms_key_arn", SESSIONS, "server_side_encryption[0].enabled", False, True),
    ("kms_key_arn", MACHINE, "encryption_configuration[0].kms_key_id", None, KEY),
    ("kms_key_arn", MACHINE, "encryption_configuration[0].type", "AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"),
    ("previous_kms_key_arn", KEY_USER, "source_policy_documents[?contains(@, 'key/before')] | length(@)", 0, 1),
    ("create_appsync_service_linked_role", APPSYNC_ROLE, "aws_service_name", None, "appsync.amazonaws.com"),
    ("vpc_config", AGENT, "vpc_config[].subnet_ids[]", [], ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]),
    ("vpc_config", AGENT, "vpc_config[].security_group_ids[]", [], ["sg-0a1b2c3d"]),
    ("vpc_config", API_HANDLER, "vpc_config", [], []),
    ("lambda_architecture", AGENT, "architectures", ["arm64"], ["x86_64"]),
    ("lambda_architecture", API_HANDLER, "architectures", ["arm64"], ["x86_64"]),
    ("lambda_runtime", AGENT, "runtime", "python3.13", "python3.12"),
    ("lambda_runtime", API_HANDLER, "runtime", "python3.13", "python3.12"),
    ("retention_hours", AGENT, environment("RETENTION_HOURS"), "24", "2"),
    ("retention_hours", API_HANDLER, environment("RETENTION_HOURS"), "24", "2"),
    ("retention_hours", STARTER, environment("RETENTION_HOURS"), "24", "2"),
    ("retention_hours", ORCHESTRATOR, environment("RETENTION_HOURS"), "24", "2"),
    ("retention_hours", FORGOTTEN, "rule[?id=='results'] | [0].expiration[0].days", 8, 2),
    ("question_retention_hours", AGENT, environment("QUESTION_RETENTION_HOURS"), "168", "24"),
    ("question_retention_hours", API_HANDLER, environment("QUESTION_RETENTION_HOURS"), "168", "24"),
    ("question_retention_hours", STARTER, environment("QUESTION_RETENTION_HOURS"), "168", "24"),
    ("question_retention_hours", ORCHESTRATOR, environment("QUESTION_RETENTION_HOURS"), "168", "24"),
    ("question_retention_hours", CLOSER, environment("QUESTION_RETENTION_HOURS"), "168", "24"),
    ("question_retention_hours", FORGOTTEN, "rule[?id=='answers'] | [0].expiration[0].days", 8, 2),
    ("conversation_retention_days", API_HANDLER, environment("CONVERSATION_RETENTION_DAYS"), "30", "7"),
    ("conversation_retention_days", STARTER, environment("CONVERSATION_RETENTION_DAYS"), "30", "7"),
    ("conversation_retention_days", FORGOTTEN, "rule[?id=='conversations'] | [0].expiration[0].days", 38, 9),
    ("handover_seconds", AGENT, environment("HANDOVER_SECONDS"), "120", "60"),
    ("max_run_hours", AGENT, environment("MAX_RUN_HOURS"), "8", "1"),
    ("job_timeout_minutes", ORCHESTRATOR, environment("JOB_TIMEOUT_MINUTES"), "60", "30"),
    ("deletion_protection", RUNS, "deletion_protection_enabled", False, True),
    ("deletion_protection", SESSIONS, "deletion_protection_enabled", False, True),
    ("deletion_protection", POOL, "deletion_protection", "INACTIVE", "ACTIVE"),
    ("point_in_time_recovery", RUNS, "point_in_time_recovery[0].enabled", True, False),
    ("point_in_time_recovery", SESSIONS, "point_in_time_recovery[0].enabled", True, False),
    ("alarm_actions", ALARM, "alarm_actions", None, SET["alarm_actions"]),
    ("alarm_actions", ALARM, "ok_actions", None, SET["alarm_actions"]),
    ("enable_dashboard", DASHBOARD, "dashboard_name", None, f"other-runcast-{REGION}"),
    ("api_key_may_start", STARTER, environment("API_KEY_MAY_START"), "false", "true"),
    ("api_key_may_start", READER, environment("API_KEY_MAY_START"), "false", "true"),
    (
        "enable_api_key",
        GRAPHQL,
        "length(additional_authentication_provider[?contains(['AWS_IAM', 'API_KEY'], authentication_type)])",
        1,
        2,
    ),
    ("oidc_issuer", GRAPHQL, f"{PROVIDER}.issuer | [0]", None, SET["oidc_issuer"]),
    ("oidc_audience", GRAPHQL, f"{PROVIDER}.client_id | [0]", None, "^api://runcast[.]example$"),
    ("oidc_issuer", SUBSCRIPTION, "contains(code, 'const OIDC = null;')", True, False),
    ("oidc_issuer", SUBSCRIPTION, f"contains(code, 'const OIDC = {OIDC};')", False, True),
    ("oidc_issuer", GRAPHQL, "contains(schema, '@aws_oidc')", False, True),
    ("oidc_issuer", API_HANDLER, environment("OIDC"), "", OIDC),
    ("oidc_issuer", STARTER, environment("OIDC"), "", OIDC),
    ("oidc_tenant_id_claim", READER, environment("OIDC"), "", OIDC),
    ("enable_api_key", "aws_appsync_api_key.public[0]", "description", None, "Callers who are not signed in."),
    ("enable_api_gateway_account", "aws_api_gateway_account.logs[0]", "region", None, REGION),
    ("enable_api_gateway_account", "aws_api_gateway_stage.rest_api", "length(access_log_settings)", 0, 1),
    (
        "cors_origins",
        "aws_s3_bucket_cors_configuration.results[0]",
        "cors_rule[0].allowed_origins",
        ["*"],
        ["https://app.example.com"],
    ),
    ("cors_origins", API_HANDLER, environment("CORS_ORIGINS"), "*", "https://app.example.com"),
    (
        "bedrock_model_id",
        AGENT,
        environment("BEDROCK_MODEL_ID"),
        "global.anthropic.claude-sonnet-4-6",
        "amazon.nova-lite-v1:0",
    ),
    (
        "bedrock_model_id",
        ORCHESTRATOR,
        environment("BEDROCK_MODEL_ID"),
        "global.anthropic.claude-sonnet-4-6",
        "amazon.nova-lite-v1:0",
    ),
    ("model_max_tokens", AGENT, environment("MODEL_MAX_TOKENS"), "4096", "1000"),
    ("model_max_tokens", ORCHESTRATOR, environment("MODEL_MAX_TOKENS"), "4096", "1000"),
    ("model_prices", AGENT, environment("MODEL_PRICES"), "{}", PRICES),
    ("agent", AGENT, environment("CURRENCY"), None, "EUR"),
    ("agent", AGENT, environment("PRICES_KEY"), None, SET["agent"]["secrets"]["PRICES_KEY"]),
    ("agent", AGENT, "memory_size", 768, 2048),
    ("agent", AGENT, "timeout", 900, 600),
    ("agent", AGENT, "ephemeral_storage[0].size", 512, 1024),
    ("agent_functions", STARTER, environment("AGENT_FUNCTIONS"), "{}", json.dumps(MINE, separators=(",", ":"))),
    ("agent_functions", API_HANDLER, environment("AGENT_FUNCTIONS"), "{}", json.dumps(MINE, separators=(",", ":"))),
    ("agent_functions", ORCHESTRATOR, environment("AGENT_FUNCTIONS"), "{}", json.dumps(MINE, separators=(",", ":"))),
    ("agent_functions", CLOSER, environment("AGENT_FUNCTIONS"), "{}", json.dumps(MINE, separators=(",", ":"))),
    ("agent_functions", READER, environment("AGENT_FUNCTIONS"), "{}", json.dumps(MINE, separators=(",", ":"))),
    ("publish_batch_size", "aws_lambda_function.status_publisher", environment("MUTATIONS_PER_REQUEST"), "50", "1"),
    ("user_id_claim", STARTER, environment("USER_ID_CLAIM"), "sub", "cognito:username"),
    ("user_id_claim", SUBSCRIPTION, r"contains(code, '= \'cognito:username\';')", False, True),
    ("tenant_id_claim", STARTER, environment("TENANT_ID_CLAIM"), "custom:tenantId", "custom:organisation"),
    ("tenant_id_claim", SUBSCRIPTION, r"contains(code, '= \'custom:organisation\';')", False, True),
    ("tenant_id_claim", POOL, "schema[0].name", "tenantId", "organisation"),
    ("user_pool_mfa", POOL, "mfa_configuration", "OFF", "OPTIONAL"),
    ("user_pool_mfa", POOL, "software_token_mfa_configuration[].enabled", [], [True]),
    ("rest_throttling", THROTTLING, "method_path", None, "*/*"),
    ("rest_throttling", THROTTLING, "settings[0].throttling_rate_limit", None, 200),
    ("rest_throttling", THROTTLING, "settings[0].throttling_burst_limit", None, 400),
    ("limits", AGENT, environment("LIMITS"), LIMITS.format(20), LIMITS.format(5)),
    ("limits", STARTER, environment("LIMITS"), LIMITS.format(20), LIMITS.format(5)),
    ("limits", API_HANDLER, environment("LIMITS"), LIMITS.format(20), LIMITS.format(5)),
    ("agent_reserved_concurrency", AGENT, "reserved_concurrent_executions", -1, 50),
    ("tenant_isolation", AGENT, "tenancy_config[].tenant_isolation_mode", [], ["PER_TENANT"]),
    ("tenant_isolation", ORCHESTRATOR, "tenancy_config", [], []),
    ("tenant_isolation", STARTER, environment("TENANT_ISOLATION"), "false", "true"),
    ("tenant_isolation", API_HANDLER, environment("TENANT_ISOLATION"), "false", "true"),
    ("tenant_isolation", ORCHESTRATOR, environment("TENANT_ISOLATION"), "false", "true"),
    ("tenant_isolation", CLOSER, environment("TENANT_ISOLATION"), "false", "true"),
    ("web_acl_arn", 'aws_wafv2_web_acl_association.api["graphql"]', "web_acl_arn", None, SET["web_acl_arn"]),
    ("web_acl_arn", 'aws_wafv2_web_acl_association.api["rest"]', "web_acl_arn", None, SET["web_acl_arn"]),
    ("cognito_user_pool_id", POOL, "name", "runcast", None),
    ("cognito_user_pool_id", GRAPHQL, "user_pool_config[0].user_pool_id", None, "eu-west-1_Own"),
    ("cognito_user_pool_id", GRAPHQL, "user_pool_config[0].aws_region", REGION, "eu-west-1"),
    ("cognito_user_pool_client_id", "aws_cognito_user_pool_client.frontend[0]", "name", "runcast-frontend", None),
    ("cognito_user_pool_client_id", GRAPHQL, "user_pool_config[0].app_id_client_regex", None, "^ownclient$"),
    ("cognito_user_pool_client_id", API_HANDLER, environment("USER_POOL_CLIENT_ID"), None, "ownclient"),
]

# Variable, attribute, with the default, with the other value: the same on every resource that has the attribute.
EFFECTS_EVERYWHERE: list[tuple[str, str, Any, Any]] = [
    ("permissions_boundary_arn", "permissions_boundary", None, SET["permissions_boundary_arn"]),
    ("kms_key_arn", "kms_key_arn", None, KEY),
    ("kms_key_arn", "kms_key_id", None, KEY),
    ("tags", "tags", {}, SET["tags"]),
]

# What is named in its account and region; what is not here has its name within one of these.
NAMES = {
    "aws_api_gateway_rest_api": "name",
    "aws_appsync_graphql_api": "name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_event_rule": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cognito_user_pool": "name",
    "aws_cognito_user_pool_client": "name",
    "aws_dynamodb_table": "name",
    "aws_iam_role": "name",
    "aws_lambda_function": "function_name",
    "aws_s3_bucket": "bucket",
    "aws_sfn_state_machine": "name",
}
NAMED_WITHIN = {
    "aws_api_gateway_account",
    "aws_api_gateway_deployment",
    "aws_api_gateway_method_settings",
    "aws_api_gateway_stage",
    "aws_appsync_api_key",
    "aws_appsync_datasource",
    "aws_appsync_resolver",
    "aws_cloudwatch_event_target",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_service_linked_role",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_function_recursion_config",
    "aws_lambda_permission",
    "aws_s3_bucket_cors_configuration",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_wafv2_web_acl_association",
}

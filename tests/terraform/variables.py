"""What the module's variables change, and what they refuse: the tables that the tests of the variables go through."""

import json
from typing import Any

from chalicelib.agents import registry

from local.settings import REGION
from tests.terraform.conftest import OTHER

OWN_POOL = {"cognito_user_pool_id": "eu-west-1_Own", "cognito_user_pool_client_id": "ownclient"}
SET = {
    **OTHER,
    "lambda_architecture": "arm64",
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
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prices-AbCdEf"
AGENT_NAMES = (
    "The names in agent.environment and agent.secrets must be at least two letters, digits and underscores that begin"
    " with a letter, and not with AWS_."
)
MINE = SET["agent_functions"]
# Terraform sorts the keys.
PRICES = '{"amazon.nova-lite-v1:0":{"cache_read":0.015,"cache_write":null,"input":0.06,"output":0.24}}'

LIMITS = (
    '{{"run_tokens":2000000,"tenant_open_runs":200,"tenant_starts_per_minute":600,"user_open_runs":{},'
    '"user_starts_per_minute":60,"user_tokens_per_day":10000000}}'
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
    ("lambda_architecture", AGENT, "architectures", ["x86_64"], ["arm64"]),
    ("lambda_architecture", API_HANDLER, "architectures", ["x86_64"], ["arm64"]),
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
    ("enable_api_key", GRAPHQL, "length(additional_authentication_provider)", 1, 2),
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
    ("agent", AGENT, "memory_size", 1024, 2048),
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

WHOLE_NUMBER = "{} must be a whole number from {} to {}."
POOL_ID = "cognito_user_pool_id must be the id of a user pool, such as eu-west-1_AbCdEf123."
POOL_CLIENT_ID = "cognito_user_pool_client_id must be the id of a user pool's client: lower-case letters and digits."
PACKAGED = (
    "deployment.zip was packaged for x86_64: run make package ARCHITECTURE=arm64, or set"
    ' lambda_architecture = "x86_64".'
)
PACKAGED_RUNTIME = (
    "deployment.zip was packaged for python3.13: run make package RUNTIME=python3.11, or set"
    ' lambda_runtime = "python3.13".'
)
POOL_PAIR = "cognito_user_pool_id and cognito_user_pool_client_id must be set together."
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
# The values in one column are tried together.
REFUSED: dict[str, list[tuple[Any, str]]] = {
    "name_prefix": [
        (value, "name_prefix must be empty, or 1 to 20 letters, digits and hyphens that begin with a letter.")
        for value in ("9", "dev_", "a" * 21)
    ],
    "log_retention_days": [
        (
            value,
            "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096,"
            " 1827, 2192, 2557, 2922, 3288, 3653.",
        )
        for value in (2, 0)
    ],
    "log_level": [("WARN", "log_level must be one of NONE, ERROR, INFO, DEBUG, ALL.")],
    "permissions_boundary_arn": [
        (
            value,
            "permissions_boundary_arn must be the ARN of an IAM policy, such as"
            " arn:aws:iam::123456789012:policy/boundary.",
        )
        for value in ("", "boundary", "arn:aws:iam::123456789012:role/boundary")
    ],
    "kms_key_arn": [
        (
            value,
            "kms_key_arn must be the ARN of a key, such as arn:aws:kms:eu-west-1:123456789012:key/<id>, not of an"
            " alias.",
        )
        for value in ("", "0f1c", "arn:aws:kms:eu-west-1:123456789012:alias/runcast")
    ],
    "previous_kms_key_arn": [
        (
            "arn:aws:kms:eu-west-1:123456789012:alias/runcast",
            "previous_kms_key_arn must be the ARN of a key, such as arn:aws:kms:eu-west-1:123456789012:key/<id>, not of"
            " an alias.",
        )
    ],
    "vpc_config": [
        (value, "vpc_config must name at least one subnet (subnet-...) and at least one security group (sg-...).")
        for value in (
            {"subnet_ids": [], "security_group_ids": ["sg-1"]},
            {"subnet_ids": ["subnet-1"], "security_group_ids": []},
            {"subnet_ids": ["sg-1"], "security_group_ids": ["subnet-1"]},
        )
    ],
    "lambda_architecture": [("arm", "lambda_architecture must be x86_64 or arm64.")],
    "lambda_runtime": [
        (value, "lambda_runtime must be python3.11, python3.12, python3.13 or python3.14.")
        for value in ("python3.10", "python3.15", "nodejs22.x")
    ],
    "conversation_retention_days": [
        (value, "conversation_retention_days must be a whole number from 1 to 365.") for value in (0, 1.5, 366)
    ],
    "retention_hours": [
        (value, "retention_hours must be a whole number from 2 to 8760, which is a year.") for value in (1, 2.5, 8761)
    ],
    "question_retention_hours": [
        (value, "question_retention_hours must be a whole number from 1 to 8760, which is a year.")
        for value in (0, 1.5, 8761)
    ],
    "handover_seconds": [(value, WHOLE_NUMBER.format("handover_seconds", 1, 450)) for value in (0, 1.5, 451)],
    "max_run_hours": [(value, WHOLE_NUMBER.format("max_run_hours", 1, 8759)) for value in (0, 1.5, 8760)],
    "job_timeout_minutes": [
        (value, "job_timeout_minutes must be a whole number from 1 to 1440, which is a day.")
        for value in (0, 1.5, 1441)
    ],
    "alarm_actions": [
        (value, "alarm_actions must be at most 5 ARNs, such as arn:aws:sns:eu-west-1:123456789012:on-call.")
        for value in (["on-call"], SET["alarm_actions"] * 6, ["arn:aws:sns:eu-west-1:123456789012:on call"])
    ],
    "user_pool_mfa": [("SMS", "user_pool_mfa must be OFF, OPTIONAL or ON.")],
    "rest_throttling": [
        (
            value,
            "rest_throttling.rate must be at least 1, and rest_throttling.burst must be a whole number of at least 1.",
        )
        for value in ({"rate": 0, "burst": 1}, {"rate": 1, "burst": 0}, {"rate": 1, "burst": 1.5})
    ],
    "limits": [
        ({"user_open_runs": value}, "The limits must be whole numbers from 1 to 1000000000.")
        for value in (0, 1.5, 1000000001)
    ],
    "agent_reserved_concurrency": [
        (value, "agent_reserved_concurrency must be a whole number of at least 1.") for value in (0, 1.5)
    ],
    "web_acl_arn": [
        (
            value,
            "web_acl_arn must be the ARN of a regional web ACL, such as"
            " arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/<name>/<id>.",
        )
        for value in ("firewall", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/firewall/0a1b2c3d")
    ],
    "cors_origins": [
        (
            value,
            'cors_origins must be ["*"], or origins without a path such as https://app.example.com and'
            " http://localhost:5173.",
        )
        for value in (["https://app.example.com/path"], ["*", "https://app.example.com"], ["app.example.com"])
    ],
    "bedrock_model_id": [
        (
            value,
            "bedrock_model_id must be the id of a foundation model (anthropic.claude-sonnet-4-6) or of a cross-region"
            " inference profile (eu.anthropic.claude-sonnet-4-6), not an ARN.",
        )
        for value in ("arn:aws:bedrock:us-east-1::foundation-model/x", "claude")
    ],
    "model_max_tokens": [(value, WHOLE_NUMBER.format("model_max_tokens", 1, 200000)) for value in (0, 1.5, 200001)],
    "model_prices": [
        (
            {"some.model": {"input": -1, "output": 1}},
            "The prices in model_prices must be USD for a million tokens, 0 or more.",
        ),
        (
            {f"some.model-{n}": {"input": 1, "output": 1} for n in range(20)},
            "model_prices must be at most 1,000 characters as JSON.",
        ),
    ],
    "agent": [
        *(({"environment": {name: "x"}}, AGENT_NAMES) for name in ("1A", "A-B", "A", "AWS_REGION")),
        ({"secrets": {"A-B": SECRET}}, AGENT_NAMES),
        (
            {"environment": {"KEY": "x"}, "secrets": {"KEY": SECRET}},
            "agent.environment and agent.secrets must not have a name in common.",
        ),
        (
            {"secrets": {"KEY": "prices"}},
            "The values in agent.secrets must be the ARNs of Secrets Manager secrets, such as"
            " arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf.",
        ),
        *(
            ({"policy_json": policy}, "agent.policy_json must be an IAM policy as JSON, with a Statement.")
            for policy in ("", "{}", "s3:GetObject")
        ),
        *(
            (
                {name: value},
                "In agent, memory_mb must be a whole number from 128 to 10240, timeout_seconds from 30 to 900 and"
                " ephemeral_storage_mb from 512 to 10240.",
            )
            for name, value in (("memory_mb", 127), ("memory_mb", 128.5), ("timeout_seconds", 901))
        ),
    ],
    "agent_functions": [
        (
            {"9": FUNCTION},
            "The names in agent_functions must be 1 to 63 letters, digits, hyphens and underscores that begin with a"
            " letter.",
        ),
        (
            {"mine": "my-agent"},
            "The values in agent_functions must be the ARNs of Lambda functions, such as"
            " arn:aws:lambda:eu-west-1:123456789012:function:my-agent.",
        ),
        ({f"mine{n}": FUNCTION for n in range(50)}, "agent_functions must be at most 3,000 characters as JSON."),
    ],
    "publish_batch_size": [(value, WHOLE_NUMBER.format("publish_batch_size", 1, 50)) for value in (0, 1.5, 51)],
    "user_id_claim": [("name", "user_id_claim must be sub or cognito:username: users can change the others.")],
    "tenant_id_claim": [
        (
            value,
            'tenant_id_claim must be "custom:" followed by 1 to 20 letters, digits and underscores that begin with a'
            " letter, such as custom:tenantId.",
        )
        for value in ("tenantId", "custom:" + "a" * 21)
    ],
    "cognito_user_pool_id": [("pool", POOL_ID)],
    "cognito_user_pool_client_id": [("Own-client", POOL_CLIENT_ID)],
}
# Values that are good in themselves and do not go together, and what is said.
HELD = registry.names()[0]

AT_ODDS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {
            "api_key_may_start": True,
            "cognito_user_pool_id": "eu-west-1_Own",
            "lambda_architecture": "arm64",
            "lambda_runtime": "python3.11",
            "retention_hours": 2,
            "job_timeout_minutes": 91,
            "agent": {"environment": {"BEDROCK_MODEL_ID": "x"}, "secrets": {"RETENTION_HOURS": SECRET}},
        },
        [
            "api_key_may_start requires enable_api_key.",
            POOL_PAIR,
            PACKAGED,
            PACKAGED_RUNTIME,
            "job_timeout_minutes must be at least 30 minutes less than retention_hours.",
            "agent.environment and agent.secrets must not set the module's own variables: BEDROCK_MODEL_ID,"
            " RETENTION_HOURS.",
        ],
    ),
    ({"cognito_user_pool_client_id": "ownclient"}, [POOL_PAIR]),
    (
        {"agent_functions": {"mine": FUNCTION.replace("us-east-1", "eu-west-1"), HELD: FUNCTION}},
        [
            f"agent_functions must not name agents that deployment.zip contains: {HELD}",
            "The functions in agent_functions must be in us-east-1.",
        ],
    ),
    ({"web_acl_arn": SET["web_acl_arn"].replace("us-east-1", "eu-west-1")}, ["web_acl_arn must be in us-east-1."] * 2),
]

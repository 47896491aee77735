"""The values that the module's variables refuse, each with what Terraform says."""

from typing import Any

from chalicelib.agents import registry

from tests.terraform.variables import SET

WHOLE_NUMBER = "{} must be a whole number from {} to {}."
POOL_ID = "cognito_user_pool_id must be the id of a user pool, such as eu-west-1_AbCdEf123."
POOL_CLIENT_ID = "cognito_user_pool_client_id must be the id of a user pool's client: lower-case letters and digits."
PACKAGED = (
    'deployment.zip was packaged for arm64: run make package ARCHITECTURE=x86_64, or set lambda_architecture = "arm64".'
)
PACKAGED_RUNTIME = (
    "deployment.zip was packaged for python3.13: run make package RUNTIME=python3.11, or set"
    ' lambda_runtime = "python3.13".'
)
OIDC_ISSUER = (
    "oidc_issuer must be the URL in the provider's tokens, such as https://login.example.com/realms/main: https://, at"
    " most 120 characters, no query."
)
OIDC_AUDIENCE = "oidc_audience must be 1 to 200 letters, digits and . _ : / + ~ @ -, such as the id of a client."
OIDC_TENANT = (
    "oidc_tenant_id_claim must be the name of a claim: 1 to 100 letters, digits and . _ : / -, such as org_id or"
    " https://example.com/tenant."
)
ENVIRONMENT = (
    "agent_functions, cors_origins and oidc_* must together be at most 2,900 characters as JSON: Lambda limits the"
    " environment of a function to 4 KB."
)
OIDC_PAIR = "oidc_issuer and oidc_audience must be set together."
POOL_PAIR = "cognito_user_pool_id and cognito_user_pool_client_id must be set together."
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prices-AbCdEf"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:my-agent"
AGENT_NAMES = (
    "The names in agent.environment and agent.secrets must be at least two letters, digits and underscores that begin"
    " with a letter, and not with AWS_."
)
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
    "lambda_architecture": [("arm", "lambda_architecture must be arm64 or x86_64.")],
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
    "oidc_issuer": [
        (value, OIDC_ISSUER)
        for value in ("http://login.example.com", "https://login.example.com?x=1", "https://" + "a" * 113)
    ],
    "oidc_audience": [(value, OIDC_AUDIENCE) for value in ("", "a|b", "a" * 201)],
    "oidc_tenant_id_claim": [(value, OIDC_TENANT) for value in ("", "it's", "a" * 101)],
    "cognito_user_pool_id": [("pool", POOL_ID)],
    "cognito_user_pool_client_id": [("Own-client", POOL_CLIENT_ID)],
}
HELD = registry.names()[0]

# Values that are good in themselves and do not go together, and what Terraform says.
AT_ODDS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {
            "api_key_may_start": True,
            "cognito_user_pool_id": "eu-west-1_Own",
            "lambda_architecture": "x86_64",
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
    ({"agent_functions": {f"mine{n}": FUNCTION for n in range(50)}}, [ENVIRONMENT]),
    (
        {
            "agent_functions": {f"mine{n}": FUNCTION for n in range(33)},
            "cors_origins": [f"https://app-{n}.example.com" for n in range(10)],
            "oidc_issuer": "https://login.example.com/" + "r" * 90,
            "oidc_audience": "a" * 200,
        },
        [ENVIRONMENT],
    ),
    ({"oidc_issuer": "https://login.example.com"}, [OIDC_PAIR]),
    (
        {"oidc_audience": "client", "oidc_tenant_id_claim": "org"},
        [OIDC_PAIR, "oidc_tenant_id_claim requires oidc_issuer."],
    ),
    (
        {
            "oidc_issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Own",
            "oidc_audience": "ownclient",
            "cognito_user_pool_id": "eu-west-1_Own",
            "cognito_user_pool_client_id": "ownclient",
        },
        ["oidc_issuer must not be the user pool: its users sign in already."],
    ),
    (
        {"agent_functions": {"mine": FUNCTION.replace("us-east-1", "eu-west-1"), HELD: FUNCTION}},
        [
            f"agent_functions must not name agents that deployment.zip contains: {HELD}",
            "The functions in agent_functions must be in us-east-1.",
        ],
    ),
    ({"web_acl_arn": SET["web_acl_arn"].replace("us-east-1", "eu-west-1")}, ["web_acl_arn must be in us-east-1."] * 2),
]

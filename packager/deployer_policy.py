"""Writes `terraform/deployer-policy.json`, the minimum IAM policy of the role that applies and destroys the module.

The policy allows the calls that Terraform's AWS provider makes for each resource type of the module. A new type
without its calls here is an error. Resources are matched by the fixed part of their names, so one policy covers all
environments of an account. No action has a wildcard, so the policy exceeds the limit of a managed policy (6,144
characters), but fits the limit of inline policies (10,240).
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packager.build import EXPORT_NAME
from packager.errors import PackagingError

POLICY_NAME = "deployer-policy.json"
_PROJECT = Path(__file__).resolve().parent.parent

_REST_API = ("arn:aws:apigateway:*::/restapis*", "arn:aws:apigateway:*::/tags/*")
_BUCKET = ("arn:aws:s3:::*runcast-results-*",)
_DASHBOARD = ("arn:aws:cloudwatch::*:dashboard/*runcast*",)
_FUNCTION = ("arn:aws:lambda:*:*:function:*runcast-*",)
_LOG_GROUP = ("arn:aws:logs:*:*:log-group:*runcast*", "arn:aws:logs:*:*:log-group:/aws/appsync/apis/*")
_ROLE = ("arn:aws:iam::*:role/*runcast-*",)
_TABLE = ("arn:aws:dynamodb:*:*:table/*AgentProgress", "arn:aws:dynamodb:*:*:table/*user_sessions")
_USER_POOL = ("arn:aws:cognito-idp:*:*:userpool/*",)
_FILTERED = (
    "arn:aws:apigateway:*::/restapis/*/stages/*",
    "arn:aws:appsync:*:*:apis/*",
    "arn:aws:wafv2:*:*:regional/webacl/*",
)
# For actions that AWS does not authorize by resource, and for resources with generated names.
_ALL = ("*",)

_GATEWAY = "DELETE GET PATCH POST PUT"
_TAGS = "ListTagsForResource TagResource UntagResource"

# The calls for each resource type: service, actions, resources.
# Source: https://github.com/hashicorp/terraform-provider-aws, and for each action's resources
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_CALLS: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "aws_api_gateway_account": [("apigateway", "GET PATCH", ("arn:aws:apigateway:*::/account",))],
    "aws_api_gateway_deployment": [("apigateway", _GATEWAY, _REST_API)],
    "aws_api_gateway_method_settings": [("apigateway", _GATEWAY, _REST_API)],
    "aws_api_gateway_rest_api": [("apigateway", _GATEWAY, _REST_API)],
    "aws_api_gateway_stage": [("apigateway", _GATEWAY, _REST_API)],
    "aws_appsync_api_key": [("appsync", "CreateApiKey DeleteApiKey ListApiKeys UpdateApiKey", _ALL)],
    "aws_appsync_datasource": [("appsync", "CreateDataSource DeleteDataSource GetDataSource UpdateDataSource", _ALL)],
    "aws_appsync_graphql_api": [
        (
            "appsync",
            "CreateGraphqlApi GetIntrospectionSchema GetSchemaCreationStatus StartSchemaCreation",
            _ALL,
        ),
        ("appsync", f"DeleteGraphqlApi GetGraphqlApi {_TAGS} UpdateGraphqlApi", (_FILTERED[1],)),
    ],
    "aws_appsync_resolver": [("appsync", "CreateResolver DeleteResolver GetResolver UpdateResolver", _ALL)],
    "aws_cloudwatch_dashboard": [("cloudwatch", "DeleteDashboards GetDashboard PutDashboard", _DASHBOARD)],
    "aws_cloudwatch_event_rule": [
        ("events", f"DeleteRule DescribeRule PutRule {_TAGS}", ("arn:aws:events:*:*:rule/*runcast-*",))
    ],
    "aws_cloudwatch_event_target": [
        ("events", "ListTargetsByRule PutTargets RemoveTargets", ("arn:aws:events:*:*:rule/*runcast-*",))
    ],
    "aws_cloudwatch_log_group": [
        (
            "logs",
            f"AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DisassociateKmsKey {_TAGS}"
            " PutRetentionPolicy",
            _LOG_GROUP,
        ),
        ("logs", "DescribeLogGroups", _ALL),
    ],
    "aws_cloudwatch_metric_alarm": [
        (
            "cloudwatch",
            f"DeleteAlarms DescribeAlarms {_TAGS} PutMetricAlarm",
            ("arn:aws:cloudwatch:*:*:alarm:*runcast-*",),
        )
    ],
    "aws_cognito_user_pool": [
        ("cognito-idp", "CreateUserPool", _ALL),
        (
            "cognito-idp",
            f"DeleteUserPool DescribeUserPool GetUserPoolMfaConfig {_TAGS} SetUserPoolMfaConfig UpdateUserPool",
            _USER_POOL,
        ),
    ],
    "aws_cognito_user_pool_client": [
        (
            "cognito-idp",
            "CreateUserPoolClient DeleteUserPoolClient DescribeUserPoolClient UpdateUserPoolClient",
            _USER_POOL,
        )
    ],
    "aws_dynamodb_table": [
        (
            "dynamodb",
            "CreateTable DeleteTable DescribeContinuousBackups DescribeTable DescribeTimeToLive"
            " ListTagsOfResource TagResource UntagResource"
            " UpdateContinuousBackups UpdateTable UpdateTimeToLive",
            _TABLE,
        )
    ],
    "aws_iam_role": [
        (
            "iam",
            "CreateRole DeleteRole DeleteRolePermissionsBoundary GetRole ListAttachedRolePolicies"
            " ListInstanceProfilesForRole ListRolePolicies ListRoleTags"
            " PutRolePermissionsBoundary TagRole UntagRole"
            " UpdateAssumeRolePolicy UpdateRole",
            _ROLE,
        )
    ],
    "aws_iam_role_policy": [("iam", "DeleteRolePolicy GetRolePolicy PutRolePolicy", _ROLE)],
    "aws_iam_role_policy_attachment": [("iam", "ListAttachedRolePolicies", _ROLE)],
    "aws_iam_service_linked_role": [],
    "aws_lambda_function": [
        (
            "lambda",
            "CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction GetFunctionCodeSigningConfig"
            " GetFunctionConcurrency ListTags ListVersionsByFunction PutFunctionConcurrency TagResource UntagResource"
            " UpdateFunctionCode UpdateFunctionConfiguration",
            _FUNCTION,
        ),
        # For a function in a VPC, Lambda checks that the caller may describe the network.
        ("ec2", "DescribeNetworkInterfaces DescribeSecurityGroups DescribeSubnets DescribeVpcs", _ALL),
    ],
    "aws_lambda_function_event_invoke_config": [
        (
            "lambda",
            "DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig PutFunctionEventInvokeConfig",
            _FUNCTION,
        )
    ],
    "aws_lambda_function_recursion_config": [
        ("lambda", "GetFunctionRecursionConfig PutFunctionRecursionConfig", _FUNCTION)
    ],
    "aws_lambda_permission": [("lambda", "AddPermission GetPolicy RemovePermission", _FUNCTION)],
    "aws_s3_bucket": [
        (
            "s3",
            "CreateBucket DeleteBucket GetAccelerateConfiguration GetBucketAcl GetBucketLocation GetBucketLogging"
            " GetBucketObjectLockConfiguration GetBucketRequestPayment GetBucketTagging GetBucketVersioning"
            f" GetBucketWebsite GetReplicationConfiguration ListBucket ListBucketVersions PutBucketTagging {_TAGS}",
            _BUCKET,
        ),
        ("s3", "DeleteObject DeleteObjectVersion", (f"{_BUCKET[0]}/*",)),
    ],
    "aws_s3_bucket_cors_configuration": [("s3", "GetBucketCORS PutBucketCORS", _BUCKET)],
    "aws_s3_bucket_lifecycle_configuration": [("s3", "GetLifecycleConfiguration PutLifecycleConfiguration", _BUCKET)],
    "aws_s3_bucket_ownership_controls": [("s3", "GetBucketOwnershipControls PutBucketOwnershipControls", _BUCKET)],
    "aws_s3_bucket_policy": [("s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy", _BUCKET)],
    "aws_s3_bucket_public_access_block": [("s3", "GetBucketPublicAccessBlock PutBucketPublicAccessBlock", _BUCKET)],
    "aws_s3_bucket_server_side_encryption_configuration": [
        ("s3", "GetEncryptionConfiguration PutEncryptionConfiguration", _BUCKET)
    ],
    "aws_sfn_state_machine": [
        (
            "states",
            f"CreateStateMachine DeleteStateMachine DescribeStateMachine ListStateMachineVersions {_TAGS}"
            " UpdateStateMachine",
            ("arn:aws:states:*:*:stateMachine:*runcast-playbook",),
        ),
        ("states", "ValidateStateMachineDefinition", _ALL),
    ],
    "aws_wafv2_web_acl_association": [
        ("wafv2", "AssociateWebACL DisassociateWebACL GetWebACLForResource", _FILTERED),
        ("wafv2", "GetWebACL", (_FILTERED[2],)),
        ("apigateway", "SetWebACL", (_FILTERED[0],)),
        ("appsync", "SetWebACL", _ALL),
    ],
}

# The statements with conditions.
_CONDITIONED: dict[str, list[dict[str, Any]]] = {
    "aws_iam_role": [
        {
            "Action": ["iam:PassRole"],
            "Resource": list(_ROLE),
            "Condition": {
                "StringEquals": {
                    "iam:PassedToService": [
                        f"{service}.amazonaws.com" for service in ("apigateway", "appsync", "lambda", "states")
                    ]
                }
            },
        }
    ],
    "aws_iam_role_policy_attachment": [
        {
            "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            "Resource": list(_ROLE),
            "Condition": {
                "ArnLike": {
                    "iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
                }
            },
        }
    ],
    "aws_iam_service_linked_role": [
        {
            "Action": [
                *("iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:GetRole"),
                *("iam:GetServiceLinkedRoleDeletionStatus", "iam:ListRoleTags", "iam:TagRole", "iam:UntagRole"),
            ],
            "Resource": ["arn:aws:iam::*:role/aws-service-role/appsync.amazonaws.com/*"],
        }
    ],
}


def policy(types: Iterable[str]) -> dict[str, Any]:
    """Return the IAM policy of a role that applies and destroys a module.

    Args:
        types: The module's resource types.

    Raises:
        PackagingError: A type is missing in `_CALLS`.
    """
    wanted = sorted(set(types))
    if unknown := [name for name in wanted if name not in _CALLS]:
        raise PackagingError(f"The deployer policy lacks the calls of {', '.join(unknown)}: add them to {__file__}.")
    actions: dict[tuple[str, ...], set[str]] = {}
    for name in wanted:
        for service, names, resources in _CALLS[name]:
            actions.setdefault(resources, set()).update(f"{service}:{each}" for each in names.split())
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": sorted(each), "Resource": list(resources)} for resources, each in actions.items()
    ]
    statements += [{"Effect": "Allow", **each} for name in wanted for each in _CONDITIONED.get(name, [])]
    return {"Version": "2012-10-17", "Statement": statements}


def resource_types(module: Path) -> set[str]:
    """Return the AWS resource types of a packaged module.

    Args:
        module: The module's directory.
    """
    export = json.loads((module / EXPORT_NAME).read_text())
    declared = {
        name
        for path in module.glob("*.tf")
        for name in re.findall(r'^resource "(aws_\w+)"', path.read_text(), re.MULTILINE)
    }
    return declared | {name for name in export["resource"] if name.startswith("aws_")}


def main() -> int:
    """Write the module's policy."""
    module = _PROJECT / "terraform"
    try:
        text = json.dumps(policy(resource_types(module)), indent=2)
    except PackagingError as error:
        print(f"Cannot write the policy: {error}", file=sys.stderr)
        return 1
    (module / POLICY_NAME).write_text(text + "\n")
    print(f"terraform/{POLICY_NAME} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Checks what Terraform applied with cfn-lint: the state, translated to a CloudFormation template.

cfn-lint carries AWS's own resource schemas (names, enums, patterns, lengths, the language of state machines). Terraform
and CloudFormation name the same settings alike, up to case and underscores, so one rule translates nearly everything;
`_ALIASES` and `_reshaped` hold the rest. An attribute without a translation is a finding, so nothing goes unchecked.
`python cloudformation.py STATE...` prints a JSON list of findings for each state; it needs the validators' environment.
"""

import copy
import json
import sys
from pathlib import Path
from typing import Any

from cfnlint.api import lint
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

REGION = "us-east-1"

# Terraform's type, CloudFormation's type, and below which of its properties the settings are.
_TYPES: dict[str, tuple[str, str]] = {
    "aws_api_gateway_account": ("AWS::ApiGateway::Account", ""),
    "aws_api_gateway_deployment": ("AWS::ApiGateway::Deployment", ""),
    "aws_api_gateway_method_settings": ("AWS::ApiGateway::Stage", ""),
    "aws_api_gateway_rest_api": ("AWS::ApiGateway::RestApi", ""),
    "aws_api_gateway_stage": ("AWS::ApiGateway::Stage", ""),
    "aws_appsync_api_key": ("AWS::AppSync::ApiKey", ""),
    "aws_appsync_datasource": ("AWS::AppSync::DataSource", ""),
    "aws_appsync_graphql_api": ("AWS::AppSync::GraphQLApi", ""),
    "aws_appsync_resolver": ("AWS::AppSync::Resolver", ""),
    "aws_cloudwatch_dashboard": ("AWS::CloudWatch::Dashboard", ""),
    "aws_cloudwatch_event_rule": ("AWS::Events::Rule", ""),
    "aws_cloudwatch_log_group": ("AWS::Logs::LogGroup", ""),
    "aws_cloudwatch_metric_alarm": ("AWS::CloudWatch::Alarm", ""),
    "aws_cognito_user_pool": ("AWS::Cognito::UserPool", ""),
    "aws_cognito_user_pool_client": ("AWS::Cognito::UserPoolClient", ""),
    "aws_dynamodb_table": ("AWS::DynamoDB::Table", ""),
    "aws_iam_role": ("AWS::IAM::Role", ""),
    "aws_iam_role_policy": ("AWS::IAM::RolePolicy", ""),
    "aws_lambda_function": ("AWS::Lambda::Function", ""),
    "aws_lambda_function_event_invoke_config": ("AWS::Lambda::EventInvokeConfig", ""),
    "aws_lambda_permission": ("AWS::Lambda::Permission", ""),
    "aws_s3_bucket": ("AWS::S3::Bucket", ""),
    "aws_s3_bucket_cors_configuration": ("AWS::S3::Bucket", "CorsConfiguration"),
    "aws_s3_bucket_lifecycle_configuration": ("AWS::S3::Bucket", "LifecycleConfiguration"),
    "aws_s3_bucket_ownership_controls": ("AWS::S3::Bucket", "OwnershipControls"),
    "aws_s3_bucket_policy": ("AWS::S3::BucketPolicy", ""),
    "aws_s3_bucket_public_access_block": ("AWS::S3::Bucket", "PublicAccessBlockConfiguration"),
    "aws_s3_bucket_server_side_encryption_configuration": ("AWS::S3::Bucket", "BucketEncryption"),
    "aws_sfn_state_machine": ("AWS::StepFunctions::StateMachine", ""),
    "aws_wafv2_web_acl_association": ("AWS::WAFv2::WebACLAssociation", ""),
}

# Judged elsewhere: a target is part of a rule, an attachment is one string of a role, a recursion setting one word of a
# function.
_PARTS = {"aws_cloudwatch_event_target", "aws_iam_role_policy_attachment", "aws_lambda_function_recursion_config"}

# What AWS or Terraform fills in, and what only Terraform has.
_COMPUTED = {
    *("arn", "id", "region", "tags_all", "key", "expires", "status", "version", "uris", "triggers", "filename"),
    *(
        "created_date",
        "creation_date",
        "create_date",
        "last_modified",
        "last_modified_date",
        "revision_id",
        "unique_id",
    ),
    *("invoke_arn", "invoke_url", "qualified_arn", "qualified_invoke_arn", "execution_arn", "root_resource_id"),
    *(
        "source_code_hash",
        "source_code_size",
        "endpoint",
        "estimated_number_of_users",
        "dashboard_arn",
        "force_destroy",
    ),
    *("bucket_domain_name", "bucket_regional_domain_name", "bucket_region", "hosted_zone_id"),
    "state_machine_version_arn",
}

# Terraform's path of a setting to CloudFormation's name; None where CloudFormation has no such setting.
_ALIASES: dict[str, dict[str, str | None]] = {
    "aws_api_gateway_account": {"api_key_version": None, "features": None, "throttle_settings": None},
    "aws_api_gateway_stage": {"access_log_settings": "AccessLogSetting", "xray_tracing_enabled": "TracingEnabled"},
    "aws_appsync_datasource": {
        "lambda_config.function_arn": "LambdaFunctionArn",
        "dynamodb_config.region": "AwsRegion",
    },
    "aws_appsync_graphql_api": {
        "additional_authentication_provider": "AdditionalAuthenticationProviders",
        "schema": None,  # held to AppSync's rules by tests/graphql
    },
    "aws_appsync_resolver": {"data_source": "DataSourceName", "field": "FieldName", "type": "TypeName"},
    "aws_cloudwatch_log_group": {"name": "LogGroupName"},
    "aws_cognito_user_pool": {
        "name": "UserPoolName",
        "tags": "UserPoolTags",
        "schema.string_attribute_constraints.max_length": "MaxLength",
    },
    "aws_cognito_user_pool_client": {"name": "ClientName"},
    "aws_dynamodb_table": {
        "name": "TableName",
        "attribute": "AttributeDefinitions",
        "attribute.name": "AttributeName",
        "attribute.type": "AttributeType",
        "global_secondary_index": "GlobalSecondaryIndexes",
        "global_secondary_index.name": "IndexName",
        "point_in_time_recovery": "PointInTimeRecoverySpecification",
        "point_in_time_recovery.enabled": "PointInTimeRecoveryEnabled",
        "server_side_encryption": "SSESpecification",
        "server_side_encryption.enabled": "SSEEnabled",
        "server_side_encryption.kms_key_arn": "KMSMasterKeyId",
        "ttl": "TimeToLiveSpecification",
    },
    "aws_iam_role": {"assume_role_policy": "AssumeRolePolicyDocument", "name": "RoleName"},
    "aws_iam_role_policy": {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
    "aws_lambda_permission": {"statement_id": None},
    "aws_s3_bucket": {"bucket": "BucketName"},
    "aws_s3_bucket_cors_configuration": {
        "bucket": None,
        "cors_rule": "CorsRules",
        "cors_rule.max_age_seconds": "MaxAge",
    },
    "aws_s3_bucket_lifecycle_configuration": {
        "bucket": None,
        "rule": "Rules",
        "transition_default_minimum_object_size": "TransitionDefaultMinimumObjectSize",
    },
    "aws_s3_bucket_ownership_controls": {"bucket": None, "rule": "Rules"},
    "aws_s3_bucket_policy": {"policy": "PolicyDocument"},
    "aws_s3_bucket_public_access_block": {"bucket": None},
    "aws_s3_bucket_server_side_encryption_configuration": {
        "bucket": None,
        "rule": "ServerSideEncryptionConfiguration",
        "rule.apply_server_side_encryption_by_default": "ServerSideEncryptionByDefault",
        "rule.apply_server_side_encryption_by_default.kms_master_key_id": "KMSMasterKeyID",
    },
    "aws_sfn_state_machine": {"definition": "DefinitionString", "name": "StateMachineName", "type": "StateMachineType"},
}


def findings(state: dict[str, Any]) -> list[str]:
    """Say what cfn-lint finds wrong with a Terraform state, one text each."""
    template, problems = as_template(state)
    matches = lint(json.dumps(template), regions=[REGION])
    return problems + [f"{each.rule.id} {'/'.join(map(str, each.path or []))}: {each.message}" for each in matches]


def as_template(state: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Write a state as a template; say which of its settings have no place there."""
    resources: dict[str, Any] = {}
    problems: list[str] = []
    for resource in state["resources"]:
        type_ = resource["type"]
        if resource["mode"] != "managed" or type_ in _PARTS or type_ == "terraform_data":  # which is nothing of AWS's
            continue
        if type_ not in _TYPES:
            problems.append(f"{type_}: CloudFormation's name of it is not known here")
            continue
        name, below = _TYPES[type_]
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
        for instance in resource["instances"]:
            attributes = _reshaped(type_, instance["attributes"])
            translation = _Translation(type_, schema, problems)
            if below:
                place = translation.resolved(schema["properties"][below])
                properties = resources[_logical(name, attributes["bucket"])]["Properties"]
                properties[below] = translation.object(attributes, place, "")
            else:
                properties = translation.object(attributes, schema, "")
                key = attributes.get("bucket") or f"{resource['name']}-{instance.get('index_key', '')}"
                resources[_logical(name, key)] = {"Type": name, "Properties": properties}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, problems


class _Translation:
    """Writes the attributes of one type as CloudFormation's properties."""

    def __init__(self, type_: str, schema: dict[str, Any], problems: list[str]) -> None:
        self._type = type_
        self._schema = schema
        self._aliases = _ALIASES.get(type_, {})
        self._problems = problems

    def resolved(self, place: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in place or "oneOf" in place:
            name = place.get("$ref") or place["oneOf"][0].get("$ref")
            if name is None:
                break
            place = self._schema["definitions"][name.rpartition("/")[2]]
        return place

    def object(self, attributes: dict[str, Any], place: dict[str, Any], path: str) -> dict[str, Any]:
        names = {name.lower(): name for name in place.get("properties", {})}
        found: dict[str, Any] = {}
        for attribute, value in attributes.items():
            here = f"{path}{attribute}"
            if value in (None, "", [], {}) or (not path and attribute in _COMPUTED and here not in self._aliases):
                continue
            if here in self._aliases:
                name = self._aliases[here]
                if name is None:
                    continue
            else:
                name = names.get(attribute.replace("_", "").lower())
            if name is None:
                self._problems.append(f"{self._type}: {here} has no place in CloudFormation here: {value!r}")
                continue
            found[name] = self._value(value, self.resolved(place["properties"][name]), f"{here}.")
        return found

    def _value(self, value: Any, place: dict[str, Any], path: str) -> Any:
        if isinstance(value, str) and "object" in place.get("type", ()) and value.startswith("{"):
            return json.loads(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            if "array" in place.get("type", ()):
                return [self.object(each, self.resolved(place["items"]), path) for each in value]
            return self.object(value[0], place, path)
        if isinstance(value, dict) and "properties" in place:
            return self.object(value, place, path)
        return value


def _reshaped(type_: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """Give a setting that CloudFormation keeps in another shape that shape."""
    shaped = copy.deepcopy(attributes)
    if type_ != "aws_cognito_user_pool" and isinstance(shaped.get("tags"), dict):
        shaped["tags"] = [{"key": key, "value": value} for key, value in shaped["tags"].items()]
    match type_:
        case "aws_api_gateway_method_settings":
            path, _, method = shaped.pop("method_path").rpartition("/")
            (settings,) = shaped.pop("settings")
            del shaped[
                "stage_name"
            ]  # CloudFormation has it as a part of the stage; here it stands alone, without a name
            shaped["method_settings"] = [{**settings, "resource_path": f"/{path}", "http_method": method}]
        case "aws_cloudwatch_metric_alarm":
            dimensions = shaped.get("dimensions") or {}
            shaped["dimensions"] = [{"name": name, "value": value} for name, value in dimensions.items()]
        case "aws_cognito_user_pool":
            by_app = shaped.pop("software_token_mfa_configuration")
            shaped["enabled_mfas"] = ["SOFTWARE_TOKEN_MFA"] if by_app and by_app[0]["enabled"] else []
            shaped["policies"] = [{"password_policy": shaped.pop("password_policy")}]
        case "aws_dynamodb_table":
            keys = {"HASH": shaped.pop("hash_key"), "RANGE": shaped.pop("range_key")}
            shaped["key_schema"] = [{"attribute_name": key, "key_type": kind} for kind, key in keys.items() if key]
            for index in shaped.get("global_secondary_index") or []:
                index["projection"] = {"projection_type": index.pop("projection_type")}
            for encryption in shaped.get("server_side_encryption") or []:
                encryption["sse_type"] = "KMS" if encryption["enabled"] else None
        case "aws_lambda_function":
            shaped["code"] = {"s3_bucket": "packages", "s3_key": shaped["filename"]}
            if shaped["reserved_concurrent_executions"] == -1:
                del shaped["reserved_concurrent_executions"]
        case "aws_lambda_function_event_invoke_config":
            shaped["qualifier"] = "$LATEST"
        case "aws_s3_bucket_lifecycle_configuration":
            for rule in shaped["rule"]:
                for expiration in rule.pop("expiration"):  # none in a rule about uploads alone
                    rule["expiration_in_days"] = expiration["days"]
                rule["prefix"] = "".join(each.get("prefix") or "" for each in rule.pop("filter"))
        case "aws_sfn_state_machine":
            shaped["definition"] = json.dumps(_with_plain_timeouts(json.loads(shaped["definition"])))
            for logging in shaped.get("logging_configuration") or []:
                group = {"log_group_arn": logging.pop("log_destination")}
                logging["destinations"] = [{"cloud_watch_logs_log_group": group}]
    return shaped


def _with_plain_timeouts(value: Any) -> Any:
    """Replace time-outs that JSONata computes by a number: AWS takes both, cfn-lint 1 only a number.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
    """
    if isinstance(value, list):
        return [_with_plain_timeouts(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: 1 if name == "TimeoutSeconds" and str(each).startswith("{%") else _with_plain_timeouts(each)
        for name, each in value.items()
    }


def _logical(name: str, key: Any) -> str:
    return "".join(filter(str.isalnum, f"{name}{key}"))


if __name__ == "__main__":
    print(json.dumps([findings(json.loads(Path(file).read_text())) for file in sys.argv[1:]], indent=1))

"""Checks the configuration on AWS: settings, code, rules, the failure destination, and the key."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from typing import Any

from verify.expecting import NotApplicable, expect
from verify.verification import Verification

_LOGS_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey")


async def function_settings(v: Verification) -> str:
    """Each function's environment names the tables, functions and addresses of this deployment."""
    d = v.deployment
    wanted = {
        "AGENT_FUNCTION": d.agent_function_name,
        "AGENT_PROGRESS_TABLE": d.agent_progress_table_name,
        "APPSYNC_API_ID": d.graphql_api_id,
        "APPSYNC_API_URL": d.graphql_url,
        "QUESTION_RETENTION_HOURS": d.recorder_environment["QUESTION_RETENTION_HOURS"],
        "RESULTS_BUCKET": d.results_bucket_name,
        "RETENTION_HOURS": d.recorder_environment["RETENTION_HOURS"],
        "RUN_CLOSER_FUNCTION": d.run_closer_function_name,
        "STATE_MACHINE_ARN": d.state_machine_arn,
        "STATUS_PUBLISHER_FUNCTION": d.status_publisher_function_name,
        "TENANT_ID_CLAIM": d.tenant_id_claim,
        "USER_ID_CLAIM": d.user_id_claim,
        "USER_POOL_CLIENT_ID": d.user_pool_client_id,
        "USER_SESSIONS_TABLE": d.user_sessions_table_name,
    }
    compared = 0
    for name in d.function_names:
        function = await v.aws.call("lambda", "get_function_configuration", FunctionName=name)
        variables = function.get("Environment", {}).get("Variables", {})
        for variable in wanted.keys() & variables.keys():
            expect(
                variables[variable] == wanted[variable],
                f"{name} has {variable}={variables[variable]!r}; Terraform's outputs say {wanted[variable]!r}",
            )
            compared += 1
    return f"{compared} variables of {len(d.function_names)} functions"


async def function_code(v: Verification) -> str:
    """Each function runs the code that was applied: the SHA-256 of deployment.zip."""
    for name in v.deployment.function_names:
        function = await v.aws.call("lambda", "get_function_configuration", FunctionName=name)
        expect(
            function["CodeSha256"] == v.deployment.deployment_sha256,
            f"{name} runs another zip ({function['CodeSha256']}) than was applied ({v.deployment.deployment_sha256})",
        )
    return f"{len(v.deployment.function_names)} functions"


async def event_rules(v: Verification) -> str:
    """The rules that invoke run_closer, on a schedule and for stopped executions, are enabled; a sweep works."""
    closer = v.deployment.run_closer_function_arn
    names = (await v.aws.call("events", "list_rule_names_by_target", TargetArn=closer))["RuleNames"]
    rules = [await v.aws.call("events", "describe_rule", Name=name) for name in names]
    for rule in rules:
        expect(rule["State"] == "ENABLED", f"the rule {rule['Name']} is {rule['State']}")
    expect(any(rule.get("ScheduleExpression") for rule in rules), f"no schedule invokes {closer}")
    stopped = [rule for rule in rules if v.deployment.state_machine_arn in rule.get("EventPattern", "")]
    expect(bool(stopped), f"no rule tells {closer} of the stopped executions of {v.deployment.state_machine_arn}")
    answer = await v.aws.call("lambda", "invoke", FunctionName=closer, Payload=json.dumps({"sweep": True}).encode())
    expect("FunctionError" not in answer, f"a sweep fails: {answer.get('FunctionError')}; see the log of run_closer")
    return ", ".join(names)


async def failure_destination(v: Verification) -> str:
    """Lambda tries an asynchronous invocation of the agent once, and sends a failed one to run_closer."""
    invocations = await v.aws.call(
        "lambda", "get_function_event_invoke_config", FunctionName=v.deployment.agent_function_name
    )
    target = invocations.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    expect(target == v.deployment.run_closer_function_arn, f"failed invocations go to {target}")
    retries = invocations.get("MaximumRetryAttempts")
    expect(retries == 0, f"a failed invocation is tried again {retries} times")
    return "run_closer"


async def key_policy(v: Verification) -> str:
    """The policy of the deployment's own key lets the roles and CloudWatch Logs use it."""
    keys = await _keys(v)
    if not keys:
        raise NotApplicable("the deployment has no key of its own (kms_key_arn)")
    for arn in keys:
        key = (await v.aws.call("kms", "describe_key", KeyId=arn))["KeyMetadata"]
        expect(key["KeyState"] == "Enabled", f"the key {arn} is {key['KeyState']}")
        policy = json.loads((await v.aws.call("kms", "get_key_policy", KeyId=arn, PolicyName="default"))["Policy"])
        account_id = arn.split(":")[4]
        root = {f"arn:{arn.split(':')[1]}:iam::{account_id}:root", account_id, "*"}
        logs = {f"logs.{v.deployment.region}.amazonaws.com"}
        for who, principals in (("the account's roles", root), ("CloudWatch Logs", logs)):
            for action in _LOGS_ACTIONS:
                expect(_allows(policy, principals, action), f"the policy of {arn} does not let {who} {action}")
    return ", ".join(sorted(keys))


async def _keys(v: Verification) -> set[str]:
    """Return the ARNs of the keys that the deployment's tables, functions and logs are encrypted with."""
    d = v.deployment
    keys: set[str | None] = set()
    for name in (d.agent_progress_table_name, d.user_sessions_table_name):
        table = (await v.aws.call("dynamodb", "describe_table", TableName=name))["Table"]
        keys.add(table.get("SSEDescription", {}).get("KMSMasterKeyArn"))
    for name in d.function_names:
        function = await v.aws.call("lambda", "get_function_configuration", FunctionName=name)
        keys.add(function.get("KMSKeyArn"))
        prefix = f"/aws/lambda/{name}"
        groups = (await v.aws.call("logs", "describe_log_groups", logGroupNamePrefix=prefix))["logGroups"]
        keys |= {group.get("kmsKeyId") for group in groups if group["logGroupName"] == prefix}
    # The emulated AWS names DynamoDB's own key by its alias; AWS does not mention it.
    return {key for key in keys if key and ":alias/aws/" not in key}


def _allows(policy: Mapping[str, Any], principals: set[str], action: str) -> bool:
    """Return whether a key policy allows one of the principals an action, and denies it to none of them.

    Conditions are not evaluated: a statement of the recommended policy has one that always holds here. A denial with a
    condition is passed over.
    """
    effects = {statement["Effect"] for statement in _statements(policy, principals, action)}
    return effects == {"Allow"}


def _statements(policy: Mapping[str, Any], principals: set[str], action: str) -> Iterator[Mapping[str, Any]]:
    for statement in _listed(policy["Statement"]):
        principal = statement.get("Principal", {})
        named = {"*"} if principal == "*" else {each for value in principal.values() for each in _listed(value)}
        patterns = _listed(statement.get("Action", []))
        matches = any(fnmatch.fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns)
        conditional_denial = statement["Effect"] == "Deny" and "Condition" in statement
        if named & principals and matches and not conditional_denial:
            yield statement


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

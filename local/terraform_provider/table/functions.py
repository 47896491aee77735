"""Lambda functions from a local zip file, who may invoke them, and how asynchronous invocations are retried."""

import json
from pathlib import Path

from local.terraform_provider.entry import Call, Client, Entry, Facet, State, Tagging, words


def _send(params: State, state: State, prior: State | None) -> State:
    if prior is None:
        params["Code"] = {"ZipFile": Path(state["filename"]).read_bytes()}
    return params


def _put_code(client: Client, state: State, prior: State) -> None:
    if prior:  # create_function has taken it already
        zip_file = Path(state["filename"]).read_bytes()
        architectures = state["architectures"]
        client.update_function_code(FunctionName=state["id"], ZipFile=zip_file, Architectures=architectures)


def _get_code(_client: Client, state: State, answer: State) -> State:
    # The hash of the file says whether the code is still ours, so foreign code shows as a change of the hash.
    return {"source_code_hash": answer["CodeSha256"] if state.get("source_code_hash") else None}


def _put_concurrency(client: Client, state: State, _prior: State) -> None:
    reserved = int(state["reserved_concurrent_executions"])
    if reserved == -1:
        client.delete_function_concurrency(FunctionName=state["id"])
    else:
        client.put_function_concurrency(FunctionName=state["id"], ReservedConcurrentExecutions=reserved)


def _get_concurrency(client: Client, state: State, _answer: State) -> State:
    told = client.get_function_concurrency(FunctionName=state["id"])
    return {"reserved_concurrent_executions": told.get("ReservedConcurrentExecutions", -1)}


def _read_permission(client: Client, state: State) -> State | None:
    """Read a permission, which is a statement of the function's policy and has no separate API call."""
    policy = json.loads(client.get_policy(FunctionName=state["function_name"])["Policy"])
    for statement in policy["Statement"]:
        if statement.get("Sid") == state["statement_id"]:
            conditions = {
                name.lower(): value for test in statement.get("Condition", {}).values() for name, value in test.items()
            }
            principal = statement["Principal"]
            return {
                "StatementId": statement["Sid"],
                "Action": statement["Action"],
                "Principal": principal if isinstance(principal, str) else next(iter(principal.values())),
                "SourceArn": conditions.get("aws:sourcearn"),
                "SourceAccount": conditions.get("aws:sourceaccount"),
                "FunctionName": state["function_name"],
            }
    return None


def _read_recursion(client: Client, state: State) -> State:
    """Read the setting, which every function has."""
    told = client.get_function_recursion_config(FunctionName=state["function_name"])
    return {"FunctionName": state["function_name"], "RecursiveLoop": told["RecursiveLoop"]}


def _forbid_recursion(client: Client, state: State) -> None:
    """Set it back to what it is at first, because it cannot be deleted."""
    client.put_function_recursion_config(FunctionName=state["function_name"], RecursiveLoop="Terminate")


FUNCTION = {"FunctionName": "{function_name}"}
INVOCATION_ARN = "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions"

ENTRIES = {
    "aws_lambda_function": Entry(
        service="lambda",
        create=Call("create_function"),
        read=Call("get_function", "Configuration", FUNCTION),
        update=Call("update_function_configuration"),
        delete=Call("delete_function", given=FUNCTION),
        id="{function_name}",
        rename={"arn": "FunctionArn", "source_code_size": "CodeSize"},
        required=words("filename handler runtime"),
        refused=words(
            "capacity_provider_config code_sha256 code_signing_config_arn dead_letter_config durable_config"
            " file_system_config image_config image_uri layers package_type publish publish_to"
            " replace_security_groups_on_destroy replacement_security_group_ids s3_bucket s3_key s3_object_version"
            " skip_destroy snap_start source_kms_key_arn use_resource_timeout_for_propagation"
            " vpc_config.ipv6_allowed_for_dual_stack"
        ),
        defaults={
            "architectures": ["x86_64"],
            "memory_size": 128,
            "reserved_concurrent_executions": -1,
            "timeout": 3,
            "logging_config.log_group": "/aws/lambda/{function_name}",
        },
        undeclared=words("logging_config"),
        absent={"tracing_config": {"mode": "PassThrough"}, "ephemeral_storage": {"size": 512}},
        cleared={
            "environment": {"Variables": {}},
            "ephemeral_storage": {"Size": 512},
            "tracing_config": {"Mode": "PassThrough"},
            "vpc_config": {"SubnetIds": [], "SecurityGroupIds": []},
        },
        sets=words("vpc_config.security_group_ids vpc_config.subnet_ids"),
        forces=words("function_name tenancy_config"),
        kept=words("filename"),
        by_hook=words("filename"),
        volatile={name: frozenset() for name in ("last_modified", "version", "source_code_size")},
        derived={
            "invoke_arn": INVOCATION_ARN + "/{arn}/invocations",
            "qualified_arn": "{arn}:{version}",
            "qualified_invoke_arn": INVOCATION_ARN + "/{arn}:{version}/invocations",
        },
        send=_send,
        facets=(
            Facet(words("filename source_code_hash architectures"), _put_code, _get_code),
            Facet(words("reserved_concurrent_executions"), _put_concurrency, _get_concurrency),
        ),
        tags=Tagging(list="list_tags"),
    ),
    "aws_lambda_permission": Entry(
        service="lambda",
        create=Call("add_permission"),
        read=_read_permission,
        delete=Call("remove_permission", given={**FUNCTION, "StatementId": "{statement_id}"}),
        id="{statement_id}",
        required=words("statement_id"),
        refused=words(
            "event_source_token function_url_auth_type invoked_via_function_url principal_org_id qualifier"
            " statement_id_prefix"
        ),
        forces=words("action function_name principal source_account source_arn statement_id"),
    ),
    "aws_lambda_function_event_invoke_config": Entry(
        service="lambda",
        create=Call("put_function_event_invoke_config"),
        read=Call("get_function_event_invoke_config", given=FUNCTION),
        update=Call("put_function_event_invoke_config"),
        delete=Call("delete_function_event_invoke_config", given=FUNCTION),
        id="{function_name}",
        refused=words("destination_config.on_success qualifier"),
        defaults={"maximum_event_age_in_seconds": 21600, "maximum_retry_attempts": 2},
        forces=words("function_name"),
    ),
    "aws_lambda_function_recursion_config": Entry(
        service="lambda",
        create=Call("put_function_recursion_config"),
        read=_read_recursion,
        update=Call("put_function_recursion_config"),
        delete=_forbid_recursion,
        id="{function_name}",
        forces=words("function_name"),
    ),
}

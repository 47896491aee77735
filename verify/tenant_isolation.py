"""Checks Lambda's tenant isolation, also where AWS's documentation leaves its behaviour open.

It does not say whether a failed invocation of an isolated function reaches a destination without isolation, nor whether
such a function can have reserved concurrency. The agent's function never fails on purpose, so the check creates a
function that does, with the same settings.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from runcast.record.model import Owner
from runcast.record.store import RunStore
from verify.created import ROLE_POLICY
from verify.expecting import CheckFailed, NotApplicable, expect, until
from verify.verification import Verification

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_FAILURE = "failed for the verification"
_CODE = f"def handler(event, context):\n    raise RuntimeError({_FAILURE!r})\n"
_INVALID = "InvalidParameterValueException"
_ROLE_SECONDS = 60
_END_SECONDS = 120


async def tenant_isolation(v: Verification) -> str:
    """The isolated function refuses an invocation without a tenant, and a failure reaches run_closer."""
    name = v.deployment.agent_function_name
    agent = await v.aws.call("lambda", "get_function_configuration", FunctionName=name)
    if not agent.get("TenancyConfig"):
        raise NotApplicable("tenant_isolation is off")
    await _expect_refused(v, name)
    concurrency = await v.aws.call("lambda", "get_function_concurrency", FunctionName=name)
    reserved = "ReservedConcurrentExecutions" in concurrency
    request_id, owner = v.new_run_id(), Owner(v.user.tenant_id, v.user.user_id)
    store = RunStore(v.aws.client("dynamodb"), v.deployment.agent_progress_table_name)
    failing = await _failing_function(v, agent, reserved=reserved)
    run = store.create(request_id, owner=owner, agent="verify")
    event = {
        "requestId": request_id,
        "userId": owner.user_id,
        "tenantId": owner.tenant_id,
        "createdAt": run.created_at_ms,
    }
    await v.aws.call(
        "lambda",
        "invoke",
        FunctionName=failing,
        InvocationType="Event",
        TenantId=request_id,
        Payload=json.dumps(event).encode(),
    )
    progress = await v.read_to_its_end(request_id, seconds=_END_SECONDS)
    expect(progress.status == "error", f"the run ended as {progress.status}")
    expect(_FAILURE in str(progress.error), f"the run ended for another reason: {progress.error}")
    concurrency_used = "with" if reserved else "no"
    return f"refused without a tenant; run_closer ends a failed run; {concurrency_used} reserved concurrency"


async def _expect_refused(v: Verification, name: str) -> None:
    try:
        answer = await v.aws.call("lambda", "invoke", FunctionName=name, Payload=b"{}")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        expect(code == _INVALID, f"{name} refuses an invocation without a tenant as {code}")
        return
    raise CheckFailed(f"{name} takes an invocation without a tenant: {answer['StatusCode']}")


async def _failing_function(v: Verification, agent: Mapping[str, Any], *, reserved: bool) -> str:
    """Create an isolated function that always fails, with the agent's destination; return its name."""
    name, closer = f"runcast-verify-{uuid.uuid4()}", v.deployment.run_closer_function_arn
    v.created.function_names.append(name)  # Before it exists, so that an interruption leaves nothing behind.
    try:
        role = await _role(v, name, closer)
    except ClientError as error:
        if error.response["Error"]["Code"] in _DENIED:
            raise NotApplicable("these credentials may not create a role for a function that fails") from error
        raise
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", _CODE)
    settings = {
        "FunctionName": name,
        "Role": role,
        "Runtime": agent["Runtime"],
        "Architectures": agent["Architectures"],
        "Handler": "app.handler",
        "Code": {"ZipFile": code.getvalue()},
        "TenancyConfig": agent["TenancyConfig"],
    }
    await until(partial(_taken, v, "create_function", settings), f"the role of {name}", seconds=_ROLE_SECONDS)
    await until(partial(_active, v, name), f"the function {name}", seconds=_ROLE_SECONDS)
    if reserved:
        await v.aws.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=1)
    invocations = {
        "FunctionName": name,
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnFailure": {"Destination": closer}},
    }
    put = partial(_taken, v, "put_function_event_invoke_config", invocations)
    await until(put, f"the rights of {name}", seconds=_ROLE_SECONDS)
    return name


async def _role(v: Verification, name: str, closer: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = await v.aws.call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": closer}
    await v.aws.call("iam", "put_role_policy", RoleName=name, PolicyName=ROLE_POLICY, PolicyDocument=_policy(invoke))
    return str(made["Role"]["Arn"])


async def _taken(v: Verification, operation: str, settings: Mapping[str, Any]) -> bool | None:
    """Call Lambda; None while it refuses the settings, as it does until it sees the new role and its policy."""
    try:
        await v.aws.call("lambda", operation, **settings)
    except ClientError as error:
        if error.response["Error"]["Code"] == _INVALID:
            return None
        raise
    return True


async def _active(v: Verification, name: str) -> bool | None:
    function = await v.aws.call("lambda", "get_function_configuration", FunctionName=name)
    return function["State"] == "Active" or None


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

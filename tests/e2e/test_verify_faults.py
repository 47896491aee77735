"""Faults planted in the deployed stack: `make verify` must fail, and the check that is named must be the one.

Each is undone afterwards, because the stack is shared.
"""

import io
import json
import zipfile
from contextlib import contextmanager

import pytest

from local.settings import ROOT
from verify.checks import Verdict
from verify.users import NoUsers


def missing_iam_action(stack):
    """The starter may not stop executions."""
    return permissions(stack, "run_starter_function_name", "states:StopExecution", "states:DescribeExecution")


def unreadable_uploads(stack):
    """The agent may read no uploads."""
    return permissions(stack, "agent_function_name", "/uploads/*", "/no-uploads/*")


@contextmanager
def permissions(stack, output, old, new):
    """The role of a function, named by an output of Terraform, has other permissions."""
    iam = stack.client("iam")
    function = stack.client("lambda").get_function_configuration(FunctionName=stack.state.outputs[output])
    role = function["Role"].rsplit("/", 1)[1]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    [changed] = [name for name, document in before.items() if old in json.dumps(document)]
    document = json.dumps(before[changed]).replace(old, new)
    iam.put_role_policy(RoleName=role, PolicyName=changed, PolicyDocument=document)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=changed, PolicyDocument=json.dumps(before[changed]))


@contextmanager
def resolver(stack, old, new):
    """The resolver of the subscription has other code."""
    appsync = stack.client("appsync")
    about = {
        "apiId": stack.state.outputs["graphql_api_id"],
        "typeName": "Subscription",
        "fieldName": "onStatusUpdate",
    }
    before = appsync.get_resolver(**about)["resolver"]
    kept = {key: before[key] for key in ("dataSourceName", "kind", "runtime")}
    assert old in before["code"]
    appsync.update_resolver(**about, **kept, code=before["code"].replace(old, new))
    try:
        yield
    finally:
        appsync.update_resolver(**about, **kept, code=before["code"])


def filter_without_an_owner(stack):
    return resolver(
        stack,
        "[equal('tenantId', owner.tenantId), equal('userId', owner.userId)]",
        "[equal('schemaVersion', 1)]",
    )


def filter_on_another_field(stack):
    return resolver(stack, "equal('requestId', canonicalId(", "equal('agentName', canonicalId(")


@contextmanager
def disabled_rule(stack):
    """The rule that tells the closer of stopped executions is off."""
    events = stack.client("events")
    closer = stack.state.outputs["run_closer_function_arn"]
    names = events.list_rule_names_by_target(TargetArn=closer)["RuleNames"]
    [name] = [name for name in names if "EventPattern" in events.describe_rule(Name=name)]
    events.disable_rule(Name=name)
    try:
        yield
    finally:
        events.enable_rule(Name=name)


@contextmanager
def wrong_environment_variable(stack):
    """The publisher looks for sessions in another table."""
    functions = stack.client("lambda")
    name = stack.state.outputs["status_publisher_function_name"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    wrong = {**variables, "USER_SESSIONS_TABLE": stack.state.outputs["agent_progress_table_name"]}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": wrong})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@contextmanager
def schema(stack, old, new):
    """The API has another schema: the first occurrence is replaced."""
    appsync = stack.client("appsync")
    api_id = stack.state.outputs["graphql_api_id"]
    before = (ROOT / "graphql" / "schema.graphql").read_text().replace(" @aws_api_key", "")
    assert old in before
    appsync.start_schema_creation(apiId=api_id, definition=before.replace(old, new, 1).encode())
    try:
        yield
    finally:
        appsync.start_schema_creation(apiId=api_id, definition=before.encode())


def publish_without_its_directive(stack):
    return schema(stack, "): StatusUpdate @aws_iam\n", "): StatusUpdate\n")


def message_without_its_directive(stack):
    return schema(stack, "type StatusUpdate @aws_iam ", "type StatusUpdate ")


def twice_encoded_json(stack):
    return schema(stack, "metadata: String", "metadata: AWSJSON")


ACCOUNT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*"}
LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
    "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
}
NOT_DECRYPTED = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt"}


@contextmanager
def key(stack, *statements):
    """The reader's environment is encrypted with a key of this policy."""
    policy = {"Version": "2012-10-17", "Statement": [{**each, "Resource": "*"} for each in statements]}
    arn = stack.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    functions, name = stack.client("lambda"), stack.state.outputs["progress_reader_function_name"]
    functions.update_function_configuration(FunctionName=name, KMSKeyArn=arn)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, KMSKeyArn="")
        stack.client("kms").schedule_key_deletion(KeyId=arn)


def key_not_for_logs(stack):
    return key(stack, ACCOUNT)


def key_that_denies(stack):
    return key(stack, ACCOUNT, LOGS, NOT_DECRYPTED)


@contextmanager
def outdated_zip(stack):
    """The reader runs another zip than was applied."""
    functions = stack.client("lambda")
    name = stack.state.outputs["progress_reader_function_name"]
    applied = (stack.state.directory / "terraform" / "terraform" / "deployment.zip").read_bytes()
    other = io.BytesIO(applied)
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("earlier.txt", "an earlier release")
    functions.update_function_code(FunctionName=name, ZipFile=other.getvalue())
    try:
        yield
    finally:
        functions.update_function_code(FunctionName=name, ZipFile=applied)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (missing_iam_action, "job-cancel"),
        pytest.param(unreadable_uploads, "uploads", marks=pytest.mark.long),
        pytest.param(filter_without_an_owner, "isolation-live", marks=pytest.mark.long),
        pytest.param(filter_on_another_field, "run", marks=pytest.mark.long),
        (disabled_rule, "rules"),
        (wrong_environment_variable, "settings"),
        pytest.param(publish_without_its_directive, "isolation-publish", marks=pytest.mark.long),
        pytest.param(message_without_its_directive, "run", marks=pytest.mark.long),
        pytest.param(twice_encoded_json, "json-text", marks=pytest.mark.long),
        pytest.param(key_not_for_logs, "key-policy", marks=pytest.mark.long),
        pytest.param(key_that_denies, "key-policy", marks=pytest.mark.long),
        pytest.param(outdated_zip, "code", marks=pytest.mark.long),
    ],
)
def test_a_planted_fault_is_caught(stack, verdict_of, fault, name):
    with fault(stack):
        result = verdict_of(name)
    assert (result.check.name, result.verdict) == (name, Verdict.FAILED)
    assert str(result).startswith(f"FAILED {name}: ")


def test_a_key_that_roles_and_logs_may_use_passes(stack, verdict_of):
    with key(stack, ACCOUNT, LOGS):
        result = verdict_of("key-policy")
    assert result.verdict is Verdict.PASSED, result


def test_two_tokens_replace_the_temporary_users(verdict_of, alice, bob, monkeypatch):
    monkeypatch.setenv("VERIFY_TOKEN_A", alice.id_token)
    monkeypatch.setenv("VERIFY_TOKEN_B", bob.id_token)
    result = verdict_of("isolation-live")
    assert result.verdict is Verdict.PASSED, result
    assert verdict_of.created.user_names == []


def test_tokens_of_one_tenant_are_refused(verdict_of, alice, monkeypatch):
    monkeypatch.setenv("VERIFY_TOKEN_A", alice.id_token)
    monkeypatch.setenv("VERIFY_TOKEN_B", alice.id_token)
    with pytest.raises(NoUsers, match="same tenant"):
        verdict_of("catalogue")


@pytest.mark.parametrize("token", ["", "no.token.at-all", "access"])
def test_a_second_token_that_is_none_is_refused(verdict_of, alice, monkeypatch, token):
    monkeypatch.setenv("VERIFY_TOKEN_A", alice.id_token)
    monkeypatch.setenv("VERIFY_TOKEN_B", alice.access_token if token == "access" else token)
    with pytest.raises(NoUsers, match="VERIFY_TOKEN_A and VERIFY_TOKEN_B"):
        verdict_of("catalogue")

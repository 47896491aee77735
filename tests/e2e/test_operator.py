"""`runcast … --operator` with AWS credentials: the policy of the module's output is what it needs, and no less does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest

from local.deployment import client_environment
from local.users import create_user
from tests.e2e.conftest import Caller

WITHOUT = {
    "list": "Query/fields/operatorListRuns",
    "show": "Query/fields/operatorGetProgress",
    "cancel": "Mutation/fields/operatorCancelRun",
    "forget": "Mutation/fields/operatorDeleteRuns",
}


@pytest.fixture(scope="module")
def olga(stack):
    """Run the command with an IAM user's keys and a policy; return its exit code, its output and its errors."""
    iam = stack.client("iam")
    iam.create_user(UserName="olga")
    key = iam.create_access_key(UserName="olga")["AccessKey"]
    settings = dict(client_environment(stack.state, stack.state.users[0]))
    for name in ("RUNCAST_USERNAME", "RUNCAST_PASSWORD", "RUNCAST_USER_POOL_CLIENT_ID"):
        del settings[name]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def run(policy, *arguments):
        iam.put_user_policy(UserName="olga", PolicyName="operator", PolicyDocument=json.dumps(policy))
        command = [sys.executable, "-m", "runcast.client.terminal.command", *arguments, "--operator"]
        environment = os.environ | settings | keys
        environment.pop("AWS_SESSION_TOKEN", None)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    yield run
    iam.delete_user_policy(UserName="olga", PolicyName="operator")
    iam.delete_access_key(UserName="olga", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="olga")


@pytest.fixture(scope="module")
def oscar(stack):
    """A user of whom nothing is left after this module."""
    pool = stack.state.outputs["user_pool_id"]
    return Caller(stack, create_user(stack.client("cognito-idp"), pool, "oscar", "opera", "Aa1!" + uuid.uuid4().hex))


def test_an_operator_finds_reads_cancels_and_forgets_with_exactly_the_policy(stack, olga, oscar):
    policy = json.loads(stack.state.outputs["operator_policy_json"])
    user = oscar.user
    request_id = oscar.start("How steep?")
    oscar.read_to_its_end(request_id)
    whose = ("--tenant", user.tenant, "--user", user.user_id)
    commands = {
        "list": ("list", *whose, "--limit", "1000", "--json"),
        "show": ("show", request_id, "--json"),
        "cancel": ("cancel", request_id, "--json"),
        "forget": ("forget", *whose, "--yes"),
    }
    for name, arguments in commands.items():
        lacking = json.loads(json.dumps(policy))
        [statement] = lacking["Statement"]
        statement["Resource"] = [each for each in statement["Resource"] if not each.endswith(WITHOUT[name])]
        assert len(statement["Resource"]) == 3
        code, output, error = olga(lacking, *arguments)
        assert (code, output) == (2, ""), error
        assert oscar.read(request_id)["success"]

    code, output, _ = olga(policy, *commands["list"])
    runs = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    assert {(run["tenantId"], run["userId"]) for run in runs} == {(user.tenant, user.user_id)}
    assert request_id in [run["requestId"] for run in runs]

    code, output, _ = olga(policy, *commands["show"])
    summary = json.loads(output.splitlines()[-1])
    assert (code, summary["requestId"], summary["status"]) == (0, request_id, "complete")

    code, output, _ = olga(policy, *commands["cancel"])
    assert (code, json.loads(output)["liveness"]) == (0, "done")

    code, output, _ = olga(policy, *commands["forget"])
    assert (code, output.startswith("Deleted ")) == (0, True)
    assert not oscar.read(request_id)["success"]


def test_the_log_has_the_arn_that_aws_has_verified(stack, olga):
    policy = json.loads(stack.state.outputs["operator_policy_json"])
    assert olga(policy, "list", "--tenant", "nobodys")[0] == 0
    group = f"/aws/lambda/{stack.state.outputs['progress_reader_function_name']}"
    events = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    lines = [json.loads(each["message"]) for each in events if each["message"].startswith("{")]
    asked = [line for line in lines if line.get("message") == "an operator asked"]
    assert (asked[-1]["operatorArn"], asked[-1]["asked"]["tenantId"]) == (
        "arn:aws:iam::000000000000:user/olga",
        "nobodys",
    )


def test_a_users_token_opens_no_operators_field(alice: Caller):
    assert alice.ask("operatorListRuns")["errors"][0]["errorType"] == "Unauthorized"
    assert alice.ask("operatorDeleteRuns", tenantId="acme", userId="bob")["errors"][0]["errorType"] == "Unauthorized"

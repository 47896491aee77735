"""What `make destroy` says and asks, on plans made up here; on real ones it is tested in tests/terraform."""

import io

import pytest
from moto import mock_aws

from deploy.__main__ import _destroy as destroy
from deploy.losses import find_losses


class PlannedTerraform:
    """A Terraform that has planned a destroy, and remembers whether it was applied."""

    def __init__(self, *changes):
        self._changes = list(changes)
        self.applied = False

    def plan_destroy(self, plan):
        return {"resource_changes": self._changes}

    def apply_plan(self, plan):
        self.applied = True


def deleted(type_, mode="managed", actions=("delete",), **before):
    return {"type": type_, "mode": mode, "change": {"actions": list(actions), "before": before}}


API = deleted("aws_appsync_graphql_api", name="dev-runcast")
TABLE = deleted("aws_dynamodb_table", name="dev-AgentProgress", arn="arn:aws:dynamodb:eu-west-1:1234:table/it")


@pytest.mark.parametrize(
    ("answer", "applied", "said"),
    [
        ("dev-runcast\n", True, ""),
        ("runcast\n", False, "Nothing was destroyed.\n"),
        (
            "",
            False,
            "there was no answer; without a terminal: echo dev-runcast | make destroy\nNothing was destroyed.\n",
        ),
    ],
)
def test_only_the_name_of_the_deployment_destroys_it(answer, applied, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    terraform = PlannedTerraform(API)
    assert (destroy(terraform), terraform.applied) == (0 if applied else 1, applied)
    assert capsys.readouterr().out.endswith(f"Type dev-runcast to destroy this deployment: {said}")


def test_what_is_protected_is_named_before_anybody_is_asked(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("dev-runcast\n"))
    monkeypatch.setattr("deploy.losses._COUNTED", {})  # moto has no user pools here
    table = deleted("aws_dynamodb_table", name="dev-AgentProgress", deletion_protection_enabled=True)
    open_table = deleted("aws_dynamodb_table", name="dev-user_sessions", deletion_protection_enabled=False)
    pool = deleted("aws_cognito_user_pool", name="dev-runcast", deletion_protection="ACTIVE")
    terraform = PlannedTerraform(API, table, open_table, pool)
    assert (destroy(terraform), terraform.applied) == (1, False)
    assert capsys.readouterr().err == (
        "Cannot destroy: deletion protection is on for dev-AgentProgress, dev-runcast. "
        "Set deletion_protection = false, `make deploy`, then destroy.\n"
    )


@mock_aws
def test_only_what_terraform_deletes_counts_and_what_cannot_be_counted_says_so():
    losses = find_losses(
        {
            "resource_changes": [
                TABLE,
                deleted("aws_iam_role", mode="data", name="not-ours"),
                deleted("aws_dynamodb_table", actions=("no-op",), name="kept"),
            ]
        }
    )
    assert (losses.name, losses.place, losses.resource_count) == ("runcast", "account 1234, eu-west-1", 1)
    assert losses.lines == ("table dev-AgentProgress: could not be counted (ResourceNotFoundException)",)

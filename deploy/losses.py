"""Lists the data that a destroy would delete for good: records, users, logs.

It is read from Terraform's plan, so it is right for any root, any prefix and an incomplete deployment, and excludes
resources that Terraform does not manage, such as a company's own user pool.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class Losses:
    """What a destroy would delete.

    Attributes:
        name: The deployment's name, `<name_prefix>runcast`.
        place: The account and the region, which may differ from the caller's.
        resource_count: The number of resources, including those without data.
        lines: A line for each resource with data, with the amount.
        protected: The names of resources that are protected from deletion.
    """

    name: str
    place: str
    resource_count: int
    lines: tuple[str, ...]
    protected: tuple[str, ...]


def find_losses(plan: Mapping[str, Any]) -> Losses:
    """Count the data that a planned destroy would delete; a line says if the caller may not count it.

    Args:
        plan: Terraform's plan of a destroy, in JSON.
    """
    deleted = [
        (change["type"], change["change"]["before"])
        for change in plan.get("resource_changes", [])
        if change["mode"] == "managed" and "delete" in change["change"]["actions"]
    ]
    names = [before["name"] for type_, before in deleted if type_ == "aws_appsync_graphql_api"]
    return Losses(
        name=names[0] if names else "runcast",
        place=" and ".join(sorted({_place(before) for type_, before in deleted if type_ in _COUNTED})),
        resource_count=len(deleted),
        lines=tuple(sorted(_lines(deleted))),
        protected=tuple(
            before["name"]
            for _, before in deleted
            if before.get("deletion_protection_enabled") is True or before.get("deletion_protection") == "ACTIVE"
        ),
    )


def _lines(deleted: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    for type_, before in deleted:
        if type_ in _COUNTED:
            kind, count = _COUNTED[type_]
            try:
                amount = count(before)
            except ClientError as error:
                amount = f"could not be counted ({error.response['Error']['Code']})"
            except BotoCoreError as error:
                amount = f"could not be counted ({type(error).__name__})"
            yield f"{kind} {before['name']}: {amount}"


def _place(resource: Mapping[str, Any]) -> str:
    region, account_id = resource["arn"].split(":")[3:5]
    return f"account {account_id}, {region}"


def _count_items(table: Mapping[str, Any]) -> str:
    # The table's own count is up to six hours old. One page is at most 1 MB, so counting costs almost nothing.
    answer = _client("dynamodb", table).scan(TableName=table["name"], Select="COUNT", ConsistentRead=True)
    return f"{'more than ' if 'LastEvaluatedKey' in answer else ''}{answer['Count']} items"


def _count_users(pool: Mapping[str, Any]) -> str:
    answer = _client("cognito-idp", pool).describe_user_pool(UserPoolId=pool["id"])
    return f"about {answer['UserPool'].get('EstimatedNumberOfUsers', 0)} users"


def _count_bytes(group: Mapping[str, Any]) -> str:
    found = _client("logs", group).describe_log_groups(logGroupNamePrefix=group["name"])["logGroups"]
    size_bytes = sum(each.get("storedBytes", 0) for each in found if each["logGroupName"] == group["name"])
    return f"{size_bytes / 1_000_000:.1f} MB"


def _client(service: str, resource: Mapping[str, Any]) -> Any:
    """Return a client for the region that the resource is in."""
    create: Any = boto3.client  # Its types know a fixed list of services.
    return create(service, region_name=resource["arn"].split(":")[3])


_COUNTED = {
    "aws_dynamodb_table": ("table", _count_items),
    "aws_cognito_user_pool": ("user pool", _count_users),
    "aws_cloudwatch_log_group": ("log group", _count_bytes),
}

"""The permissions of the deployed roles, and their removal.

A permission is an action on one resource, for one role. A role may have it from several statements: it is removed from
all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.settings import REGION
from local.stack import LocalStack

Document = dict[str, Any]
_ROLE = re.compile(rf"runcast-(.+)-{REGION}")


@dataclass(frozen=True, order=True)
class Permission:
    """What a statement allows a role.

    Attributes:
        role: The role's name, without what all names begin and end with.
        action: The action, such as `dynamodb:GetItem`.
        resource: The ARN of the resource, or a pattern.
    """

    role: str
    action: str
    resource: str

    @property
    def name(self) -> str:
        """The action and the last word of the resource, such as `s3:GetObject inputs`."""
        words = re.findall(r"[\w.-]*\w", self.resource.removesuffix("*"))
        if not words or self.action.startswith(("logs:", "states:S")):
            return self.action
        last = str(words[-1]).removeprefix("runcast-")
        return f"{self.action} {'bucket' if self.action == 's3:ListBucket' else last}"


def permissions_of(stack: LocalStack) -> list[Permission]:
    """Return the permissions that the inline policies of the module's roles allow, each once."""
    found = set()
    for role in _roles(stack):
        for document in _documents(stack, role).values():
            for statement in document["Statement"]:
                if statement["Effect"] == "Allow":
                    found |= {
                        Permission(role, action, resource)
                        for action in _list(statement["Action"])
                        for resource in _list(statement["Resource"])
                    }
    return sorted(found)


@contextmanager
def without(stack: LocalStack, permission: Permission) -> Iterator[None]:
    """Within this context, the role lacks the permission."""
    iam, role = stack.client("iam"), _full_name(permission.role)
    before = _documents(stack, permission.role)
    try:
        for name, document in before.items():
            changed = {**document, "Statement": [*_lacking(document["Statement"], permission)]}
            if changed == document:
                continue
            if changed["Statement"]:
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(changed))
            else:  # a policy must have a statement
                iam.delete_role_policy(RoleName=role, PolicyName=name)
        yield
    finally:
        for name, document in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _lacking(statements: list[Document], permission: Permission) -> Iterator[Document]:
    """Split each statement that has the permission into one without the action, and one without the resource."""
    for statement in statements:
        actions, resources = _list(statement["Action"]), _list(statement["Resource"])
        allows = statement["Effect"] == "Allow"
        if not (allows and permission.action in actions and permission.resource in resources):
            yield statement
            continue
        others = {key: value for key, value in statement.items() if key != "Sid"}  # a Sid is unique in its policy
        if rest := [action for action in actions if action != permission.action]:
            yield {**others, "Action": rest}
        if rest := [resource for resource in resources if resource != permission.resource]:
            yield {**others, "Action": permission.action, "Resource": rest}


def _roles(stack: LocalStack) -> list[str]:
    names = [role["RoleName"] for page in _pages(stack, "list_roles") for role in page["Roles"]]
    return [match[1] for name in names if (match := _ROLE.fullmatch(name))]


def _documents(stack: LocalStack, role: str) -> dict[str, Document]:
    """Return the inline policies of a role by their names, each with its statements in a list."""
    iam, full = stack.client("iam"), _full_name(role)
    found = {}
    for name in iam.list_role_policies(RoleName=full)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=full, PolicyName=name)["PolicyDocument"]
        document = document if isinstance(document, dict) else json.loads(document)
        found[name] = {**document, "Statement": _list(document["Statement"])}
    return found


def _pages(stack: LocalStack, operation: str) -> Any:
    return stack.client("iam").get_paginator(operation).paginate()


def _full_name(role: str) -> str:
    return f"runcast-{role}-{REGION}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

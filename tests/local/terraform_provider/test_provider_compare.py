"""Values with equal meaning, and whose spelling is kept."""

import pytest

from local.terraform_provider.compare import diff, pairs, reconcile, same
from local.terraform_provider.entry import UNKNOWN
from local.terraform_provider.table import resource_types


def block(name):
    return resource_types()[name].block


def null(name):
    return {field.name: field.null for field in block(name).values()}


@pytest.mark.parametrize(
    ("path", "left", "right", "expected"),
    [
        ("timeout", 1, 1.0, True),
        ("description", None, "", True),
        ("reserved_concurrent_executions", 0, None, False),
        ("architectures", ["a", "b"], ["b", "a"], False),
        ("environment", [{"variables": {}}], [{"variables": None}], True),
        ("environment", [{"variables": {"a": "b"}}], [], False),
        ("role", UNKNOWN, "r", False),
    ],
)
def test_same_meaning_in_a_function(path, left, right, expected):
    assert same(block("aws_lambda_function")[path], left, right) is expected


def test_sets_have_no_order_and_json_no_spelling():
    client = block("aws_cognito_user_pool_client")
    assert same(client["read_attributes"], ["a", "b"], ["b", "a"])
    role = block("aws_iam_role")
    assert same(role["assume_role_policy"], '{"a": 1, "b": 2}', '{"b":2,"a":1}')
    assert not same(role["assume_role_policy"], '{"a": 1}', "no JSON")


def test_a_difference_is_named_at_the_top_level():
    before = null("aws_dynamodb_table") | {"name": "t", "ttl": [{"attribute_name": "a", "enabled": True}]}
    after = before | {"ttl": [{"attribute_name": "a", "enabled": False}]}
    assert diff(block("aws_dynamodb_table"), before, after) == {"ttl"}


def test_equal_meaning_keeps_the_old_spelling_and_a_difference_shows():
    name = "aws_iam_role"
    old = null(name) | {"assume_role_policy": '{"a": 1}', "description": None, "max_session_duration": 3600}
    new = null(name) | {"assume_role_policy": '{"a":1}', "description": "", "max_session_duration": 7200}
    read = reconcile(block(name), old, new)
    assert (read["assume_role_policy"], read["description"], read["max_session_duration"]) == ('{"a": 1}', None, 7200)


def test_a_block_that_is_answered_though_absent_does_not_show_unless_it_differs():
    fields = block("aws_lambda_function")
    old = null("aws_lambda_function")
    quiet = null("aws_lambda_function") | {"tracing_config": [{"mode": "PassThrough"}]}
    assert reconcile(fields, old, quiet)["tracing_config"] == []
    loud = null("aws_lambda_function") | {"tracing_config": [{"mode": "Active"}]}
    assert reconcile(fields, old, loud)["tracing_config"] == [{"mode": "Active"}]


def test_a_block_that_the_service_fills_in_shows_only_where_it_is_declared():
    fields = block("aws_cognito_user_pool")
    told = {"admin_create_user_config": [{"allow_admin_create_user_only": False, "invite_message_template": []}]}
    undeclared = reconcile(fields, null("aws_cognito_user_pool"), null("aws_cognito_user_pool") | told)
    assert undeclared["admin_create_user_config"] == []
    declared = null("aws_cognito_user_pool") | {
        "admin_create_user_config": [{"allow_admin_create_user_only": True, "invite_message_template": []}]
    }
    told = {"admin_create_user_config": [{"allow_admin_create_user_only": False, "invite_message_template": []}]}
    shown = reconcile(fields, declared, null("aws_cognito_user_pool") | told)
    assert shown["admin_create_user_config"][0]["allow_admin_create_user_only"] is False


def test_elements_of_sets_are_paired_by_what_they_hold():
    attribute = block("aws_dynamodb_table")["attribute"]
    one = [{"name": "a", "type": "S"}, {"name": "b", "type": "N"}]
    other = [{"name": "b", "type": "N"}, {"name": "a", "type": None}]
    assert pairs(attribute, one, other) == [(one[0], other[1]), (one[1], other[0])]

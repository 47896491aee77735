"""The text of aws_iam_policy_document, key by key as the real provider writes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.terraform_provider.policy_document import policy_document


def statement(**given):
    return policy_document({"statement": [given]})["json"]


def test_one_value_is_text_and_several_are_sorted_backwards():
    rendered = statement(
        sid="Read", effect=None, actions=["s3:GetObject", "s3:ListBucket", "s3:GetAcl"], resources=["arn:aws:s3:::b/*"]
    )
    assert rendered == (
        "{\n"
        '  "Version": "2012-10-17",\n'
        '  "Statement": [\n'
        "    {\n"
        '      "Sid": "Read",\n'
        '      "Effect": "Allow",\n'
        '      "Action": [\n'
        '        "s3:ListBucket",\n'
        '        "s3:GetObject",\n'
        '        "s3:GetAcl"\n'
        "      ],\n"
        '      "Resource": "arn:aws:s3:::b/*"\n'
        "    }\n"
        "  ]\n"
        "}"
    )


def test_keys_stand_in_the_real_providers_order():
    rendered = json.loads(
        statement(
            condition=[{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]}],
            not_principals=[{"type": "AWS", "identifiers": ["a"]}],
            principals=[{"type": "Service", "identifiers": ["lambda.amazonaws.com"]}],
            not_resources=["r"],
            resources=["r"],
            not_actions=["a"],
            actions=["a"],
            effect="Deny",
            sid="S",
        )
    )
    assert list(rendered["Statement"][0]) == [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    ]


def test_condition_values_keep_their_order_and_tests_are_merged():
    conditions = [
        {"test": "StringLike", "variable": "b", "values": ["z", "a"]},
        {"test": "StringEquals", "variable": "x", "values": ["1"]},
        {"test": "StringLike", "variable": "a", "values": ["&{aws:username}"]},
    ]
    rendered = json.loads(statement(actions=["a"], condition=conditions))["Statement"][0]["Condition"]
    assert rendered == {"StringEquals": {"x": "1"}, "StringLike": {"a": "${aws:username}", "b": ["z", "a"]}}
    assert list(rendered) == ["StringEquals", "StringLike"]


@pytest.mark.parametrize(
    ("principals", "expected"),
    [
        ([{"type": "*", "identifiers": ["*"]}], "*"),
        ([{"type": "AWS", "identifiers": ["*"]}], {"AWS": "*"}),
        ([{"type": "Service", "identifiers": ["a", "b"]}], {"Service": ["b", "a"]}),
        (
            [{"type": "Service", "identifiers": ["s"]}, {"type": "AWS", "identifiers": ["1"]}],
            {"AWS": "1", "Service": "s"},
        ),
    ],
)
def test_principals(principals, expected):
    assert json.loads(statement(actions=["a"], principals=principals))["Statement"][0]["Principal"] == expected


def test_special_characters_are_escaped_as_go_does():
    assert '"Resource": "a\\u0026b\\u003cc\\u003e"' in statement(actions=["a"], resources=["a&b<c>"])


def test_documents_are_merged_by_sid():
    source = json.dumps({"Statement": [{"Sid": "One", "Effect": "Allow"}, {"Sid": "Two", "Effect": "Allow"}]})
    override = json.dumps({"Statement": {"Sid": "Two", "Effect": "Deny"}})
    rendered = policy_document(
        {
            "policy_id": "p",
            "source_policy_documents": [source],
            "statement": [{"sid": "One", "effect": "Deny", "actions": ["a"]}],
            "override_policy_documents": [override],
        }
    )
    document = json.loads(rendered["json"])
    assert list(document) == ["Version", "Id", "Statement"]
    assert [(each["Sid"], each["Effect"]) for each in document["Statement"]] == [("One", "Deny"), ("Two", "Deny")]


def test_a_sid_used_twice_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="duplicate Sid: Same"):
        policy_document({"statement": [{"sid": "Same", "actions": ["a"]}, {"sid": "Same", "actions": ["b"]}]})


@given(st.lists(st.text(min_size=1), min_size=1))
def test_every_form_says_the_same(actions):
    rendered = policy_document({"statement": [{"actions": actions}]})
    assert json.loads(rendered["json"]) == json.loads(rendered["minified_json"])
    told = json.loads(rendered["json"])["Statement"][0]["Action"]
    assert sorted([told] if isinstance(told, str) else told) == sorted(text.replace("&{", "${") for text in actions)

"""Terraform values to AWS values and back, on botocore's own shapes."""

import datetime

import botocore.session
import msgpack
import pytest

from local.terraform_provider.entry import UNKNOWN
from local.terraform_provider.table import resource_types
from local.terraform_provider.values import cast, find, from_aws, known, locate, render, to_aws


def shape(service, operation):
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).input_shape


def state(name, **values):
    block = resource_types()[name].block
    return {field: values.get(field, block[field].null) for field in block}


def test_a_function_is_written_by_its_shape():
    given = state(
        "aws_lambda_function",
        function_name="f",
        role=UNKNOWN,
        memory_size=512.0,
        timeout="30",
        environment=[{"variables": {"A": 1}}],
        tracing_config=[{"mode": "Active"}],
        tags={"a": "b"},
    )
    block = resource_types()["aws_lambda_function"].block
    assert to_aws(block, given, shape("lambda", "CreateFunction")) == {
        "FunctionName": "f",
        "MemorySize": 512,
        "Timeout": 30,
        "Environment": {"Variables": {"A": "1"}},
        "TracingConfig": {"Mode": "Active"},
    }


def test_what_is_taken_away_is_sent_in_its_cleared_form():
    block = resource_types()["aws_lambda_function"].block
    prior = state("aws_lambda_function", description="d", tracing_config=[{"mode": "Active"}])
    sent = to_aws(block, state("aws_lambda_function"), shape("lambda", "UpdateFunctionConfiguration"), prior)
    assert sent == {"Description": "", "TracingConfig": {"Mode": "PassThrough"}}


def test_a_map_is_sent_as_pairs_where_the_service_wants_a_list():
    block = resource_types()["aws_cloudwatch_metric_alarm"].block
    dimensions = {"FunctionName": "f", "Resource": "f:live"}
    sent = to_aws(
        block, state("aws_cloudwatch_metric_alarm", dimensions=dimensions), shape("cloudwatch", "PutMetricAlarm")
    )
    assert sent["Dimensions"] == [
        {"Name": "FunctionName", "Value": "f"},
        {"Name": "Resource", "Value": "f:live"},
    ]
    assert from_aws(block, sent)["dimensions"] == dimensions


def test_a_dotted_name_is_sent_deep_and_read_from_there():
    block = resource_types()["aws_cognito_user_pool"].block
    policy = dict.fromkeys(block["password_policy"].block) | {"minimum_length": 12}
    sent = to_aws(
        block, state("aws_cognito_user_pool", password_policy=[policy]), shape("cognito-idp", "CreateUserPool")
    )
    assert sent == {"Policies": {"PasswordPolicy": {"MinimumLength": 12}}}
    assert from_aws(block, sent)["password_policy"] == [policy]


def test_an_answer_is_read_into_every_field_and_refused_ones_stay_unset():
    block = resource_types()["aws_lambda_function"].block
    told = from_aws(
        block, {"FunctionName": "f", "Timeout": 3, "Layers": [{"Arn": "a"}], "DeadLetterConfig": {"TargetArn": "q"}}
    )
    assert set(told) == set(block)
    assert (told["function_name"], told["timeout"], told["layers"], told["dead_letter_config"]) == ("f", 3, None, [])


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (None, "string", None),
        (5, "string", "5"),
        ({"a": 1}, "string", '{"a": 1}'),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "string", "2026-01-02T03:04:05Z"),
        ("true", "bool", True),
        (False, "bool", False),
        ("2.5", "number", 2.5),
        (7, "number", 7),
        (["a"], ["set", "string"], ["a"]),
        ({"a": 1}, ["map", "string"], {"a": "1"}),
    ],
)
def test_casting(value, kind, expected):
    assert cast(value, kind) == expected


def test_names_are_found_without_case_and_underscores_and_in_the_plural():
    assert locate(shape("dynamodb", "CreateTable"), "billing_mode")[0] == ["BillingMode"]
    assert locate(shape("dynamodb", "CreateTable"), "no_such_thing") is None
    assert find({"resourceARN": 1}, "resource_arn") == 1
    assert find({"Policies": {"PasswordPolicy": 1}}, "Policies.PasswordPolicy") == 1
    assert find({"Policy": 1}, "Policies.PasswordPolicy") is None
    assert find({"entries": 1}, "entry") == 1


def test_templates_take_state_before_facts_and_stay_unknown():
    assert render("{region}/{name}", {"name": "n", "region": None}, {"region": "r"}) == "r/n"
    assert render("{name}", {"name": UNKNOWN}, {}) == UNKNOWN
    assert render(["x86_64"], {}, {}) == ["x86_64"]


def test_unknown_values_of_either_kind_become_null():
    refined = msgpack.ExtType(12, b"\x80")
    assert known({"a": UNKNOWN, "b": [refined, {"c": UNKNOWN}], "d": 1}) == {
        "a": None,
        "b": [None, {"c": None}],
        "d": 1,
    }

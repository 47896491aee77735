"""Planning without a service: defaults, unknown values, replacement, refusals."""

from local.terraform_provider.entry import UNKNOWN
from local.terraform_provider.plan import plan_change, refused_arguments
from local.terraform_provider.table import resource_types

FACTS = {"region": "eu-west-1", "account": "1", "partition": "aws", "endpoint": "http://127.0.0.1:1"}


def null(name):
    return {field.name: field.null for field in resource_types()[name].block.values()}


def plan(name, config, prior=None, proposed=None):
    planned = dict(proposed or config)
    replaced = plan_change(resource_types()[name], config, prior, planned, FACTS)
    return planned, replaced


def test_creation_fills_defaults_and_says_what_is_unknown():
    planned, replaced = plan("aws_lambda_function", null("aws_lambda_function") | {"function_name": "f"})
    assert (planned["timeout"], planned["memory_size"], planned["region"]) == (3, 128, "eu-west-1")
    assert planned["arn"] == planned["id"] == planned["version"] == UNKNOWN
    assert (planned["description"], planned["layers"], planned["tags_all"]) == (None, None, {})
    assert replaced == []


def test_an_argument_taken_away_returns_to_its_default():
    name = "aws_lambda_function"
    prior = null(name) | {"function_name": "f", "timeout": 30, "region": "eu-west-1", "tags_all": {}}
    planned, _ = plan(name, null(name) | {"function_name": "f"}, prior, prior)
    assert planned["timeout"] == 3


def test_only_a_change_makes_volatile_attributes_unknown():
    name = "aws_lambda_function"
    config = null(name) | {"function_name": "f"}
    prior, _ = plan(name, config)
    prior = {key: "known" if value == UNKNOWN else value for key, value in prior.items()}
    same, _ = plan(name, config, prior, prior)
    assert same == prior
    changed, _ = plan(name, config | {"timeout": 9}, prior, prior | {"timeout": 9})
    assert changed["last_modified"] == UNKNOWN
    assert changed["arn"] == "known"


def test_another_trigger_is_another_deployment():
    name = "aws_api_gateway_deployment"
    prior = null(name) | {"id": "d", "rest_api_id": "a", "region": "eu-west-1", "triggers": {"body": "1"}}
    _, replaced = plan(name, prior | {"triggers": {"body": "2"}}, prior)
    assert replaced == ["triggers"]


def test_a_new_key_replaces_and_another_spelling_does_not():
    name = "aws_iam_role_policy"
    prior = null(name) | {"id": "r:p", "name": "p", "role": "r", "policy": '{"a": 1}'}
    planned, replaced = plan(name, prior | {"policy": '{"a":1}', "role": "s"}, prior)
    assert planned["policy"] == '{"a": 1}'
    assert replaced == ["role"]


def test_defaults_reach_into_sets_whatever_their_order():
    name = "aws_cognito_user_pool"
    empty = dict.fromkeys(("developer_only_attribute", "mutable", "required"))
    blocks = {"string_attribute_constraints": [], "number_attribute_constraints": []}
    one = {"name": "a", "attribute_data_type": "String", **empty, **blocks}
    two = {"name": "b", "attribute_data_type": "String", **empty, **blocks, "mutable": True}
    config = null(name) | {"name": "pool", "schema": [one, two]}
    planned, _ = plan(name, config, proposed=config | {"schema": [dict(two), dict(one)]})
    assert [(each["name"], each["mutable"]) for each in planned["schema"]] == [("b", True), ("a", False)]


def test_unknown_tags_leave_all_tags_unknown():
    planned, _ = plan("aws_iam_role", null("aws_iam_role") | {"name": "r", "tags": {"a": UNKNOWN}})
    assert planned["tags_all"] == UNKNOWN


def test_what_is_not_carried_is_named_with_its_path():
    kind = resource_types()["aws_appsync_graphql_api"]
    provider = {"authentication_type": "AWS_LAMBDA", "lambda_authorizer_config": [{"authorizer_uri": "a"}]}
    config = null(kind.name) | {"visibility": UNKNOWN, "additional_authentication_provider": [provider]}
    found = dict(refused_arguments(kind.block, config, kind.entry.only))
    assert set(found) == {"visibility", "additional_authentication_provider.lambda_authorizer_config"}
    resolver = resource_types()["aws_appsync_resolver"]
    assert refused_arguments(resolver.block, null(resolver.name) | {"kind": "UNIT"}, resolver.entry.only) == []
    assert refused_arguments(resolver.block, null(resolver.name) | {"kind": "PIPELINE"}, resolver.entry.only) == [
        ("kind", "the local provider carries only 'UNIT', not 'PIPELINE'")
    ]

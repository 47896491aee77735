"""AppSync accepts the schema; it admits exactly the right callers, and fits the clients' documents."""

import re
from pathlib import Path

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
)

GRAPHQL = Path(__file__).parents[2] / "graphql"
PRELUDE = (GRAPHQL / "appsync.graphql").read_text()
TEXT = (GRAPHQL / "schema.graphql").read_text()
SCHEMA = build_schema(PRELUDE + TEXT)
ROOTS = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type, "subscription": SCHEMA.subscription_type}
OWN_TYPES = {
    name: of
    for name, of in SCHEMA.type_map.items()
    if isinstance(of, GraphQLObjectType | GraphQLInputObjectType) and not name.startswith("__")
}
ROOT_FIELDS = {name: field for root in ROOTS.values() for name, field in root.fields.items()}
DOCUMENTS = {file.stem: parse(file.read_text()) for file in (GRAPHQL / "operations").glob("*.graphql")}
CALLERS = {"aws_cognito_user_pools", "aws_oidc", "aws_iam", "aws_api_key"}
DEFAULT_CALLER = "aws_cognito_user_pools"


def test_everything_has_a_description():
    described = dict(OWN_TYPES)
    for type_name, of in OWN_TYPES.items():
        for field_name, field in of.fields.items():
            described[f"{type_name}.{field_name}"] = field
            for argument_name, argument in getattr(field, "args", {}).items():
                described[f"{type_name}.{field_name}({argument_name})"] = argument

    assert [name for name, of in described.items() if not of.description] == []


def test_comments_and_descriptions_have_lines_of_their_own():
    bare = re.sub(r'(?m)^\s*(?:#|""").*\n', "", TEXT)

    assert not re.search('#|"""', bare)
    assert shape(build_schema(PRELUDE + bare)) == shape(SCHEMA)


def test_json_text_is_never_awsjson():
    """AppSync encodes an AWSJSON output again, and parses an AWSJSON input, which rounds large integers."""
    assert "AWSJSON" not in re.sub("(?m)^#.*$", "", TEXT)


@pytest.mark.parametrize("field_name", ROOT_FIELDS)
def test_every_returned_type_names_all_callers_who_may_receive_it(field_name):
    field = ROOT_FIELDS[field_name]

    lacking = {of.name: callers(field) - callers(of) for of in object_types_under(field.type)}

    assert not any(lacking.values()), lacking


@pytest.mark.parametrize("field_name", ROOT_FIELDS)
def test_who_may_call(field_name):
    signed_in = {"aws_cognito_user_pools", "aws_oidc"}
    users = {*signed_in, "aws_api_key"}
    others = {"publishStatus": {"aws_iam"}, **dict.fromkeys(("deleteMyRuns", "createUpload", "me"), signed_in)}
    if field_name.startswith("operator"):
        users = {"aws_iam"}

    assert callers(ROOT_FIELDS[field_name]) == others.get(field_name, users)


def test_no_type_admits_a_caller_who_can_never_receive_it():
    reaching = {}
    for field in ROOT_FIELDS.values():
        for of in object_types_under(field.type):
            reaching.setdefault(of.name, set()).update(callers(field))

    returned = {name: callers(of) for name, of in OWN_TYPES.items() if name in reaching}

    assert returned == reaching
    assert OWN_TYPES.keys() - reaching.keys() - {"PublishStatusInput"} == {root.name for root in ROOTS.values()}


@pytest.mark.parametrize("directive", ["@aws_api_key", "@aws_oidc"])
def test_without_an_optional_way_in_the_schema_is_the_same_but_for_its_directives(directive):
    without = TEXT.replace(f" {directive}", "")

    assert directive not in without
    assert shape(build_schema(PRELUDE + without)) == shape(SCHEMA, leaving_out=directive)


@pytest.mark.parametrize("operation", ["mutation", "subscription"])
def test_mutations_and_subscriptions_are_nullable(operation):
    fields = {**ROOTS[operation].fields, **OWN_TYPES["StatusUpdate"].fields}

    assert [name for name, field in fields.items() if isinstance(field.type, GraphQLNonNull)] == []


@pytest.mark.parametrize(
    ("name", "nullable"),
    [
        (
            "AgentProgress",
            "status createdAt updatedAt error reason nextSeq liveness leaseUntil result conversationId playbook runs "
            "resultLink",
        ),
        ("ProgressStep", "toolName metadata"),
        ("JobRun", "status liveness seq elapsed createdAt error reason"),
        ("ResultLink", ""),
        ("StartedRun", "conversationId"),
        ("StartedJob", ""),
        ("Upload", ""),
        ("AgentList", ""),
        ("AgentInfo", "parametersSchema"),
        ("PlaybookInfo", ""),
        ("RunState", "status liveness error reason"),
        ("AgentRuns", "nextCursor"),
        ("AgentRun", "jobId playbook conversationId query error reason"),
        ("OwnedRuns", "nextCursor"),
        ("OwnedRun", ""),
        ("Conversations", "nextCursor"),
        ("Conversation", "openRun"),
        (
            "ConversationContent",
            "error agent title lastTurnAt expiresAt openRun messages messagesOmitted runs",
        ),
        ("ConversationMessage", "attachments"),
        ("DeletedConversation", "error"),
        ("VerifiedToken", ""),
    ],
)
def test_a_field_is_nullable_only_if_it_may_be_null(name, nullable):
    fields = OWN_TYPES[name].fields.items()

    assert {field_name for field_name, field in fields if not isinstance(field.type, GraphQLNonNull)} == {
        *nullable.split()
    }


def test_epoch_milliseconds_are_floats():
    times = {"createdAt", "updatedAt", "leaseUntil", "timestamp", "expiresAt"}
    types = {
        f"{of.name}.{name}": str(field.type)
        for of in OWN_TYPES.values()
        for name, field in of.fields.items()
        if name in times
    }

    assert {of.removesuffix("!") for of in types.values()} == {"Float"}, types
    assert {name.split(".")[1] for name in types} == times


def test_subscriptions_deliver_what_their_mutations_give():
    for name, field in ROOTS["subscription"].fields.items():
        [subscribe] = [d for d in field.ast_node.directives if d.name.value == "aws_subscribe"]
        for mutation in subscribe.arguments[0].value.values:
            assert ROOTS["mutation"].fields[mutation.value].type == field.type, name
        delivered = get_named_type(field.type).fields
        assert {n: get_named_type(a.type) for n, a in field.args.items()} == {
            n: get_named_type(delivered[n].type) for n in field.args
        }, "AppSync takes only arguments that are fields of what is delivered"


def test_the_published_input_has_the_fields_that_are_delivered():
    given = {name: get_named_type(field.type) for name, field in OWN_TYPES["PublishStatusInput"].fields.items()}

    assert given == {name: get_named_type(field.type) for name, field in OWN_TYPES["StatusUpdate"].fields.items()}


def test_every_field_has_its_document():
    assert DOCUMENTS.keys() == ROOT_FIELDS.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_and_selects_every_field(name):
    assert validate(SCHEMA, DOCUMENTS[name]) == []
    [operation] = DOCUMENTS[name].definitions
    [selected] = operation.selection_set.selections
    field = ROOTS[operation.operation.value].fields[name]

    assert selected.name.value == name
    assert {argument.name.value for argument in selected.arguments or ()} == field.args.keys()
    assert selection_of(selected) == every_field_of(field.type)


def shape(schema, leaving_out=None):
    """Everything a schema says of the own types and their fields, but their descriptions."""

    def directives(of):
        return {print_ast(directive) for directive in of.ast_node.directives or ()} - {leaving_out}

    def arguments(field):
        return {name: str(argument.type) for name, argument in getattr(field, "args", {}).items()}

    return {
        type_name: (
            directives(schema.type_map[type_name]),
            {
                name: (str(field.type), arguments(field), directives(field))
                for name, field in schema.type_map[type_name].fields.items()
            },
        )
        for type_name in OWN_TYPES
    }


def callers(of):
    """Who may call a field or receive a type: those its directives name, otherwise the API's default."""
    return {directive.name.value for directive in of.ast_node.directives or ()} & CALLERS or {DEFAULT_CALLER}


def object_types_under(output_type, seen=()):
    of = get_named_type(output_type)
    if not isinstance(of, GraphQLObjectType) or of in seen:
        return []
    under = [of]
    for field in of.fields.values():
        under += object_types_under(field.type, (*seen, *under))
    return under


def every_field_of(output_type):
    of = get_named_type(output_type)
    if is_specified_scalar_type(of) or not isinstance(of, GraphQLObjectType):
        return None
    return {name: every_field_of(field.type) for name, field in of.fields.items()}


def selection_of(node):
    if node.selection_set is None:
        return None
    # The name as answered: an alias would show, and AppSync does not deliver aliased fields to subscribers.
    return {(s.alias or s.name).value: selection_of(s) for s in node.selection_set.selections}

"""An API's schema as AppSync sees it: its own scalars and directives around the caller's SDL.

AWSJSON is the one scalar that AppSync changes on its way: a resolver gets the parsed value of an argument, and a client
gets text.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/scalars.html
"""

import json
from functools import lru_cache
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, ValueNode, build_schema, value_from_ast_untyped

_PRELUDE = """
scalar AWSDate
scalar AWSTime
scalar AWSDateTime
scalar AWSTimestamp
scalar AWSEmail
scalar AWSJSON
scalar AWSURL
scalar AWSPhone
scalar AWSIPAddress

directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
directive @aws_auth(cognito_groups: [String!]) on FIELD_DEFINITION | OBJECT
directive @aws_cognito_user_pools(cognito_groups: [String!]) on FIELD_DEFINITION | OBJECT
directive @aws_api_key on FIELD_DEFINITION | OBJECT
directive @aws_iam on FIELD_DEFINITION | OBJECT
directive @aws_oidc on FIELD_DEFINITION | OBJECT
directive @aws_lambda on FIELD_DEFINITION | OBJECT
"""


@lru_cache(maxsize=16)
def appsync_schema(sdl: str) -> GraphQLSchema:
    """The executable schema of an API.

    Raises:
        GraphQLError: the SDL does not parse or names unknown types.
    """
    schema = build_schema(_PRELUDE + sdl)
    scalar = schema.type_map["AWSJSON"]
    assert isinstance(scalar, GraphQLScalarType)  # noqa: S101 - the prelude says so
    scalar.serialize = _json_text  # type: ignore[method-assign]
    scalar.parse_value = _json_value  # type: ignore[method-assign]
    scalar.parse_literal = _json_literal  # type: ignore[method-assign]
    return schema


@lru_cache(maxsize=16)
def subscribed_mutations(schema: GraphQLSchema) -> dict[str, frozenset[str]]:
    """Subscription field -> the mutations named in its `@aws_subscribe`."""
    fields = schema.subscription_type.fields if schema.subscription_type else {}
    return {
        name: frozenset(
            mutation
            for directive in (field.ast_node.directives if field.ast_node else ())
            if directive.name.value == "aws_subscribe"
            for mutation in value_from_ast_untyped(directive.arguments[0].value)
        )
        for name, field in fields.items()
    }


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return _json_value(value_from_ast_untyped(node, variables))


def _json_value(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError) as error:
        raise GraphQLError(f"Unable to parse `{value}` as valid JSON.") from error

"""An API's schema as AppSync sees it: its own scalars and directives around the caller's SDL."""

from functools import lru_cache
from pathlib import Path

from graphql import GraphQLSchema, build_schema, value_from_ast_untyped

from local.appsync.scalars import install_scalars

_PRELUDE = (Path(__file__).parents[2] / "graphql" / "appsync.graphql").read_text()


@lru_cache(maxsize=16)
def appsync_schema(sdl: str) -> GraphQLSchema:
    """The executable schema of an API.

    Raises:
        GraphQLError: the SDL does not parse or names unknown types.
    """
    schema = build_schema(_PRELUDE + sdl)
    install_scalars(schema.type_map)
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

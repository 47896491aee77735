"""Writes `graphql/types.ts`, the TypeScript types of the GraphQL schema, for frontends without a code generator.

A test compares the file with the schema. AppSync's own scalars and directives are in `graphql/appsync.graphql`, because
other GraphQL tools do not know them.
"""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    build_schema,
    get_named_type,
)

_FOLDER = Path(__file__).resolve().parent.parent / "graphql"
_SCALARS = {"String": "string", "ID": "string", "Int": "number", "Float": "number", "Boolean": "boolean"}


def schema() -> GraphQLSchema:
    """Return the schema of the API, after the scalars and directives that AppSync knows without a declaration."""
    return build_schema("".join((_FOLDER / name).read_text() for name in ("appsync.graphql", "schema.graphql")))


def document() -> str:
    """Return the types of the schema as TypeScript: one interface for each type, and one for each field's arguments."""
    head = (
        "// Generated from schema.graphql by `make graphql-types`. A field that may be null is always in the answer.\n"
    )
    return head + "".join(f"\n{text}" for text in types_of(schema()))


def types_of(of: GraphQLSchema) -> Iterator[str]:
    """Yield the interfaces of a schema without unions, enums and interfaces of its own."""
    roots = (of.query_type, of.mutation_type, of.subscription_type)
    for name, type_ in of.type_map.items():
        if name.startswith("__") or not isinstance(type_, GraphQLObjectType | GraphQLInputObjectType):
            continue
        yield _interface(name, type_.description, type_.fields)
        if type_ in roots and isinstance(type_, GraphQLObjectType):
            for field_name, field in type_.fields.items():
                if field.args:
                    title = f"{field_name[0].upper()}{field_name[1:]}Variables"
                    yield _interface(title, f"The arguments of `{field_name}`.", field.args)


def _interface(
    name: str, description: str | None, fields: dict[str, GraphQLField] | dict[str, GraphQLInputField | GraphQLArgument]
) -> str:
    lines = [f"{_comment(description)}export interface {name} {{\n"]
    for field_name, field in fields.items():
        # Only an output is in the answer even if it is null.
        optional = "" if isinstance(field, GraphQLField) or isinstance(field.type, GraphQLNonNull) else "?"
        lines.append(f"{_comment(field.description, '  ')}  {field_name}{optional}: {_type(field.type)};\n")
    return "".join([*lines, "}\n"])


def _comment(description: str | None, indent: str = "") -> str:
    return f"{indent}/** {description} */\n" if description else ""


def _type(type_: GraphQLType) -> str:
    if isinstance(type_, GraphQLNonNull):
        return _type(type_.of_type).removesuffix(" | null")
    if isinstance(type_, GraphQLList):
        item = _type(type_.of_type)
        return f"{f'({item})' if ' ' in item else item}[] | null"
    name = get_named_type(type_).name
    return f"{_SCALARS.get(name, name)} | null"


if __name__ == "__main__":
    (_FOLDER / "types.ts").write_text(document())
    print("graphql/types.ts is written.")

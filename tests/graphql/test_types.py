"""The TypeScript types in `graphql/` are those of the schema."""

from pathlib import Path

import pytest
from graphql import build_schema

from packager.graphql_types import document, types_of

TYPES = Path(__file__).parents[2] / "graphql" / "types.ts"


def test_the_types_are_those_of_the_schema():
    assert TYPES.read_text() == document(), "run `make graphql-types`"


@pytest.mark.parametrize(
    ("field", "member"),
    [
        ("a: String", "a: string | null;"),
        ("a: ID!", "a: string;"),
        ("a: [Float!]", "a: number[] | null;"),
        ("a: [Int]!", "a: (number | null)[];"),
        ("a: [[Boolean!]!]!", "a: boolean[][];"),
        ("a: Query!", "a: Query;"),
    ],
)
def test_a_field_is_null_only_where_the_schema_says_so(field, member):
    [query] = types_of(build_schema(f"type Query {{ {field} }}"))
    assert query == f"export interface Query {{\n  {member}\n}}\n"


def test_an_argument_that_may_be_null_may_be_left_out():
    _, variables = types_of(build_schema("type Query { run(id: ID!, after: Int): Int }"))
    assert "  id: string;\n  after?: number | null;\n" in variables

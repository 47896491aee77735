"""AppSync's wording of validation errors, from the running emulator."""

from typing import Any

import pytest

from tests.local.appsync_api import GraphqlApi


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ x }", "Validation error of type FieldUndefined: Field 'x' in type 'Query' is undefined @ 'x'"),
        (
            "{ level { ...L } } fragment L on Level { next { x } }",
            "Validation error of type FieldUndefined: Field 'x' in type 'Level' is undefined @ 'next/x'",
        ),
        ("mutation { refuse(a: 1) { userId } }", "UnknownArgument: Unknown field argument a @ 'refuse'"),
        ("mutation { publish { userId } }", "MissingFieldArgument: Missing field argument input @ 'publish'"),
        ("{ level }", "SubSelectionRequired: Sub selection required for type Level of field level @ 'level'"),
        (
            "{ level { name { x } } }",
            "SubSelectionNotAllowed: Sub selection not allowed on leaf type String of field name @ 'level/name'",
        ),
        ("query ($n: Int) { echo(value: $n) }", "Validation error: Variable '$n' of type 'Int'"),
    ],
)
def test_a_document(api: GraphqlApi, query: str, message: str) -> None:
    answer = api.post(query, authorization=api.ada.id_token).json()
    (error,) = answer["errors"]
    assert message in error["message"]
    assert (answer["data"], error["path"], error["locations"][0]["line"]) == (None, None, 1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "Variable 'input' has coerced Null value for NonNull type 'UpdateInput!'"),
        ({"input": None}, "Variable 'input' has coerced Null value for NonNull type 'UpdateInput!'"),
        (
            {"input": {"size": "large"}},
            "Variable 'input' has an invalid value. Int cannot represent non-integer value: 'large'",
        ),
    ],
)
def test_the_variables(api: GraphqlApi, variables: Any, message: str) -> None:
    query = "mutation P($input: UpdateInput!) { publish(input: $input) { userId } }"
    answer = api.post(query, variables=variables, authorization=api.ada.id_token).json()
    assert (answer["data"], [error["message"] for error in answer["errors"]]) == (None, [message])

"""Scalars are encoded and parsed as AppSync's own simulator does it: record_scalars.mjs has recorded its answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLScalarType, parse_value

from local.appsync.schema import appsync_schema

RECORDED = json.loads(Path(__file__).with_name("appsync_scalars.json").read_text())
REFUSED: dict[str, Any] = {"encoded": {}, "parsed": {}, "literal": {}}
SCHEMA = appsync_schema("type Query { a(i: Int, f: Float, b: Boolean, d: ID): String }")


def same(text: Any) -> dict[str, Any]:
    return {kind: {"value": text} for kind in REFUSED}


# Where the developer guide and the simulator disagree, the guide holds.
# Source: https://docs.aws.amazon.com/appsync/latest/devguide/scalars.html
GUIDE: dict[tuple[str, Any], dict[str, Any]] = {
    ("AWSDate", "2024-02-29Z"): same("2024-02-29Z"),
    ("AWSDate", "2024-02-29+05:30"): same("2024-02-29+05:30"),
    ("AWSTime", "12:30:24"): same("12:30:24"),
    ("AWSTime", "12:30:24+05:30:12"): same("12:30:24+05:30:12") | {"encoded": {"value": "07:00:12Z"}},
    ("AWSTimestamp", 0): same(0),
    ("AWSTimestamp", 2147483648): REFUSED,
    ("AWSTimestamp", 1709210000123): REFUSED,
    ("AWSURL", 0): REFUSED,
    ("AWSURL", ""): REFUSED,
    ("AWSURL", "https://example.com//a"): REFUSED,
    ("AWSIPAddress", "10.0.0.0/8"): same("10.0.0.0/8"),
}


@pytest.mark.parametrize("scalar", sorted({vector["scalar"] for vector in RECORDED}))
def test_values_are_converted_as_appsync_does(scalar: str) -> None:
    converts = SCHEMA.type_map[scalar]
    assert isinstance(converts, GraphQLScalarType)
    vectors = [vector for vector in RECORDED if vector["scalar"] == scalar]

    found = [
        {
            "scalar": scalar,
            "value": vector["value"],
            "encoded": outcome(converts.serialize, vector["value"]),
            "parsed": outcome(converts.parse_value, vector["value"]),
            "literal": outcome(converts.parse_literal, parse_value(graphql_text(vector["value"]))),
        }
        for vector in vectors
    ]

    assert found == [vector | guided(vector) for vector in vectors]


def guided(vector: dict[str, Any]) -> dict[str, Any]:
    """What the guide says of a vector, where the simulator says otherwise."""
    known = [outcomes for key, outcomes in GUIDE.items() if key == (vector["scalar"], vector["value"])]
    return known[0] if known else {}


def outcome(convert: Callable[[Any], Any], given: Any) -> dict[str, Any]:
    try:
        return {"value": convert(given)}
    except Exception:  # noqa: BLE001 - graphql-core takes any exception for a refusal
        return {}


def graphql_text(value: Any) -> str:
    """The value as a literal of GraphQL's language."""
    if isinstance(value, list):
        return f"[{', '.join(map(graphql_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {graphql_text(each)}" for name, each in value.items()) + "}"
    return json.dumps(value)

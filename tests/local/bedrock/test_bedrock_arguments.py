"""Arguments derived from schemas: any schema of the carried kinds gets arguments that it validates."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.bedrock.arguments import UnderivableSchema, derive_arguments

NAMES = st.sampled_from(["a", "b", "row", "cell size", "$odd/~name"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5))


@st.composite
def numbers(draw):
    kind = draw(st.sampled_from(["integer", "number"]))
    low = draw(st.one_of(st.none(), st.integers(-1000, 1000)))
    width = draw(st.integers(2, 50))
    high = draw(st.one_of(st.none(), st.just((low or 0) + width)))
    schema = {"type": kind}
    if low is not None:
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if high is not None:
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = high
    if high is None or low is None:
        schema |= draw(st.sampled_from([{}, {"multipleOf": 5}, {"multipleOf": 0.5}]))
    return schema


FORMATS = ["uuid", "date", "email", "ipv4", "ipv6", "date-time"]
STRINGS = [
    {"type": "string"},
    {"type": "string", "minLength": 7, "maxLength": 9},
    {"type": "string", "maxLength": 2},
    {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
    {"type": "string", "pattern": "(yes|no)$", "maxLength": 3},
    {"type": "string", "default": None},
    *({"type": "string", "format": name} for name in FORMATS),
]
PLAIN = [{"type": "boolean"}, {"type": "null"}, {"type": ["null", "integer"]}, {}, {"$ref": "#/$defs/shared"}]
UNIQUE = [{"type": "integer", "minimum": 0}, {"type": "string"}, {"enum": ["p", "q", "r"]}]
LEAVES = st.one_of(
    numbers(),
    st.sampled_from(STRINGS),
    st.sampled_from(PLAIN),
    SCALARS.map(lambda value: {"const": value}),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
)


@st.composite
def objects(draw, depth):
    properties = draw(st.dictionaries(NAMES, schemas(depth - 1), max_size=3))
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if draw(st.booleans())],
        "minProperties": draw(st.integers(0, len(properties))),
        "additionalProperties": draw(st.booleans()),
    }


@st.composite
def arrays(draw, depth):
    count = draw(st.integers(0, 3))
    if draw(st.booleans()):
        return {"type": "array", "items": draw(st.sampled_from(UNIQUE)), "minItems": count, "uniqueItems": True}
    return {
        "type": "array",
        "prefixItems": [draw(schemas(depth - 1))],
        "items": draw(schemas(depth - 1)),
        "minItems": count,
    }


def schemas(depth):
    if depth == 0:
        return LEAVES
    inner = st.deferred(lambda: schemas(depth - 1))
    return st.one_of(
        LEAVES,
        objects(depth),
        arrays(depth),
        inner.map(lambda part: {"anyOf": [part, {"type": "null"}]}),
        inner.map(lambda part: {"allOf": [part, {"description": "the same"}]}),
        numbers().map(lambda part: {"oneOf": [{"type": "null"}, part]}),
    )


@given(objects(3), numbers())
def test_arguments_fit_any_carried_schema(schema, shared):
    schema = {**schema, "$defs": {"shared": shared}}
    arguments = derive_arguments(schema)
    jsonschema.validate(arguments, schema)
    assert derive_arguments(schema) == arguments


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({}, {}, id="no schema"),
        pytest.param({"properties": {"a": {"type": "string"}}}, {}, id="optional properties are left out"),
        pytest.param({"properties": {"a": {"default": 30}}, "required": ["a"]}, {"a": 30}, id="default"),
        pytest.param({"properties": {"a": {"enum": ["m", "n"]}}, "required": ["a"]}, {"a": "m"}, id="enum"),
        pytest.param({"properties": {"a": {"const": 4}}, "required": ["a"]}, {"a": 4}, id="const"),
        pytest.param({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 1}, id="plain integer"),
        pytest.param(
            {"properties": {"a": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}}, "required": ["a"]},
            {"a": 0.25},
            id="no whole number in the bounds",
        ),
        pytest.param(
            {"properties": {"a": {"anyOf": [{"type": "null"}, {"type": "boolean"}]}}, "required": ["a"]},
            {"a": True},
            id="null comes last",
        ),
        pytest.param(
            {
                "$defs": {"Node": {"properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
                                   "required": ["next"], "type": "object"}},
                "properties": {"list": {"$ref": "#/$defs/Node"}},
                "required": ["list"],
            },
            {"list": {"next": None}},
            id="a recursive type ends",
        ),
        pytest.param(
            {"required": ["a"], "properties": {"a": {"allOf": [{"minimum": 3}, {"minimum": 5, "type": "integer"}]}}},
            {"a": 5},
            id="allOf takes the tighter bound",
        ),
    ],
)  # fmt: skip
def test_arguments_are_the_plainest(schema, expected):
    assert derive_arguments(schema) == expected


@pytest.mark.parametrize(
    ("a", "message"),
    [
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no integer between 2 and 1"),
        ({"type": "string", "pattern": "^(?!x)x$"}, "pattern"),
        ({"type": "string", "pattern": "("}, "could not be read"),
        ({"type": "string", "not": {"type": "string"}}, r"\$\.a"),
        ({"$ref": "https://example.com/schema"}, "outside the schema"),
        ({"$ref": "#/$defs/absent"}, "points at nothing"),
        ({"$ref": "#/properties/a"}, "without end"),
        ({"anyOf": []}, "anyOf"),
    ],
)
def test_a_demand_that_cannot_be_met_is_named(a, message):
    with pytest.raises(UnderivableSchema, match=message):
        derive_arguments({"properties": {"a": a}, "required": ["a"]})

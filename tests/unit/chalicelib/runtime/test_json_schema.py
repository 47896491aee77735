"""A schema that packaging accepts can be applied to every value, within a time that is linear in the value."""

from __future__ import annotations

import socket

import pytest
from chalicelib.runtime.json_schema import faults_of_schema, schema_faults


def nested(levels: int) -> dict[str, object]:
    schema: dict[str, object] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"$ref": "#/$defs/x"}}},
         '"#/$defs/x" refers to itself without end'),
        ({"items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"allOf": [{"$ref": "#/$defs/y"}]},
                                                    "y": {"anyOf": [{"$ref": "#/$defs/x"}]}}},
         '"#/$defs/x" refers to itself without end'),
        ({"properties": {"a": {"$ref": "#/required"}}, "required": ["a"]},
         'it refers to "#/required", which is not a schema in it'),
        ({"title": "a", "properties": {"a": {"$ref": "#/title"}}},
         'it refers to "#/title", which is not a schema in it'),
        ({"properties": {"a": {"$id": "https://a.test/", "items": {"$ref": "#/$defs/q"}}}, "$defs": {"q": {}}},
         "$id is only allowed at the top, because references below another one begin there"),
        ({"pattern": "a{99999999999}"}, '"a{99999999999}" is not a regular expression'),
        ({"patternProperties": {"(": {}}}, '"(" is not a regular expression'),
        (nested(101), "it is nested deeper than 100 levels"),
        (nested(5_000), "it is nested deeper than 100 levels"),
    ],
)  # fmt: skip
def test_a_schema_that_could_not_be_applied_is_refused(schema, fault):
    assert faults_of_schema(schema, "P") == [f"P: {fault}"]


def test_a_pattern_that_nests_too_deeply_is_refused():
    [fault] = faults_of_schema({"pattern": "(" * 4_000 + ")" * 4_000}, "P")
    assert fault.endswith("… is not a regular expression")


@pytest.mark.parametrize("reference", ["https://127.0.0.1:1/a", "file:///etc/hosts", "//127.0.0.1/a", "other.json"])
def test_a_reference_to_another_document_is_refused_and_not_followed(monkeypatch, reference):
    monkeypatch.setattr(socket, "socket", None)
    [fault] = faults_of_schema({"properties": {"a": {"$ref": reference}}}, "P")
    assert fault == f'P: it refers to "{reference}", which is not a schema in it'


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}, "$id": {"type": "string"}}},
        {"$id": "https://a.test/", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "integer"}}},
        {"items": {"$ref": "#a"}, "$defs": {"a": {"$anchor": "a", "type": "integer"}}},
        {"items": {"enum": ["("], "default": {"$ref": "https://a.test/", "pattern": "("}}},
    ],
)
def test_other_schemas_are_accepted(schema):
    assert faults_of_schema(schema, "P") == []


@pytest.mark.parametrize(
    ("divisor", "value", "is_multiple"),
    [(0.5, 10**400, True), (10**400, 1.5, False), (0.1, 0.3, True), (0.01, 0.015, False), (3, 9.0, True), (2, 5, False),
     (1e-320, 1e300, True), (2, True, True), (2, "5", True)],
)  # fmt: skip
def test_multiples_of_any_size_are_checked_exactly(divisor, value, is_multiple):
    assert (schema_faults({"multipleOf": divisor}, value) == []) is is_multiple


@pytest.mark.parametrize(
    ("items", "are_unique"),
    [([1, True], True), ([0, False], True), ([1, 1.0], False), ([[1], [1.0]], False), ([{"a": 1, "b": 2}] * 2, False),
     ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False), (["1", 1], True), ([None, "null"], True), ([], True)],
)  # fmt: skip
def test_items_are_unique_if_no_two_are_equal_in_json(items, are_unique):
    assert (schema_faults({"uniqueItems": True}, items) == []) is are_unique
    assert schema_faults({"uniqueItems": False}, items) == []


@pytest.mark.parametrize("made", [lambda i: {"x": i}, lambda i: [i, "x"] if i % 2 else i], ids=["objects", "mixed"])
def test_many_unique_items_are_not_compared_with_each_other(made):
    """The library compares each two of them, which takes minutes."""
    assert schema_faults({"uniqueItems": True}, [made(number) for number in range(8_000)]) == []


def test_a_value_that_is_nested_too_deeply_to_be_checked_is_a_fault():
    schema = {
        "$defs": {"n": {"items": {"allOf": [{"allOf": [{"allOf": [{"$ref": "#/$defs/n"}]}]}]}}},
        "$ref": "#/$defs/n",
    }
    assert faults_of_schema(schema, "P") == []
    value: list[object] = []
    for _ in range(99):
        value = [value]
    assert schema_faults(schema, value, "parameters") in ([], ["parameters: it is nested too deeply to be checked"])
    for _ in range(900):
        value = [value]
    assert schema_faults(schema, value, "parameters") == ["parameters: it is nested too deeply to be checked"]

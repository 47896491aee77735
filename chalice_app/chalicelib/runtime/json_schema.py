"""Checks JSON Schemas of draft 2020-12 and values against them; reports each fault with its JSON path.

Only functions import this module, because importing jsonschema costs a cold start more than most requests take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

_FAULT_MAX_CHARACTERS = 300
_PLAIN_VALUES = ("const", "enum", "default", "examples")
_NESTING_MAX = 100


def _multiple_of(validator: Any, divisor: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Check `multipleOf` exactly. The library's check fails on integers that are too large for a float."""
    if not validator.is_type(instance, "number"):
        return
    if Fraction(str(instance)) % Fraction(str(divisor)):
        yield ValidationError(f"{instance!r} is not a multiple of {divisor!r}")


def _unique_items(validator: Any, unique: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Check `uniqueItems` in linear time. The library compares objects with each other: minutes for 64 KB."""
    if unique and validator.is_type(instance, "array") and len({_canonical(each) for each in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _canonical(value: Any) -> str:
    """Return a text that is the same for equal JSON values only: 1 equals 1.0, and no number equals true."""
    return json.dumps(_with_whole_numbers(value), sort_keys=True)


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_whole_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"multipleOf": _multiple_of, "uniqueItems": _unique_items}
)


def schema_faults(schema: Any, instance: Any, path: str = "$") -> list[str]:
    """Return the places at which an instance violates a JSON Schema without external references.

    Args:
        schema: The schema, of draft 2020-12.
        instance: The value to check.
        path: The JSON path of the instance, which prefixes each fault.
    """
    try:
        errors = _errors(schema, instance)
    except RecursionError:
        return [f"{path}: it is nested too deeply to be checked"]
    return [f"{path}{shortened_fault(error.json_path[1:])}: {shortened_fault(error.message)}" for error in errors]


def _errors(schema: Any, instance: Any) -> list[ValidationError]:
    validator = _Validator(schema, registry=Registry())  # the default registry fetches references by HTTP
    return sorted(validator.iter_errors(instance), key=lambda error: error.json_path)


def faults_of_schema(schema: dict[str, Any], path: str) -> list[str]:
    """Return the faults of a JSON Schema of draft 2020-12, which must not refer to other documents.

    Args:
        schema: The schema.
        path: Its JSON path, which prefixes each fault.
    """
    if _is_nested_deeper(schema, _NESTING_MAX):
        return [f"{path}: it is nested deeper than {_NESTING_MAX} levels"]
    faults = schema_faults(Draft202012Validator.META_SCHEMA, schema, path) or [
        f"{path}: {shortened_fault(json.dumps(pattern))} is not a regular expression"
        for pattern in _patterns(schema)
        if not _is_regular_expression(pattern)
    ]
    return faults or [f"{path}: {fault}" for fault in _faults_of_references(schema)]


def _faults_of_references(schema: dict[str, Any]) -> Iterator[str]:
    """Yield why a reference cannot be followed: its target is missing, is no schema, or leads back to it."""
    if any(each is not schema and isinstance(each.get("$id"), str) for each in _subschemas(schema)):
        yield "$id is only allowed at the top, because references below another one begin there"
        return
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    references = [
        each[name]
        for each in _subschemas(schema)
        for name in ("$ref", "$dynamicRef")
        if isinstance(each.get(name), str)
    ]
    missing = []
    for reference in dict.fromkeys(references):
        try:
            is_schema = isinstance(resolver.lookup(reference).contents, dict | bool)
        except (Unresolvable, ValueError):
            is_schema = False
        if not is_schema:
            missing.append(f"it refers to {shortened_fault(json.dumps(reference))}, which is not a schema in it")
    yield from missing
    if missing:
        return
    # A reference that leads back to itself through keywords for the same value recurs whatever the value is.
    for reference in dict.fromkeys(["#", *references]):
        try:
            _errors(schema if reference == "#" else {**schema, "$ref": reference}, {})
        except RecursionError:
            yield f"{shortened_fault(json.dumps(reference))} refers to itself without end"
            return


def _patterns(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the regular expressions of a schema."""
    for each in _subschemas(schema):
        if isinstance(each.get("pattern"), str):
            yield each["pattern"]
        if isinstance(each.get("patternProperties"), dict):
            yield from each["patternProperties"]


def _is_regular_expression(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each object in a schema, also those that only hold schemas, and no plain values."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key not in _PLAIN_VALUES:
                yield from _subschemas(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _subschemas(each)


def _is_nested_deeper(value: Any, levels: int) -> bool:
    """Return whether a value has more levels of lists and objects. It never looks deeper than that."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_nested_deeper(each, levels - 1) for each in members)


def shortened_fault(text: str) -> str:
    """Return a part of a fault, cut at 300 characters."""
    return text if len(text) <= _FAULT_MAX_CHARACTERS else text[:_FAULT_MAX_CHARACTERS] + "…"

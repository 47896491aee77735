"""Checks JSON Schemas of draft 2020-12 and values against them; reports each fault with its JSON path.

Only functions import this module, because importing jsonschema costs a cold start more than most requests take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

_FAULT_MAX_CHARACTERS = 300
_PLAIN_VALUES = ("const", "enum", "default", "examples")


def schema_faults(schema: Any, instance: Any, path: str = "$") -> list[str]:
    """Return the places at which an instance violates a JSON Schema without external references.

    Args:
        schema: The schema, of draft 2020-12.
        instance: The value to check.
        path: The JSON path of the instance, which prefixes each fault.
    """
    validator = Draft202012Validator(schema, registry=Registry())  # the default registry fetches references by HTTP
    errors = sorted(validator.iter_errors(instance), key=lambda error: error.json_path)
    return [f"{path}{shortened_fault(error.json_path[1:])}: {shortened_fault(error.message)}" for error in errors]


def faults_of_schema(schema: dict[str, Any], path: str) -> list[str]:
    """Return the faults of a JSON Schema of draft 2020-12, which must not refer to other documents.

    Args:
        schema: The schema.
        path: Its JSON path, which prefixes each fault.
    """
    faults = schema_faults(Draft202012Validator.META_SCHEMA, schema, path) or [
        f"{path}: {shortened_fault(json.dumps(pattern))} is not a regular expression"
        for pattern in _patterns(schema)
        if not _is_regular_expression(pattern)
    ]
    if faults:
        return faults
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError):
            faults.append(f"{path}: it refers to {shortened_fault(json.dumps(reference))}, which is not in it")
    if not faults:
        try:
            schema_faults(schema, {})
        except RecursionError:
            faults.append(f"{path}: it refers to itself without end")
    return faults


def _patterns(schema: Any) -> Iterator[str]:
    """Yield the regular expressions of a schema, and none of its plain values."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "pattern" and isinstance(value, str):
                yield value
            elif key not in _PLAIN_VALUES:
                yield from value if key == "patternProperties" and isinstance(value, dict) else ()
                yield from _patterns(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _patterns(each)


def _is_regular_expression(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            elif key not in _PLAIN_VALUES:
                yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def shortened_fault(text: str) -> str:
    """Return a part of a fault, cut at 300 characters."""
    return text if len(text) <= _FAULT_MAX_CHARACTERS else text[:_FAULT_MAX_CHARACTERS] + "…"

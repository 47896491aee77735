"""Arguments for any tool, from the tool's JSON schema alone.

The scripted model must call tools it has never seen, so it can know nothing but their schemas. It takes `const`,
`default` or the first of `enum` or `examples` where the schema gives one, and otherwise the plainest value inside the
bounds. Optional properties are left out, so that the tool's own defaults apply.

Carried: `$ref` inside the schema, `allOf`, `anyOf`, `oneOf`, every `type`, lengths, numeric bounds and `multipleOf`,
`prefixItems`, `minItems`, `uniqueItems` of plain items, `required`, `minProperties`, the formats below and, as far as a
generated string happens to fit, `pattern`. What else a schema demands (`not`, `if`, `contains` ...) is met by chance or
not at all; the result is validated, so an unmet demand is reported and never sent.
"""

import math
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from rstr import Rstr

JsonSchema = Mapping[str, Any]

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11",
}
_TIGHTER_OF_TWO = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
_PATTERN_ATTEMPTS = 200
_NUMBER_ATTEMPTS = 100


class UnderivableSchema(ValueError):
    """No value that fits the schema was found. The message says what could not be met."""


def derive_arguments(schema: JsonSchema) -> dict[str, Any]:
    """Return arguments that fit a tool's input schema.

    Args:
        schema: A JSON schema (draft 2020-12) of an object, as a tool declares it. An empty one means no arguments.

    Returns:
        A JSON object that `schema` validates; the same one for the same schema.

    Raises:
        UnderivableSchema: Nothing that fits was found.
    """
    root = {"type": "object", **schema}
    validator = Draft202012Validator(root, format_checker=FormatChecker())
    arguments = _Derivation(validator).value(root)
    for error in validator.iter_errors(arguments):
        raise UnderivableSchema(f"{error.json_path}: {error.message}")
    return dict(arguments)


class _Derivation:
    """One walk through a schema; remembers the references it is inside of, so that recursive types end."""

    def __init__(self, validator: Draft202012Validator) -> None:
        self._root = validator.schema
        self._validator = validator
        self._open_references: list[str] = []

    def value(self, schema: Any, nth: int = 0) -> Any:
        """Return a value for `schema`; a different one for each `nth`, where the schema leaves room."""
        if not isinstance(schema, Mapping):
            return "text"  # The schema `true`: anything goes.
        if "$ref" in schema:
            return self._referenced(schema, nth)
        if "allOf" in schema:
            siblings = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                siblings = _merged(siblings, self._resolved(part))
            return self.value(siblings, nth)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._first_fitting(schema, keyword, nth)
        if "const" in schema:
            return schema["const"]
        for given in self._given(schema, nth):
            return given
        return self._typed(schema, nth)

    def _referenced(self, schema: JsonSchema, nth: int) -> Any:
        reference = schema["$ref"]
        if reference in self._open_references:
            raise UnderivableSchema(f"{reference} needs itself without end")
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        self._open_references.append(reference)
        try:
            return self.value(_merged(siblings, self._resolved({"$ref": reference})), nth)
        finally:
            self._open_references.pop()

    def _resolved(self, schema: Any) -> dict[str, Any]:
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if reference is None:
            return dict(schema) if isinstance(schema, Mapping) else {}
        if not reference.startswith("#"):
            raise UnderivableSchema(f"{reference} is outside the schema")
        target: Any = self._root
        for part in filter(None, reference[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or key not in target:
                raise UnderivableSchema(f"{reference} points at nothing")
            target = target[key]
        return dict(target)

    def _first_fitting(self, schema: JsonSchema, keyword: str, nth: int) -> Any:
        siblings = {key: value for key, value in schema.items() if key != keyword}
        reason = "no alternatives"
        # A null says least about a tool, so it is the last choice.
        for branch in sorted(schema[keyword], key=lambda part: part == {"type": "null"}):
            try:
                value = self.value(_merged(siblings, branch), nth)
            except UnderivableSchema as error:
                reason = str(error)
                continue
            if self._fits(schema, value):
                return value
        raise UnderivableSchema(f"no alternative of {keyword} could be met: {reason}")

    def _given(self, schema: JsonSchema, nth: int) -> Iterator[Any]:
        candidates = [schema["default"]] if "default" in schema else []
        candidates += [*schema.get("enum", []), *schema.get("examples", [])]
        # A tool without a default for an optional argument may declare `null` as the default of a string.
        fitting = [value for value in candidates if self._fits(schema, value)]
        yield from fitting[nth:] or fitting[:1]

    def _fits(self, schema: JsonSchema, value: Any) -> bool:
        return bool(self._validator.evolve(schema=schema).is_valid(value))

    def _typed(self, schema: JsonSchema, nth: int) -> Any:
        match _type_of(schema):
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case "integer":
                return _number(schema, nth, whole=True)
            case "number":
                return _number(schema, nth, whole=False)
            case "boolean":
                return nth == 0
            case "null":
                return None
        return _string(schema, nth)

    def _object(self, schema: JsonSchema) -> dict[str, Any]:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        names = list(dict.fromkeys(schema.get("required", [])))
        spare = [name for name in properties if name not in names]
        spare += [f"key{number}" for number in range(1, schema.get("minProperties", 0) + 1)]
        names += spare[: max(0, schema.get("minProperties", 0) - len(names))]
        return {name: self.value(properties.get(name, others)) for name in names}

    def _array(self, schema: JsonSchema) -> list[Any]:
        first = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        count = max(schema.get("minItems", 0), len(first))
        return [
            self.value(first[index] if index < len(first) else rest, index if schema.get("uniqueItems") else 0)
            for index in range(min(count, schema.get("maxItems", count)))
        ]


def _merged(one: JsonSchema, other: Any) -> dict[str, Any]:
    """Return a schema that demands what both demand, where keywords of one kind can be combined."""
    merged = dict(one)
    for key, value in (other if isinstance(other, Mapping) else {}).items():
        if key not in merged:
            merged[key] = value
        elif key == "properties":
            names = [*merged[key], *(name for name in value if name not in merged[key])]
            merged[key] = {name: _merged(merged[key].get(name, {}), value.get(name, {})) for name in names}
        elif key in ("required", "allOf"):
            merged[key] = [*merged[key], *(item for item in value if item not in merged[key])]
        elif key == "enum":
            merged[key] = [item for item in merged[key] if item in value]
        elif key in _TIGHTER_OF_TWO:
            merged[key] = _TIGHTER_OF_TWO[key](merged[key], value)
        elif key == "type" and isinstance(merged[key], list):
            merged[key] = value
    return merged


def _type_of(schema: JsonSchema) -> str:
    declared = schema.get("type", [])
    names = [declared] if isinstance(declared, str) else declared
    for name in names:
        if name != "null":
            return str(name)
    if names:
        return "null"
    hints = {
        "object": ("properties", "required", "minProperties"),
        "array": ("items", "prefixItems", "minItems"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
    return next((name for name, keywords in hints.items() if any(word in schema for word in keywords)), "string")


def _number(schema: JsonSchema, nth: int, *, whole: bool) -> float:
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    step = schema.get("multipleOf", 1)
    # The whole multiple nearest to one step, then those above it, then those below it.
    start = 1 if low <= step <= high else math.ceil(low / step) if low > step else math.floor(high / step)
    counts = [*range(start, start + nth + _NUMBER_ATTEMPTS), *range(start - 1, start - nth - _NUMBER_ATTEMPTS, -1)]
    candidates = [count * step for count in counts]
    if not whole and "multipleOf" not in schema and -math.inf < low < high < math.inf:
        parts = nth + 2  # Between the bounds there may be no whole number.
        candidates += [low + (high - low) * part / parts for part in range(1, parts)]
    fitting: list[float] = [
        candidate
        for candidate in candidates
        if low <= candidate <= high
        and candidate not in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
        and not (whole and candidate % 1)
    ]
    if len(fitting) <= nth:
        raise UnderivableSchema(f"no {'integer' if whole else 'number'} between {low} and {high} was found")
    return int(fitting[nth]) if whole else fitting[nth]


def _string(schema: JsonSchema, nth: int) -> str:
    shortest: int = schema.get("minLength", 0)
    longest: float = schema.get("maxLength", math.inf)
    if "pattern" in schema:
        return _matching(schema["pattern"], shortest, longest, nth)
    text = _FORMATS.get(schema.get("format", ""))
    if text is not None and nth == 0:
        return text
    text = f"text{nth}" if nth else "text"
    if len(text) > longest:
        text = text[-int(longest) :] if longest else ""
    return text + "x" * (shortest - len(text))


def _matching(pattern: str, shortest: int, longest: float, nth: int) -> str:
    found = 0
    for seed in range(_PATTERN_ATTEMPTS):
        try:
            text = str(Rstr(random.Random(seed)).xeger(pattern))  # noqa: S311 - no secret, and the same one each time
            fits = shortest <= len(text) <= longest and re.search(pattern, text) is not None
        except (re.error, KeyError, IndexError, ValueError) as error:
            raise UnderivableSchema(f"the pattern {pattern!r} could not be read: {error}") from error
        if fits and found == nth:
            return text
        found += fits
    raise UnderivableSchema(f"no text for the pattern {pattern!r} was found in {_PATTERN_ATTEMPTS} attempts")

"""Converts Terraform values to AWS values and back, guided by botocore's shapes.

Both sides use nearly the same names: a Terraform name matches the member that is equal without case and underscores, or
its plural. The table lists only exceptions. The shape defines how the value is encoded, so an entry needs no code for
ordinary arguments.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.terraform_provider.entry import UNKNOWN, State, is_empty, is_unknown
from local.terraform_provider.fields import Block, Field


def to_aws(block: Block, state: State, shape: Any, prior: State | None = None) -> dict[str, Any]:
    """Writes the state as the parameters of an operation.

    Args:
        block: the fields of the type.
        state: their values; unknown and unset ones are left out.
        shape: botocore's structure shape; arguments it has no member for are left out.
        prior: the values before an update: a value that is no longer set is sent in its cleared form.
    """
    out: dict[str, Any] = {}
    for field in block.values():
        place = locate(shape, field.sent_as) if field.sent_as else None
        if place is None:
            continue
        *parents, name = place[0]
        value = _to_member(field, state.get(field.name), place[1])
        if is_empty(value):
            if prior is None or is_empty(prior.get(field.name)):
                continue
            value = _cleared(field, place[1])
            if value is None:
                continue
        target = out
        for parent in parents:
            target = target.setdefault(parent, {})
        target[name] = value
    return out


def from_aws(block: Block, answer: Mapping[str, Any]) -> State:
    """Reads the fields from an answer; missing ones are null."""
    state: State = {}
    for field in block.values():
        value: Any = find(answer, field.read_as) if field.read_as else None
        if field.type is not None:
            state[field.name] = cast(value, field.type)
        elif is_empty(value):
            state[field.name] = field.null
        else:
            items: list[Any] = value if isinstance(value, list) else [value]
            state[field.name] = [from_aws(field.block, item) for item in items]
    return state


def locate(shape: Any, dotted: str) -> tuple[list[str], Any] | None:
    """Finds a dotted name in a structure shape.

    Returns:
        The names of the members on the way and the last one's shape, or None where the shape has no such member.
    """
    names: list[str] = []
    for part in dotted.split("."):
        name = _match(getattr(shape, "members", ()), part)
        if name is None:
            return None
        names.append(name)
        shape = shape.members[name]
    return names, shape


def find(answer: Any, dotted: str) -> Any:
    """Finds a dotted name in an answer; None if it is missing."""
    for part in dotted.split("."):
        name = _match(answer, part) if isinstance(answer, Mapping) else None
        if name is None:
            return None
        answer = answer[name]
    return answer


def cast(value: Any, kind: Any) -> Any:
    """The value as Terraform's type: `"string"`, `"number"`, `"bool"`, or a list of a collection and its element."""
    if value is None:
        return None
    if isinstance(kind, list):
        if kind[0] == "map":
            if isinstance(value, list):
                return {pair["Name"]: pair["Value"] for pair in value}
            return {key: str(item) for key, item in value.items()}
        return [cast(item, kind[1]) for item in value]
    if kind == "number":
        return value if isinstance(value, int | float) else float(value)
    if kind == "bool":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def known(value: Any) -> Any:
    """Returns the value with null for everything unknown, which the service will supply."""
    if is_unknown(value):
        return None
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items()}
    return [known(item) for item in value] if isinstance(value, list) else value


def render(template: Any, state: State, facts: Mapping[str, str]) -> Any:
    """Fills a template from the state and the facts (`region`, `account`, `partition`, `endpoint`).

    Returns:
        The text; UNKNOWN where a value it names is unknown; anything that is no text as it is.
    """
    if not isinstance(template, str):
        return template
    values = {**facts, **{name: value for name, value in state.items() if value is not None}}
    named = [name for name in values if f"{{{name}}}" in template]
    return UNKNOWN if any(is_unknown(values[name]) for name in named) else template.format_map(values)


def _match(names: Iterable[str], wanted: str) -> str | None:
    plain = _plain(wanted)
    forms = (plain, f"{plain}s", f"{plain[:-1]}ies" if plain.endswith("y") else plain)
    return next((name for name in names if _plain(name) in forms), None)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _to_member(field: Field, value: Any, shape: Any) -> Any:
    """One value in the form of its shape."""
    if value is None or is_unknown(value):
        return None
    kind = shape.type_name
    if kind == "structure":
        return to_aws(field.block, value[0], shape) if value else None
    if kind == "list":
        member = shape.member
        nested = member.type_name == "structure"
        if isinstance(value, dict):
            return [{"Name": name, "Value": text} for name, text in value.items()]
        return [to_aws(field.block, item, member) if nested else _scalar(item, member.type_name) for item in value]
    if kind == "map":
        return {key: str(item) for key, item in value.items()}
    return _scalar(value, kind)


def _scalar(value: Any, kind: str) -> Any:
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "string":
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def _cleared(field: Field, shape: Any) -> Any:
    """Return the value that clears a field: empty, unless the entry has another one; None if there is no such value."""
    if field.cleared is not None:
        return field.cleared
    if shape.type_name == "structure":
        return None if shape.required_members else {}
    if shape.type_name == "string" and shape.enum:
        return None
    return {"string": "", "list": [], "map": {}}.get(shape.type_name)

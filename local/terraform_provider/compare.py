"""Compares values by meaning: without this, a second plan would never be empty.

Services answer in a different order, with a different spelling or with defaults filled in. If the meaning is equal, the
state's spelling is kept, so that a plan names exactly the differences.
"""

import json
from typing import Any

from local.terraform_provider.entry import State, is_empty, is_unknown
from local.terraform_provider.fields import Block, Field


def diff(block: Block, before: State, after: State) -> set[str]:
    """The top-level names whose values differ in meaning: sets without order, JSON as JSON, 1 as 1.0, null as empty."""
    return {name for name, field in block.items() if not same(field, before.get(name), after.get(name))}


def same(field: Field, left: Any, right: Any) -> bool:
    """Whether two values of a field mean the same."""
    return bool(_meaning(field, left) == _meaning(field, right))


def reconcile(block: Block, old: State, new: State) -> State:
    """Return the values read, in the old values' spelling if the meaning is equal.

    Args:
        block: the fields.
        old: the state or the plan.
        new: the service's values; changed in place and returned.
    """
    for field in block.values():
        had, read = old.get(field.name), new.get(field.name)
        if field.refused:
            new[field.name] = field.null
        elif field.kept:
            new[field.name] = field.default if had is None or is_unknown(had) else had
        elif field.type is None:
            new[field.name] = _reconcile_block(field, had or [], read or [])
        else:
            new[field.name] = _reconcile_attribute(field, had, read)
    return new


def pairs(field: Field, one: list[State], other: list[State]) -> list[tuple[State, State]]:
    """Pairs each element of `one` with the element of `other` that is most like it (lists: the one in its place)."""
    if not field.is_set:
        return [(item, other[at] if at < len(other) else {}) for at, item in enumerate(one)]
    left, found = list(other), []
    for item in one:
        best = max(left, key=lambda candidate: _likeness(field.block, item, candidate), default={})
        if best in left:
            left.remove(best)
        found.append((item, best))
    return found


def _meaning(field: Field, value: Any) -> Any:
    """The value in a form that is equal exactly if the meaning is."""
    if is_unknown(value):
        return "<unknown>"
    if is_empty(value):
        return None
    if field.type is None:
        items = [{name: _meaning(inner, item.get(name)) for name, inner in field.block.items()} for item in value]
        return _sorted(items) if field.is_set else items
    if field.document:
        return _document(value, is_policy=field.document == "policy")
    return _sorted(value) if field.is_set else value


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))


def _document(text: str, *, is_policy: bool) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return _policy(found) if is_policy else found


def _policy(part: Any) -> Any:
    """Returns a part of an IAM policy with every value as an ordered list."""
    if isinstance(part, dict):
        return {name: _sorted([_policy(each) for each in _listed(value)]) for name, value in part.items()}
    return str(part).lower() if isinstance(part, bool) else part


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _likeness(block: Block, one: State, other: State) -> int:
    return sum(
        not is_empty(one.get(name)) and same(field, one.get(name), other.get(name)) for name, field in block.items()
    )


def _reconcile_attribute(field: Field, had: Any, read: Any) -> Any:
    if read is None and field.default is not None and not is_unknown(had) and had == field.default:
        return had  # a service that leaves defaults out of its answer
    if not is_unknown(had) and same(field, had, read):
        return had
    return read


def _reconcile_block(field: Field, had: list[State], read: list[State]) -> list[State]:
    if not had and (field.undeclared or _is_absent(field, read)):
        return []
    for item, twin in pairs(field, read, had):
        reconcile(field.block, twin, item)
    return had if field.is_set and same(field, had, read) else read


def _is_absent(field: Field, read: list[State]) -> bool:
    if len(read) != 1:
        return False
    if field.absent is None:
        return all(is_empty(value) for value in read[0].values())
    return all(read[0].get(name) == value for name, value in field.absent.items())

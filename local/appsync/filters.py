"""Which events a subscription gets: server filters and argument filters, which AppSync never combines.

A filter set by the subscription's resolver (`extensions.setSubscriptionFilter`) decides alone. Without one, each
argument that the subscription was given must equal the same-named field of the event. Both see only what the mutation
selected: a field that it left out, or that came out as null, matches nothing.

Source: https://docs.aws.amazon.com/appsync/latest/devguide/extensions.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.appsync.limits import MAX_FILTER_FIELD_CHARS, MAX_FILTER_FIELD_DEPTH, MAX_FILTER_VALUES


class FilterInvalid(Exception):
    """The resolver set a filter that AppSync does not take; the message says why."""


def check_server_filter(server_filter: Any) -> None:
    """Refuses a malformed filter when it is set, rather than at some event.

    Raises:
        FilterInvalid: no `filterGroup`, an empty group, an unknown operator, a value that does not fit it, or one of
            AppSync's limits is exceeded.
    """
    try:
        groups = [group["filters"] for group in server_filter["filterGroup"]]
        rules = [(rule["fieldName"], rule["operator"], rule["value"]) for filters in groups for rule in filters]
    except (KeyError, TypeError) as error:
        raise FilterInvalid("a filter is {filterGroup: [{filters: [{fieldName, operator, value}]}]}") from error
    if not groups or not all(groups):
        raise FilterInvalid("filterGroup and each of its filters need at least one entry")
    for field_name, operator, value in rules:
        if operator not in _OPERATORS:
            raise FilterInvalid(f"operator of {field_name} must be one of {', '.join(sorted(_OPERATORS))}")
        if operator in _LIST_OPERATORS and not isinstance(value, list):
            raise FilterInvalid(f"operator {operator} of {field_name} needs a list")
        if operator == "between" and len(value) != 2:
            raise FilterInvalid(f"operator between of {field_name} needs two values")
        if operator in MAX_FILTER_VALUES and len(value) > MAX_FILTER_VALUES[operator]:
            raise FilterInvalid(
                f"operator {operator} of {field_name} takes {MAX_FILTER_VALUES[operator]} values at most"
            )
        if len(field_name) > MAX_FILTER_FIELD_CHARS or field_name.count(".") >= MAX_FILTER_FIELD_DEPTH:
            limit = f"{MAX_FILTER_FIELD_DEPTH} levels and {MAX_FILTER_FIELD_CHARS} characters"
            raise FilterInvalid(f"the field name {field_name[:20]}… has over {limit}")
        if value is None:
            raise FilterInvalid(f"value of {field_name} must not be null")


def matches_server_filter(server_filter: Mapping[str, Any], event: Any) -> bool:
    """Whether any group's filters all hold for the event, a mutation's result as it was selected."""
    return any(all(_holds(rule, event) for rule in group["filters"]) for group in server_filter["filterGroup"])


def matches_arguments(arguments: Mapping[str, Any], event: Any) -> bool:
    """Whether each argument equals the event's field of that name; an argument that is null equals nothing."""
    return all(value is not None and _same(_field(event, name), value) for name, value in arguments.items())


def _holds(rule: Mapping[str, Any], event: Any) -> bool:
    actual = _field(event, rule["fieldName"])
    return actual is not None and _OPERATORS[rule["operator"]](actual, rule["value"])


def _field(event: Any, name: str) -> Any:
    """The event's field; a dot leads into an object."""
    for part in name.split("."):
        event = event.get(part) if isinstance(event, Mapping) else None
    return event


def _same(left: Any, right: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _among(value: Any, candidates: list[Any]) -> bool:
    return any(_same(value, candidate) for candidate in candidates)


def _contains(actual: Any, value: Any) -> bool:
    if isinstance(actual, list):
        return _among(value, actual)
    return isinstance(actual, str) and isinstance(value, str) and value in actual


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Numbers are compared with numbers and texts with texts; anything else does not match."""

    def holds(actual: Any, value: Any) -> bool:
        for kind in (str, (int, float)):
            if isinstance(actual, kind) and isinstance(value, kind):
                return compare(actual, value)
        return False

    return holds


_at_least = _ordered(lambda actual, value: actual >= value)
_at_most = _ordered(lambda actual, value: actual <= value)
_LIST_OPERATORS = {"in", "notIn", "between", "containsAny"}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _same,
    "ne": lambda actual, value: not _same(actual, value),
    "le": _at_most,
    "lt": _ordered(lambda actual, value: actual < value),
    "ge": _at_least,
    "gt": _ordered(lambda actual, value: actual > value),
    "contains": _contains,
    "notContains": lambda actual, value: not _contains(actual, value),
    "beginsWith": lambda actual, value: isinstance(actual, str) and actual.startswith(str(value)),
    "in": _among,
    "notIn": lambda actual, value: not _among(actual, value),
    "between": lambda actual, value: _at_least(actual, value[0]) and _at_most(actual, value[1]),
    "containsAny": lambda actual, value: any(_contains(actual, each) for each in value),
}

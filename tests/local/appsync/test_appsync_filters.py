"""The filter operators, one by one."""

from typing import Any

import pytest

from local.appsync.filters import FilterInvalid, check_server_filter, matches_arguments, matches_server_filter


def rule(field_name: str, operator: str, value: Any) -> dict[str, Any]:
    return {"fieldName": field_name, "operator": operator, "value": value}


def group(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"filters": list(filters)}


@pytest.mark.parametrize(
    ("operator", "value", "matching", "others"),
    [
        ("eq", "a", ["a"], ["b", "", None, 1]),
        ("eq", 1, [1, 1.0], [2, "1", True]),
        ("eq", True, [True], [False, 1]),
        ("ne", "a", ["b", 1], ["a", None]),
        ("le", 5, [5, 4.5], [6, "5", None]),
        ("lt", 5, [4], [5]),
        ("ge", 5, [5, 6], [4]),
        ("gt", "b", ["c"], ["b", "a", 9]),
        ("contains", "bc", ["abcd", ["bc"]], ["acbd", ["abcd"], None]),
        ("contains", 1, [[1, 2]], [[2], 1]),
        ("notContains", "b", ["ac", ["bb"]], ["abc", ["b"], None]),
        ("beginsWith", "ab", ["abc"], ["cab", 1]),
        ("in", ["a", 1], ["a", 1], ["b", True]),
        ("notIn", ["a"], ["b"], ["a", None]),
        ("between", [1, 3], [1, 2, 3], [0, 4]),
        ("containsAny", ["x", "y"], [["a", "y"], "axb"], [["a"], "b"]),
    ],
)
def test_an_operator(operator: str, value: Any, matching: list[Any], others: list[Any]) -> None:
    server_filter = {"filterGroup": [group(rule("f", operator, value))]}
    check_server_filter(server_filter)
    assert [each for each in matching if not matches_server_filter(server_filter, {"f": each})] == []
    assert [each for each in others if matches_server_filter(server_filter, {"f": each})] == []
    assert not matches_server_filter(server_filter, {})


def test_filters_are_joined_by_and_and_groups_by_or() -> None:
    server_filter = {"filterGroup": [group(rule("a", "eq", 1), rule("b", "eq", 2)), group(rule("c.d", "eq", 3))]}
    assert matches_server_filter(server_filter, {"a": 1, "b": 2})
    assert not matches_server_filter(server_filter, {"a": 1, "b": 3})
    assert matches_server_filter(server_filter, {"a": 1, "c": {"d": 3}})
    assert not matches_server_filter(server_filter, {"c": "text"})


@pytest.mark.parametrize(
    "server_filter",
    [
        None,
        {},
        {"filterGroup": []},
        {"filterGroup": [group()]},
        {"filterGroup": [group({"fieldName": "a"})]},
        {"filterGroup": [group(rule("a", "like", 1))]},
        {"filterGroup": [group(rule("a", "eq", None))]},
        {"filterGroup": [group(rule("a", "in", "x"))]},
        {"filterGroup": [group(rule("a", "between", [1]))]},
    ],
)
def test_a_malformed_filter_is_refused(server_filter: Any) -> None:
    with pytest.raises(FilterInvalid):
        check_server_filter(server_filter)


def test_arguments() -> None:
    assert matches_arguments({}, {"a": 1})
    assert matches_arguments({"a": 1}, {"a": 1, "b": 2})
    assert not matches_arguments({"a": 1, "b": 3}, {"a": 1, "b": 2})
    assert not matches_arguments({"a": None}, {"a": None})
    assert not matches_arguments({"a": 1}, {})
    assert not matches_arguments({"a": 1}, "a scalar")

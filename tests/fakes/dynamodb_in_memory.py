"""A fast DynamoDB in this process, for ten thousand histories: only what the record's store needs of a client.

It supports only the store's expressions, and has no index: a query reads every item. The store's contract tests and the
histories compare it with AWS's own DynamoDB Local.
"""

# ruff: noqa: N803 - the arguments have boto3's names
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]


class DynamoDBInMemory:
    """Tables of items under one key, `requestId`; the methods are those of boto3's client."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Item]] = {}

    def create_table(self, *, TableName: str, **_: Any) -> None:
        self._tables[TableName] = {}

    def delete_table(self, *, TableName: str) -> None:
        del self._tables[TableName]

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> Item:
        item = self._tables[TableName].get(_key(Key))
        return {"Item": dict(item)} if item else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Item:
        answers = {}
        for name, wanted in RequestItems.items():
            assert len({_key(key) for key in wanted["Keys"]}) == len(wanted["Keys"])  # DynamoDB refuses a repeated key
            attributes = set(wanted["ExpressionAttributeNames"].values())
            found = [item for key in wanted["Keys"] if (item := self._tables[name].get(_key(key)))]
            answers[name] = [{each: item[each] for each in attributes & item.keys()} for item in found]
        return {"Responses": answers}

    def put_item(self, *, TableName: str, Item: Item, **asked: Any) -> Item:
        table, key = self._tables[TableName], _key(Item)
        _check(table.get(key), asked)
        table[key] = dict(Item)
        return {}

    def transact_write_items(self, *, TransactItems: list[Any]) -> Item:
        reasons: list[Item] = []
        for part in TransactItems:
            [asked] = part.values()
            item = self._tables[asked["TableName"]].get(_key(asked.get("Key") or asked["Item"]))
            try:
                _check(item, asked)
            except ClientError:
                reasons.append({"Code": "ConditionalCheckFailed"} | ({"Item": dict(item)} if item else {}))
            else:
                reasons.append({"Code": "None"})
        if any(reason["Code"] != "None" for reason in reasons):
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(answer, "TransactWriteItems")
        for part in TransactItems:
            if "Put" in part:
                self.put_item(TableName=part["Put"]["TableName"], Item=part["Put"]["Item"])
            if "Update" in part:
                self.update_item(**part["Update"], ReturnValues="NONE")
        return {}

    def update_item(self, *, TableName: str, Key: Item, UpdateExpression: str, ReturnValues: str, **asked: Any) -> Item:
        table, key = self._tables[TableName], _key(Key)
        item = table.get(key)
        _check(item, asked)
        names, values = asked["ExpressionAttributeNames"], asked["ExpressionAttributeValues"]
        sets, _, removes = UpdateExpression.removeprefix("SET ").partition(" REMOVE ")
        now = dict(item or Key)
        for name, value in _assignments(sets):
            now[names[name]] = value(item or {}, values)
        for name in filter(None, removes.split(", ")):
            now.pop(names[name], None)
        table[key] = now
        return {"Attributes": dict(now)} if ReturnValues == "ALL_NEW" else {}

    def delete_item(self, *, TableName: str, Key: Item) -> Item:
        self._tables[TableName].pop(_key(Key), None)
        return {}

    def query(self, *, TableName: str, Limit: int, ExpressionAttributeValues: Item, **asked: Any) -> Item:
        """Look in the index of owners, newest first."""
        owner, after = ExpressionAttributeValues[":owner"], asked.get("ExclusiveStartKey")
        indexed = [item for item in self._tables[TableName].values() if "createdAt" in item]
        found = [item for item in indexed if item.get("owner") == owner]
        found.sort(key=_place, reverse=True)
        found = [item for item in found if after is None or _place(item) < _place(after)]
        keys = [{name: item[name] for name in ("requestId", "owner", "createdAt")} for item in found[:Limit]]
        return {"Items": keys, **({"LastEvaluatedKey": keys[-1]} if len(keys) == Limit else {})}

    def scan(self, *, TableName: str, FilterExpression: str | None = None, **asked: Any) -> Item:
        items = list(self._tables[TableName].values())
        if FilterExpression is None:
            return {"Items": items}
        fits = _condition(FilterExpression)
        return {"Items": [each for each in items if fits(each, asked["ExpressionAttributeValues"])]}


def _key(item: Item) -> str:
    return item["requestId"]["S"]


def _place(item: Item) -> tuple[int, str]:
    return int(item["createdAt"]["N"]), _key(item)


def _check(item: Item | None, asked: Mapping[str, Any]) -> None:
    condition = asked.get("ConditionExpression")
    if condition is None or _condition(condition)(item or {}, asked["ExpressionAttributeValues"]):
        return
    answer: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}}
    raise ClientError(answer | ({"Item": dict(item)} if item else {}), "UpdateItem")


# Each condition and each value becomes Python, once: `item` and `values` are what it reads.
_CONDITION = [
    (r"attribute_not_exists\(#(\w+)\)", r"('\1' not in item)"),
    (r"attribute_exists\(#(\w+)\)", r"('\1' in item)"),
    (r"#(\w+) IN \(([:\w, ]+)\)", r"(item.get('\1') in (\2,))"),
    (r"#(\w+) ([<>]=?) :(\w+)", r"('\1' in item and number(item['\1']) \2 number(:\3))"),
    (r"#(\w+) = :(\w+)", r"(item.get('\1') == :\2)"),
    (r"\bAND\b", "and"),
    (r"\bOR\b", "or"),
    (r":(\w+)", r"values[':\1']"),
]
_VALUE = [
    (r"list_append\(", r"appended("),
    (r"if_not_exists\(#(\w+), :(\w+)\)", r"item.get('\1', :\2)"),
    (r":(\w+) \+ #(\w+)", r"plus(:\1, #\2)"),
    (r"#(\w+)", r"item['\1']"),
    (r":(\w+)", r"values[':\1']"),
]


@cache
def _condition(expression: str) -> Callable[[Item, Item], bool]:
    return _compiled(expression, _CONDITION)


@cache
def _assignments(sets: str) -> list[tuple[str, Callable[[Item, Item], Any]]]:
    parts = re.split(r", (?=#\w+ = )", sets)
    return [(name, _compiled(value, _VALUE)) for name, _, value in (part.partition(" = ") for part in parts)]


def _compiled(expression: str, grammar: list[tuple[str, str]]) -> Callable[[Item, Item], Any]:
    for pattern, python in grammar:
        expression = re.sub(pattern, python, expression)
    return eval(f"lambda item, values: {expression}", {"appended": _appended, "number": _number, "plus": _plus})


def _appended(one: Item, other: Item) -> Item:
    return {"L": one["L"] + other["L"]}


def _plus(one: Item, other: Item) -> Item:
    return {"N": str(_number(one) + _number(other))}


def _number(value: Item) -> int:
    return int(value["N"])

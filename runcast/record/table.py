"""Single DynamoDB requests: builds their expressions and maps their errors.

This keeps DynamoDB syntax out of the store, whose methods then read in terms of runs. Nothing here retries: the
caller owns the time limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from runcast.errors import StoreUnavailable
from runcast.record.items import Item, from_item, to_item
from runcast.record.refusals import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    Check,
    Refusal,
    answers,
    canceled,
    expected,
    of_record,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Write:
    """One item's part of a transaction: a change under a condition, or with neither `item` nor `sets` only the check.

    Attributes:
        check: The condition, with the values of the condition and of `sets`.
        item: The item to put.
        sets: The expressions that set attributes.
        removes: The attributes to remove.
    """

    check: Check
    item: Item | None = None
    sets: Sequence[str] = ()
    removes: Sequence[str] = ()


class Table:
    """A table whose items have one key, `requestId`.

    Args:
        client: A boto3 DynamoDB client.
        name: The table.

    In expressions `#x` is the attribute x, and `:x` the value named x. Every method raises `StoreUnavailable` if
    DynamoDB does not answer in time or throttles; a write may still have taken effect.
    """

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def put_unless(self, item: Item, condition: str, values: Mapping[str, Any]) -> Item | None:
        """Put an item if the condition holds; otherwise return the existing item."""
        key = item["requestId"]["S"]
        try:
            with answers(None):
                self._client.put_item(
                    TableName=self._name,
                    Item=item,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(condition),
                    ExpressionAttributeValues=_values(values),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise
            return expected(key, error.response.get("Item", {}))  # type: ignore[arg-type]
        return None

    def put_if(self, item: Item, check: Check) -> None:
        """Put an item if the condition holds; raise the refusal otherwise."""
        with answers(check.refusal, check.key):
            self._client.put_item(Item=item, **self._asked(check))

    def transact(self, *writes: Write) -> None:
        """Make all writes in one transaction if all conditions hold; raise the first refusal otherwise.

        Raises:
            WriteConflict: Another transaction was writing one of the items.
        """
        try:
            with answers(None):
                self._client.transact_write_items(TransactItems=[self._part(each) for each in writes])  # type: ignore[misc]
        except ClientError as error:
            if error.response["Error"]["Code"] != TRANSACTION_CANCELED:
                raise
            raise canceled(error, [each.check for each in writes]) from error

    def _part(self, write: Write) -> dict[str, Any]:
        if write.item is not None:
            return {"Put": {"Item": write.item, **self._asked(write.check)}}
        asked = {"Key": _key(write.check.key), **self._asked(write.check)}
        if not write.sets:
            return {"ConditionCheck": asked}
        expression = _expression(write.sets, write.removes)
        return {
            "Update": {
                **asked,
                "UpdateExpression": expression,
                "ExpressionAttributeNames": _names(expression + write.check.condition),
            }
        }

    def _asked(self, check: Check) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "ConditionExpression": check.condition,
            "ExpressionAttributeNames": _names(check.condition),
            "ExpressionAttributeValues": _values(check.values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def update(
        self,
        key: str,
        sets: Sequence[str],
        condition: str,
        values: Mapping[str, Any],
        refusal: Refusal,
        *,
        removes: Sequence[str] = (),
        returning: Literal["NONE", "ALL_NEW"] = "NONE",
    ) -> Item:
        """Set and remove attributes if the condition holds; raise the refusal otherwise.

        Returns:
            With `ALL_NEW`, the updated item.
        """
        write = Write(Check(key, condition, values, of_record(refusal)), sets=sets, removes=removes)
        with answers(write.check.refusal, key):
            answer = self._client.update_item(**self._part(write)["Update"], ReturnValues=returning)
        item = answer.get("Attributes", {})
        return expected(key, item) if item or returning == "ALL_NEW" else item

    def get(self, key: str, *, consistent: bool = True) -> Item | None:
        """Return an item, or None if it does not exist. An eventually consistent read costs half as much."""
        with answers(None):
            item = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=consistent).get("Item")
        return None if item is None else expected(key, item)

    def get_many(self, keys: Sequence[str], attributes: Sequence[str]) -> dict[str, Item]:
        """Return these attributes of the existing items, by key, read consistently.

        Args:
            keys: At most 100. A repeated key is read once.
            attributes: Must include `requestId`.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
        """
        found: dict[str, Item] = {}
        wanted = {
            "Keys": [_key(key) for key in dict.fromkeys(keys)],  # DynamoDB refuses a repeated key
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(f"#{name}" for name in attributes),
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        }
        while wanted:
            with answers(None):
                answer = self._client.batch_get_item(RequestItems={self._name: wanted})  # type: ignore[dict-item]
            items = answer["Responses"].get(self._name, [])
            found |= {item["requestId"]["S"]: item for item in items}
            wanted = answer.get("UnprocessedKeys", {}).get(self._name, {})  # type: ignore[assignment]
            if wanted and not items:
                raise StoreUnavailable("DynamoDB read none of what it was asked for. Try again.")
        return found

    def query_newest(
        self, index: str, owner: str, limit: int, after: Mapping[str, Any] | None
    ) -> tuple[list[str], Mapping[str, Any] | None]:
        """Return the keys of an owner's newest items from the index, and the start of the next page."""
        start = {"ExclusiveStartKey": to_item(after)} if after else {}
        with answers(None):
            answer = self._client.query(
                TableName=self._name,
                IndexName=index,
                KeyConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues=_values({"owner": owner}),
                ScanIndexForward=False,
                Limit=limit,
                **start,  # type: ignore[arg-type]
            )
        last = answer.get("LastEvaluatedKey")
        return [item["requestId"]["S"] for item in answer["Items"]], from_item(last) if last else None

    def delete(self, check: Check) -> None:
        """Delete an item if the condition holds; raise the refusal otherwise."""
        with answers(check.refusal, check.key):
            self._client.delete_item(Key=_key(check.key), **self._asked(check))

    def delete_many(self, keys: Sequence[str]) -> None:
        """Delete the items that exist of these.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html (25 a request)
        """
        for start in range(0, len(keys), 25):
            wanted: Any = [{"DeleteRequest": {"Key": _key(key)}} for key in keys[start : start + 25]]
            while wanted:
                with answers(None):
                    answer = self._client.batch_write_item(RequestItems={self._name: wanted})
                left = answer.get("UnprocessedItems", {}).get(self._name, [])
                if len(left) == len(wanted):
                    raise StoreUnavailable("DynamoDB deleted none of what it was asked to. Try again.")
                wanted = left

    def add(self, key: str, amount: int, *, expires_at_epoch_s: int) -> int:
        """Add to a counter, which this creates if it does not exist, and return its new value."""
        with answers(None):
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(key),
                UpdateExpression="SET #expiresAt = :expiresAt ADD #count :count",
                ExpressionAttributeNames=_names("#expiresAt #count"),
                ExpressionAttributeValues=_values({"expiresAt": expires_at_epoch_s, "count": amount}),
                ReturnValues="ALL_NEW",
            )
        return int(from_item(expected(key, answer["Attributes"]))["count"])

    def read_counter(self, key: str) -> int:
        """Return the value of a counter, 0 if it does not exist. The read is eventually consistent."""
        item = self.get(key, consistent=False)
        return int(from_item(item)["count"]) if item else 0

    def count(self, index: str, values: Mapping[str, str]) -> int:
        """Return how many items of an index have these values of its keys."""
        condition = " AND ".join(f"#{name} = :{name}" for name in values)
        found, start = 0, dict[str, Any]()
        while True:
            with answers(None):
                answer = self._client.query(
                    TableName=self._name,
                    IndexName=index,
                    Select="COUNT",
                    KeyConditionExpression=condition,
                    ExpressionAttributeNames=_names(condition),
                    ExpressionAttributeValues=_values(values),
                    **start,
                )
            found += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def scan(self, index: str, condition: str, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield the keys of all items in an index that match a condition."""
        last: Item | None = None
        while True:
            items, last = self.scan_page(index, condition, values, after=last)
            yield from (item["requestId"]["S"] for item in items)
            if last is None:
                return

    def scan_page(
        self, index: str, condition: str, values: Mapping[str, Any], *, after: Item | None, examined: int | None = None
    ) -> tuple[list[Item], Item | None]:
        """Return matching items of a part of an index, with the attributes that it has.

        Args:
            index: The index.
            condition: The condition; empty matches all items.
            values: The values of the condition.
            after: The item of the index after which the part begins; None for its beginning.
            examined: The size of the part in items; None for as many as DynamoDB reads in one request, 1 MB.

        Returns:
            The items, and the `after` of the next part, None after the last one.
        """
        asked: dict[str, Any] = {"ExclusiveStartKey": after} if after else {}
        if examined is not None:
            asked["Limit"] = examined
        if condition:
            asked |= {
                "FilterExpression": condition,
                "ExpressionAttributeNames": _names(condition),
                "ExpressionAttributeValues": _values(values),
            }
        with answers(None):
            answer = self._client.scan(TableName=self._name, IndexName=index, **asked)
        return answer["Items"], answer.get("LastEvaluatedKey")


def sets_of(values: Mapping[str, Any]) -> list[str]:
    """Return an expression for each value that sets the attribute of its name."""
    return [f"#{name} = :{name}" for name in values]


def _expression(sets: Sequence[str], removes: Sequence[str]) -> str:
    return f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else "")


def _key(key: str) -> Item:
    return to_item({"requestId": key})


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in re.findall(r"#(\w+)", expression)}


def _values(values: Mapping[str, Any]) -> Item:
    return to_item({f":{name}": value for name, value in values.items()})

"""Single DynamoDB requests: builds their expressions and maps their errors.

This keeps DynamoDB syntax out of the store, whose methods then read in terms of runs. Nothing here retries: the
caller owns the time limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from runcast.errors import RunGone, StoreUnavailable, WriteConflict
from runcast.record.items import Item, from_item, run_of, to_item
from runcast.record.model import Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Refusal = Callable[[Run], Exception]
"""Returns the error for a refused write, from the current record."""

_CONDITION_FAILED = "ConditionalCheckFailedException"
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_TRANSIENT_CODES = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
}
_CONFLICT = "TransactionConflictException"
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSACTION_CANCELED = "TransactionCanceledException"
_TRANSIENT_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


@dataclass(frozen=True)
class Check:
    """A condition on an item, and the error to raise if the condition fails."""

    key: str
    condition: str
    values: Mapping[str, Any]
    refusal: Refusal


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

    def put_latest(self, item: Item, age: str) -> None:
        """Put an item, unless the existing item has a greater number in its attribute `age`."""
        condition = f"attribute_not_exists(#requestId) OR #{age} <= :{age}"
        try:
            with _answers(None):
                self._client.put_item(
                    TableName=self._name,
                    Item=item,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(condition),
                    ExpressionAttributeValues={f":{age}": item[age]},
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise

    def put_if(self, item: Item, condition: str, values: Mapping[str, Any], refusal: Refusal) -> None:
        """Put an item if the condition holds; raise the refusal otherwise."""
        with _answers(refusal, item["requestId"]["S"]):
            self._client.put_item(
                TableName=self._name,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(condition),
                ExpressionAttributeValues=_values(values),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

    def put_if_both(self, item: Item, own: Check, other: Check) -> None:
        """Put an item in one transaction if its own condition and another item's hold; raise a refusal otherwise.

        If both fail, the other item's refusal is raised.

        Raises:
            RunGone: The other item does not exist.
            WriteConflict: Another transaction was writing one of the items.
        """
        written = {"Put": {"Item": item, **self._asked(own)}}
        checked = {"ConditionCheck": {"Key": _key(other.key), **self._asked(other)}}
        try:
            with _answers(None):
                self._client.transact_write_items(TransactItems=[checked, written])  # type: ignore[list-item]
        except ClientError as error:
            if error.response["Error"]["Code"] != _TRANSACTION_CANCELED:
                raise
            raise _canceled(error, (other, own)) from error

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
        expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else "")
        with _answers(refusal, key):
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(key),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(expression + condition),
                ExpressionAttributeValues=_values(values),
                ReturnValues=returning,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        item = answer.get("Attributes", {})
        return _of(key, item) if item or returning == "ALL_NEW" else item

    def get(self, key: str, *, consistent: bool = True) -> Item | None:
        """Return an item, or None if it does not exist. An eventually consistent read costs half as much."""
        with _answers(None):
            item = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=consistent).get("Item")
        return None if item is None else _of(key, item)

    def get_many(self, keys: Sequence[str], attributes: Sequence[str]) -> dict[str, Item]:
        """Return these attributes of the existing items, by key, read consistently.

        Args:
            keys: At most 100.
            attributes: Must include `requestId`.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
        """
        found: dict[str, Item] = {}
        wanted = {
            "Keys": [_key(key) for key in keys],
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(f"#{name}" for name in attributes),
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        }
        while wanted:
            with _answers(None):
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
        with _answers(None):
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

    def scan(self, index: str, condition: str, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield the keys of all items in an index that match a condition."""
        start: dict[str, Any] = {}
        while True:
            with _answers(None):
                answer = self._client.scan(
                    TableName=self._name,
                    IndexName=index,
                    FilterExpression=condition,
                    ExpressionAttributeNames=_names(condition),
                    ExpressionAttributeValues=_values(values),
                    **start,
                )
            yield from (item["requestId"]["S"] for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def sets_of(values: Mapping[str, Any]) -> list[str]:
    """Return an expression for each value that sets the attribute of its name."""
    return [f"#{name} = :{name}" for name in values]


def _of(key: str, item: Item) -> Item:
    """Check that an item has the requested key: processes that share a connection may get each other's answers."""
    if item.get("requestId") != {"S": key}:
        raise StoreUnavailable(f"DynamoDB's answer is about another item than {key}. Try again.")
    return item


def _key(key: str) -> Item:
    return to_item({"requestId": key})


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in re.findall(r"#(\w+)", expression)}


def _values(values: Mapping[str, Any]) -> Item:
    return to_item({f":{name}": value for name, value in values.items()})


def _canceled(error: ClientError, checks: Sequence[Check]) -> Exception:
    """Return the error for a canceled transaction from its reasons, which are in the order of the items."""
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    for check, reason in zip(checks, reasons, strict=False):
        if reason["Code"] == "ConditionalCheckFailed":
            item = reason.get("Item")
            return check.refusal(run_of(_of(check.key, item))) if item else RunGone("The record was deleted.")
    codes = {reason["Code"] for reason in reasons}
    if "TransactionConflict" in codes:
        return WriteConflict("Another transaction was writing the record. Try again.")
    if codes & _TRANSIENT_REASONS:
        return StoreUnavailable("DynamoDB throttled a transaction. Try again.")
    return error


@contextmanager
def _answers(refusal: Refusal | None, key: str = "") -> Iterator[None]:
    """Map DynamoDB's errors to this package's: a failed condition, or no reliable answer."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        item: Item | None = error.response.get("Item")  # type: ignore[assignment]
        if code == _CONDITION_FAILED and refusal:
            gone = RunGone("The run's record was deleted.")
            raise (refusal(run_of(_of(key, item))) if item else gone) from error
        if code == _CONFLICT:
            raise WriteConflict("Another transaction was writing the record. Try again.") from error
        if code in _TRANSIENT_CODES:
            raise StoreUnavailable(f"DynamoDB answered {code}. Try again.") from error
        raise
    except (BotoConnectionError, HTTPClientError, ResponseParserError) as error:
        raise StoreUnavailable("DynamoDB gave no answer. Try again.") from error

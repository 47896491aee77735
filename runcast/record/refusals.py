"""Maps DynamoDB's errors to this package's: a failed condition, a conflict, or no reliable answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from runcast.errors import RunGone, StoreUnavailable, WriteConflict
from runcast.record.items import Item, run_of
from runcast.record.model import Run

Refusal = Callable[[Run], Exception]
"""Returns the error for a refused write, from the current record."""

ItemRefusal = Callable[[Item | None], Exception]
"""Returns the error for a refused write, from the current item; None if it does not exist."""

CONDITION_FAILED = "ConditionalCheckFailedException"
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
TRANSACTION_CANCELED = "TransactionCanceledException"
_TRANSIENT_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


@dataclass(frozen=True)
class Check:
    """A condition on an item, and the error to raise if the condition fails."""

    key: str
    condition: str
    values: Mapping[str, Any]
    refusal: ItemRefusal


def of_record(refusal: Refusal) -> ItemRefusal:
    """Return a refusal that parses the item as a run's record; it yields `RunGone` if the item does not exist."""
    return lambda item: refusal(run_of(item)) if item else RunGone("The run's record was deleted.")


def expected(key: str, item: Item) -> Item:
    """Check that an item has the requested key: processes that share a connection may get each other's answers."""
    if item.get("requestId") != {"S": key}:
        raise StoreUnavailable(f"DynamoDB's answer is about another item than {key}. Try again.")
    return item


def canceled(error: ClientError, checks: Sequence[Check]) -> Exception:
    """Return the error for a canceled transaction from its reasons, which are in the order of the items."""
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    for check, reason in zip(checks, reasons, strict=False):
        if reason["Code"] == "ConditionalCheckFailed":
            item = reason.get("Item")
            return check.refusal(expected(check.key, item) if item else None)
    codes = {reason["Code"] for reason in reasons}
    if "TransactionConflict" in codes:
        return WriteConflict("Another transaction was writing the record. Try again.")
    if codes & _TRANSIENT_REASONS:
        return StoreUnavailable("DynamoDB throttled a transaction. Try again.")
    return error


@contextmanager
def answers(refusal: ItemRefusal | None, key: str = "") -> Iterator[None]:
    """Map DynamoDB's errors to this package's: a failed condition, or no reliable answer."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        item: Item | None = error.response.get("Item")  # type: ignore[assignment]
        if code == CONDITION_FAILED and refusal:
            raise refusal(expected(key, item) if item else None) from error
        if code == _CONFLICT:
            raise WriteConflict("Another transaction was writing the record. Try again.") from error
        if code in _TRANSIENT_CODES:
            raise StoreUnavailable(f"DynamoDB answered {code}. Try again.") from error
        raise
    except (BotoConnectionError, HTTPClientError, ResponseParserError) as error:
        raise StoreUnavailable("DynamoDB gave no answer. Try again.") from error

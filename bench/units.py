"""What AWS bills: units, their prices on one day, and the size of an item in DynamoDB."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

# US dollars in us-east-1, seen in November 2026; the sources are in docs/costs.md.
_MILLION = 1_000_000
_WRITE_UNIT = 0.625 / _MILLION
_READ_UNIT = 0.125 / _MILLION
_LAMBDA_REQUEST = 0.20 / _MILLION
LAMBDA_GB_SECOND = 0.0000133334  # on arm64, the module's default
APPSYNC_OPERATION = 4.00 / _MILLION
_APPSYNC_UPDATE = 2.00 / _MILLION
_APPSYNC_MINUTE = 0.08 / _MILLION
REST_REQUEST = 3.50 / _MILLION
_STATE_TRANSITION = 25.00 / _MILLION
_EVENT = 1.00 / _MILLION
S3_PUT, S3_GET = 5.00 / _MILLION, 0.40 / _MILLION
S3_GB_MONTH = 0.023
_LOG_GB = 0.50
_TRACE = 5.00 / _MILLION
TOKEN_IN, TOKEN_OUT = 3.00 / _MILLION, 15.00 / _MILLION
_LOG_BYTES_PER_INVOCATION = 2_000  # an assumption


@dataclass(frozen=True)
class Units:
    """What AWS bills, in each service's units."""

    writes: int = 0
    reads: int = 0
    invocations: int = 0
    gb_seconds: float = 0
    operations: int = 0
    updates: int = 0
    minutes: int = 0
    transitions: int = 0
    events: int = 0
    traces: int = 0
    model_calls: int = 0

    def __add__(self, other: Units) -> Units:
        return Units(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))

    def lines(self) -> list[tuple[str, str, float]]:
        """Return each service with its units and their price, the model left out."""
        log_gb = self.invocations * _LOG_BYTES_PER_INVOCATION / 1e9
        lines = [
            ("Step Functions", _count(self.transitions, "transition"), self.transitions * _STATE_TRANSITION),
            (
                "Lambda",
                f"{_count(self.invocations, 'invocation')}, {self.gb_seconds:.1f} GB-s",
                self.invocations * _LAMBDA_REQUEST + self.gb_seconds * LAMBDA_GB_SECOND,
            ),
            (
                "AppSync",
                f"{_count(self.operations, 'operation')}, {_count(self.updates, 'update')}, "
                + _count(self.minutes, "connected minute"),
                self.operations * APPSYNC_OPERATION + self.updates * _APPSYNC_UPDATE + self.minutes * _APPSYNC_MINUTE,
            ),
            (
                "DynamoDB",
                f"{self.writes} write and {self.reads} read units",
                self.writes * _WRITE_UNIT + self.reads * _READ_UNIT,
            ),
            ("CloudWatch Logs", f"{log_gb * 1e6:.0f} KB", log_gb * _LOG_GB),
            ("X-Ray", _count(self.traces, "trace"), self.traces * _TRACE),
            ("EventBridge", _count(self.events, "event"), self.events * _EVENT),
        ]
        return [line for line in lines if line[2]]

    def dollars(self) -> float:
        """Return what all that costs together."""
        return sum(price for _, _, price in self.lines())


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return an item's size.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((type_, content),) = value.items()
    match type_:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.lstrip("-").replace(".", "")) / 2) + 1
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in content.items())
        case "BOOL" | "NULL":
            return 1
    raise ValueError(f"The record has no values of the type {type_}.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

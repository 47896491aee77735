"""What a thousand runs cost on AWS: the units of a real record, and prices as they were on one day.

The free tiers are left out, and so is data transfer. What a run of the agent `terrain` is taken to be stands in
`_Assumed`; the rest is counted from its record. docs/operations.md shows the result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.row import Row
from runcast.limits import HEARTBEAT_SECONDS

# US dollars in us-east-1, seen on 21 November 2026; the sources stand in docs/operations.md.
_MILLION = 1_000_000
_WRITE_UNIT = 0.625 / _MILLION
_READ_UNIT = 0.125 / _MILLION
_LAMBDA_REQUEST = 0.20 / _MILLION
_LAMBDA_GB_SECOND = 0.0000166667
_APPSYNC_OPERATION = 4.00 / _MILLION
_APPSYNC_UPDATE = 2.00 / _MILLION
_APPSYNC_MINUTE = 0.08 / _MILLION
_REST_REQUEST = 3.50 / _MILLION
_LOG_GB = 0.50
_TRACE = 5.00 / _MILLION
# The owner's index takes one write, that of open runs one more when the run begins and one when it ends.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
_INDEX_WRITES = 3
_SWEEPS_A_MONTH = 30 * 24 * 12
_TOKEN_IN, _TOKEN_OUT = 3.00 / _MILLION, 15.00 / _MILLION


@dataclass(frozen=True)
class _Assumed:
    """What no record tells: the model's time and tokens, and what one watching client asks."""

    model_call_seconds: float = 8.0
    tokens_in_per_call: int = 2_000
    tokens_out_per_call: int = 400
    reads_per_run: int = 2
    watched_minutes: int = 1
    small_function_gb_seconds: float = 0.5 * 0.1  # 512 MB for 100 ms
    agent_gb: float = 1.0
    agent_own_seconds: float = 2.0
    log_bytes_per_invocation: int = 2_000


def measure_costs(item: Mapping[str, Any]) -> list[Row]:
    """Return what a thousand runs like one cost, by service.

    Args:
        item: The run's item of `AgentProgress` as DynamoDB holds it, the attributes' types included. Its live messages
            are taken to have been watched by one client.
    """
    assumed = _Assumed()
    steps = item["steps"]["L"]
    calls = sum(step["M"]["step"]["S"] == "thinking" for step in steps)
    beats = calls * int(assumed.model_call_seconds // HEARTBEAT_SECONDS)
    writes, reads = _units(item, beats, assumed.reads_per_run)
    small = 1 + assumed.reads_per_run + len(steps)  # the starter, the reader, the publisher
    agent_seconds = calls * assumed.model_call_seconds + assumed.agent_own_seconds
    gb_seconds = small * assumed.small_function_gb_seconds + agent_seconds * assumed.agent_gb
    operations = 1 + assumed.reads_per_run + len(steps)  # each aliased mutation counted as one
    updates = len(steps) + 2  # to connect and to subscribe count too
    log_gb = (small + 1) * assumed.log_bytes_per_invocation / 1e9
    tokens_in, tokens_out = calls * assumed.tokens_in_per_call, calls * assumed.tokens_out_per_call
    lines = [
        ("DynamoDB", f"{writes} write and {reads} read units", writes * _WRITE_UNIT + reads * _READ_UNIT),
        (
            "Lambda",
            f"{small + 1} invocations, {gb_seconds:.1f} GB-s",
            (small + 1) * _LAMBDA_REQUEST + gb_seconds * _LAMBDA_GB_SECOND,
        ),
        (
            "AppSync",
            f"{operations} operations, {updates} updates, {assumed.watched_minutes} connected minute",
            operations * _APPSYNC_OPERATION + updates * _APPSYNC_UPDATE + assumed.watched_minutes * _APPSYNC_MINUTE,
        ),
        ("CloudWatch Logs", f"{log_gb * 1e6:.0f} KB", log_gb * _LOG_GB),
        ("X-Ray", "1 trace", _TRACE),
    ]
    by_rest = (1 + assumed.reads_per_run) * (_REST_REQUEST - _APPSYNC_OPERATION)
    model = tokens_in * _TOKEN_IN + tokens_out * _TOKEN_OUT
    return [
        *(
            Row(f"1,000 runs of {len(steps)} steps: {name}", f"${each * 1000:.3f} ({what} each)")
            for name, what, each in lines
        ),
        Row("1,000 runs without the model", f"${sum(each for _, _, each in lines) * 1000:.2f}"),
        Row("  started and read by REST, they differ by", f"${by_rest * 1000:+.4f}"),
        Row("1,000 runs: the model", f"${model * 1000:.2f} ({tokens_in:,} tokens in, {tokens_out:,} out each)"),
        Row(f"idle, a month: {_SWEEPS_A_MONTH:,} sweeps", f"${_SWEEPS_A_MONTH * _sweep(assumed):.3f}"),
    ]


def _sweep(assumed: _Assumed) -> float:
    """What it costs to look for runs that were left alone, where there are none: the scan reads a unit at most."""
    lambda_ = _LAMBDA_REQUEST + assumed.small_function_gb_seconds * _LAMBDA_GB_SECOND
    return lambda_ + _READ_UNIT + _TRACE + assumed.log_bytes_per_invocation / 1e9 * _LOG_GB


def _units(item: Mapping[str, Any], beats: int, reads: int) -> tuple[int, int]:
    """Return the write and read units of a run: each step, beat and claim writes the whole item as it has become."""
    steps = item["steps"]["L"]
    bare = {name: value for name, value in item.items() if name not in ("steps", "result", "error", "worker")}
    sizes = [_item_bytes(bare | {"steps": {"L": steps[:count]}}) for count in range(len(steps))]
    sizes.append(_item_bytes(item))
    put_and_claim = 2 * math.ceil(sizes[0] / 1024)
    appended = sum(math.ceil(size / 1024) for size in sizes[1:])
    beaten = beats * math.ceil(sizes[len(sizes) // 2] / 1024)
    # The session is written when the client subscribes, and read, consistently, for each batch.
    return put_and_claim + appended + beaten + _INDEX_WRITES + 1, reads * math.ceil(sizes[-1] / 4096) + len(steps)


def _item_bytes(item: Mapping[str, Any]) -> int:
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

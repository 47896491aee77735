"""Computes the cost of a thousand runs and jobs on AWS, from the units of real records and the prices of one day.

The free tiers are left out, and so is data transfer. `_Assumed` describes the run; the rest is
counted from records, from a job's execution and from the calls that its orchestrator made. docs/costs.md shows the
result.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from chalicelib.runtime.owner_limits import OwnerLimits

from bench.row import Row, single
from runcast import limits
from runcast.limits import CANCEL_HINT_SECONDS, HEARTBEAT_SECONDS

# US dollars in us-east-1, seen in November 2026; the sources are in docs/costs.md.
_MILLION = 1_000_000
_WRITE_UNIT = 0.625 / _MILLION
_READ_UNIT = 0.125 / _MILLION
_LAMBDA_REQUEST = 0.20 / _MILLION
_LAMBDA_GB_SECOND = 0.0000166667
_APPSYNC_OPERATION = 4.00 / _MILLION
_APPSYNC_UPDATE = 2.00 / _MILLION
_APPSYNC_MINUTE = 0.08 / _MILLION
_REST_REQUEST = 3.50 / _MILLION
_STATE_TRANSITION = 25.00 / _MILLION
_EVENT = 1.00 / _MILLION
_S3_PUT, _S3_GET = 5.00 / _MILLION, 0.40 / _MILLION
_LOG_GB = 0.50
_TRACE = 5.00 / _MILLION
# The owner's index takes one write, each of the two of open runs one when the run begins and one when it ends.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
_INDEX_WRITES = 5
_SWEEPS_A_MONTH = 30 * 24 * 12
_JOB_GOALS = {4: 2.60}  # US dollars for 1,000 jobs without the model, by the number of their runs
_TOKEN_IN, _TOKEN_OUT = 3.00 / _MILLION, 15.00 / _MILLION


@dataclass(frozen=True)
class _Assumed:
    """What no record tells: the model's time and tokens, and what one watching client asks."""

    model_call_seconds: float = 8.0
    tokens_in_per_call: int = 2_000
    tokens_out_per_call: int = 400
    reads_per_record: int = 2
    small_function_seconds: float = 0.1
    small_function_gb: float = 0.5
    agent_gb: float = 1.0
    agent_own_seconds: float = 2.0
    log_bytes_per_invocation: int = 2_000


_ASSUMED = _Assumed()


@dataclass(frozen=True)
class JobSeen:
    """What is known of one job after its end.

    Attributes:
        record: Its item of `AgentProgress` as DynamoDB holds it, the attributes' types included.
        runs: Those of its runs.
        transitions: The states that its execution has entered, each further try included.
        tasks: How many of these have invoked the orchestrator.
        gets: How many items the orchestrator has read one by one, consistently.
        batches: How often it has read many at once.
        events: How many it has put on the bus.
        orchestrator_gb: The function's memory.
    """

    record: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    transitions: int
    tasks: int
    gets: int
    batches: int
    events: int
    orchestrator_gb: float


@dataclass(frozen=True)
class _Units:
    """What AWS bills."""

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

    def __add__(self, other: _Units) -> _Units:
        return _Units(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))

    def lines(self) -> list[tuple[str, str, float]]:
        """Return each service with its units and their price, the model left out."""
        log_gb = self.invocations * _ASSUMED.log_bytes_per_invocation / 1e9
        lines = [
            ("Step Functions", _count(self.transitions, "transition"), self.transitions * _STATE_TRANSITION),
            (
                "Lambda",
                f"{_count(self.invocations, 'invocation')}, {self.gb_seconds:.1f} GB-s",
                self.invocations * _LAMBDA_REQUEST + self.gb_seconds * _LAMBDA_GB_SECOND,
            ),
            (
                "AppSync",
                f"{_count(self.operations, 'operation')}, {_count(self.updates, 'update')}, "
                + _count(self.minutes, "connected minute"),
                self.operations * _APPSYNC_OPERATION + self.updates * _APPSYNC_UPDATE + self.minutes * _APPSYNC_MINUTE,
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


def costs_of_run(item: Mapping[str, Any]) -> list[Row]:
    """Return what a thousand runs like one cost, by service.

    Args:
        item: The run's item of `AgentProgress` as DynamoDB holds it, the attributes' types included. Its live messages
            are taken to have been watched by one client.
    """
    units = _run(item) + _started() + _watched(_seconds(item))
    steps = len(item["steps"]["L"])
    by_rest = (1 + _ASSUMED.reads_per_record) * (_REST_REQUEST - _APPSYNC_OPERATION)
    return [
        *_rows(f"1,000 runs of {steps} steps", units, 0.60),
        single("  started and read by REST, they differ by", by_rest * 1000, "$"),
        single("  live text, a minute of it", 60 * _delta().dollars() / limits.DELTA_INTERVAL_SECONDS * 1000, "$"),
        single(f"idle, a month: {_SWEEPS_A_MONTH:,} sweeps", _SWEEPS_A_MONTH * _sweep(), "$"),
    ]


def costs_of_job(playbook: str, job: JobSeen) -> list[Row]:
    """Return what a thousand jobs like one cost, by service, and what of it is not their runs'.

    Args:
        playbook: The job's.
        job: What is known of it. It is taken to have been watched by one client.
    """
    runs = sum(map(_run, job.runs), _Units())
    seconds = sum(map(_seconds, job.runs)) + _ASSUMED.model_call_seconds
    watching = _started() + _watched(seconds)
    own = _orchestrated(job)
    name = f"1,000 jobs of {playbook}, {len(job.runs)} runs"
    return [
        *_rows(name, runs + watching + own, _JOB_GOALS.get(len(job.runs))),
        single(f"{name}, beside these runs", own.dollars() * 1000, "$"),
        *(single(f"  {service}", price * 1000, "$", note=f"{what} each") for service, what, price in own.lines()),
        single("  results in S3, put and got once", (_S3_PUT + _S3_GET) * 1000, "$"),
    ]


def costs_of_hostile_user(limits_of_owner: OwnerLimits) -> list[tuple[str, str, float]]:
    """Return the most that one user can cause in a day: what, how much of it, and its price in US dollars.

    The user keeps as many runs in progress as the limits allow, starts as many short ones beside them, and uses all
    tokens of the day. The agents' memory, and how many tokens a call takes in and gives out, are those of `_Assumed`.
    """
    day_seconds = 24 * 3600
    busy_seconds = limits_of_owner.user_open_runs * day_seconds
    starts = limits_of_owner.user_starts_per_minute * 24 * 60
    calls = round(limits_of_owner.user_tokens_per_day / (_ASSUMED.tokens_in_per_call + _ASSUMED.tokens_out_per_call))
    model = calls * (_ASSUMED.tokens_in_per_call * _TOKEN_IN + _ASSUMED.tokens_out_per_call * _TOKEN_OUT)
    # The record of a short run is created, claimed and ended.
    start = _started() + _small(invocations=1) + _Units(writes=3 + _INDEX_WRITES, events=1)
    refused = _small(invocations=1) + _Units(operations=1, reads=2, traces=1)
    return [
        ("agents", f"{limits_of_owner.user_open_runs} runs at any time", busy_seconds * _LAMBDA_GB_SECOND),
        ("starts", f"{starts:,}", starts * (start.dollars() + _S3_PUT)),
        ("the model", f"{limits_of_owner.user_tokens_per_day:,} tokens in {calls:,} calls", model),
        ("refused requests", "each million", 1_000_000 * refused.dollars()),
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _rows(name: str, units: _Units, goal: float | None) -> list[Row]:
    tokens_in = units.model_calls * _ASSUMED.tokens_in_per_call
    tokens_out = units.model_calls * _ASSUMED.tokens_out_per_call
    model = tokens_in * _TOKEN_IN + tokens_out * _TOKEN_OUT
    return [
        single(f"{name}, without the model", units.dollars() * 1000, "$", goal),
        *(single(f"  {service}", price * 1000, "$", note=f"{what} each") for service, what, price in units.lines()),
        single("  the model", model * 1000, "$", note=f"{tokens_in:,} tokens in, {tokens_out:,} out each"),
    ]


def _run(item: Mapping[str, Any]) -> _Units:
    """What every run uses: its agent, its record, the messages about its steps, and its readers."""
    beats = _model_calls(item) * int(_ASSUMED.model_call_seconds // HEARTBEAT_SECONDS)
    # While the model thinks, the worker looks for a cancel: half a unit each time, for a small item.
    looks = math.ceil(_seconds(item) / CANCEL_HINT_SECONDS)
    worker = _Units(
        invocations=1,
        gb_seconds=_seconds(item) * _ASSUMED.agent_gb,
        reads=math.ceil(looks / 2),
        model_calls=_model_calls(item),
    )
    return worker + _recorded(item, beats) + _Units(events=1)


def _orchestrated(job: JobSeen) -> _Units:
    """What a job uses beside its runs. Its orchestrator waits once, for the model; `run_closer` reports each run."""
    runs = len(job.runs)
    own_seconds = _ASSUMED.model_call_seconds + (job.tasks - 1 + runs) * _ASSUMED.small_function_seconds
    # It is unknown which items it has read, so each counts with the mean size, and a batch as one of all runs.
    one_read = statistics.mean(math.ceil(_item_bytes(item) / 4096) for item in [job.record, *job.runs])
    return _recorded(job.record, 0) + _Units(
        reads=round((job.gets + job.batches * runs) * one_read),
        invocations=job.tasks + runs,
        gb_seconds=own_seconds * job.orchestrator_gb,
        transitions=job.transitions,
        events=job.events,
        model_calls=1,
    )


def _recorded(item: Mapping[str, Any], beats: int) -> _Units:
    """What a record uses: each step is written, sent by the publisher and taken by AppSync; clients read it all.

    The end of a tool call is written and sent with the step after it, so it needs no separate write.
    """
    steps = item["steps"]["L"]
    bare = {name: value for name, value in item.items() if name not in ("steps", "result", "error", "worker")}
    sizes = [_item_bytes(bare | {"steps": {"L": steps[:count]}}) for count in range(len(steps))]
    sizes.append(_item_bytes(item))
    # Each write of steps, beat and claim writes the whole item as it has become.
    put_and_claim = 2 * math.ceil(sizes[0] / 1024)
    written = [size for size, step in zip(sizes[1:], steps, strict=True) if step["M"]["step"]["S"] != "executed"]
    appended = sum(math.ceil(size / 1024) for size in written)
    beaten = beats * math.ceil(sizes[len(sizes) // 2] / 1024)
    small = len(written) + _ASSUMED.reads_per_record  # the publisher, the reader
    return _small(invocations=small) + _Units(
        writes=put_and_claim + appended + beaten + _INDEX_WRITES,
        # The publisher reads the session, consistently, for each batch.
        reads=_ASSUMED.reads_per_record * math.ceil(sizes[-1] / 4096) + len(written),
        operations=len(steps) + _ASSUMED.reads_per_record,  # each aliased mutation counted as one
        updates=len(steps),
    )


def _started() -> _Units:
    """Counts the start for the user and the tenant, and looks for the id and for both numbers of runs in progress."""
    return _small(invocations=1) + _Units(operations=1, traces=1, writes=2, reads=3)


def _watched(seconds: float) -> _Units:
    """To connect and to subscribe count as updates; the session is written when the client subscribes."""
    return _Units(writes=1, updates=2, minutes=math.ceil(seconds / 60))


def _sweep() -> float:
    """The cost of looking for abandoned runs and finding none: the scan reads a unit at most."""
    return (_small(invocations=1) + _Units(reads=1, traces=1)).dollars()


def _delta() -> _Units:
    """What one delta uses: nothing is written, and the publisher reads the session."""
    return _small(invocations=1) + _Units(reads=1, operations=1, updates=1)


def _small(*, invocations: int) -> _Units:
    """What functions use that only read or forward."""
    gb_seconds = invocations * _ASSUMED.small_function_seconds * _ASSUMED.small_function_gb
    return _Units(invocations=invocations, gb_seconds=gb_seconds)


def _seconds(item: Mapping[str, Any]) -> float:
    """How long an agent takes: it waits for the model."""
    return _model_calls(item) * _ASSUMED.model_call_seconds + _ASSUMED.agent_own_seconds


def _model_calls(item: Mapping[str, Any]) -> int:
    return sum(step["M"]["step"]["S"] == "thinking" for step in item["steps"]["L"])


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

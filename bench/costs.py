"""Computes the cost of a thousand runs and jobs on AWS, from the units of real records and the prices of one day.

The free tiers are left out, and so is data transfer. `_Assumed` describes the run; the rest is counted from records,
from a job's execution and from the calls that its orchestrator made. docs/costs.md shows the result.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.runtime.owner_limits import OwnerLimits

from bench.row import Row, single
from bench.units import (
    APPSYNC_OPERATION,
    LAMBDA_GB_SECOND,
    REST_REQUEST,
    S3_GB_MONTH,
    S3_GET,
    S3_PUT,
    TOKEN_IN,
    TOKEN_OUT,
    Units,
    item_bytes,
)
from runcast import limits
from runcast.limits import CANCEL_HINT_SECONDS, HEARTBEAT_SECONDS

# The owner's index takes one write, each of the two of open runs one when the run begins and one when it ends.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
_INDEX_WRITES = 5
_SWEEPS_A_MONTH = 30 * 24 * 12
_JOB_GOALS = {4: 2.60}  # US dollars for 1,000 jobs without the model, by the number of their runs


@dataclass(frozen=True)
class _Assumed:
    """What records do not contain: the model's time and tokens, and what one watching client asks."""

    model_call_seconds: float = 8.0
    tokens_in_per_call: int = 2_000
    tokens_out_per_call: int = 400
    reads_per_record: int = 2
    small_function_seconds: float = 0.1
    small_function_gb: float = 0.5
    agent_gb: float = 0.75
    agent_own_seconds: float = 2.0


ASSUMED = _Assumed()


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


def costs_of_run(item: Mapping[str, Any]) -> list[Row]:
    """Return what a thousand runs like one cost, by service.

    Args:
        item: The run's item of `AgentProgress` as DynamoDB holds it, the attributes' types included. Its live messages
            are taken to have been watched by one client.
    """
    units = units_of_run(item)
    steps = len(item["steps"]["L"])
    by_rest = (1 + ASSUMED.reads_per_record) * (REST_REQUEST - APPSYNC_OPERATION)
    return [
        *_rows(f"1,000 runs of {steps} steps", units, 0.60, _floor([item])),
        single("  started and read by REST, they differ by", by_rest * 1000, "$"),
        single("  with checkpointing=True, in addition", _checkpointed(item) * 1000, "$"),
        single("  live text, a minute of it", 60 * _delta().dollars() / limits.DELTA_INTERVAL_SECONDS * 1000, "$"),
        single(f"idle, a month: {_SWEEPS_A_MONTH:,} sweeps", _SWEEPS_A_MONTH * _sweep(), "$"),
    ]


def costs_of_job(playbook: str, job: JobSeen) -> list[Row]:
    """Return what a thousand jobs like one cost, by service, and what of it is not their runs'.

    Args:
        playbook: The job's.
        job: What is known of it. It is taken to have been watched by one client.
    """
    own = own_units_of_job(job)
    name = f"1,000 jobs of {playbook}, {len(job.runs)} runs"
    return [
        *_rows(name, units_of_job(job), _JOB_GOALS.get(len(job.runs)), _floor_of_job(job)),
        single(f"{name}, beside these runs", own.dollars() * 1000, "$"),
        *(single(f"  {service}", price * 1000, "$", note=f"{what} each") for service, what, price in own.lines()),
        single("  results in S3, put and got once", (S3_PUT + S3_GET) * 1000, "$"),
    ]


def units_of_run(item: Mapping[str, Any]) -> Units:
    """Return what a run uses that one client has started and watches."""
    return _run(item) + _started() + _watched(seconds_of_run(item))


def units_of_job(job: JobSeen) -> Units:
    """Return what a job and its runs use; one client has started it and watches it."""
    seconds = sum(map(seconds_of_run, job.runs)) + ASSUMED.model_call_seconds
    return sum(map(_run, job.runs), Units()) + _started() + _watched(seconds) + own_units_of_job(job)


def own_units_of_job(job: JobSeen) -> Units:
    """Return what a job uses beside its runs.

    Its orchestrator waits once, for the model. `run_closer` reports each run.
    """
    runs = len(job.runs)
    own_seconds = ASSUMED.model_call_seconds + (job.tasks - 1 + runs) * ASSUMED.small_function_seconds
    # It is unknown which items it has read, so each counts with the mean size, and a batch as one of all runs.
    one_read = statistics.mean(math.ceil(item_bytes(item) / 4096) for item in [job.record, *job.runs])
    return _recorded(job.record, 0) + Units(
        reads=round((job.gets + job.batches * runs) * one_read),
        invocations=job.tasks + runs,
        gb_seconds=own_seconds * job.orchestrator_gb,
        transitions=job.transitions,
        events=job.events,
        model_calls=1,
    )


def model_of(units: Units) -> tuple[int, int, float]:
    """Return the tokens that the model takes in and gives out, and their price."""
    tokens_in = units.model_calls * ASSUMED.tokens_in_per_call
    tokens_out = units.model_calls * ASSUMED.tokens_out_per_call
    return tokens_in, tokens_out, tokens_in * TOKEN_IN + tokens_out * TOKEN_OUT


def seconds_of_run(item: Mapping[str, Any]) -> float:
    """Return how long an agent takes: it waits for the model."""
    return _model_calls(item) * ASSUMED.model_call_seconds + ASSUMED.agent_own_seconds


def costs_of_hostile_user(limits_of_owner: OwnerLimits) -> list[tuple[str, str, float]]:
    """Return the most that one user can cause in a day: what, how much of it, and its price in US dollars.

    The user keeps as many runs in progress as the limits allow, starts as many short ones beside them, and uses all
    tokens and uploads of the day. The agents' memory, and how many tokens a call takes in and gives out, are those of
    `_Assumed`.
    """
    day_seconds = 24 * 3600
    gb_seconds = limits_of_owner.user_open_runs * day_seconds * ASSUMED.agent_gb
    starts = limits_of_owner.user_starts_per_minute * 24 * 60
    calls = round(limits_of_owner.user_tokens_per_day / (ASSUMED.tokens_in_per_call + ASSUMED.tokens_out_per_call))
    model = calls * (ASSUMED.tokens_in_per_call * TOKEN_IN + ASSUMED.tokens_out_per_call * TOKEN_OUT)
    uploads_mb = limits_of_owner.user_upload_mb_per_day
    kept_days = (limits.RETENTION_SECONDS + limits.QUESTION_RETENTION_SECONDS) // day_seconds
    # The record of a short run is created, claimed and ended.
    start = _started() + _small(invocations=1) + Units(writes=3 + _INDEX_WRITES, events=1)
    refused = _small(invocations=1) + Units(operations=1, reads=2, traces=1)
    return [
        ("agents", f"{limits_of_owner.user_open_runs} runs at any time", gb_seconds * LAMBDA_GB_SECOND),
        ("starts", f"{starts:,}", starts * (start.dollars() + S3_PUT)),
        ("the model", f"{limits_of_owner.user_tokens_per_day:,} tokens in {calls:,} calls", model),
        ("uploads", f"{uploads_mb:,} MB, kept for {kept_days} days", uploads_mb / 1024 * kept_days / 30 * S3_GB_MONTH),
        ("refused requests", "each million", 1_000_000 * refused.dollars()),
    ]


def _floor(items: Sequence[Mapping[str, Any]]) -> Units:
    """What runs use in any case: a Lambda that waits for the model, and a separate message for each step."""
    steps = sum(len(item["steps"]["L"]) for item in items)
    waiting_seconds = sum(map(_model_calls, items)) * ASSUMED.model_call_seconds
    return Units(gb_seconds=waiting_seconds * ASSUMED.agent_gb, operations=steps, updates=steps)


def _floor_of_job(job: JobSeen) -> Units:
    """What jobs use in any case: their runs, a transition for each task, and a Lambda that waits for the summary."""
    waiting_gb_seconds = ASSUMED.model_call_seconds * job.orchestrator_gb
    return _floor(job.runs) + Units(transitions=job.tasks, gb_seconds=waiting_gb_seconds)


def _rows(name: str, units: Units, goal: float | None, floor: Units) -> list[Row]:
    tokens_in, tokens_out, model = model_of(units)
    return [
        single(f"{name}, without the model", units.dollars() * 1000, "$", goal, floor=floor.dollars() * 1000),
        *(single(f"  {service}", price * 1000, "$", note=f"{what} each") for service, what, price in units.lines()),
        single("  the model", model * 1000, "$", note=f"{tokens_in:,} tokens in, {tokens_out:,} out each"),
    ]


def _run(item: Mapping[str, Any]) -> Units:
    """What every run uses: its agent, its record, the messages about its steps, and its readers."""
    beats = _model_calls(item) * int(ASSUMED.model_call_seconds // HEARTBEAT_SECONDS)
    # While the model thinks, the worker looks for a cancel: half a unit each time, for a small item.
    looks = math.ceil(seconds_of_run(item) / CANCEL_HINT_SECONDS)
    worker = Units(
        invocations=1,
        gb_seconds=seconds_of_run(item) * ASSUMED.agent_gb,
        writes=_model_calls(item),  # the counter of the user's tokens
        reads=math.ceil(looks / 2),
        model_calls=_model_calls(item),
    )
    return worker + _recorded(item, beats) + Units(events=1)


def _recorded(item: Mapping[str, Any], beats: int) -> Units:
    """What a record uses: each step is written, sent by the publisher and taken by AppSync; clients read it all.

    The end of a tool call is written and sent with the step after it, so it needs no separate write.
    """
    steps = item["steps"]["L"]
    bare = {name: value for name, value in item.items() if name not in ("steps", "result", "error", "worker")}
    sizes = [item_bytes(bare | {"steps": {"L": steps[:count]}}) for count in range(len(steps))]
    sizes.append(item_bytes(item))
    # Each write of steps, beat and claim writes the whole item as it has become.
    put_and_claim = 2 * math.ceil(sizes[0] / 1024)
    written = [size for size, step in zip(sizes[1:], steps, strict=True) if step["M"]["step"]["S"] != "executed"]
    appended = sum(math.ceil(size / 1024) for size in written)
    beaten = beats * math.ceil(sizes[len(sizes) // 2] / 1024)
    small = len(written) + ASSUMED.reads_per_record  # the publisher, the reader
    return _small(invocations=small) + Units(
        writes=put_and_claim + appended + beaten + _INDEX_WRITES,
        # The publisher reads the session, consistently, for each batch.
        reads=ASSUMED.reads_per_record * math.ceil(sizes[-1] / 4096) + len(written),
        operations=len(steps) + ASSUMED.reads_per_record,  # each aliased mutation counted as one
        updates=len(steps),
    )


def _started() -> Units:
    """Counts the start for user and tenant, and reads the id, the user's tokens and both counts of open runs."""
    return _small(invocations=1) + Units(operations=1, traces=1, writes=2, reads=4)


def _checkpointed(item: Mapping[str, Any]) -> float:
    """The cost of a checkpointing agent's saved states, at most, and of its journal.

    Each turn puts its state into the bucket and names it in the record. Each tool call is put into the journal, with a
    key in the owner's index, and written again with its result, which is taken to be small.
    """
    calls = sum(step["M"]["step"]["S"] == "executed" for step in item["steps"]["L"])
    turns = _model_calls(item)
    return turns * S3_PUT + Units(writes=turns * math.ceil(item_bytes(item) / 1024) + 3 * calls).dollars()


def _watched(seconds: float) -> Units:
    """To connect and to subscribe count as updates; the session is written when the client subscribes."""
    return Units(writes=1, updates=2, minutes=math.ceil(seconds / 60))


def _sweep() -> float:
    """The cost of looking for abandoned runs and finding none: the scan reads a unit at most."""
    return (_small(invocations=1) + Units(reads=1, traces=1)).dollars()


def _delta() -> Units:
    """What one delta uses: nothing is written, and the publisher reads the session."""
    return _small(invocations=1) + Units(reads=1, operations=1, updates=1)


def _small(*, invocations: int) -> Units:
    """What functions use that only read or forward."""
    gb_seconds = invocations * ASSUMED.small_function_seconds * ASSUMED.small_function_gb
    return Units(invocations=invocations, gb_seconds=gb_seconds)


def _model_calls(item: Mapping[str, Any]) -> int:
    return sum(step["M"]["step"]["S"] == "thinking" for step in item["steps"]["L"])

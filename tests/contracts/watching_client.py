"""What every watching client of every Runcast must do, whatever stands behind the wire.

The unit tests hold the client to it against a fake server; the end-to-end tests against the whole system.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from runcast.client.client import Client
from runcast.client.step import WatchedStep
from runcast.client.watch import Outcome, Watch

DEADLINE_SECONDS = 60


async def follow(watch: Watch) -> tuple[list[WatchedStep], Outcome]:
    """Return all that a watch yields, and what it says became of the run."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        steps = [step async for step in watch]
    assert watch.outcome is not None
    return steps, watch.outcome


async def check_a_run_is_watched_live_and_whole(
    client: Client, agent: str, query: str, parameters: Mapping[str, Any] | None = None
) -> Outcome:
    """A run that goes well shows every step once, in order, each of them live, and reads the same afterwards."""
    steps, outcome = await follow(client.run(agent, query, parameters=parameters))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete", outcome
    assert outcome.received_live == outcome.recorded, outcome
    record = await client.show(outcome.request_id)
    assert [kept(step) for step in record.steps] == [kept(step) for step in steps if step.seq is not None]
    assert (record.status, record.result) == ("complete", outcome.result)

    again, outcome_again = await follow(client.watch(outcome.request_id))

    check_each_step_once(again, outcome_again)
    assert (outcome_again.status, outcome_again.result) == (outcome.status, outcome.result)
    return outcome


async def check_a_run_is_watched_whole_without_live(client: Client, agent: str, query: str) -> Outcome:
    """Without the live channel nothing comes live, and nothing is missing."""
    steps, outcome = await follow(client.run(agent, query, live=False))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete", outcome
    assert outcome.received_live == 0, outcome
    return outcome


def check_each_step_once(steps: list[WatchedStep], outcome: Outcome) -> None:
    """Every recorded step was yielded once, in order, and the watch knows it."""
    assert [step.seq for step in steps if step.seq is not None] == list(range(1, outcome.recorded + 1))
    assert outcome.missing == 0, outcome


def kept(step: WatchedStep) -> tuple[Any, ...]:
    """What a step says whichever way it came: a status message names the run's agent, its record need not."""
    return (step.seq, step.status, step.message, step.elapsed_seconds, step.timestamp_ms, step.tool_name, step.metadata)

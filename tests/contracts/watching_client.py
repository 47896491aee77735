"""What every watching client must do, with every server.

The unit tests check the client with it against a fake server; the end-to-end tests against the whole system.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from typing import Any

from runcast.client.client import Client
from runcast.client.step import WatchedStep
from runcast.client.watch import Watch
from runcast.client.watch_outcome import WatchOutcome

DEADLINE_SECONDS = 60


async def follow(watch: Watch) -> tuple[list[WatchedStep], WatchOutcome]:
    """Return everything that a watch yields, and its outcome."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        steps = [step async for step in watch]
    assert watch.outcome is not None
    return steps, watch.outcome


async def follow_while(watch: Watch, meanwhile: Coroutine[Any, Any, None]) -> tuple[list[WatchedStep], WatchOutcome]:
    """Follow a watch while something else happens."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(meanwhile)
        return await follow(watch)


async def check_a_run_is_watched_live_and_whole(
    client: Client, agent: str, query: str, parameters: Mapping[str, Any] | None = None
) -> WatchOutcome:
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


async def check_a_run_is_watched_whole_without_live(client: Client, agent: str, query: str) -> WatchOutcome:
    """Without the live channel nothing comes live, and nothing is missing."""
    steps, outcome = await follow(client.run(agent, query, live=False))

    check_each_step_once(steps, outcome)
    assert outcome.status == "complete", outcome
    assert outcome.received_live == 0, outcome
    return outcome


async def check_a_job_is_watched_live_and_whole(
    client: Client, playbook: str, query: str, parameters: Mapping[str, Any] | None = None
) -> WatchOutcome:
    """A job that goes well shows every step of every record once, each of them live, and reads the same afterwards."""
    steps, outcome = await follow(client.job(playbook, query, parameters=parameters))

    check_each_step_of_a_job_once(steps, outcome)
    assert outcome.status == "complete", outcome
    assert outcome.received_live == outcome.recorded, outcome
    await check_a_job_reads_as_it_was_watched(client, steps, outcome)

    again, outcome_again = await follow(client.watch(outcome.request_id))

    check_each_step_of_a_job_once(again, outcome_again)
    assert (outcome_again.status, outcome_again.result) == (outcome.status, outcome.result)
    assert outcome_again.recorded == outcome.recorded
    return outcome


async def check_a_job_is_watched_whole_without_live(client: Client, playbook: str, query: str) -> WatchOutcome:
    """Without the live channel nothing comes live, and nothing is missing."""
    steps, outcome = await follow(client.job(playbook, query, live=False))

    check_each_step_of_a_job_once(steps, outcome)
    assert (outcome.status, outcome.received_live) == ("complete", 0), outcome
    await check_a_job_reads_as_it_was_watched(client, steps, outcome)
    return outcome


async def check_a_job_reads_as_it_was_watched(client: Client, steps: list[WatchedStep], outcome: WatchOutcome) -> None:
    """What was yielded equals the job's record and each of its runs', and nothing else."""
    assert outcome.runs is not None
    yielded = [step for step in steps if step.seq is not None]
    request_ids = [outcome.request_id, *[run.request_id for run in outcome.runs if run.status is not None]]
    for request_id in request_ids:
        record = await client.show(request_id)
        assert [kept(step) for step in record.steps] == [
            kept(each) for each in yielded if each.request_id == request_id
        ]
    assert {step.request_id for step in yielded} <= set(request_ids)
    record = await client.show(outcome.request_id)
    assert (record.status, record.result) == (outcome.status, outcome.result)
    stands = [
        [(run.name, run.attempt, run.request_id, run.status, run.last_seq) for run in each.runs or ()]
        for each in (record, outcome)
    ]
    assert stands[0] == stands[1]


def check_each_step_of_a_job_once(steps: list[WatchedStep], outcome: WatchOutcome) -> None:
    """Every recorded step of the job and of its runs was yielded once, in order per record, and the watch knows it."""
    seqs: dict[str | None, list[int]] = defaultdict(list)
    for step in steps:
        if step.seq is not None:
            seqs[step.request_id].append(step.seq)
    assert all(of_one == list(range(1, len(of_one) + 1)) for of_one in seqs.values()), seqs
    assert sum(map(len, seqs.values())) == outcome.recorded, outcome
    assert outcome.missing == 0, outcome


def check_each_step_once(steps: list[WatchedStep], outcome: WatchOutcome) -> None:
    """Every recorded step was yielded once, in order, and the watch knows it."""
    assert [step.seq for step in steps if step.seq is not None] == list(range(1, outcome.recorded + 1))
    assert outcome.missing == 0, outcome


def kept(step: WatchedStep) -> tuple[Any, ...]:
    """The fields that a step has both live and in the record. Only a status message always names the agent."""
    return (step.seq, step.status, step.message, step.elapsed_seconds, step.timestamp_ms, step.tool_name, step.metadata)

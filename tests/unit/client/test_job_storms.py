"""For any fault of a job's connection, the client yields each record's steps once, in order, to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.contracts.watching_client import check_each_step_of_a_job_once
from tests.fakes.appsync import FakeAppSync
from tests.fakes.appsync_records import FakeJobRun, FakeRecord
from tests.fakes.appsync_server import appsync_server
from tests.unit.client.conftest import REQUEST_ID
from tests.unit.client.test_watch_storms import HASTE, NO_SEQ, Storm, hasty_client, survive_all, take_all

STORMS = 20


class JobStorm(Storm):
    """A job and its watcher's misfortunes, all drawn from one seed."""

    async def strike(self, server: FakeAppSync) -> None:
        """Run a job: stages of runs at once, some of which fail and are run again, or are still stopping at its end."""
        dice, job = self.dice, server.job
        assert job is not None
        server.page_steps = dice.randint(1, 5)
        server.delay_seconds = lambda: dice.choice([0, 0, 0, HASTE.poll])
        server.read_trouble = self.read_trouble
        stopping: list[FakeJobRun] = []
        stages = [job.plan(*(f"{stage}{n}" for n in range(dice.randint(1, 3))), stage=stage) for stage in ("a", "b")]
        for stage in stages:
            await self._tell(server, job, dice.randint(0, 2))
            second = [job.again(run) for run in stage if self.chance(0.3)]
            for run in (*stage, *second):
                run.begin()
                if self.chance(0.15):
                    stopping.append(run)
            await self._at_once(server, [*stage, *second], stopping)
            if stopping:
                break
        await self._end(server, job, "cancelled" if stopping else dice.choice(["complete", "error"]))
        await self._at_once(server, stopping, ())
        server.refuse_live = None

    async def strike_once_it_is_watched(self, server: FakeAppSync) -> None:
        """Strike when somebody watches."""
        server.read_trouble = self.read_trouble
        await server.until(lambda: len(server.reads) >= 2)
        await self.strike(server)

    async def _at_once(self, server: FakeAppSync, runs: Sequence[FakeJobRun], stopping: Sequence[FakeJobRun]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for run in runs:
                tasks.create_task(self._run(server, run, ends=run not in stopping))

    async def _run(self, server: FakeAppSync, run: FakeJobRun, *, ends: bool) -> None:
        await self._tell(server, run, self.dice.randint(0, 6))
        if ends:
            await self._end(server, run, self.dice.choice(["complete", "error", "cancelled"]))

    async def _tell(self, server: FakeAppSync, record: FakeRecord, steps: int) -> None:
        on_their_way: list[int] = []
        for _ in range(steps):
            seq = record.record("thinking", f"step {len(record.steps)} of {record.request_id}")
            on_their_way += [seq] * self.dice.choice([0, 1, 1, 1, 3])
            await self._misfortune(server)
            await self.unrecorded(server, record)
            self.dice.shuffle(on_their_way)
            sent = self.dice.randint(0, len(on_their_way))
            await server.send(*on_their_way[:sent], of=record)
            del on_their_way[: self.dice.randint(0, sent)]
            await self.a_moment(0.4)
        await server.send(*on_their_way, of=record)

    async def _end(self, server: FakeAppSync, record: FakeRecord, status: str) -> None:
        last = record.end(status, result={"of": record.request_id})
        await server.send(*[last] * self.dice.randint(0, 2), of=record)
        await self._misfortune(server)


async def watch_through(seed: int) -> None:
    storm = JobStorm(seed)
    async with appsync_server() as server, hasty_client(server, storm) as client, asyncio.TaskGroup() as tasks:
        server.script, live = storm.strike, storm.chance(0.9)
        server.lost_starts = storm.chance(0.2)
        if storm.chance(0.5):
            watch = client.job("site-assessment", "Where?", job_id=REQUEST_ID, live=live)
        else:
            server.has_job(REQUEST_ID)
            watch = client.watch(REQUEST_ID, live=live)
            tasks.create_task(storm.strike_once_it_is_watched(server))
        steps, outcome = await take_all(watch, storm)

    job = server.job
    assert job is not None
    assert outcome.runs is not None
    assert (outcome.status, outcome.result) == (job.status, job.result)
    assert [run.status for run in outcome.runs if run.status] == [run.status for run in job.runs if run.begun]
    check_each_step_of_a_job_once(steps, outcome)
    for record in (job, *[run for run in job.runs if run.begun]):
        of_one = [step for step in steps if step.request_id == record.request_id]
        assert [step.message for step in of_one if step.seq is None] in ([], [NO_SEQ])
        yielded = [(step.seq, step.message) for step in of_one if step.seq]
        assert yielded == [(step["seq"], step["message"]) for step in record.steps]


@pytest.mark.parametrize("first", [0, pytest.param(STORMS, marks=pytest.mark.long)])
async def test_nothing_of_a_job_is_missed_or_shown_twice_in_any_storm(first):
    await survive_all(watch_through, range(first, first + STORMS))

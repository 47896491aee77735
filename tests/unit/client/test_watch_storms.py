"""For any fault of a connection, the client yields the record's steps once, in order, to the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.api import open_api
from runcast.client.client import Client
from runcast.client.credentials import Credentials
from runcast.client.patience import Patience
from runcast.client.sign_in import Identity
from runcast.client.step import WatchedStep
from runcast.client.watch import Watch
from runcast.client.watch_outcome import WatchOutcome
from runcast.clock import epoch_ms
from runcast.errors import InvalidInput
from tests.contracts.watching_client import DEADLINE_SECONDS, check_each_step_once
from tests.fakes.appsync import HANGS, FakeAppSync
from tests.fakes.appsync_records import FakeRecord, ServiceError
from tests.fakes.appsync_server import appsync_server
from tests.fakes.cognito import ID_TOKEN, TOKEN_LIFETIME_SECONDS, USER_ID

STORMS = 100
A_WAIT = 0.004
NO_SEQ, NO_RECORD_SEQ = "in no record", 1_000
"""What messages without `seq` say, and a `seq` that no record reaches."""
TROUBLES = [
    ServiceError("Unavailable", "The table gave no answer in time. Try again."),
    ServiceError("WAFForbiddenException", "403 Forbidden"),
    ServiceError("NeverHeardOf", "?"),
    {"errors": [{"errorType": None, "message": "No type."}]},
    {"data": {"getAgentProgress": {"success": True}}},
    {"data": {"getAgentProgress": None}},
    [],
]
HASTE = Patience(
    gap=A_WAIT,
    silence=A_WAIT,
    backstop=5 * A_WAIT,
    poll=A_WAIT,
    read=1.0,  # eight storms share an event loop, on a busy machine
    straggler=A_WAIT,
    retry_first=A_WAIT,
    retry_longest=2 * A_WAIT,
)


class Storm:
    """A run and its watcher's misfortunes, all drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        # Half of them allow no time at all for an unreadable record. Then one failure is survived only if the time
        # counts from it, and not from the last success: as if all before it had been a long live phase.
        self.at_once = self.chance(0.5)
        self.patience = replace(HASTE, unreadable=0.0, read=5.0) if self.at_once else HASTE
        self._failed: set[str] = set()

    def chance(self, probability: float) -> bool:
        return self.dice.random() < probability

    async def a_moment(self, probability: float) -> None:
        if self.chance(probability):
            await asyncio.sleep(self.dice.random() * 2 * A_WAIT)

    async def strike(self, server: FakeAppSync) -> None:
        """Run a run: each step is recorded, and goes live at once, late, often, out of order, or never."""
        dice = self.dice
        server.page_steps = dice.randint(1, 5)
        server.delay_seconds = lambda: dice.choice([0, 0, 0, A_WAIT])
        server.read_trouble = self.read_trouble
        on_their_way: list[int] = []
        for number in range(steps := dice.randint(0, 12)):
            on_their_way += [server.record("thinking", f"step {number} of {steps}")] * dice.choice([0, 1, 1, 1, 3])
            await self._misfortune(server)
            await self.unrecorded(server, server)
            dice.shuffle(on_their_way)
            sent = dice.randint(0, len(on_their_way))
            await server.send(*on_their_way[:sent])
            del on_their_way[: dice.randint(0, sent)]
            await self.a_moment(0.4)
        last = server.end(dice.choice(["complete", "error", "cancelled"]), result={"cells": steps})
        await server.send(*on_their_way, *[last] * dice.randint(0, 2))
        await self._misfortune(server)
        server.refuse_live = None

    def read_trouble(self, request_id: str) -> Any:
        """One read fails or hangs; where no time is allowed for that, never two of the same record in a row."""
        if (self.at_once and request_id in self._failed) or not self.chance(0.2):
            self._failed.discard(request_id)
            return None
        self._failed.add(request_id)
        return HANGS if self.chance(0.01 if self.at_once else 0.05) else self.dice.choice(TROUBLES)

    async def unrecorded(self, server: FakeAppSync, of: FakeRecord) -> None:
        """Send what no record holds: messages without `seq`, some twice, and a `seq` that is made up."""
        for _ in range(self.dice.choice([0, 0, 1, 2])):
            await server.send_update(
                requestId=of.request_id, status="validating", message=NO_SEQ, timestamp=None, metadata="no object"
            )
        if self.chance(0.1):
            await server.send_update(requestId=of.request_id, status="thinking", seq=NO_RECORD_SEQ)

    async def _misfortune(self, server: FakeAppSync) -> None:
        if self.chance(0.25):
            server.refuse_live = self.dice.choice([None, "Not now."])
        if self.chance(0.25):
            server.drop()
        if self.chance(0.1):
            await server.end_subscriptions()
        # Once: a token that is refused as soon as it has been issued is a refusal, not a misfortune.
        if self.chance(0.1) and server.token == ID_TOKEN:
            server.replace_token()
        if self.chance(0.2):
            server.liveness = self.dice.choice(["live", "late", "lost", "cancelling"])


@asynccontextmanager
async def hasty_client(server: FakeAppSync, storm: Storm) -> AsyncIterator[Client]:
    """A client that waits for next to nothing, and whose token is renewed without a Cognito."""

    def identity_now() -> Identity:
        return Identity(USER_ID, server.token, TOKEN_LIFETIME_SECONDS, None)

    async def renew(_: Identity) -> Identity:
        return identity_now()

    credentials = Credentials(identity_now(), renew)
    async with open_api(server.url, credentials, AdjustedClock()) as api:
        yield Client(
            server.url,
            credentials,
            api,
            patience=storm.patience,
            notify=lambda _: None,
            random=storm.dice.random,
            now_ms=epoch_ms,
        )


async def take_all(watch: Watch, storm: Storm) -> tuple[list[WatchedStep], WatchOutcome]:
    """Follow a watch, at times slowly."""
    steps = []
    async for step in watch:
        assert watch.outcome is None
        steps.append(step)
        await storm.a_moment(0.2)
    assert watch.outcome is not None
    return steps, watch.outcome


async def survive_all(watch_through: Callable[[int], Awaitable[None]], seeds: Iterable[int]) -> None:
    """Watch through the storms of these seeds, some at once; say which one was not survived."""
    at_once = asyncio.Semaphore(8)

    async def survive(seed: int) -> None:
        async with at_once:
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await watch_through(seed)
            except Exception as error:
                raise AssertionError(f"the storm of seed {seed}: {error!r}") from error

    async with asyncio.TaskGroup() as tasks:
        for seed in seeds:
            tasks.create_task(survive(seed))


async def watch_through(seed: int) -> None:
    storm = Storm(seed)
    async with appsync_server() as server, hasty_client(server, storm) as client:
        server.script = storm.strike
        server.lost_starts = storm.chance(0.2)
        steps, outcome = await take_all(client.run("terrain", "Where?", live=storm.chance(0.95)), storm)

        assert outcome.status == server.status
        assert outcome.result == server.result
        check_each_step_once(steps, outcome)
        assert [step.message for step in steps if step.seq is None] in ([], [NO_SEQ])
        assert [(step.seq, step.message) for step in steps if step.seq] == [
            (step["seq"], step["message"]) for step in server.steps
        ]


@pytest.mark.parametrize("first", [0, pytest.param(STORMS, marks=pytest.mark.long)])
async def test_nothing_is_missed_or_shown_twice_in_any_storm(first):
    await survive_all(watch_through, range(first, first + STORMS))


async def watch_through_to_another(seed: int) -> None:
    storm = Storm(seed)

    async def strike(server: FakeAppSync) -> None:
        for number in range(storm.dice.randint(0, 5)):
            await server.send(*[server.record("thinking", f"step {number}")] * storm.dice.choice([0, 1, 1]))
            await storm.a_moment(0.4)
        server.replace_run()
        await storm.strike(server)

    async with appsync_server() as server, hasty_client(server, storm) as client:
        server.script = strike
        with pytest.raises(InvalidInput, match="another run was started under its id"):
            await take_all(client.run("terrain", "Where?", live=storm.chance(0.95)), storm)


async def test_no_run_is_taken_for_another_under_the_same_id_in_any_storm():
    await survive_all(watch_through_to_another, range(STORMS // 2))

"""Whatever a connection does, the client yields what the record holds: each step once, in order, up to the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from runcast.client.api import open_api
from runcast.client.client import Client
from runcast.client.credentials import Credentials
from runcast.client.outcome import Outcome
from runcast.client.patience import Patience
from runcast.client.sign_in import Identity
from runcast.client.step import WatchedStep
from runcast.client.watch import Watch
from tests.contracts.watching_client import DEADLINE_SECONDS, check_each_step_once
from tests.fakes.appsync_server import ID_TOKEN, TOKEN_LIFETIME_SECONDS, USER_ID, FakeAppSync, appsync_server

STORMS = 200
A_WAIT = 0.004
HASTE = Patience(
    gap=A_WAIT,
    silence=A_WAIT,
    backstop=5 * A_WAIT,
    poll=A_WAIT,
    straggler=A_WAIT,
    retry_first=A_WAIT,
    retry_longest=2 * A_WAIT,
)


class Storm:
    """A run and the misfortunes of whoever watches it, all of them drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

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
        on_their_way: list[int] = []
        for number in range(steps := dice.randint(0, 12)):
            on_their_way += [server.record("thinking", f"step {number} of {steps}")] * dice.choice([0, 1, 1, 1, 3])
            await self._misfortune(server)
            dice.shuffle(on_their_way)
            sent = dice.randint(0, len(on_their_way))
            await server.send(*on_their_way[:sent])
            del on_their_way[: dice.randint(0, sent)]
            await self.a_moment(0.4)
        last = server.end(dice.choice(["complete", "error", "cancelled"]), result={"cells": steps})
        await server.send(*on_their_way, *[last] * dice.randint(0, 2))
        await self._misfortune(server)
        server.refuse_live = None

    async def _misfortune(self, server: FakeAppSync) -> None:
        if self.chance(0.25):
            server.refuse_live = self.dice.choice([None, "Not now."])
        if self.chance(0.25):
            server.drop()
        if self.chance(0.1):
            await server.end_subscriptions()
        if self.chance(0.1):
            server.failing_reads = self.dice.randint(1, 3)
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
    async with open_api(server.url, credentials) as api:
        yield Client(server.url, credentials, api, patience=HASTE, notify=lambda _: None, random=storm.dice.random)


async def take_all(watch: Watch, storm: Storm) -> tuple[list[WatchedStep], Outcome]:
    """Follow a watch, at times slowly."""
    steps = []
    async for step in watch:
        assert watch.outcome is None
        steps.append(step)
        await storm.a_moment(0.2)
    assert watch.outcome is not None
    return steps, watch.outcome


async def survive_all(watch_through: Callable[[int], Awaitable[None]], storms: int) -> None:
    """Watch through as many storms, some at once; say which one was not survived."""
    at_once = asyncio.Semaphore(8)

    async def survive(seed: int) -> None:
        async with at_once:
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await watch_through(seed)
            except Exception as error:
                raise AssertionError(f"the storm of seed {seed}: {error!r}") from error

    async with asyncio.TaskGroup() as tasks:
        for seed in range(storms):
            tasks.create_task(survive(seed))


async def watch_through(seed: int) -> None:
    storm = Storm(seed)
    async with appsync_server() as server, hasty_client(server, storm) as client:
        server.script = storm.strike
        steps, outcome = await take_all(client.run("terrain", "Where?", live=storm.chance(0.95)), storm)

        assert outcome.status == server.status
        assert outcome.result == server.result
        check_each_step_once(steps, outcome)
        assert [(step.seq, step.message) for step in steps] == [(step["seq"], step["message"]) for step in server.steps]


async def test_nothing_is_missed_or_shown_twice_in_any_storm():
    await survive_all(watch_through, STORMS)

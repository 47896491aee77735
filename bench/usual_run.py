"""Watches one run of the usual way (`bench.baseline`) on the local stack, with the subscription of our own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bench.extra_agent import USUAL_AGENT
from local.deployment import client_environment
from local.stack import LocalStack
from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.config import ClientConfig
from runcast.client.live import subscribe
from runcast.client.sign_in import cognito_client, sign_in
from runcast.clock import epoch_ms

_CONNECT_TIMEOUT_SECONDS = 10
_COLD_SECONDS = 60
_QUIET_SECONDS = 5
_LAST_SECONDS = 1


@dataclass(frozen=True)
class UsualRun:
    """What a client saw of one run.

    Attributes:
        late_ms: How long after its step each message came.
        seconds: The time from the first step to the last message.
    """

    late_ms: list[float]
    seconds: float


async def usual_run(stack: LocalStack, work: dict[str, Any]) -> UsualRun:
    """Start one run and watch it, until no message has come for a while: a short one after the end, others may follow.

    Args:
        stack: The local stack, with `bench.extra_agent.add_usual_agent`.
        work: What `bench.baseline.agent` is asked to do.
    """
    request_id = str(uuid4())
    received: list[tuple[float, int]] = []
    heard = asyncio.Event()
    patience_seconds = _COLD_SECONDS

    def hear(message: dict[str, Any]) -> None:
        nonlocal patience_seconds
        received.append((epoch_ms(), message["timestamp"]))
        patience_seconds = _LAST_SECONDS if message["status"] == "complete" else min(patience_seconds, _QUIET_SECONDS)
        heard.set()

    async with heard_by_alice(stack, request_id, hear) as owner:
        event = {**work, "requestId": request_id, **owner}
        functions = stack.client("lambda")
        functions.invoke(FunctionName=USUAL_AGENT, InvocationType="Event", Payload=json.dumps(event).encode())
        while True:
            try:
                await asyncio.wait_for(heard.wait(), patience_seconds)
            except TimeoutError:
                break
            heard.clear()
    late_ms = [came_ms - recorded_ms for came_ms, recorded_ms in received]
    return UsualRun(late_ms, (received[-1][0] - min(recorded for _, recorded in received)) / 1000)


@asynccontextmanager
async def heard_by_alice(
    stack: LocalStack, request_id: str, hear: Callable[[dict[str, Any]], None]
) -> AsyncIterator[dict[str, str]]:
    """Subscribe a user to a run's messages, and yield the user's `userId` and `tenantId`."""
    user = next(user for user in stack.state.users if user.name == "alice")
    config = ClientConfig.from_environment(client_environment(stack.state, user))
    identity = sign_in(cognito_client(config, AdjustedClock()), config)
    subscription = await subscribe(
        identity,
        hear,
        graphql_url=config.graphql_url,
        what={"requestId": request_id},
        timeout_seconds=_CONNECT_TIMEOUT_SECONDS,
    )
    try:
        yield {"userId": identity.user_id, "tenantId": user.tenant}
    finally:
        await subscription.close()

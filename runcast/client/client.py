"""The client that a program uses: sign in once, then start, watch and read runs.

async with connect(ClientConfig.from_environment()) as client:
    watch = client.run("terrain", "Where could a wind farm be built?")
    async for step in watch:
        print(step.seq, step.status, step.message)
    print(watch.outcome)
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import boto3

from runcast.client.api import Api, StartedRun, open_api
from runcast.client.config import ClientConfig
from runcast.client.live import subscribe
from runcast.client.sign_in import COGNITO_CLIENT_CONFIG, Identity, sign_in
from runcast.client.step import Progress
from runcast.client.watch import Patience, Watch

logger = logging.getLogger(__name__)


class Client:
    """Runcast, as one user. Make it with `connect()`."""

    def __init__(
        self, graphql_url: str, identity: Identity, api: Api, *, patience: Patience, notify: Callable[[str], None]
    ) -> None:
        self._graphql_url = graphql_url
        self._identity = identity
        self._api = api
        self._patience = patience
        self._notify = notify

    def run(
        self,
        agent: str,
        query: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        live: bool = True,
        timeout_seconds: float | None = None,
    ) -> Watch:
        """Start a run and watch it. It is started when the iteration begins, after the live connection stands.

        Args:
            agent: Which agent.
            query: What it shall do.
            parameters: Its parameters, JSON.
            request_id: The run's id, a UUID; one's own used id watches that run instead. None makes one.
            live: Whether to use the live channel; False only reads the record.
            timeout_seconds: How long to watch at most.

        Returns:
            The watch. Iterating raises what `Api.start_agent_run` and `Api.get_agent_progress` raise.
        """
        chosen_id = request_id or str(uuid.uuid4())
        start = partial(self._api.start_agent_run, agent, query, parameters=parameters, request_id=chosen_id)
        return self._watch(chosen_id, start=start, live=live, timeout_seconds=timeout_seconds)

    def watch(self, request_id: str, *, live: bool = True, timeout_seconds: float | None = None) -> Watch:
        """Watch a run that was started before, from its first step on. Arguments and errors as for `run()`."""
        return self._watch(request_id, start=None, live=live, timeout_seconds=timeout_seconds)

    async def show(self, request_id: str) -> Progress:
        """Read a run's whole record as it is now.

        Raises:
            InvalidInput: There is no such run of this user.
            Unauthorized: The token is not accepted.
            Unavailable: No answer, or a failure.
        """
        progress = await self._api.get_agent_progress(request_id)
        steps = list(progress.steps)
        while not progress.whole:
            progress = await self._api.get_agent_progress(request_id, after_seq=progress.last_seq)
            steps += progress.steps
        return replace(progress, after_seq=0, steps=tuple(steps))

    def _watch(
        self,
        request_id: str,
        *,
        start: Callable[[], Awaitable[StartedRun]] | None,
        live: bool,
        timeout_seconds: float | None,
    ) -> Watch:
        connect_live = partial(
            subscribe, self._graphql_url, self._identity, request_id, timeout_seconds=self._patience.connect
        )
        return Watch(
            self._api,
            request_id,
            subscribe=connect_live if live else None,
            start=start,
            patience=self._patience,
            timeout_seconds=timeout_seconds,
            notify=self._notify,
        )


@asynccontextmanager
async def connect(
    config: ClientConfig, *, patience: Patience | None = None, notify: Callable[[str], None] = logger.warning
) -> AsyncIterator[Client]:
    """Sign in, and stay connected for as long as the block lasts.

    Args:
        config: Where, and as whom.
        patience: How long to wait for what, where the defaults do not do.
        notify: Told, in a sentence, when a live connection or a read fails and what is done instead.

    Raises:
        Unauthorized: Cognito refuses this user or password.
        Unavailable: Cognito cannot be reached, or failed.
        RuncastError: The configuration does not fit the user pool.
    """
    identity = await asyncio.to_thread(_sign_in, config)
    async with open_api(config.graphql_url, identity) as api:
        yield Client(config.graphql_url, identity, api, patience=patience or Patience(), notify=notify)


def _sign_in(config: ClientConfig) -> Identity:
    return sign_in(boto3.client("cognito-idp", region_name=config.region, config=COGNITO_CLIENT_CONFIG), config)

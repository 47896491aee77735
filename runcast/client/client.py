"""The client for programs: sign in once, then start, watch, read, answer, list and cancel runs and jobs.

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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import random as uniform
from typing import Any

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.api import Api, open_api
from runcast.client.config import ClientConfig, TokenConfig
from runcast.client.connection import Connection
from runcast.client.conversation import Conversation, ListedConversation
from runcast.client.credentials import Credentials
from runcast.client.fetch import fetch_result
from runcast.client.job import ResultLink
from runcast.client.listed import ListedRun, RunState, Startable, StartAnswer
from runcast.client.live import subscribe
from runcast.client.paging import delete_all, listed, whole_record
from runcast.client.patience import Patience
from runcast.client.retrying import Answer, Failures, ask_until_answered
from runcast.client.sign_in import Identity, cognito_client, renew, sign_in, signed_in
from runcast.client.step import Progress
from runcast.client.upload import content_type_of, send_file
from runcast.client.watch import Watch
from runcast.clock import epoch_ms
from runcast.errors import InvalidInput
from runcast.record.ids import canonical_id

logger = logging.getLogger(__name__)


class Client:
    """Runcast's API for one user. Create it with `connect()`.

    Attributes:
        now_ms: Returns the server's time (epoch ms), for ages and elapsed times.
    """

    def __init__(
        self,
        graphql_url: str,
        credentials: Credentials,
        api: Api,
        *,
        patience: Patience,
        notify: Callable[[str], None],
        random: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self.now_ms = now_ms
        self._graphql_url = graphql_url
        self._credentials = credentials
        self._api = api
        self._patience = patience
        self._notify = notify
        self._random = random

    def run(
        self,
        agent: str,
        query: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        conversation_id: str | None = None,
        branch_from: str | None = None,
        attachments: Sequence[str] = (),
        live: bool = True,
        timeout_seconds: float | None = None,
    ) -> Watch:
        """Start a run and watch it. The run starts when the iteration begins, once the live connection is ready.

        Args:
            agent: The agent.
            query: The request, in words.
            parameters: Its parameters, JSON.
            request_id: The run's id, a UUID. If the caller already used the id, watches that run. None generates one.
            conversation_id: The conversation that the run continues, a UUID. An unknown one starts a new conversation.
            branch_from: The id of a complete run of a conversation, from which a new conversation begins.
            attachments: The ids of files for the agent, from `upload()`.
            live: Whether to use the live channel; False only reads the record.
            timeout_seconds: How long to watch at most.

        Returns:
            The watch. Iterating raises the errors of `Api.start_agent_run` and `Api.get_agent_progress`.

        Raises:
            InvalidInput: `request_id` is not text of 1 to 128 characters without '#'.
        """
        chosen_id = request_id or str(uuid.uuid4())
        start = partial(
            self._api.start_agent_run,
            agent,
            query,
            parameters=parameters,
            request_id=chosen_id,
            conversation_id=conversation_id,
            branch_from=branch_from,
            attachments=attachments,
        )
        return self._watch(chosen_id, is_job=False, start=start, live=live, timeout_seconds=timeout_seconds)

    async def upload(self, path: Path) -> str:
        """Upload a file, and return its id, with which `run()` names it.

        Raises:
            InvalidInput: The file cannot be read, or has a type or a size that is not allowed.
            TooManyRequests: The user or the tenant is over a limit.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        try:
            size_bytes = path.stat().st_size
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
        upload = await self._ask(partial(self._api.create_upload, path.name, content_type_of(path), size_bytes))
        await send_file(upload, path)
        return upload.attachment_id

    def job(
        self,
        playbook: str,
        query: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        job_id: str | None = None,
        live: bool = True,
        timeout_seconds: float | None = None,
    ) -> Watch:
        """Start a job and watch it with all its runs. The job starts when the iteration begins, as in `run()`.

        Args:
            playbook: The playbook.
            query: The request, in words.
            parameters: Parameters for all its agents, JSON.
            job_id: The job's id, a UUID. If the caller already used the id, watches that job. None generates one.
            live: Whether to use the live channel; False only reads the records.
            timeout_seconds: How long to watch at most.

        Returns:
            The watch. Iterating raises the errors of `Api.start_job` and `Api.get_agent_progress`.

        Raises:
            InvalidInput: `job_id` is not text of 1 to 128 characters without '#'.
        """
        chosen_id = job_id or str(uuid.uuid4())
        start = partial(self._api.start_job, playbook, query, parameters=parameters, job_id=chosen_id)
        return self._watch(chosen_id, is_job=True, start=start, live=live, timeout_seconds=timeout_seconds)

    def watch(self, request_id: str, *, live: bool = True, timeout_seconds: float | None = None) -> Watch:
        """Watch an existing run or job from its first step on. Arguments and errors as for `run()`."""
        return self._watch(request_id, is_job=None, start=None, live=live, timeout_seconds=timeout_seconds)

    async def rerun(self, request_id: str, *, live: bool = True, timeout_seconds: float | None = None) -> Watch:
        """Start an earlier run or job again with the same input, and return a watch of the new one.

        Raises:
            InvalidInput: The user has no such run or job, or its input is not stored.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the new run may have been started, and `runs` then lists it.
        """
        new_id = str(uuid.uuid4())
        await self._ask(partial(self._api.rerun, request_id, request_id=new_id))
        return self.watch(new_id, live=live, timeout_seconds=timeout_seconds)

    async def show(self, request_id: str) -> Progress:
        """Read the current record of a run or job. A job's record has its runs' statuses; each run has its own record.

        Raises:
            InvalidInput: The user has no such run or job.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """

        async def read(after_seq: int) -> Progress:
            return await self._ask(partial(self._api.get_agent_progress, request_id, after_seq=after_seq))

        return await whole_record(read)

    async def fetch_result(self, link: ResultLink) -> Any:
        """Fetch a job's result that is too large for its record; `show()` returns a new link after one has expired.

        Raises:
            InvalidInput: The link has expired, or it is not a link to a result.
            Unavailable: No answer, or a failure.
        """
        return await fetch_result(link)

    async def cancel(self, request_id: str) -> RunState:
        """Cancel a run, or a job with its runs. Idempotent. To see the workers stop, watch it.

        Raises:
            InvalidInput: The user has no such run or job.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the run may still be cancelled.
        """
        return await self._ask(partial(self._api.cancel_agent_run, request_id))

    async def answer(self, request_id: str, answers: Mapping[str, Any]) -> RunState:
        """Answer all open questions of a waiting run, which then continues. Idempotent. To see it continue, watch it.

        Args:
            request_id: The run.
            answers: The answers, any JSON but null, by the ids of the questions (`Progress.questions`).

        Raises:
            InvalidInput: The user has no such run, an answer is missing or has an unknown id, or the answers are over
                their limit.
            Conflict: The run does not wait for an answer, or has been answered differently.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the run may still have been answered.
        """
        return await self._ask(partial(self._api.answer_agent_run, request_id, answers))

    async def delete_runs(self) -> int:
        """Delete what is stored of all of the user's runs, jobs and conversations; return how many were deleted.

        Runs in progress are cancelled first, and deleted once their worker has stopped, which a long tool call delays.
        A run that was started in the last seconds may be missed.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: There was no answer for too long; some runs may be deleted.
        """
        return await delete_all(partial(self._ask, self._api.delete_my_runs), pause_seconds=self._patience.poll)

    async def agents(self) -> list[Startable]:
        """List the agents, and then the playbooks, that can be started.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        return await self._ask(self._api.list_agents)

    async def runs(
        self, *, limit: int | None = None, status: str | None = None, agent: str | None = None
    ) -> AsyncIterator[ListedRun]:
        """List this user's runs and jobs, newest first; pages are read on demand. A new run may still be missing.

        Args:
            limit: How many at most, from 1 on; None means all.
            status: Only those with this status, such as `error`.
            agent: Only those of this agent; the agent of a job is `orchestrator`.

        Raises:
            InvalidInput: `status` is no status, or `agent` is too long.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        async for run in self._listed(partial(self._api.list_agent_runs, status=status, agent=agent), limit):
            yield run

    async def conversations(self, *, limit: int | None = None) -> AsyncIterator[ListedConversation]:
        """List this user's conversations, the one with the newest turn first; pages are read on demand.

        Args:
            limit: How many at most, from 1 on; None means all.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        async for each in self._listed(self._api.list_conversations, limit):
            yield each

    async def conversation(self, conversation_id: str) -> Conversation:
        """Read a conversation with its messages and runs.

        Raises:
            InvalidInput: The user has no such conversation.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        return await self._ask(partial(self._api.get_conversation, conversation_id))

    async def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation and its messages. Idempotent. The records of its runs stay until they expire.

        Raises:
            InvalidInput: The user has no such conversation.
            Conflict: It has an open run.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the conversation may still be deleted.
        """
        await self._ask(partial(self._api.delete_conversation, conversation_id))

    def _listed(
        self, page: Callable[..., Awaitable[tuple[list[Answer], str | None]]], limit: int | None
    ) -> AsyncIterator[Answer]:
        """Return the entries of a list, at most `limit`; `page` returns one page and the next page's cursor."""

        async def read(wanted: int | None, cursor: str | None) -> tuple[list[Answer], str | None]:
            return await self._ask(partial(page, limit=wanted, cursor=cursor))

        return listed(read, limit)

    async def _ask(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        return await ask_until_answered(ask, Failures(self._patience, self._random), notify=self._notify)

    def _watch(
        self,
        request_id: str,
        *,
        is_job: bool | None,
        start: Callable[[], Awaitable[StartAnswer]] | None,
        live: bool,
        timeout_seconds: float | None,
    ) -> Watch:
        # Use the API's canonical spelling: live messages have it, and subscriptions compare text.
        request_id = canonical_id("jobId" if is_job else "requestId", request_id)
        return Watch(
            self._api,
            request_id,
            is_job=is_job,
            connection=partial(self._connection, request_id) if live else None,
            start=start,
            patience=self._patience,
            timeout_seconds=timeout_seconds,
            notify=self._notify,
            random=self._random,
            now_ms=self.now_ms,
        )

    def _connection(self, request_id: str, is_job: bool, wake: Callable[[], None]) -> Connection:
        subscribe_to_it = partial(
            subscribe,
            graphql_url=self._graphql_url,
            what={"jobId" if is_job else "requestId": request_id},
            timeout_seconds=self._patience.connect,
        )
        return Connection(
            subscribe_to_it,
            self._credentials,
            patience=self._patience,
            notify=self._notify,
            random=self._random,
            wake=wake,
        )


@asynccontextmanager
async def connect(
    config: ClientConfig | TokenConfig,
    *,
    patience: Patience | None = None,
    notify: Callable[[str], None] = logger.warning,
    random: Callable[[], float] = uniform,
    local_ms: Callable[[], int] = epoch_ms,
) -> AsyncIterator[Client]:
    """Sign in, and stay signed in and connected until the end of the block.

    Args:
        config: The deployment and the user, or what returns the user's tokens.
        patience: Timeouts, if the defaults do not fit.
        notify: Called with a sentence when a connection, a read or a worker fails. It says how the client continues.
        random: Returns a number from 0 to 1, for the pauses between attempts.
        local_ms: This machine's wall clock (epoch ms). The client corrects it by the server's responses.

    Raises:
        Unauthorized: Cognito refuses this user or password.
        Unavailable: Cognito cannot be reached, or failed.
        RuncastError: The configuration does not match the user pool.
    """
    clock = AdjustedClock(local_ms)
    cognito = None if isinstance(config, TokenConfig) else await asyncio.to_thread(cognito_client, config, clock)

    async def renewed(identity: Identity | None) -> Identity:
        if isinstance(config, TokenConfig):
            return await asyncio.to_thread(signed_in, config)
        if identity is None:
            return await asyncio.to_thread(sign_in, cognito, config)
        return await asyncio.to_thread(renew, cognito, config, identity)

    credentials = Credentials(await renewed(None), renewed, now_ms=clock)
    async with open_api(config.graphql_url, credentials, clock) as api:
        yield Client(
            config.graphql_url,
            credentials,
            api,
            patience=patience or Patience(),
            notify=notify,
            random=random,
            now_ms=clock,
        )

"""The client's GraphQL requests over HTTP, and the mapping of their responses and errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import aiohttp
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportError, TransportProtocolError, TransportServerError

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.conversation import Conversation, ListedConversation
from runcast.client.credentials import Credentials
from runcast.client.documents import document
from runcast.client.listed import ListedRun, RunState, Startable, StartAnswer
from runcast.client.sign_in import Identity
from runcast.client.step import Progress
from runcast.errors import (
    Conflict,
    InvalidInput,
    RuncastError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from runcast.json_text import json_text
from runcast.parameters import checked_answers, checked_parameters
from runcast.text import shortened

Answer = TypeVar("Answer")

# A resolver may take 30 s, but none of these takes longer than a Lambda's cold start.
# Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html
_REQUEST_TIMEOUT_SECONDS = 30

_ERRORS: dict[str, type[RuncastError]] = {
    "BadRequest": InvalidInput,
    "Conflict": Conflict,
    "Unauthorized": Unauthorized,
    "UnauthorizedException": Unauthorized,
    "Unavailable": Unavailable,
    "InternalFailure": Unavailable,
}
"""By `errorType`. AppSync, the layers in front of it, and newer servers have many more types; all of those are
retried."""
_REASON_MAX_CHARACTERS = 300
# If the server refuses a start and does not say for how long. The limits count by the minute.
_RETRY_AFTER_SECONDS = 60

# Request Timeout, Too Early, Too Many Requests: a retry of the same request may succeed.
_LATER_CODES = (408, 425, 429)
# The connection to the service, or through the proxy, failed.
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL)


class Api:
    """Runcast's queries and mutations for one user. Create it with `open_api()`."""

    def __init__(self, transport: AIOHTTPTransport, credentials: Credentials, clock: AdjustedClock) -> None:
        self._clock = clock
        self._transport = transport
        self._credentials = credentials

    async def start_agent_run(
        self,
        agent: str,
        query: str,
        *,
        parameters: Mapping[str, Any] | None,
        request_id: str,
        conversation_id: str | None = None,
        branch_from: str | None = None,
    ) -> StartAnswer:
        """Start a run under a chosen id. Idempotent: if the caller already used the id, returns that run.

        Raises:
            InvalidInput: The agent is unknown, an input is over its limit, or no conversation can begin from
                `branch_from`.
            Conflict: Another user has used the id, or the conversation has an open run or is with another agent.
            TooManyRequests: The user or the tenant is over a limit; nothing was started.
            Unauthorized: Even a new token is refused.
            Unreachable: The request did not reach the service; nothing was started.
            Unavailable: No answer, or a failure; the run may still have been started.
        """
        variables = {
            "agent": agent,
            "query": query,
            "parameters": _json_text(parameters),
            "requestId": request_id,
        }
        conversation = {"conversationId": conversation_id, "branchFrom": branch_from}
        variables |= {name: value for name, value in conversation.items() if value is not None}
        return await self._ask("startAgentRun", variables, StartAnswer.from_answer)

    async def rerun(self, rerun_of: str, *, request_id: str) -> StartAnswer:
        """Start a run or a job with the input of an earlier one, under a chosen id. Idempotent as `start_agent_run`.

        Raises:
            InvalidInput: The user has no such run or job, or its input is not stored.
            Conflict: Another user has used the id.
            TooManyRequests: The user or the tenant is over a limit; nothing was started.
            Unauthorized: Even a new token is refused.
            Unreachable: The request did not reach the service; nothing was started.
            Unavailable: No answer, or a failure; the run may still have been started.
        """
        variables = {"rerunOf": rerun_of, "requestId": request_id}
        return await self._ask("startAgentRun", variables, StartAnswer.from_answer)

    async def start_job(
        self, playbook: str, query: str, *, parameters: Mapping[str, Any] | None, job_id: str
    ) -> StartAnswer:
        """Start a job under a chosen id. Idempotent: if the caller already used the id, returns that job.

        Raises:
            InvalidInput: The playbook is unknown, or an input is over its limit.
            Conflict: Another user has used the id.
            TooManyRequests: The user or the tenant is over a limit; nothing was started.
            Unauthorized: Even a new token is refused.
            Unreachable: The request did not reach the service; nothing was started.
            Unavailable: No answer, or a failure; the job may still have been started.
        """
        variables = {"playbook": playbook, "query": query, "parameters": _json_text(parameters), "jobId": job_id}
        return await self._ask("startJob", variables, StartAnswer.from_answer)

    async def get_agent_progress(self, request_id: str, *, after_seq: int = 0) -> Progress:
        """Read the steps of a run or a job after `after_seq`, as many as fit in one answer.

        Raises:
            InvalidInput: The user has no such run.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """

        def progress(answer: Mapping[str, Any]) -> Progress:
            _require_found(answer, request_id)
            return Progress.from_answer(answer, after_seq)

        return await self._ask("getAgentProgress", {"requestId": request_id, "afterSeq": after_seq}, progress)

    async def cancel_agent_run(self, request_id: str) -> RunState:
        """Cancel a run, ask its worker to stop, or cancel a job with its runs. Idempotent.

        Raises:
            InvalidInput: The user has no such run.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the run may still be cancelled.
        """
        return await self._ask("cancelAgentRun", {"requestId": request_id}, partial(_state, request_id))

    async def delete_my_runs(self) -> tuple[int, bool]:
        """Delete what is stored of the user's newest runs and jobs. Idempotent.

        Returns:
            How many were deleted, and whether there may be more.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; some runs may be deleted.
        """
        return await self._ask("deleteMyRuns", {}, lambda answer: (answer["deleted"], answer["remaining"]))

    async def answer_agent_run(self, request_id: str, answers: Mapping[str, Any]) -> RunState:
        """Answer all open questions of a run. Idempotent.

        Args:
            request_id: The run.
            answers: The answers, any JSON but null, by the ids of their questions.

        Raises:
            InvalidInput: The user has no such run, an answer is missing or has an unknown id, or the answers are over
                their limit.
            Conflict: The run does not wait for an answer, or has been answered differently.
            TooManyRequests: The user or the tenant has too many runs in progress; nothing was done.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the run may still have been answered.
        """
        variables = {"requestId": request_id, "answers": json_text(checked_answers(answers))}
        return await self._ask("answerAgentRun", variables, partial(_state, request_id))

    async def list_agent_runs(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        agent: str | None = None,
    ) -> tuple[list[ListedRun], str | None]:
        """List this user's runs and jobs, newest first, as many as fit in one answer.

        Returns:
            The runs, and the `cursor` of the next page, None when there are no more.

        Raises:
            InvalidInput: `limit` is not from 1 to 50, `status` is no status, or `cursor` is not from an earlier answer
                with the same `status` and `agent`.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        variables = {"limit": limit, "cursor": cursor, "status": status, "agent": agent}

        def page(answer: Mapping[str, Any]) -> tuple[list[ListedRun], str | None]:
            return [ListedRun.from_answer(run) for run in answer["runs"]], answer["nextCursor"]

        return await self._ask("listAgentRuns", variables, page)

    async def list_conversations(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> tuple[list[ListedConversation], str | None]:
        """List this user's conversations, the one with the newest turn first, as many as fit in one answer.

        Returns:
            The conversations, and the `cursor` of the next page, None when there are no more.

        Raises:
            InvalidInput: `limit` is not from 1 to 50, or `cursor` is not from an earlier answer.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """

        def page(answer: Mapping[str, Any]) -> tuple[list[ListedConversation], str | None]:
            return [ListedConversation.from_answer(each) for each in answer["conversations"]], answer["nextCursor"]

        return await self._ask("listConversations", {"limit": limit, "cursor": cursor}, page)

    async def get_conversation(self, conversation_id: str) -> Conversation:
        """Read a conversation with its messages and runs.

        Raises:
            InvalidInput: The user has no such conversation.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """

        def content(answer: Mapping[str, Any]) -> Conversation:
            _require_found(answer, conversation_id)
            return Conversation.from_answer(answer)

        return await self._ask("getConversation", {"conversationId": conversation_id}, content)

    async def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation and its messages. Idempotent.

        Raises:
            InvalidInput: The user has no such conversation.
            Conflict: It has an open run.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the conversation may still be deleted.
        """
        variables = {"conversationId": conversation_id}
        await self._ask("deleteConversation", variables, lambda answer: _require_found(answer, conversation_id))

    async def list_agents(self) -> list[Startable]:
        """List the agents, and then the playbooks, that can be started.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """

        def startable(answer: Mapping[str, Any]) -> list[Startable]:
            agents = [
                Startable("agent", each["name"], each["description"], json.loads(each["parametersSchema"] or "null"))
                for each in answer["agents"]
            ]
            return agents + [Startable("playbook", each["name"], each["description"]) for each in answer["playbooks"]]

        return await self._ask("listAgents", {}, startable)

    async def _ask(self, field: str, variables: Mapping[str, Any], read: Callable[[Any], Answer]) -> Answer:
        """Send a request, and return its answer as converted by `read`."""
        identity = await self._credentials.valid()
        try:
            return await self._ask_as(identity, field, variables, read)
        except Unauthorized:
            # A token may be revoked early. A refused request had no effect, so a retry is safe.
            return await self._ask_as(await self._credentials.instead_of(identity), field, variables, read)

    async def _ask_as(
        self, identity: Identity, field: str, variables: Mapping[str, Any], read: Callable[[Any], Answer]
    ) -> Answer:
        request = GraphQLRequest(document(field), variable_values=dict(variables))
        headers = {"Authorization": identity.id_token}
        asked_ms = self._clock.local_ms()
        try:
            result = await self._transport.execute(request, extra_args={"headers": headers})
            self._clock.take(self._header("Date"), asked_ms=asked_ms)
        except TransportError as error:
            raise self._unanswered(error) from error
        try:
            # Partial data next to errors does not count as an answer.
            if result.errors:
                raise _as_runcast_error(result.errors[0])
            return read((result.data or {})[field])
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise Unavailable(f"{self._transport.url} gave a malformed answer: {error!r}") from error

    def _unanswered(self, error: TransportError) -> Unavailable:
        url, reason = (
            self._transport.url,
            shortened(str(error) or type(error.__cause__ or error).__name__, _REASON_MAX_CHARACTERS),
        )
        if isinstance(error.__cause__, _NOT_CONNECTED):
            return Unreachable(f"{url} cannot be reached: {reason}")
        code = error.code if isinstance(error, TransportServerError) else None
        refused = code is not None and code < 500 and code not in _LATER_CODES
        if refused or (isinstance(error, TransportProtocolError) and "json" not in self._header("Content-Type")):
            # The server is not a GraphQL API, or it refused the request unread.
            return Unreachable(f"{url} did not take the request: {reason} Check RUNCAST_GRAPHQL_URL.")
        return Unavailable(f"{url} gave no answer: {reason}")

    def _header(self, name: str) -> str:
        """Return a header of the last response; empty if it is missing."""
        headers = self._transport.response_headers
        return "" if headers is None else headers.get(name, "")


@asynccontextmanager
async def open_api(graphql_url: str, credentials: Credentials, clock: AdjustedClock) -> AsyncIterator[Api]:
    """Open the HTTP connection for one user; it closes at the end of the block."""
    transport = AIOHTTPTransport(
        url=graphql_url,
        timeout=_REQUEST_TIMEOUT_SECONDS,
        # Use the environment's proxy settings, as the WebSocket and the sign-in do.
        client_session_args={"trust_env": True},
    )
    await transport.connect()
    try:
        yield Api(transport, credentials, clock)
    finally:
        await transport.close()


def _json_text(parameters: Mapping[str, Any] | None) -> str | None:
    return None if parameters is None else json_text(checked_parameters(parameters))


def _state(request_id: str, answer: Mapping[str, Any]) -> RunState:
    _require_found(answer, request_id)
    return RunState.from_answer(answer)


def _require_found(answer: Mapping[str, Any], request_id: str) -> None:
    if not answer["success"]:
        raise InvalidInput(f"{request_id}: {answer['error']}")


def _as_runcast_error(error: Any) -> RuncastError:
    # gql types these as GraphQLError, but passes on the response's own objects.
    kind, message = error.get("errorType"), str(error.get("message"))
    if kind == "TooManyRequests":
        retry_after = (error.get("errorInfo") or {}).get("retryAfter")
        return TooManyRequests(message, retry_after if isinstance(retry_after, int) else _RETRY_AFTER_SECONDS)
    return _ERRORS.get(kind, Unavailable)(message if kind in _ERRORS or not kind else f"{kind}: {message}")

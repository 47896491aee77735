"""The questions that the client asks over HTTP, and what their answers and refusals mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportError

from runcast.client.credentials import Credentials
from runcast.client.documents import document
from runcast.client.listed import CancelAnswer, ListedRun
from runcast.client.sign_in import Identity
from runcast.client.step import Progress
from runcast.errors import Conflict, InvalidInput, RuncastError, Unauthorized, Unavailable
from runcast.json_text import json_text
from runcast.parameters import checked_parameters

# A resolver may take 30 s, but none of these does more than a Lambda's cold start.
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


class Api:
    """Runcast's queries and mutations, as one user. Make it with `open_api()`."""

    def __init__(self, transport: AIOHTTPTransport, credentials: Credentials) -> None:
        self._transport = transport
        self._credentials = credentials

    async def start_agent_run(
        self, agent: str, query: str, *, parameters: Mapping[str, Any] | None, request_id: str
    ) -> int:
        """Start a run under an id chosen here; one's own used id gives that run again.

        Returns:
            When it was started (epoch ms).

        Raises:
            InvalidInput: The agent is unknown, or an input is over its limit.
            Conflict: The id is somebody else's.
            Unauthorized: No token is accepted, not even a new one.
            Unavailable: No answer, or a failure; the run may have been started all the same.
        """
        variables = {"agent": agent, "query": query, "parameters": _json_text(parameters), "requestId": request_id}
        answer = await self._ask("startAgentRun", variables)
        return int(answer["createdAt"])

    async def start_job(self, playbook: str, query: str, *, parameters: Mapping[str, Any] | None, job_id: str) -> int:
        """Start a job under an id chosen here; one's own used id gives that job again.

        Returns:
            When it was started (epoch ms).

        Raises:
            InvalidInput: The playbook is unknown, or an input is over its limit.
            Conflict: The id is somebody else's.
            Unauthorized: No token is accepted, not even a new one.
            Unavailable: No answer, or a failure; the job may have been started all the same.
        """
        variables = {"playbook": playbook, "query": query, "parameters": _json_text(parameters), "jobId": job_id}
        answer = await self._ask("startJob", variables)
        return int(answer["createdAt"])

    async def get_agent_progress(self, request_id: str, *, after_seq: int = 0) -> Progress:
        """Read a run's or a job's steps after `after_seq`, as many as one answer holds.

        Raises:
            InvalidInput: There is no such run of this user.
            Unauthorized: No token is accepted, not even a new one.
            Unavailable: No answer, or a failure.
        """
        answer = await self._ask("getAgentProgress", {"requestId": request_id, "afterSeq": after_seq})
        if not answer["success"]:
            raise InvalidInput(f"{request_id}: {answer['error']}")
        return Progress.from_answer(answer, after_seq)

    async def cancel_agent_run(self, request_id: str) -> CancelAnswer:
        """Cancel a run, or ask its worker to stop, or a job with its runs; asking again changes nothing.

        Raises:
            InvalidInput: There is no such run of this user.
            Unauthorized: No token is accepted, not even a new one.
            Unavailable: No answer, or a failure; the run may be cancelled all the same.
        """
        answer = await self._ask("cancelAgentRun", {"requestId": request_id})
        if not answer["success"]:
            raise InvalidInput(f"{request_id}: {answer['error']}")
        return CancelAnswer.from_answer(answer)

    async def list_agent_runs(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> tuple[list[ListedRun], str | None]:
        """List this user's runs and jobs, newest first, as many as one answer holds.

        Returns:
            The runs, and the `cursor` to go on with, None when there are no more.

        Raises:
            InvalidInput: `limit` is not from 1 to 50, or `cursor` is not from an earlier answer.
            Unauthorized: No token is accepted, not even a new one.
            Unavailable: No answer, or a failure.
        """
        answer = await self._ask("listAgentRuns", {"limit": limit, "cursor": cursor})
        return [ListedRun.from_answer(run) for run in answer["runs"]], answer["nextCursor"]

    async def _ask(self, field: str, variables: Mapping[str, Any]) -> Any:
        identity = await self._credentials.valid()
        try:
            return await self._ask_as(identity, field, variables)
        except Unauthorized:
            # A token may be refused before its time. What was refused was not done, so it may be asked again.
            return await self._ask_as(await self._credentials.instead_of(identity), field, variables)

    async def _ask_as(self, identity: Identity, field: str, variables: Mapping[str, Any]) -> Any:
        request = GraphQLRequest(document(field), variable_values=dict(variables))
        headers = {"Authorization": identity.id_token}
        try:
            result = await self._transport.execute(request, extra_args={"headers": headers})
        except TransportError as error:
            raise Unavailable(f"{self._transport.url} gave no answer: {str(error) or type(error).__name__}") from error
        if result.errors:
            raise _as_runcast_error(result.errors[0])
        return (result.data or {})[field]


@asynccontextmanager
async def open_api(graphql_url: str, credentials: Credentials) -> AsyncIterator[Api]:
    """Open the HTTP side for one user, for as long as the block lasts."""
    transport = AIOHTTPTransport(
        url=graphql_url,
        timeout=_REQUEST_TIMEOUT_SECONDS,
        # The proxy settings of the environment hold for the other two wires, so they hold for this one.
        client_session_args={"trust_env": True},
    )
    await transport.connect()
    try:
        yield Api(transport, credentials)
    finally:
        await transport.close()


def _json_text(parameters: Mapping[str, Any] | None) -> str | None:
    return None if parameters is None else json_text(checked_parameters(parameters))


def _as_runcast_error(error: Any) -> RuncastError:
    # gql types these as GraphQLError, but hands on the answer's own objects.
    kind, message = str(error.get("errorType")), str(error.get("message"))
    return _ERRORS.get(kind, RuncastError)(message if kind in _ERRORS else f"{kind}: {message}")

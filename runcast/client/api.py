"""The GraphQL requests of a user: each field with its arguments and its answer as objects."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.conversation import Conversation, ListedConversation
from runcast.client.credentials import Credentials
from runcast.client.endpoint import Answer, Endpoint, open_endpoint, require_found
from runcast.client.listed import ListedRun, RunState, Startable, StartAnswer
from runcast.client.sign_in import Identity
from runcast.client.step import Progress
from runcast.client.upload import Upload
from runcast.errors import Unauthorized
from runcast.json_text import json_text
from runcast.parameters import checked_answers, checked_parameters


class Api:
    """Runcast's queries and mutations for one user. Create it with `open_api()`."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials) -> None:
        self._endpoint = endpoint
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
        attachments: Sequence[str] = (),
    ) -> StartAnswer:
        """Start a run under a chosen id. Idempotent: if the caller already used the id, returns that run.

        Raises:
            InvalidInput: The agent is unknown, an input is over its limit, no conversation can begin from
                `branch_from`, or the agent cannot be given the attachments.
            Conflict: Another user has used the id, or the conversation has an open run or is with another agent.
            TooManyRequests: The user or the tenant is over a limit; nothing was started.
            Unauthorized: Even a new token is refused.
            Unreachable: The request did not reach the service; nothing was started.
            Unavailable: No answer, or a failure; the run may still have been started.
        """
        variables: dict[str, Any] = {
            "agent": agent,
            "query": query,
            "parameters": _json_text(parameters),
            "requestId": request_id,
        }
        more: dict[str, Any] = {
            "conversationId": conversation_id,
            "branchFrom": branch_from,
            "attachments": list(attachments) or None,
        }
        variables |= {name: value for name, value in more.items() if value is not None}
        return await self._ask("startAgentRun", variables, StartAnswer.from_answer)

    async def create_upload(self, name: str, content_type: str, size_bytes: int) -> Upload:
        """Return a signed form that uploads one file.

        Raises:
            InvalidInput: The name, the type or the size is invalid.
            TooManyRequests: The user or the tenant is over a limit.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """
        variables = {"name": name, "contentType": content_type, "bytes": size_bytes}
        return await self._ask("createUpload", variables, Upload.from_answer)

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
        variables = {"requestId": request_id, "afterSeq": after_seq}
        return await self._ask("getAgentProgress", variables, partial(progress_of, request_id, after_seq))

    async def cancel_agent_run(self, request_id: str) -> RunState:
        """Cancel a run, ask its worker to stop, or cancel a job with its runs. Idempotent.

        Raises:
            InvalidInput: The user has no such run.
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; the run may still be cancelled.
        """
        return await self._ask("cancelAgentRun", {"requestId": request_id}, partial(state_of, request_id))

    async def delete_my_runs(self) -> tuple[int, bool]:
        """Delete what is stored of the user's newest runs and jobs. Idempotent.

        Returns:
            How many were deleted, and whether there may be more.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure; some runs may be deleted.
        """
        return await self._ask("deleteMyRuns", {}, deletion_of)

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
        return await self._ask("answerAgentRun", variables, partial(state_of, request_id))

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
            require_found(answer, conversation_id)
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
        await self._ask("deleteConversation", variables, lambda answer: require_found(answer, conversation_id))

    async def list_agents(self) -> list[Startable]:
        """List the agents, and then the playbooks, that can be started.

        Raises:
            Unauthorized: Even a new token is refused.
            Unavailable: No answer, or a failure.
        """

        def startable(answer: Mapping[str, Any]) -> list[Startable]:
            agents = [
                Startable(
                    "agent",
                    each["name"],
                    each["description"],
                    json.loads(each["parametersSchema"] or "null"),
                    each["attachments"],
                )
                for each in answer["agents"]
            ]
            return agents + [Startable("playbook", each["name"], each["description"]) for each in answer["playbooks"]]

        return await self._ask("listAgents", {}, startable)

    async def _ask(self, field: str, variables: Mapping[str, Any], read: Callable[[Any], Answer]) -> Answer:
        """Send a request, and return its answer as converted by `read`."""

        async def ask_as(identity: Identity) -> Answer:
            return await self._endpoint.ask(field, variables, read, headers={"Authorization": identity.id_token})

        identity = await self._credentials.valid()
        try:
            return await ask_as(identity)
        except Unauthorized:
            # A token may be revoked early. A refused request had no effect, so a retry is safe.
            return await ask_as(await self._credentials.instead_of(identity))


@asynccontextmanager
async def open_api(graphql_url: str, credentials: Credentials, clock: AdjustedClock) -> AsyncIterator[Api]:
    """Open the HTTP connection for one user; it closes at the end of the block."""
    async with open_endpoint(graphql_url, clock) as endpoint:
        yield Api(endpoint, credentials)


def _json_text(parameters: Mapping[str, Any] | None) -> str | None:
    return None if parameters is None else json_text(checked_parameters(parameters))


def progress_of(request_id: str, after_seq: int, answer: Mapping[str, Any]) -> Progress:
    """Return what an answer says of a run, or raise the error of `require_found`."""
    require_found(answer, request_id)
    return Progress.from_answer(answer, after_seq)


def state_of(request_id: str, answer: Mapping[str, Any]) -> RunState:
    """Return the state that an answer says a run is in, or raise the error of `require_found`."""
    require_found(answer, request_id)
    return RunState.from_answer(answer)


def deletion_of(answer: Mapping[str, Any]) -> tuple[int, bool]:
    """Return how many runs were deleted, and whether there may be more."""
    return answer["deleted"], answer["remaining"]

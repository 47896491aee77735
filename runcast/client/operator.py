"""The client of an operator, who has AWS credentials and no user: list, read, cancel and delete the runs of all users.

Each request is signed with the credentials that boto3 finds, such as AWS_PROFILE. AppSync verifies the signature, and
the caller's IAM policy (Terraform's output `operator_policy_json`) decides which requests are served.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from random import random as uniform
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from gql.transport.appsync_auth import AppSyncAuthentication

from runcast.client.adjusted_clock import AdjustedClock
from runcast.client.api import deletion_of, progress_of, state_of
from runcast.client.config import OperatorConfig
from runcast.client.endpoint import Answer, Endpoint, open_endpoint
from runcast.client.listed import ListedRun, RunState
from runcast.client.paging import delete_all, listed, whole_record
from runcast.client.patience import Patience
from runcast.client.retrying import Failures, ask_until_answered
from runcast.client.step import Progress
from runcast.errors import Unauthorized

_NO_CREDENTIALS = "AWS credentials were not found. Set AWS_PROFILE, or sign in with aws sso login."


class Operator:
    """The requests of an operator. Create it with `operate()`; every method raises the errors of `Endpoint.ask`."""

    def __init__(self, endpoint: Endpoint, *, notify: Callable[[str], None], now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._endpoint = endpoint
        self._notify = notify
        self._patience = Patience()

    async def show(self, request_id: str) -> Progress:
        """Read the current record of any run or job.

        Raises:
            InvalidInput: There is no such run or job.
        """

        async def read(after_seq: int) -> Progress:
            variables = {"requestId": request_id, "afterSeq": after_seq}
            return await self._ask("operatorGetProgress", variables, partial(progress_of, request_id, after_seq))

        return await whole_record(read)

    async def cancel(self, request_id: str) -> RunState:
        """Cancel any run, or a job with its runs. Idempotent.

        Raises:
            InvalidInput: There is no such run or job.
        """
        return await self._ask("operatorCancelRun", {"requestId": request_id}, partial(state_of, request_id))

    def runs(
        self,
        *,
        limit: int | None = None,
        tenant_id: str | None = None,
        user_id: str | None = None,
        agent: str | None = None,
        status: str | None = None,
        older_than_minutes: int | None = None,
    ) -> AsyncIterator[ListedRun]:
        """List runs and jobs of all users, in no particular order; pages are read on demand.

        Args:
            limit: How many at most, from 1 on; None means all.
            tenant_id: Only those of this tenant.
            user_id: Only those of users with this id.
            agent: Only those of this agent; the agent of a job is `orchestrator`.
            status: Only those with this status, such as `in_progress`.
            older_than_minutes: Only those that were started at least this long ago.
        """
        filters = {
            "tenantId": tenant_id,
            "userId": user_id,
            "agent": agent,
            "status": status,
            "olderThanMinutes": older_than_minutes,
        }

        def owned(answer: Mapping[str, Any]) -> tuple[list[ListedRun], str | None]:
            return [_owned_run(each) for each in answer["runs"]], answer["nextCursor"]

        async def page(wanted: int | None, cursor: str | None) -> tuple[list[ListedRun], str | None]:
            return await self._ask("operatorListRuns", filters | {"limit": wanted, "cursor": cursor}, owned)

        return listed(page, limit)

    async def delete_runs(self, tenant_id: str, user_id: str) -> int:
        """Delete what is stored of a user's runs, jobs and conversations; return how many were deleted."""
        whose = {"tenantId": tenant_id, "userId": user_id}
        delete = partial(self._ask, "operatorDeleteRuns", whose, deletion_of)
        return await delete_all(delete, pause_seconds=self._patience.poll)

    async def _ask(self, field: str, variables: Mapping[str, Any], read: Callable[[Any], Answer]) -> Answer:
        ask: Callable[[], Awaitable[Answer]] = partial(self._endpoint.ask, field, variables, read)
        return await ask_until_answered(ask, Failures(self._patience, uniform), notify=self._notify)


@asynccontextmanager
async def operate(config: OperatorConfig, *, notify: Callable[[str], None]) -> AsyncIterator[Operator]:
    """Connect as an operator until the end of the block.

    Args:
        config: The deployment.
        notify: Called with a sentence when a request fails and is repeated.

    Raises:
        Unauthorized: There are no AWS credentials.
    """
    clock = AdjustedClock()
    async with open_endpoint(config.graphql_url, clock, signed_by=_Signature(config)) as endpoint:
        yield Operator(endpoint, notify=notify, now_ms=clock)


class _Signature(AppSyncAuthentication):
    """Signs requests for one deployment, which may have another address than AppSync's own."""

    def __init__(self, config: OperatorConfig) -> None:
        try:
            credentials = Session().get_credentials()
        except BotoCoreError as error:
            raise Unauthorized(f"{_NO_CREDENTIALS} {error}") from error
        if credentials is None:
            raise Unauthorized(_NO_CREDENTIALS)
        self._url = config.graphql_url
        self._signer = SigV4Auth(credentials, "appsync", config.region)

    def get_headers(self, data: str | None = None, headers: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the headers of a request with this body."""
        request = AWSRequest("POST", self._url, headers=headers, data=data)
        self._signer.add_auth(request)
        return dict(request.headers)


def _owned_run(answer: Mapping[str, Any]) -> ListedRun:
    """Convert a GraphQL `OwnedRun`."""
    return replace(ListedRun.from_answer(answer["run"]), tenant_id=answer["tenantId"], user_id=answer["userId"])

"""What every check works with: the deployment, the two users, and the runs that they start.

Checks start runs here only, so that each is noted and removed afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from runcast.client.documents import document
from runcast.client.live import Subscription, subscribe
from runcast.client.patience import Patience
from runcast.client.step import Progress
from runcast.errors import InvalidInput
from verify.created import Created
from verify.deployment import Aws, Deployment
from verify.expecting import STEP_SECONDS, NotApplicable, expect, until
from verify.users import User

PATIENCE = Patience()
QUERY = "Where on this site could a wind farm be built?"


@dataclass(frozen=True)
class Figure:
    """A measurement for the report."""

    what: str
    measured: str


@dataclass(frozen=True)
class Wanted:
    """Which agent and playbook to run, and what to ask; empty names take the first one that the deployment lists."""

    agent: str = ""
    playbook: str = ""
    query: str = QUERY


@dataclass(frozen=True)
class Verification:
    """One verification.

    Attributes:
        deployment: The deployment.
        aws: AWS, as the caller's credentials may use it.
        user: The user who runs and watches.
        stranger: A user of another tenant.
        created: What was created so far.
        http: The HTTP session, for requests below the client library.
        wanted: Which agent and playbook to run.
        figures: The measurements so far.
    """

    deployment: Deployment
    aws: Aws
    user: User
    stranger: User
    created: Created
    http: aiohttp.ClientSession
    wanted: Wanted
    figures: list[Figure] = field(default_factory=list)

    def new_run_id(self) -> str:
        """Return the id of a run that a check is about to start."""
        request_id = str(uuid.uuid4())
        self.created.run_ids.add(request_id)
        return request_id

    def new_job_id(self) -> str:
        """Return the id of a job that a check is about to start."""
        job_id = str(uuid.uuid4())
        self.created.job_ids.add(job_id)
        return job_id

    async def graphql(self, user: User, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Send one of the client's documents; return the answer as it came, errors included."""
        body = {"query": document(operation), "variables": dict(variables)}
        headers = {"Authorization": user.identity.id_token}
        async with self.http.post(self.deployment.graphql_url, json=body, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def rest(self, user: User | None, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a REST request, without a credential if there is no user; return status and JSON."""
        headers = {"Authorization": user.identity.id_token} if user else {}
        url = self.deployment.rest_url + path
        async with self.http.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def agent_name(self) -> str:
        """Return the agent to run.

        Raises:
            CheckFailed: The deployment does not list it.
            NotApplicable: It has no agent.
        """
        return await self._listed("agents", self.wanted.agent)

    async def playbook_name(self) -> str:
        """Return the playbook to run.

        Raises:
            CheckFailed: The deployment does not list it.
            NotApplicable: It has no playbook.
        """
        return await self._listed("playbooks", self.wanted.playbook)

    async def _listed(self, kind: str, wanted: str) -> str:
        answer = await self.graphql(self.user, "listAgents", {})
        expect("errors" not in answer, f"listAgents answers {answer}")
        names = [each["name"] for each in answer["data"]["listAgents"][kind]]
        if not names:
            raise NotApplicable(f"the deployment has no {kind}")
        expect(not wanted or wanted in names, f"{wanted!r} is not one of the deployment's {kind}: {', '.join(names)}")
        return wanted or str(names[0])

    @asynccontextmanager
    async def listening(self, user: User, **what: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Subscribe as a user for the length of the block; the list receives each message as it arrives."""
        heard: list[dict[str, Any]] = []
        subscription = await self.subscribe(user, heard.append, **what)
        try:
            yield heard
        finally:
            await subscription.close()

    async def subscribe(self, user: User, hear: Callable[[dict[str, Any]], None], **what: str) -> Subscription:
        """Subscribe as a user; return when the server acknowledges it."""
        return await subscribe(
            user.identity,
            hear,
            graphql_url=self.deployment.graphql_url,
            what=what,
            timeout_seconds=PATIENCE.read,
        )

    async def read_to_its_end(self, request_id: str, *, seconds: float = STEP_SECONDS) -> Progress:
        """Read a record of the user until its run has ended; return the last answer."""

        async def ended() -> Progress | None:
            progress = await self.read(request_id)
            return progress if progress and progress.liveness == "done" else None

        return await until(ended, f"the end of {request_id}", seconds=seconds)

    async def read(self, request_id: str) -> Progress | None:
        """Read a record of the user; None if it does not exist yet."""
        try:
            return await self.user.api.get_agent_progress(request_id)
        except InvalidInput:
            return None

"""What the flows of the proof share: users, both APIs as one of them calls these, and what the machine keeps."""

from __future__ import annotations

import asyncio
import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import requests
from requests_aws4auth import AWS4Auth

from local.settings import REGION
from local.stack import LocalStack
from local.users import create_user
from runcast.record.model import Owner
from runcast.record.store import RunStore
from tests.e2e.conftest import OPERATIONS, Caller
from tests.e2e.identities import Graphql, Rest
from tests.waiting import wait_until

DEADLINE_SECONDS = 15
"""How long a flow waits for what it needs. On a quiet machine, that comes within three seconds."""

_ROUTES = {
    "startAgentRun": ("POST", "/runs"),
    "startJob": ("POST", "/jobs"),
    "createUpload": ("POST", "/uploads"),
    "listAgentRuns": ("GET", "/runs"),
    "deleteMyRuns": ("DELETE", "/runs"),
    "getAgentProgress": ("GET", "/runs/{requestId}"),
    "cancelAgentRun": ("DELETE", "/runs/{requestId}"),
    "answerAgentRun": ("POST", "/runs/{requestId}/answers"),
    "listConversations": ("GET", "/conversations"),
    "getConversation": ("GET", "/conversations/{conversationId}"),
    "deleteConversation": ("DELETE", "/conversations/{conversationId}"),
}


class Site:
    """A local machine.

    Args:
        stack: The machine.
        ended: Returns the events `run.ended` of a run, by its id.
    """

    def __init__(self, stack: LocalStack, ended: Callable[[str], list[Any]]) -> None:
        self.stack = stack
        self.outputs = stack.state.outputs
        self.bucket = self.outputs["results_bucket_name"]
        self.table = self.outputs["agent_progress_table_name"]
        self._ended = ended

    def new_user(self) -> Caller:
        """Create a user, of whom nothing is stored."""
        pool, name = self.outputs["user_pool_id"], f"user-{uuid.uuid4().hex}"
        made = create_user(self.stack.client("cognito-idp"), pool, name, "proof", "Aa1!" + uuid.uuid4().hex)
        return Caller(self.stack, made)

    def store(self, **about: Any) -> RunStore:
        """Return the records, as the root user reads and writes them."""
        return RunStore(self.stack.client("dynamodb"), self.table, **about)

    def require_gone(self, *parts: str) -> None:
        """Fail if an item or an object is stored whose key contains one of these parts."""
        items = self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=self.table)
        objects = self.stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        found = [item["requestId"]["S"] for page in items for item in page["Items"]]
        found += [each["Key"] for page in objects for each in page.get("Contents", ())]
        left = [key for key in found if any(part in key for part in parts)]
        assert not left, f"still stored: {left}"

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function as the root user; return its answer, and fail if it fails."""
        answer = self.stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def logged(self, function: str, since_ms: int) -> list[str]:
        """Return the lines in a function's log since a time, epoch milliseconds."""
        # Without a time, MiniStack answers with the oldest 10,000 lines and no token for further ones.
        about = {"logGroupName": f"/aws/lambda/{function}", "startTime": since_ms}
        return [event["message"] for event in self.stack.client("logs").filter_log_events(**about)["events"]]

    def as_operator(self, operation: str, **variables: Any) -> Any:
        """Ask with AWS credentials."""
        keys = self.stack.state.endpoint
        auth = AWS4Auth(keys.access_key_id, keys.secret_access_key, REGION, "appsync")
        body = {"query": (OPERATIONS / f"{operation}.graphql").read_text(), "variables": variables}
        answer = requests.post(self.outputs["graphql_url"], json=body, auth=auth, timeout=DEADLINE_SECONDS).json()
        assert "errors" not in answer, answer
        return answer["data"][operation]

    def require_event(self, request_id: str) -> None:
        """Wait for the event of a run's end."""
        wait_until(lambda: self._ended(request_id), deadline_seconds=DEADLINE_SECONDS)


class Door(ABC):
    """One API, called by one user."""

    def __init__(self, site: Site, user: Caller) -> None:
        self.user = user
        self.owner = Owner(user.user.tenant, user.user.user_id)
        self.site = site

    @abstractmethod
    def ask(self, operation: str, **about: Any) -> Any:
        """Ask for one of the operations that both APIs have; fail if it is refused."""

    def start(self, agent: str, query: str = "How?", **about: Any) -> str:
        """Start a run; return its id."""
        named = {"requestId": str(uuid.uuid4()), **about}
        request_id: str = self.ask("startAgentRun", agent=agent, query=query, **named)["requestId"]
        return request_id

    def start_job(self, playbook: str) -> str:
        """Start a job; return its id."""
        job_id: str = self.ask("startJob", playbook=playbook, query="How?", jobId=str(uuid.uuid4()))["jobId"]
        return job_id

    def read(self, request_id: str) -> Any:
        """Return a record."""
        return self.ask("getAgentProgress", requestId=request_id)

    def read_until(self, request_id: str, is_so: Callable[[Any], object], seconds: float = DEADLINE_SECONDS) -> Any:
        """Read a record until it is so, or has ended."""
        record = wait_until(
            lambda: self.read(request_id),
            lambda record: is_so(record) or record["liveness"] in ("done", "lost"),
            deadline_seconds=seconds,
        )
        assert is_so(record), (record["status"], record["error"])
        return record

    def complete(self, request_id: str) -> Any:
        """Wait until a run or a job is complete; return its record."""
        return self.read_until(request_id, lambda record: record["status"] == "complete")

    def run(self, agent: str, query: str = "How?", **about: Any) -> Any:
        """Start a run; return its record once it is complete."""
        return self.complete(self.start(agent, query, **about))

    def asked(self, agent: str = "asker") -> tuple[str, str]:
        """Start a run that asks; return its id and an answer."""
        request_id = self.start(agent, "tool")
        record = self.read_until(request_id, lambda record: record["status"] == "waiting")
        return request_id, answers_to(record)

    def hears(self, act: Callable[[], str], status: str) -> None:
        """Do something that returns an id; fail unless a message about it with this status arrives live."""

        async def listen() -> None:
            async with asyncio.timeout(DEADLINE_SECONDS), self.user.socket() as socket:
                answer = await socket.start(userId=self.user.user.user_id)
                assert answer["type"] == "start_ack", answer
                request_id = await asyncio.to_thread(act)
                while True:
                    frame = await socket.receive("data")
                    update = frame["payload"]["data"]["onStatusUpdate"]
                    if (update["requestId"], update["status"]) == (request_id, status):
                        return

        try:
            asyncio.run(listen())
        except TimeoutError:
            raise AssertionError(f"no message {status!r} arrived") from None


class GraphqlDoor(Door):
    """The GraphQL API."""

    def ask(self, operation: str, **about: Any) -> Any:
        headers = {"Authorization": self.user.id_token}
        answer = Graphql(self.site.outputs["graphql_url"], headers).refused_or_answered(operation, **about)
        assert not isinstance(answer, tuple), answer
        if operation == "createUpload":
            return {**answer, "fields": json.loads(answer["fields"])}
        return answer


class RestDoor(Door):
    """The REST API."""

    def ask(self, operation: str, **about: Any) -> Any:
        method, route = _ROUTES[operation]
        path = route.format(**about)
        if operation == "answerAgentRun":
            about = {"answers": json.loads(about["answers"])}
        body = {"json": about} if method == "POST" else {}
        headers = {"Authorization": self.user.id_token}
        answer = Rest(self.site.outputs["rest_url"], headers).refused_or_answered(method, path, **body)
        assert not isinstance(answer, tuple), answer
        return answer


def answers_to(record: Any) -> str:
    """Return an answer to each question that a record asks."""
    metadata = record["steps"][-1]["metadata"]
    questions = (json.loads(metadata) if isinstance(metadata, str) else metadata)["interrupts"]
    return json.dumps({question["id"]: "yes" for question in questions})

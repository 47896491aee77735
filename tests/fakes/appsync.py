"""AppSync and Cognito's sign-in, with faults that a test sets; `appsync_server` runs them on a socket.

It has one run, or one job with its runs. A script controls their steps, the live messages and the connection's faults.
The script is a coroutine that `startAgentRun`, `startJob` or the test starts. Queries and selections are executed
against the project's own schema, so that a document which AppSync would refuse is refused here. The real-time protocol
is in `appsync_live`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from aiohttp import web
from graphql import execute

from runcast.clock import epoch_ms
from tests.fakes.appsync_live import FakeLive
from tests.fakes.appsync_records import BEGAN_MS, FakeJob, FakeRecord, ServiceError
from tests.fakes.appsync_schema import document_of, schema
from tests.fakes.cognito import USER_ID, amz_json

HANGS = object()
"""In an answer's place: it never comes."""

Script = Callable[["FakeAppSync"], Awaitable[None]]


@dataclass
class FakeAppSync(FakeLive, FakeRecord):
    """The server, its run, and its faults.

    Attributes:
        url: Where the GraphQL endpoint is.
        script: What the run or the job does once it has been started.
        job: The job that it holds instead of the run; None if it holds a run.
        page_steps: How many steps one answer of the reader holds at most.
        start_error: What `startAgentRun` answers instead of starting.
        lost_starts: How many of the next starts take effect and are answered with `lost_with`.
        lost_with: The code of these answers, which a proxy gives: no JSON.
        read_trouble: Asked at each read, with what is read, what to answer instead: an error, a JSON value as the whole
            body, `HANGS` for no answer at all, or None for the record.
        failing_reads: How many of the next reads fail with an error of the service.
        refused_requests: How many of the next HTTP requests are answered 401, even with a valid token.
        uploads: The arguments of `createUpload` so far.
        sent: The forms that were sent so far, each as the names and the contents of its fields.
        upload_status: The HTTP status that answers a form.
        conversations: The contents of the user's conversations by id; a start adds its run as the open one.
        large_result: What the link `/result` leads to; None refuses it, as an expired link is refused.
        answer_errors: What the next answers to a run's questions are refused with.
        answered: The answers so far, as JSON text.
        deletions: What the next requests to delete the user's runs answer.
        reads: The `afterSeq` of each read so far.
        reads_of: What was read each time.
        starts: The arguments of all starts so far.
        listed: What runs there are, by its own word, newest first.
        page_runs: How many of them one answer holds at most.
        lists: The `limit` and the `cursor` of each list so far.
        now_ms: What it says the time is, in each answer.
        delay_seconds: Asked how long to hold back each answer of the reader, after it was read.
    """

    url: str = ""
    script: Script | None = None
    page_steps: int = 500
    start_error: ServiceError | None = None
    lost_starts: int = 0
    lost_with: int = 502
    read_trouble: Callable[[str], Any] = lambda _: None
    failing_reads: int = 0
    refused_requests: int = 0
    now_ms: Callable[[], int] = epoch_ms
    delay_seconds: Callable[[], float] = lambda: 0.0
    answer_errors: list[ServiceError] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    deletions: list[dict[str, Any]] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)
    page_runs: int = 50
    lists: list[tuple[int | None, str | None]] = field(default_factory=list)
    reads_of: list[str] = field(default_factory=list)
    started_with: dict[str, Any] | None = None
    job: FakeJob | None = None
    large_result: dict[str, Any] | None = None
    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    starts: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    sent: list[list[tuple[str | None, bytes]]] = field(default_factory=list)
    upload_status: int = 204

    def __post_init__(self) -> None:
        super().__post_init__()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    # What a script does

    def has_run(self, request_id: str) -> None:
        """Hold an open run that nobody here has started."""
        self.request_id = request_id

    def has_job(self, job_id: str) -> FakeJob:
        """Hold an open job that nobody here has started."""
        self.job = FakeJob(job_id)
        return self.job

    async def send(self, *seqs: int, of: FakeRecord | None = None) -> None:
        """Send these recorded steps live, in this order."""
        for seq in seqs:
            await self.send_update(**(of or self).as_heard(seq))

    async def send_update(self, **update: Any) -> None:
        """Send one status message live. It belongs to the run unless it names another."""
        blank = dict.fromkeys(("tenantId", "agentName", "toolName", "message", "metadata", "seq"))
        whose = {"userId": USER_ID, "requestId": self.request_id, "jobId": self.job.request_id if self.job else None}
        event = {**blank, **whose, "timestamp": float(BEGAN_MS), "schemaVersion": 1, **update}
        await self.send_event(event)

    def replace_run(self) -> None:
        """Let the run's record expire, and another run be started under its id."""
        self.began_ms += 24 * 60 * 60 * 1000
        self.steps, self.status, self.liveness, self.result, self.error = [], "in_progress", "live", None, None

    # HTTP

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one GraphQL request, or one call of Cognito."""
        if request.headers.get("X-Amz-Target", "").endswith(".InitiateAuth"):
            return self.authenticate(await request.json())
        refused = self.refused_requests > 0
        self.refused_requests -= refused
        if refused or request.headers.get("Authorization") != self.token:
            return _errors("UnauthorizedException", "Valid authorization header not provided.", status=401)
        asked = await request.json()
        if "getAgentProgress" in asked["query"]:
            trouble = self.read_trouble(asked["variables"]["requestId"])
            if trouble is not None:
                return await self._in_trouble(trouble, asked["variables"])
        root = {
            "startAgentRun": self._start_agent_run,
            "startJob": self._start_job,
            "getAgentProgress": self._get_agent_progress,
            "answerAgentRun": self._answer_agent_run,
            "cancelAgentRun": self._cancel_agent_run,
            "deleteMyRuns": self._delete_my_runs,
            "listAgentRuns": self._list_agent_runs,
            "listConversations": self._list_conversations,
            "getConversation": self._get_conversation,
            "deleteConversation": self._delete_conversation,
            "listAgents": self._list_agents,
            "createUpload": self._create_upload,
        }
        document, invalid = document_of(asked["query"])
        if invalid:
            return _errors("ValidationError", "; ".join(each.message for each in invalid), status=200)
        result = execute(schema(), document, root, variable_values=asked.get("variables"))
        if isawaitable(result):
            result = await result
        if "mutation Start" in asked["query"] and self.lost_starts:
            self.lost_starts -= 1
            return web.Response(status=self.lost_with, text="Not now")
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [
                {
                    "errorType": getattr(each.original_error, "error_type", "ValidationError"),
                    "errorInfo": getattr(each.original_error, "error_info", None),
                    "message": each.message,
                }
                for each in result.errors
            ]
        return web.json_response(answer)

    async def _in_trouble(self, trouble: Any, variables: dict[str, Any]) -> web.Response:
        self.reads_of.append(variables["requestId"])
        await self._changed(lambda: self.reads.append(variables["afterSeq"]))
        if trouble is HANGS:
            await self._stopping.wait()
            return web.Response(status=503)
        if isinstance(trouble, ServiceError):
            return web.json_response({"errors": [{"errorType": trouble.error_type, "message": str(trouble)}]})
        return web.json_response(trouble)

    async def _start_agent_run(self, _info: Any, **arguments: Any) -> dict[str, Any]:
        if self.request_id != arguments["requestId"]:
            self._start(arguments)
            self.request_id = arguments["requestId"]
        return {"requestId": self.request_id, "status": self.status, "createdAt": float(self.began_ms)}

    async def _start_job(self, _info: Any, **arguments: Any) -> dict[str, Any]:
        if self.job is None:
            self._start(arguments)
            self.has_job(arguments["jobId"])
        assert self.job is not None
        return {"jobId": self.job.request_id, "status": self.job.status, "createdAt": float(self.job.began_ms)}

    def _start(self, arguments: dict[str, Any]) -> None:
        if self.start_error:
            raise self.start_error
        self.started_with = arguments
        self.starts.append(arguments)
        if self.script:
            self._tasks.append(asyncio.create_task(self.script(self)))

    def _held(self, request_id: str) -> FakeRecord | None:
        held = [self] if self.job is None else [self.job, *[run for run in self.job.runs if run.begun]]
        return next((record for record in held if record.request_id == request_id), None)

    async def _get_agent_progress(self, _info: Any, requestId: str, afterSeq: int = 0) -> dict[str, Any]:  # noqa: N803
        self.reads_of.append(requestId)
        await self._changed(lambda: self.reads.append(afterSeq))
        if self.failing_reads:
            self.failing_reads -= 1
            raise ServiceError("Unavailable", "The table gave no answer in time. Try again.")
        record = self._held(requestId)
        if record is None:
            return {"success": False, "requestId": requestId, "steps": [], "error": "There is no such run."}
        answer = record.as_read(afterSeq, self.page_steps)
        if delay := self.delay_seconds():
            await asyncio.sleep(delay)
        return answer

    async def _delete_my_runs(self, _info: Any) -> dict[str, Any]:
        return self.deletions.pop(0)

    async def _answer_agent_run(self, _info: Any, requestId: str, answers: str) -> dict[str, Any]:  # noqa: N803
        self.answered.append(answers)
        if self.answer_errors:
            raise self.answer_errors.pop(0)
        record = self._held(requestId)
        if record is not None:
            record.status = "in_progress"
        return await self._cancel_agent_run(_info, requestId)

    async def _cancel_agent_run(self, _info: Any, requestId: str) -> dict[str, Any]:  # noqa: N803
        record = self._held(requestId)
        if record is None:
            return {"success": False, "requestId": requestId, "error": "There is no such run."}
        names = ("status", "liveness", "error", "reason")
        return {"success": True, "requestId": requestId, **{name: getattr(record, name) for name in names}}

    async def _create_upload(self, _info: Any, **about: Any) -> dict[str, Any]:
        self.uploads.append(about)
        url = self.url.replace("graphql", "bucket")
        fields = json.dumps({"key": f"uploads/{len(self.uploads)}", "Content-Type": about["contentType"]})
        return {"attachmentId": f"a-{len(self.uploads)}", "url": url, "fields": fields, "expiresAt": 0.0}

    async def _list_agents(self, _info: Any) -> dict[str, Any]:
        return self.agents

    async def _list_agent_runs(
        self,
        _info: Any,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        agent: str | None = None,
    ) -> dict[str, Any]:
        self.lists.append((limit, cursor))
        begin = int(cursor or 0)
        end = begin + min(limit or self.page_runs, self.page_runs)
        runs = [
            run for run in self.listed[begin:end] if status in (None, run["status"]) and agent in (None, run["agent"])
        ]
        return {"runs": runs, "nextCursor": str(end) if end < len(self.listed) else None}

    async def _list_conversations(
        self, _info: Any, limit: int | None = None, cursor: str | None = None
    ) -> dict[str, Any]:
        begin = int(cursor or 0)
        end = begin + min(limit or self.page_runs, self.page_runs)
        found = list(self.conversations.values())
        return {"conversations": found[begin:end], "nextCursor": str(end) if end < len(found) else None}

    async def _get_conversation(self, _info: Any, conversationId: str) -> dict[str, Any]:  # noqa: N803
        if conversationId not in self.conversations:
            return {"success": False, "conversationId": conversationId, "error": "There is no such conversation."}
        return {"success": True, "error": None, **self.conversations[conversationId]}

    async def _delete_conversation(self, _info: Any, conversationId: str) -> dict[str, Any]:  # noqa: N803
        found = self.conversations.pop(conversationId, None)
        error = None if found else "There is no such conversation."
        return {"success": found is not None, "conversationId": conversationId, "error": error}

    async def take_file(self, request: web.Request) -> web.Response:
        """Take a form that uploads a file, as a bucket does."""
        parts = [(part.name, await part.read()) async for part in await request.multipart()]
        self.sent.append(parts)
        return web.Response(status=self.upload_status)

    async def serve_result(self, _: web.Request) -> web.Response:
        """Serve what a job's link leads to, as a bucket does."""
        return web.Response(status=403) if self.large_result is None else amz_json(self.large_result)

    def release(self) -> None:
        """Release the unanswered requests."""
        self._stopping.set()

    async def stop(self) -> None:
        """End the scripts, failing if one of them has failed."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


def _errors(kind: str, message: str, *, status: int) -> web.Response:
    return web.json_response({"errors": [{"errorType": kind, "message": message}]}, status=status)

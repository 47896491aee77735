"""An agent in plain Python, without Strands: recorded and watched as the others are, and fit for a job.

What `track` does for a Strands agent by listening to it, this does by being derived from: its run is claimed, its tools
are told of, and its end is written, whatever it fails of. It is part of the library and not of the application, because
such an agent lives in a Lambda or a process of its own, which has only the library.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from runcast.errors import InvalidInput, RunStopped
from runcast.json_text import json_text, result_json
from runcast.live.publish import bound, publish_agent_status, publish_tool_status
from runcast.parameters import checked_parameters
from runcast.record.assignment import Claim
from runcast.record.identity import checked_query, run_identity
from runcast.record.model import Json, RunStatus
from runcast.record.recorder import Recorder
from runcast.strands.outcome import Outcome, failure, overruled
from runcast.strands.run import recorder_of

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class BaseAgent(ABC):
    """Derive from it, and write `execute`.

    One instance does one run at a time; a Lambda may keep it for the next.

    Args:
        name: The agent's name.

    Attributes:
        request_id: The run under way, or the last one, where the event named it.
        job_id: Its job.
        user_id: Whose it is.
        tenant_id: Their tenant.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.request_id: str | None = None
        self.job_id: str | None = None
        self.user_id: str | None = None
        self.tenant_id: str | None = None
        self._recorder: Recorder | None = None

    @abstractmethod
    def execute(self, query: str, parameters: Json) -> Any:
        """Do the work.

        Args:
            query: What to do.
            parameters: What the caller gave besides; in a job, `inputs` has the results that this agent reads.

        Returns:
            The run's result, any JSON of at most 64 KB. A job's rules look at `{"text": …, "facts": {name: {"value": …,
            "unit": …}}}`.

        Raises:
            Exception: Whatever it is, the run ends as an error that names it.
        """

    def handle_execution(self, event: Mapping[str, Any], context: Any = None) -> Json:
        """Do one run, from its claim to its end. Never raises.

        It keeps the event's ids on the instance and tells of the end: `agent_complete`, or `agent_error` whatever the
        reason. With `AGENT_PROGRESS_TABLE` in the environment the run is recorded; otherwise its statuses are only
        shown live.

        Args:
            event: `query` and, where given, `parameters`, `requestId`, `userId`, `tenantId` and `jobId`, as Runcast
                invokes an agent's function.
            context: Lambda's, in a Lambda.

        Returns:
            `statusCode` (200; 400 bad ids; 409 claimed already; 500) and `body`, JSON text, as of the agent Lambda.
        """
        try:
            identity = run_identity(event, request_id="")
            recorder = recorder_of({**event, "lambdaContext": context}, agent=self.name)
        except InvalidInput as error:
            return _answer(400, {"success": False, "agent": self.name, "error": str(error)})
        self.request_id = recorder.request_id if recorder else identity.request_id or None
        self.job_id = identity.job_id
        self.user_id, self.tenant_id = event.get("userId"), event.get("tenantId")
        self._recorder = recorder
        if recorder and recorder.claim() is Claim.REFUSED:
            return _answer(409, self._body("This run has been claimed already, or has ended."))

        outcome, result = self._executed(event)
        end_pending = False
        if recorder:
            report = recorder.end(outcome.status, outcome.message, result=result, error=outcome.error)
            outcome = overruled(outcome, report.stop)
            end_pending = report.end_pending
        else:
            self._publish("agent_error" if outcome.error else "agent_complete", outcome.message)
        body = self._body(outcome.error)
        if end_pending:
            body["endPending"] = True
        if outcome.error is None and not self.job_id:
            body["result"] = json.loads(result_json(result) or "null")
        return _answer(500 if outcome.error else 200, body)

    def invoke_tool(
        self,
        tool: Callable[..., Result],
        arguments: Mapping[str, Any] | None = None,
        *,
        reason: str | None = None,
        job_id: str | None = None,
        user_id: str | None = None,
        tenant_id: str | None = None,
    ) -> Result:
        """Call a tool, and tell of it before (`calling_tool`, once).

        Args:
            tool: What to call.
            arguments: By name.
            reason: Why, for people.
            job_id: The job to tell it of, where it is not the run's; a recorded run tells its own alone.
            user_id: Whom to tell, likewise.
            tenant_id: Their tenant, likewise.

        Raises:
            RunStopped: The run was cancelled or ended meanwhile: no further tool is called.
            Exception: Whatever the tool raises.
        """
        if self._recorder and self._recorder.stop:
            raise RunStopped
        publish_tool_status(
            user_id or self.user_id,
            self.name,
            getattr(tool, "__name__", type(tool).__name__),
            reason,
            tenant_id=tenant_id or self.tenant_id,
            job_id=job_id or self.job_id,
            request_id=self.request_id,
        )
        return tool(**(arguments or {}))

    def _executed(self, event: Mapping[str, Any]) -> tuple[Outcome, Any]:
        """Return what the work came to, and its result."""
        recorder = self._recorder
        within: AbstractContextManager[None] = bound(recorder) if recorder else nullcontext()
        begins = f"{self.name} begins"
        if recorder:
            recorder.record("agent", begins)
        else:
            self._publish("agent_invoking", begins)
        try:
            with within:
                result = self.execute(
                    checked_query(event.get("query")), checked_parameters(event.get("parameters") or None)
                )
        except BaseException as error:  # a tool may well call sys.exit(), and its run must end all the same
            logger.exception("run %s failed", self.request_id)
            return failure(error, recorder.stop if recorder else None), None
        return Outcome(RunStatus.COMPLETE, "Complete"), result

    def _publish(self, status: str, message: str) -> None:
        publish_agent_status(
            self.user_id,
            self.name,
            status,
            message,
            tenant_id=self.tenant_id,
            job_id=self.job_id,
            request_id=self.request_id,
        )

    def _body(self, error: str | None) -> Json:
        body: Json = {"success": error is None, "requestId": self.request_id, "agent": self.name}
        if self._recorder:
            body["elapsed"] = self._recorder.elapsed_seconds()
        return body if error is None else {**body, "error": error}


def _answer(status_code: int, body: Json) -> Json:
    return {"statusCode": status_code, "body": json_text(body)}

"""The base class of agents in plain Python, without Strands, that can be recorded, watched and used in a job.

Subclass it to get what `track` gives Strands agents: the run is claimed, tool calls are reported, and the end is
written even if the agent fails. It is part of the library, not the application, because such an agent runs in a
separate Lambda or process that has only the library.
"""

from __future__ import annotations

import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeVar

from runcast.errors import InvalidInput, RunStopped
from runcast.json_text import json_text, result_json
from runcast.live.publish import bound, calling, publish_agent_status, publish_status
from runcast.parameters import checked_parameters
from runcast.record.assignment import Claim, StepRef
from runcast.record.identity import checked_query, run_identity
from runcast.record.model import Json, RunStatus
from runcast.record.recorder import Recorder
from runcast.redaction import clean, clean_json
from runcast.runs.from_environment import recorder_of
from runcast.runs.outcome import RunOutcome, failure, overruled
from runcast.runs.work_end import WorkOutcome, tool_end

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class BaseAgent(ABC):
    """Subclass it and implement `execute`.

    An instance handles one run at a time; a Lambda may reuse it for the next run.

    Args:
        name: The agent's name.
        monotonic: A monotonic clock in seconds.

    Attributes:
        request_id: The id of the current or last run, if the event named it.
        job_id: The id of its job, if any.
        user_id: The user who owns it.
        tenant_id: The user's tenant.
    """

    def __init__(self, name: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.request_id: str | None = None
        self.job_id: str | None = None
        self.user_id: str | None = None
        self.tenant_id: str | None = None
        self._recorder: Recorder | None = None
        self._monotonic = monotonic

    @abstractmethod
    def execute(self, query: str, parameters: Json) -> Any:
        """Do the work.

        Args:
            query: The request, in words.
            parameters: The caller's parameters; in a job, `inputs` has the results that this agent reads.

        Returns:
            The run's result, any JSON of at most 64 KB. A job's rules evaluate `{"text": …, "facts": {name:
            {"value": …, "unit": …}}}`.

        Raises:
            Exception: Any exception ends the run as an error that names it.
        """

    def handle_execution(self, event: Mapping[str, Any], context: Any = None) -> Json:
        """Handle one run, from its claim to its end. Never raises.

        Stores the event's ids on the instance and publishes the end: `agent_complete`, or `agent_error` for any
        failure. With `AGENT_PROGRESS_TABLE` in the environment, the run is recorded. Otherwise its statuses are only
        shown live.

        Args:
            event: Has `query`; may have `parameters`, `requestId`, `userId`, `tenantId` and `jobId`. This is the event
                with which Runcast invokes an agent's function.
            context: The Lambda context, in a Lambda.

        Returns:
            `statusCode` (200; 400 bad ids; 409 claimed already; 500) and `body`, JSON text, like the agent Lambda.
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
        claim = recorder.claim() if recorder else None
        if recorder and claim is Claim.REFUSED:
            return _answer(409, self._body(recorder.refusal))

        outcome, result = self._executed(event)
        end_pending = degraded = False
        if recorder:
            report = recorder.end(
                outcome.status, outcome.message, result=result, error=outcome.error, reason=outcome.reason
            )
            outcome = overruled(outcome, report.stop, report.stop_error)
            end_pending, degraded = report.end_pending, report.degraded or claim is Claim.UNANSWERED
        else:
            self._publish("agent_error" if outcome.error else "agent_complete", outcome.message)
        body = self._body(outcome.error)
        if degraded and not self.job_id:
            body["degraded"] = True
        if end_pending:
            body["endPending"] = True
        if outcome.error is None and not self.job_id:
            body["result"] = clean_json(json.loads(result_json(result) or "null"), "result")
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
        """Publish `calling_tool`, call a tool and return its result, then publish `tool_complete` or `tool_error`.

        Args:
            tool: The function to call.
            arguments: Its keyword arguments.
            reason: The reason for the call, for people.
            job_id: The job of the status, if it is not the run's. A recorded run ignores this and uses its own.
            user_id: The user of the status, if it is not the run's. A recorded run ignores this, too.
            tenant_id: The user's tenant, if it is not the run's. A recorded run ignores this, too.

        Raises:
            RunStopped: The run was cancelled or ended, so no further tools are called.
            Exception: Any exception that the tool raises.
        """
        if self._recorder and self._recorder.stop:
            raise RunStopped
        tool_name = getattr(tool, "__name__", type(tool).__name__)
        whose = {
            "tenant_id": tenant_id or self.tenant_id,
            "job_id": job_id or self.job_id,
            "request_id": self.request_id,
            "agent_name": self.name,
        }
        show = partial(self._show, user_id or self.user_id, whose)
        call = show("executing", calling(tool_name, reason), tool_name=tool_name, status="calling_tool")
        began_seconds = self._monotonic()
        outcome, why = WorkOutcome.OK, None
        try:
            return tool(**(arguments or {}))
        except Exception as error:
            outcome, why = WorkOutcome.ERROR, type(error).__name__
            raise
        except BaseException:
            outcome = WorkOutcome.UNKNOWN
            raise
        finally:
            show(**tool_end(tool_name, outcome, self._monotonic() - began_seconds, call=call, why=why))

    def _show(
        self, user_id: str | None, whose: Json, step: str, message: str, *, status: str, **about: Any
    ) -> StepRef | None:
        """Record a step of the run and return it; without a record, show it live."""
        if self._recorder:
            return self._recorder.record(step, message, agent_name=self.name, status=status, **about)
        shown = {name: value for name, value in about.items() if name in ("tool_name", "metadata")}
        publish_status(user_id, status, message, **whose, **shown)
        return None

    def _executed(self, event: Mapping[str, Any]) -> tuple[RunOutcome, Any]:
        """Run `execute` and return the outcome and the result."""
        recorder = self._recorder
        within: AbstractContextManager[None] = bound(recorder) if recorder else nullcontext()
        begins = f"{self.name} begins"
        if recorder:
            recorder.record("agent", begins)
        else:
            self._publish("agent_invoking", begins)
        try:
            if event.get("attachments"):
                raise InvalidInput(f"{self.name} takes no attachments. Start it without.")
            with within:
                result = self.execute(
                    checked_query(event.get("query")), checked_parameters(event.get("parameters") or None)
                )
        except BaseException as error:  # a tool may call sys.exit(), and the run must still end
            logger.exception("run %s failed", self.request_id)
            return failure(error, recorder.stop if recorder else None), None
        return RunOutcome(RunStatus.COMPLETE, "Complete"), result

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
        return body if error is None else {**body, "error": clean(error, "error")}


def _answer(status_code: int, body: Json) -> Json:
    return {"statusCode": status_code, "body": json_text(body)}

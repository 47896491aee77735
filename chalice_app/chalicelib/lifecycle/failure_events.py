"""The events by which AWS reports that an invocation of an agent, or the execution of a job, has failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.orchestrator.failures import lambda_error, message_in
from chalicelib.orchestrator.job import checked_job_id
from runcast.errors import AttachmentUnusable, Conflict, RunStopped
from runcast.record.identity import run_identity
from runcast.record.model import EndReason, Owner, RunStatus

# What `run_in_parts` and `track` raise in a function if another worker has the run, or has ended it.
_HAD_NO_RUN = (Conflict.__name__, RunStopped.__name__)


@dataclass(frozen=True)
class FailedInvocation:
    """A record of an asynchronous invocation of an agent that failed, as Lambda sends it.

    Attributes:
        invocation: The id of the request.
        request_id: The run.
        owner: The owner that its event names.
        created_at_ms: When the record was created that its event names; None if it names none.
        part: The part of the run that it was for, and the try.
        detail: Why it failed, for people.
        reason: Why its run ends if no worker has claimed it, for code; None if the failure does not say.
        had_no_run: Whether it failed because another worker has the run, or has ended it.
    """

    invocation: str
    request_id: str
    owner: Owner
    created_at_ms: int | None
    part: tuple[int, int]
    detail: str
    reason: EndReason | None
    had_no_run: bool

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> FailedInvocation:
        """Return the failure that a record describes.

        Raises:
            AttributeError, InvalidInput, KeyError, TypeError: The record does not have this form.
        """
        about = record["requestContext"]
        invocation = about["requestId"]
        if not isinstance(invocation, str):
            raise TypeError
        event = record["requestPayload"]
        identity = run_identity(event, request_id=invocation)
        part = event.get("part", 1), event.get("try", 1)
        answer = record.get("responsePayload") or {}
        if about["condition"] == "EventAgeExceeded":
            detail = "It waited too long for a free one."
        else:
            detail = lambda_error(answer)
        reason = None
        if answer.get("errorType") == AttachmentUnusable.__name__:
            # `prompt_of` raises it, which a function calls before `track` claims the run.
            reason, detail = EndReason.ATTACHMENT_UNUSABLE, str(answer.get("errorMessage") or detail)
        had_no_run = answer.get("errorType") in _HAD_NO_RUN
        run = (identity.request_id, identity.owner, identity.created_at_ms)
        return cls(invocation, *run, part, detail, reason, had_no_run)


@dataclass(frozen=True)
class EndedExecution:
    """An execution of a job that failed, timed out or was stopped, as EventBridge reports it.

    Attributes:
        job_id: The job, whose id is the execution's name.
        status: How the job ends.
        reason: Why, for code.
        message: Why, for people.
    """

    job_id: str
    status: RunStatus
    reason: EndReason
    message: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> EndedExecution:
        """Return the end that an event describes.

        Raises:
            AttributeError, InvalidInput, KeyError, TypeError: The event does not have this form.
        """
        detail = event["detail"]
        job_id, status = checked_job_id(detail["name"]), detail["status"]
        if status == "ABORTED":
            return cls(job_id, RunStatus.CANCELLED, EndReason.EXECUTION_STOPPED, "Cancelled")
        if status == "TIMED_OUT":
            return cls(job_id, RunStatus.ERROR, EndReason.TIMED_OUT, "The job's execution timed out.")
        if status != "FAILED":
            raise KeyError
        cause = detail.get("cause") or ""
        texts = [text for text in (detail.get("error"), message_in(cause) or cause) if text]
        message = ": ".join(("The job's execution failed", *texts))
        return cls(job_id, RunStatus.ERROR, EndReason.JOB_FAILED, message)

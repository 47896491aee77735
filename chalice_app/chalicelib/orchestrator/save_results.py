"""The state `SaveResults`: writes the end of a job, both after success and after a failure.

The result is merged from the records again and never shortened. A result that is too large for the record is stored in
the bucket before the record refers to it. A result that is too large for the bucket ends the job as an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.orchestrator.errors import JobEnded, JobTimedOut
from chalicelib.orchestrator.failures import sentence_of
from chalicelib.orchestrator.job import Job, result_key
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Playbook
from chalicelib.orchestrator.synthesizer import merged
from runcast import limits
from runcast.errors import Unavailable
from runcast.json_text import json_text
from runcast.record.model import EndReason, Json, Run, RunEnded, RunStatus
from runcast.record.store import End, RunStore
from runcast.redaction import clean_json
from runcast.text import shortened

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

CHECKPOINT = "end"
JOB_RESULT_MAX_BYTES = 1024 * 1024

# Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_TRANSIENT_CODES = {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}


def save_results(
    job: Job,
    record: JobRecord,
    store: RunStore,
    event: Json,
    *,
    s3: Callable[[], S3Client],
    bucket: str,
    tell_end: Callable[[RunEnded], None],
) -> Json:
    """End a job.

    Args:
        job: The job.
        record: The job's record.
        store: The records of the runs.
        event: `playbook` and `summary`, or else `error` (a text) or `failure` (as the state machine caught it).
        s3: Creates the S3 client if it is needed.
        bucket: The bucket for large results.
        tell_end: Announces the job's end after it is stored; must not raise.

    Returns:
        `status` and `error` from the record. If the job was cancelled in the meantime, it stays cancelled.

    Raises:
        Unavailable: A service did not answer. A retry continues.
    """
    try:
        record.read()  # checks the owner before anything is stored under the job's id
        end = _failed_before(event) or _saved(job, store, event, s3, bucket)
        record.checkpoint(CHECKPOINT, end.status.value, end.error or "Complete", end=end)
    except JobEnded as ended:
        logger.info("nothing saved: %s", ended)
        return _as_recorded(record.find())
    run = record.read()
    tell_end(RunEnded.of(run))
    return _as_recorded(run)


def _failed_before(event: Json) -> End | None:
    """Return the end of a job that failed before this state; None if its result can be saved."""
    if event.get("error"):
        return _failed(event["error"], EndReason.AGENT_FAILED)
    if event.get("failure"):
        late = event["failure"].get("Error") == JobTimedOut.__name__
        return _failed(sentence_of(event["failure"]), EndReason.TIMED_OUT if late else EndReason.JOB_FAILED)
    return None


def _saved(job: Job, store: RunStore, event: Json, s3: Callable[[], S3Client], bucket: str) -> End:
    """Store a result that is too large for the record; return the job's end, an error if it cannot be stored."""
    entries = Playbook.of(event["playbook"]).entries
    found = merged(entries, latest_runs(store, job, entries))
    text = json_text(clean_json({"summary": event["summary"], **found}, "result"))
    content = text.encode()
    if len(content) <= limits.RESULT_MAX_BYTES:
        return End(RunStatus.COMPLETE, result_json=text)
    if len(content) > JOB_RESULT_MAX_BYTES:
        size_kb = -(-len(content) // 1024)
        error = f"The result is {size_kb} KB; the maximum is {JOB_RESULT_MAX_BYTES // 1024} KB."
        return _failed(error, EndReason.RESULT_TOO_LARGE)
    key = result_key(job.job_id)
    try:
        s3().put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _TRANSIENT_CODES:
            raise Unavailable(f"The result could not be saved ({code}). Try again.") from error
        logger.warning("the result of job %s was not saved: %s", job.job_id, error)
        return _failed(f"The result could not be saved ({code}).", EndReason.RESULT_NOT_SAVED)
    except BotoCoreError as error:
        logger.warning("the result of job %s was not saved: %s", job.job_id, error)
        raise Unavailable("The result could not be saved. Try again.") from error
    return End(RunStatus.COMPLETE, result_key=key)


def _failed(error: Any, reason: EndReason) -> End:
    return End(RunStatus.ERROR, error=shortened(str(error), limits.ERROR_MAX_CHARACTERS), reason=reason)


def _as_recorded(run: Run | None) -> Json:
    if run is None:
        return {"status": RunStatus.ERROR.value, "error": "The job's record is gone."}
    return {"status": run.status.value, "error": run.error}

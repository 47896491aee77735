"""Reports to a job's execution that one of its runs has ended, waits for an answer, or was answered.

The execution waits for the run with a task token, which is in the run's record. Only the newest token is valid; a
report with an earlier one has no effect. The report is best effort: the execution also looks at the record itself.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.orchestrator.errors import RunChanged, RunWaits
from runcast.errors import Unavailable
from runcast.json_text import json_text
from runcast.record.model import Run, RunStatus

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

logger = logging.getLogger(__name__)

# Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_OVER = {"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"}


def report_run(client: SFNClient, run: Run) -> None:
    """Report the state of a run to the task that waits for it. A no-op for a run that no task waits for.

    Raises:
        Unavailable: Step Functions did not take the report. A retry is safe.
    """
    if run.task_token is None or run.is_job:
        return
    try:
        if run.status is RunStatus.COMPLETE:
            client.send_task_success(taskToken=run.task_token, output=json_text({"requestId": run.request_id}))
        else:
            error = RunWaits if run.status is RunStatus.WAITING else RunChanged
            client.send_task_failure(taskToken=run.task_token, error=error.__name__, cause=run.status.value)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _OVER:
            raise Unavailable(f"The change of run {run.request_id} was not reported ({code}). Try again.") from error
        logger.info("run %s: no task waits for it any more", run.request_id)
    except BotoCoreError as error:
        raise Unavailable(f"The change of run {run.request_id} was not reported. Try again.") from error

"""Handing a run's end to another worker when this one cannot store it in time.

A worker with a waiting caller has two seconds to store its end, and a worker at its deadline is about to be stopped.
So the worker sends the end in an asynchronous invocation of `run_closer`, which does not depend on DynamoDB.
`run_closer` then writes the end with retries, under this worker's claim and with the same writer (`handed_over`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from runcast.json_text import json_text
from runcast.record.model import Json, Owner, RunEnded

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)

HANDED_OVER_END = "handedOverEnd"
"""The event key that holds a handed-over end."""

NEXT_PART = "nextPart"
"""The event key that holds the id of a run whose next part must be handed to a worker."""


CHANGED_RUN = "changedRun"
"""The event key that names a run of a job that has changed: it has ended, waits for an answer, or was answered."""


def changed_run_event(request_id: str, owner: Owner, job_id: str) -> Json:
    """Return the event by which `run_closer` reports a change of a run to the execution of its job."""
    identity = {"requestId": request_id, "userId": owner.user_id, "tenantId": owner.tenant_id, "jobId": job_id}
    return {CHANGED_RUN: identity}


def report_to_job(hand_over: Callable[[Json], bool], changed: RunEnded) -> None:
    """Ask `run_closer` to report the end or the question of a job's run to the job; a no-op for other runs."""
    if changed.job_id:
        hand_over(changed_run_event(changed.request_id, changed.owner, changed.job_id))


class EndHandover:
    """Hands ends, runs that continue in a next part, and changes of runs of jobs, to the Lambda `run_closer`.

    Args:
        client: Returns the boto3 Lambda client, made with `LIVE_CLIENT_CONFIG`; called when something is sent.
        function_name: The Lambda's name or ARN.
    """

    def __init__(self, client: Callable[[], LambdaClient], function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def send(self, event: Json) -> bool:
        """Invoke the Lambda asynchronously; return whether it took the event. Never raises."""
        try:
            self._client().invoke(
                FunctionName=self._function_name, InvocationType="Event", Payload=json_text(event).encode()
            )
        except Exception as error:  # noqa: BLE001 - after any failure, the response reports the end as pending
            logger.warning("run_closer was not invoked: %s", error)
            return False
        return True

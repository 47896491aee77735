"""Starts and stops Step Functions executions, one for each job, named after the job's id."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.runtime import clients
from runcast.errors import Unavailable
from runcast.json_text import json_text

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Executions:
    """The executions of one state machine, each identified by its job's id.

    Args:
        client: A Step Functions client that does not retry.
        state_machine_arn: The ARN of the state machine.
    """

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, job_id: str) -> None:
        """Start a job's execution. Its input is the job's id alone, because its history shows the input.

        Raises:
            Unavailable: Step Functions refused, or did not answer and may have started the execution anyway.
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn, name=job_id, input=json_text({"jobId": job_id})
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The execution was not started: {error}") from error

    def stop(self, job_id: str) -> None:
        """Stop a job's execution. Stopping a finished or unknown execution is a no-op.

        Raises:
            Unavailable: Step Functions refused or did not answer. It is safe to retry.
        """
        arn = f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{job_id}"
        try:
            self._client.stop_execution(executionArn=arn)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return
            raise Unavailable("The job's execution could not be stopped. Try again.") from error


@cache
def executions_of(state_machine_arn: str) -> Executions:
    """Return the executions of this process's state machine."""
    return Executions(clients.step_functions(), state_machine_arn)

"""Starts executions of a state machine and waits for their ends, with any functions behind its states."""

import json
import uuid
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

TIME_LIMIT_SECONDS = 60


class Execution:
    """One execution under way."""

    def __init__(self, states: Any, machine_arn: str, notes: Path, told: dict[str, Any]) -> None:
        """Start it.

        Args:
            states: boto3's client.
            machine_arn: The state machine.
            notes: The folder of the fake functions.
            told: What they are to do.
        """
        self._states = states
        self.job_id = str(uuid.uuid4())
        (notes / f"{self.job_id}.json").write_text(json.dumps(told))
        self.arn: str = states.start_execution(
            stateMachineArn=machine_arn, name=self.job_id, input=json.dumps({"jobId": self.job_id})
        )["executionArn"]

    def stop(self) -> None:
        """Stop it as a user who cancels does."""
        self._states.stop_execution(executionArn=self.arn)

    def end(self) -> dict[str, Any]:
        """Wait for its end; return what Step Functions says of it."""
        return wait_until(
            lambda: self._states.describe_execution(executionArn=self.arn),
            lambda told: told["status"] != "RUNNING",
            deadline_seconds=TIME_LIMIT_SECONDS,
        )

"""A fake of Step Functions' client for tasks that wait for their token."""

import json

from chalicelib.orchestrator.errors import RunChanged, RunWaits


class Tasks:
    """The client of Step Functions: the results and failures of tasks, by their tokens."""

    def __init__(self) -> None:
        self.results = {}

    def send_task_success(self, taskToken, output):  # noqa: N803 - boto3's names
        self.results.setdefault(taskToken, json.loads(output))

    def send_task_failure(self, taskToken, error, cause):  # noqa: N803 - boto3's names
        self.results.setdefault(taskToken, {"RunChanged": RunChanged, "RunWaits": RunWaits}[error](cause))

"""`python -m verify.worker`: does one run of the verification on this machine, as an agent outside of the deployment.

It records with the library and the settings of Terraform's output `recorder_environment`. So its steps are made here,
and one clock measures them from the record to the client. Reads one JSON line: `event`, `invocationId`, `steps`,
`pauseSeconds` and `metadata` (of each step, in addition to its number). Writes the answer as one JSON line.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass
from typing import Any

from runcast import BaseAgent, publish_status

WORKER_AGENT = "verify"
"""The agent's name in the record."""

_REMAINING_MS = 10 * 60_000


@dataclass(frozen=True)
class _Context:
    """The part of a Lambda context that the library uses. The id is the invocation that `run_closer` may receive."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> float:
        return _REMAINING_MS


class Worker(BaseAgent):
    """Records steps at a steady pace, or waits until the run is cancelled.

    Args:
        steps: How many; None to wait for a cancel.
        pause_seconds: The pause after each step.
        metadata: The metadata of each step, in addition to its number.
    """

    def __init__(self, steps: int | None, pause_seconds: float, metadata: dict[str, Any]) -> None:
        super().__init__(WORKER_AGENT)
        self._steps = steps
        self._pause_seconds = pause_seconds
        self._metadata = metadata

    def execute(self, query: str, parameters: dict[str, Any]) -> Any:  # noqa: ARG002 - the base class's signature
        """Record the steps; return their number and the metadata."""
        if self._steps is None:
            while True:  # A tool call raises once the run is cancelled.
                self.invoke_tool(self._wait)
        for number in range(1, self._steps + 1):
            publish_status(None, "working", f"Step {number}", metadata={"number": number, **self._metadata})
            time.sleep(self._pause_seconds)
        return {"steps": self._steps, "metadata": self._metadata}

    def _wait(self) -> None:
        time.sleep(self._pause_seconds)


def main() -> int:
    """Do the run that standard input describes; return the exit code."""
    # The answer says why a run failed; a log line for a run that is cancelled on purpose would alarm.
    logging.getLogger("runcast").addHandler(logging.NullHandler())
    order = json.loads(sys.stdin.readline())
    worker = Worker(order["steps"], order["pauseSeconds"], order["metadata"])
    answer = worker.handle_execution(order["event"], _Context(order["invocationId"]))
    print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The output for scripts: one JSON object per line, the same in a terminal and in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console

from runcast.client.listed import ListedRun, RunState, Startable
from runcast.client.step import Progress, WatchedStep
from runcast.client.watch_outcome import WatchOutcome


class JsonView:
    """Prints one JSON object per line.

    Prints `{"type": "step", ...}` for each step, then one `{"type": "summary", ...}`, which has a job's `runs`. A
    cancel or an answer prints only the summary. A list prints `{"type": "run", ...}` for each run or job,
    or `{"type": "agent", ...}` and `{"type": "playbook", ...}`.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, step: WatchedStep) -> None:
        """Show one step; a recorded step will repeat a delta."""
        if step.is_delta:
            return
        self._write({"type": "step", **step.to_json()})

    def outcome(self, outcome: WatchOutcome) -> None:
        """Show the outcome of a watched run."""
        self._write(
            {
                "type": "summary",
                "requestId": outcome.request_id,
                "status": outcome.status,
                "recorded": outcome.recorded,
                "receivedLive": outcome.received_live,
                "missing": outcome.missing,
                "result": outcome.result,
                "error": outcome.error,
                "reason": outcome.reason,
                **({} if outcome.runs is None else {"runs": [run.to_json() for run in outcome.runs]}),
            }
        )

    def record(self, request_id: str, progress: Progress) -> None:
        """Show a whole record as it is now."""
        for step in progress.steps:
            self.step(step)
        self._write(
            {
                "type": "summary",
                "requestId": request_id,
                "status": progress.status,
                "liveness": progress.liveness,
                "recorded": progress.last_seq,
                "createdAt": progress.created_at_ms,
                "updatedAt": progress.updated_at_ms,
                "result": progress.result,
                "error": progress.error,
                "reason": progress.reason,
                **({} if progress.playbook is None else {"runs": [run.to_json() for run in progress.runs]}),
            }
        )

    def state(self, state: RunState) -> None:
        """Show a run's state after a cancel or an answer."""
        self._write({"type": "summary", **state.to_json()})

    def runs(self, runs: Sequence[ListedRun]) -> None:
        """Show a list of runs."""
        for run in runs:
            self._write({"type": "run", **run.to_json()})

    def agents(self, agents: Sequence[Startable]) -> None:
        """Show the agents and playbooks."""
        for each in agents:
            self._write({"type": each.kind, **each.to_json()})

    def _write(self, line: dict[str, Any]) -> None:
        # ASCII only, so that no control character reaches a terminal.
        self._console.out(json.dumps(line), highlight=False)

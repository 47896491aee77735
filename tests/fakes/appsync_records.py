"""The records in the fake AppSync: a run's, or a job's with those of its runs."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

BEGAN_MS = 1_700_000_000_000


@dataclass
class FakeRecord:
    """The record of one run or job."""

    request_id: str | None = None
    began_ms: int = BEGAN_MS
    steps: list[dict[str, Any]] = field(default_factory=list)
    status: str = "in_progress"
    liveness: str = "live"
    result: Any = None
    error: str | None = None
    reason: str | None = None

    def record(self, step: str, message: str = "", **more: Any) -> int:
        """Append a step to the record, and nothing else; return its seq."""
        seq = len(self.steps) + 1
        blank = {"status": step, "agentName": "terrain", "toolName": None, "metadata": None}
        stamp = {"elapsed": seq / 10, "timestamp": float(self.began_ms + seq * 100)}
        self.steps.append({"type": "progress", "step": step, "message": message, "seq": seq, **stamp, **blank, **more})
        return seq

    def end(
        self, status: str = "complete", *, result: Any = None, error: str | None = None, reason: str | None = None
    ) -> int:
        """Append the last step and set the result; return the step's seq."""
        self.status, self.result, self.error, self.reason = status, result, error, reason
        self.liveness = "live" if status == "waiting" else "done"
        return self.record(status, status=self._live_ending(status))

    def ask(self, *questions: dict[str, Any]) -> int:
        """Append a step that waits for answers to these questions; return its seq."""
        self.status = "waiting"
        return self.record("waiting", "Waiting for an answer", metadata={"interrupts": list(questions)})

    def as_read(self, after_seq: int, page_steps: int) -> dict[str, Any]:
        """What the reader answers about it."""
        steps = [
            {**step, "metadata": step["metadata"] and json.dumps(step["metadata"])} for step in self.steps[after_seq:]
        ]
        page = steps[:page_steps]
        return {
            "success": True,
            "requestId": self.request_id,
            "steps": page,
            "status": self.status,
            "createdAt": float(self.began_ms),
            "updatedAt": float(self.began_ms + 100 * len(self.steps)),
            "error": self.error,
            "reason": self.reason,
            "nextSeq": page[-1]["seq"] if len(page) < len(steps) else None,
            "liveness": self.liveness,
            "leaseUntil": float(self.began_ms),
            "result": None if self.result is None else json.dumps(self.result),
        }

    def as_heard(self, seq: int) -> dict[str, Any]:
        """One of its steps as a status message."""
        step = self.steps[seq - 1]
        return {
            "requestId": self.request_id,
            **{name: step[name] for name in ("status", "message", "timestamp", "agentName", "toolName", "seq")},
            "metadata": step["metadata"] and json.dumps(step["metadata"]),
        }

    def _live_ending(self, status: str) -> str:
        return {"complete": "agent_complete", "error": "agent_error"}.get(status, status)


@dataclass
class FakeJobRun(FakeRecord):
    """The record of one run of a job; it does not exist before it `begins`."""

    name: str = ""
    stage: str = ""
    attempt: int = 1
    begun: bool = False

    def begin(self) -> None:
        self.begun = True

    def head(self) -> dict[str, Any]:
        """The run's state, as the job's record has it."""
        head = {"name": self.name, "agent": self.name, "stage": self.stage, "attempt": self.attempt}
        head |= {"requestId": self.request_id} | dict.fromkeys(
            ("status", "liveness", "seq", "elapsed", "createdAt", "error", "reason")
        )
        if self.begun:
            head |= {"status": self.status, "liveness": self.liveness, "seq": len(self.steps), "error": self.error}
            head |= {"elapsed": len(self.steps) / 10, "createdAt": float(self.began_ms), "reason": self.reason}
        return head


@dataclass
class FakeJob(FakeRecord):
    """The record of a job, and those of its runs."""

    playbook: str = "site-assessment"
    runs: list[FakeJobRun] = field(default_factory=list)
    result_link: dict[str, Any] | None = None

    def plan(self, *names: str, stage: str = "") -> list[FakeJobRun]:
        """Add a first attempt of each of these agents, as one stage."""
        return [self._add(name, stage or name, 1) for name in names]

    def again(self, run: FakeJobRun) -> FakeJobRun:
        """Add another attempt of the same agent."""
        return self._add(run.name, run.stage, run.attempt + 1)

    def as_read(self, after_seq: int, page_steps: int) -> dict[str, Any]:
        """What the reader answers about it."""
        answer = super().as_read(after_seq, page_steps)
        runs = [run.head() for run in self.runs if run.begun or run.attempt == 1]
        return {**answer, "playbook": self.playbook, "runs": runs, "resultLink": self.result_link}

    def _add(self, name: str, stage: str, attempt: int) -> FakeJobRun:
        request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.request_id}/{name}/{attempt}"))
        # Each begins at a different time, so that times since the beginning distinguish runs.
        began_ms = self.began_ms + 1_000 * (len(self.runs) + 1)
        run = FakeJobRun(request_id, began_ms, name=name, stage=stage, attempt=attempt)
        same = [index for index, each in enumerate(self.runs) if each.name == name]
        self.runs.insert(same[-1] + 1 if same else len(self.runs), run)
        return run

    def _live_ending(self, status: str) -> str:
        return status


def listed(request_id: str, *, began_ms: int = BEGAN_MS, **more: Any) -> dict[str, Any]:
    """A run as a list shows it."""
    times = dict.fromkeys(("createdAt", "updatedAt", "leaseUntil"), float(began_ms))
    state = {"status": "in_progress", "liveness": "live", "seq": 3, "error": None, "reason": None}
    whose = {"agent": "terrain", "jobId": None, "playbook": None, "conversationId": None, "query": None}
    return {"requestId": request_id, **whose, **times, **state, **more}


def conversation(conversation_id: str, *texts: str, **more: Any) -> dict[str, Any]:
    """A conversation with these messages, the user's first."""
    roles = ("user", "assistant")
    return {
        "conversationId": conversation_id,
        "agent": "terrain",
        "title": texts[0] if texts else "",
        "lastTurnAt": float(BEGAN_MS),
        "expiresAt": float(BEGAN_MS + 1000),
        "openRun": None,
        "messages": [{"role": roles[n % 2], "text": text, "attachments": None} for n, text in enumerate(texts)],
        "messagesOmitted": 0,
        "runs": [],
        **more,
    }


class ServiceError(Exception):
    """An error that a resolver answers, as AppSync words it."""

    def __init__(self, error_type: str, message: str, error_info: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.error_info = error_info

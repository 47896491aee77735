"""The answer of the agent Lambda to a direct invocation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.agents.agent_event import AgentEvent
from runcast.json_text import json_text, metadata_json, result_json
from runcast.record.model import Json, RunStatus
from runcast.record.recorder import Recorder
from runcast.redaction import clean, clean_json
from runcast.runs.outcome import RunOutcome


def answer_body(event: AgentEvent, recorder: Recorder, outcome: RunOutcome, *, cold_start: bool) -> Json:
    """Return the body of the answer: the run's outcome and, outside a job, its result and steps."""
    body: Json = {
        "success": outcome.error is None,
        "requestId": event.identity.request_id,
        "agent": event.request.agent,
        "coldStart": cold_start,
        "elapsed": recorder.elapsed_seconds(),
    }
    if outcome.error is not None:
        body["error"] = clean(outcome.error, "error")
    if event.identity.job_id:
        return body  # a job's runs hand their output on by reference, through the record
    text = result_json(outcome.result)
    body["result"] = None if text is None else clean_json(json.loads(text), "result")
    if outcome.status is RunStatus.IN_PROGRESS:
        body["continuing"] = True
    waiting = outcome.status is RunStatus.WAITING
    told = json.loads(metadata_json(outcome.metadata, questions=waiting) or "{}")
    body |= clean_json(told, "metadata")  # as the record has it
    progress = recorder.progress()
    body["progress"] = progress.steps
    if progress.cut:
        body["progressCut"] = True
    return body


def agent_answer(status_code: int, body: Mapping[str, Any]) -> Json:
    """Return the answer of the agent Lambda."""
    return {"statusCode": status_code, "body": json_text(dict(body))}

"""JSON Schemas of the requests and answers of the REST API, with the limits from the code."""

from __future__ import annotations

from typing import Any

from runcast import limits
from runcast.record.model import EndReason, Liveness, RunStatus

_Schema = dict[str, Any]


def schemas() -> dict[str, _Schema]:
    """Return the schemas by the names under which `docs/openapi.json` refers to them."""
    epoch_ms = {"type": "number", "description": "Epoch milliseconds."}
    step = _object(
        {
            "type": {"const": "progress"},
            "step": {"type": "string"},
            "message": {"type": "string", "maxLength": limits.MESSAGE_MAX_CHARACTERS},
            "elapsed": {"type": "number", "description": "Seconds since the run began."},
            "timestamp": epoch_ms,
            "seq": {"type": "integer", "minimum": 1, "description": "1, 2, 3 … without gaps in a run."},
            "status": {"type": "string", "description": "The name on the live channel; otherwise equal to `step`."},
            "agentName": {"type": "string"},
        },
        optional={
            "toolName": {"type": "string"},
            "metadata": {"type": "object"},
        },
    )
    steps = {"type": "array", "items": {"$ref": "#/components/schemas/Step"}, "maxItems": limits.READ_MAX_STEPS}
    statuses = {"enum": [status.value for status in RunStatus]}
    parameters = {"type": "object", "description": f"At most {limits.PARAMETERS_MAX_BYTES // 1024} KB as JSON."}
    text_or_null = {"type": ["string", "null"]}
    nothing = {"type": "null"}
    works = {"enum": ["ok", "failing"]}
    named = {"name": {"type": "string"}, "description": {"type": "string"}}
    playbooks = {"type": "array", "items": _object(named)}
    schema = {"type": ["object", "null"], "description": "The JSON Schema of its parameters; null if it declares none."}
    agents = {"type": "array", "items": _object({**named, "parametersSchema": schema})}
    reason = {
        **text_or_null,
        "description": "The code for why it ended; null until then. Later versions may add codes.",
        "examples": [each.value for each in EndReason],
    }
    lives = {"enum": [liveness.value for liveness in Liveness]}
    return {
        "RunRequest": {
            "anyOf": [
                _object(
                    {
                        "agent": {"type": "string", "description": "A name from `GET /agents`."},
                        "query": {"type": "string", "minLength": 1, "maxLength": limits.QUERY_MAX_CHARACTERS},
                    },
                    optional={
                        "parameters": {"anyOf": [parameters, nothing]},
                        "requestId": {"type": ["string", "null"], "format": "uuid"},
                    },
                ),
                _object(
                    {
                        "rerunOf": {
                            "type": "string",
                            "description": "The id of an earlier run or job. Starts a new one with the same input.",
                        }
                    },
                    optional={"requestId": {"type": ["string", "null"], "format": "uuid"}},
                ),
            ]
        },
        "JobRequest": _object(
            {
                "playbook": {"type": "string", "description": "A name from `GET /agents`."},
                "query": {"type": "string", "minLength": 1, "maxLength": limits.QUERY_MAX_CHARACTERS},
            },
            optional={
                "parameters": {"anyOf": [parameters, nothing]},
                "jobId": {"type": ["string", "null"], "format": "uuid"},
            },
        ),
        "Answers": _object(
            {
                "answers": {
                    "type": "object",
                    "description": "The answers, any JSON but null, by the questions' ids in `metadata.interrupts` "
                    f"of the step `waiting`. At most {limits.ANSWERS_MAX_BYTES // 1024} KB as JSON.",
                }
            }
        ),
        "StartedJob": _object({"jobId": {"type": "string"}, "status": statuses, "createdAt": epoch_ms}),
        "StartedRun": _object({"requestId": {"type": "string"}, "status": statuses, "createdAt": epoch_ms}),
        "Run": _object(
            {
                "success": {"const": True},
                "requestId": {"type": "string"},
                "steps": steps,
                "status": statuses,
                "createdAt": epoch_ms,
                "updatedAt": epoch_ms,
                "error": text_or_null,
                "reason": reason,
                "nextSeq": {
                    "type": ["integer", "null"],
                    "description": "The `afterSeq` of the next request. Null if these are all steps so far.",
                },
                "liveness": lives,
                "leaseUntil": epoch_ms,
                "result": {"description": "The result, any JSON. Null until the end, or if it is behind `resultLink`."},
                "playbook": {**text_or_null, "description": "The playbook that a job executes; null for a run."},
                "runs": {
                    "description": "The runs of a job; null for a run.",
                    "anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/JobRun"}}, nothing],
                },
                "resultLink": {
                    "description": "A link to a job's result that is too large for the record.",
                    "anyOf": [{"$ref": "#/components/schemas/ResultLink"}, nothing],
                },
            }
        ),
        "JobRun": _object(
            {
                "name": {"type": "string", "description": "The unique name of the agent's entry in the playbook."},
                "agent": {"type": "string"},
                "stage": {"type": "string"},
                "attempt": {"type": "integer", "minimum": 1, "maximum": limits.ATTEMPTS_MAX},
                "requestId": {"type": "string"},
                "status": {
                    "enum": [*statuses["enum"], None],
                    "description": "This and the following fields are null until the run begins.",
                },
                "liveness": {"enum": [*lives["enum"], None]},
                "seq": {"type": ["integer", "null"], "minimum": 0, "description": "The number of recorded steps."},
                "elapsed": {"type": ["number", "null"], "description": "Seconds, up to now or to the end."},
                "createdAt": {**epoch_ms, "type": ["number", "null"]},
                "error": text_or_null,
                "reason": reason,
            }
        ),
        "ResultLink": _object(
            {
                "url": {
                    "type": "string",
                    "format": "uri",
                    "description": "GET it without a credential; the response is the result as JSON.",
                },
                "expiresAt": {**epoch_ms, "description": "Epoch milliseconds. The link is refused from then on."},
            }
        ),
        "UnreadableRun": _object(
            {
                "success": {"const": False},
                "requestId": {"type": "string"},
                "steps": {"type": "array", "maxItems": 0},
                "error": {"type": "string"},
                **dict.fromkeys(
                    (
                        *("status", "createdAt", "updatedAt", "nextSeq", "liveness", "leaseUntil", "result"),
                        *("reason", "playbook", "runs", "resultLink"),
                    ),
                    nothing,
                ),
            }
        ),
        "RunState": _object(
            {
                "success": {"const": True},
                "requestId": {"type": "string"},
                "status": statuses,
                "liveness": lives,
                "error": text_or_null,
                "reason": reason,
            }
        ),
        "Runs": _object(
            {
                "runs": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/ListedRun"},
                    "maxItems": limits.LIST_MAX_RUNS,
                },
                "nextCursor": {
                    **text_or_null,
                    "description": "The `cursor` of the next request. Null if there are no more runs.",
                },
            }
        ),
        "ListedRun": _object(
            {
                "requestId": {"type": "string"},
                "agent": {"type": "string"},
                "jobId": {**text_or_null, "description": "The id of the run's job, if any. For a job, its own id."},
                "playbook": {**text_or_null, "description": "The playbook that a job executes; null for a run."},
                "query": {
                    **text_or_null,
                    "maxLength": limits.LISTED_QUERY_MAX_CHARACTERS,
                    "description": "The beginning of the query, without secrets; null if no API has started it.",
                },
                "status": statuses,
                "liveness": lives,
                "seq": {"type": "integer", "minimum": 0, "description": "The number of recorded steps."},
                "createdAt": epoch_ms,
                "updatedAt": epoch_ms,
                "leaseUntil": epoch_ms,
                "error": text_or_null,
                "reason": reason,
            }
        ),
        "Step": step,
        "Agents": _object({"agents": agents, "playbooks": playbooks}),
        "Health": _object({"status": works, "checks": _object({"agentProgressTable": works, "agentFunction": works})}),
        "Refusal": _object({"error": _object({"type": {"type": "string"}, "message": {"type": "string"}})}),
    }


def _object(required: dict[str, _Schema], optional: dict[str, _Schema] | None = None) -> _Schema:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }

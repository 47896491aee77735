"""JSON Schemas of the requests and answers of the REST API, with the limits from the code."""

from __future__ import annotations

from typing import Any

from runcast import limits
from runcast.file_types import FILE_TYPES
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
    takes_files = {"type": "boolean", "description": "Whether it takes attachments; true for agents in other Lambdas."}
    agents = {"type": "array", "items": _object({**named, "parametersSchema": schema, "attachments": takes_files})}
    reason = {
        **text_or_null,
        "description": "The code for why it ended; null until then. Later versions may add codes.",
        "examples": [each.value for each in EndReason],
    }
    lives = {"enum": [liveness.value for liveness in Liveness]}
    in_conversation = {**text_or_null, "description": "The conversation that the run continues; null outside of one."}
    conversation: dict[str, _Schema] = {
        "conversationId": {"type": "string", "format": "uuid"},
        "agent": {"type": "string"},
        "title": {"type": "string", "description": "The beginning of the first query, without secrets."},
        "lastTurnAt": {**epoch_ms, "description": "When its newest run was started, in epoch milliseconds."},
        "expiresAt": {**epoch_ms, "description": "Epoch milliseconds. A run that completes renews it."},
        "openRun": {**text_or_null, "description": "The id of the run that is open."},
    }
    message = _object(
        {"role": {"enum": ["user", "assistant"]}, "text": {"type": "string"}},
        optional={
            "attachments": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": limits.ATTACHMENTS_MAX,
                "description": "The names of the files that the user attached.",
            }
        },
    )
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
                        "conversationId": {
                            "type": ["string", "null"],
                            "format": "uuid",
                            "description": "The conversation that the run continues. An unknown id starts a new one.",
                        },
                        "branchFrom": {
                            **text_or_null,
                            "description": "The id of a complete run of a conversation. Starts a new conversation from "
                            "the state in which that run ended.",
                        },
                        "attachments": {
                            "type": ["array", "null"],
                            "items": {"type": "string", "format": "uuid"},
                            "maxItems": limits.ATTACHMENTS_MAX,
                            "uniqueItems": True,
                            "description": "The ids of uploaded files for the agent, together at most "
                            f"{limits.ATTACHMENTS_MAX_BYTES // 1024**2} MB.",
                        },
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
        "UploadRequest": _object(
            {
                "name": {"type": "string", "minLength": 1, "maxLength": limits.NAME_MAX_CHARACTERS},
                "contentType": {"enum": list(FILE_TYPES)},
                "bytes": {"type": "integer", "minimum": 1, "maximum": limits.ATTACHMENT_MAX_BYTES},
            }
        ),
        "Upload": _object(
            {
                "attachmentId": {"type": "string", "format": "uuid"},
                "url": {"type": "string", "format": "uri", "description": "POST the form without a credential."},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "The fields of the `multipart/form-data` form. Send all of them unchanged, and then "
                    "the file as the last field, named `file`.",
                },
                "expiresAt": {**epoch_ms, "description": "Epoch milliseconds. The form is refused from then on."},
            }
        ),
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
        "StartedRun": _object(
            {
                "requestId": {"type": "string"},
                "conversationId": in_conversation,
                "status": statuses,
                "createdAt": epoch_ms,
            }
        ),
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
                "conversationId": in_conversation,
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
                        *("reason", "conversationId", "playbook", "runs", "resultLink"),
                    ),
                    nothing,
                ),
            }
        ),
        "DeletedRuns": _object({"deleted": {"type": "integer", "minimum": 0}, "remaining": {"type": "boolean"}}),
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
                "conversationId": in_conversation,
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
        "Conversations": _object(
            {
                "conversations": {"type": "array", "items": _object(conversation), "maxItems": limits.LIST_MAX_RUNS},
                "nextCursor": {
                    **text_or_null,
                    "description": "The `cursor` of the next request. Null if there are no more conversations.",
                },
            }
        ),
        "Conversation": _object(
            {
                "success": {"const": True},
                "error": nothing,
                **conversation,
                "messages": {
                    "description": "What was said up to the end of the last complete run, oldest first. Null if it is "
                    "no longer stored.",
                    "anyOf": [{"type": "array", "items": message}, nothing],
                },
                "messagesOmitted": {
                    "type": ["integer", "null"],
                    "description": "The number of older messages that are left out.",
                },
                "runs": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/ListedRun"},
                    "maxItems": limits.CONVERSATION_MAX_RUNS,
                    "description": "Its newest runs whose records have not expired, newest first.",
                },
            }
        ),
        "UnreadableConversation": _object(
            {
                "success": {"const": False},
                "error": {"type": "string"},
                "conversationId": {"type": "string"},
                **dict.fromkeys(
                    (
                        *("agent", "title", "lastTurnAt", "expiresAt", "openRun", "messages", "messagesOmitted"),
                        "runs",
                    ),
                    nothing,
                ),
            }
        ),
        "DeletedConversation": _object(
            {"success": {"type": "boolean"}, "conversationId": {"type": "string"}, "error": text_or_null}
        ),
        "Step": step,
        "Agents": _object({"agents": agents, "playbooks": playbooks}),
        "Health": _object({"status": works, "checks": _object({"agentProgressTable": works, "agentFunction": works})}),
        "Refusal": _object(
            {
                "error": _object(
                    {"type": {"type": "string"}, "message": {"type": "string"}},
                    {
                        "retryAfter": {
                            "type": "integer",
                            "description": "Of `TooManyRequests` from Runcast: when to retry, in seconds.",
                        }
                    },
                )
            }
        ),
    }


def _object(required: dict[str, _Schema], optional: dict[str, _Schema] | None = None) -> _Schema:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }

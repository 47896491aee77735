"""Writes `docs/openapi.json`, the OpenAPI 3.1 description of the REST API.

Chalice knows the paths but not the bodies, so they are described here and in `openapi_schemas`. The tests compare every
real answer with this description.
"""

import json
from pathlib import Path
from typing import Any

from packager.openapi_schemas import schemas
from runcast import limits
from runcast.record.model import RunStatus

_TARGET = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def document() -> dict[str, Any]:
    """Return the description of the REST API as an OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runcast",
            "version": "1",
            "description": "Starts, lists, answers and cancels runs and jobs, and reads what they have done so far.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {
                "url": "{restUrl}",
                "variables": {"restUrl": {"default": "/v1", "description": "Terraform's output `rest_url`."}},
            }
        ],
        "security": [{"idToken": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "idToken": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The Cognito ID token, without a prefix. Access tokens are refused.",
                }
            },
            "schemas": schemas(),
            "responses": {
                name: _response(description, "Refusal")
                for name, description in {
                    "BadRequest": "The request is invalid; the message names the field and the limit.",
                    "Unauthorized": "No valid ID token.",
                    "Conflict": "The chosen id is taken, the conversation has an open run, or the run does not "
                    "wait for these answers.",
                    "PayloadTooLarge": "The body exceeds 512 KB.",
                    "UnsupportedMediaType": "The `Content-Type` is not `application/json`.",
                    "TooManyRequests": "The caller or the tenant is over a limit, and `Retry-After` says when to retry;"
                    " or the account's request rate is exceeded.",
                    "InternalFailure": "An internal failure; the log has the reason.",
                    "Unavailable": "A service did not answer in time. Retry.",
                }.items()
            },
        },
    }


def text() -> str:
    """Return the document as it is written to the file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _paths() -> dict[str, Any]:
    request_id = {"name": "request_id", "in": "path", "required": True, "schema": {"type": "string"}}
    conversation_id = {**request_id, "name": "conversation_id"}
    no_such_conversation = "The conversation does not exist, has expired, or belongs to another user."
    after_seq = {
        "name": "afterSeq",
        "in": "query",
        "description": "Return only the steps after this one.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    }
    limit = {
        "name": "limit",
        "in": "query",
        "description": "The maximum number of runs.",
        "schema": {"type": "integer", "minimum": 1, "maximum": limits.LIST_MAX_RUNS, "default": limits.LIST_MAX_RUNS},
    }
    cursor = {
        "name": "cursor",
        "in": "query",
        "description": "The `nextCursor` of the previous answer to the same `status` and `agent`.",
        "schema": {"type": "string", "maxLength": limits.CURSOR_MAX_CHARACTERS},
    }
    status = {
        "name": "status",
        "in": "query",
        "description": "List only runs with this status.",
        "schema": {"enum": [status.value for status in RunStatus]},
    }
    agent = {
        "name": "agent",
        "in": "query",
        "description": "List only runs of this agent. The agent of a job is `orchestrator`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": limits.NAME_MAX_CHARACTERS},
    }
    no_such_run = _response("The run does not exist, has expired, or belongs to another user.", "UnreadableRun")
    return {
        "/jobs": {
            "post": {
                "operationId": "startJob",
                "summary": "Start a job: an execution of a playbook.",
                "description": "It continues in the background. A `jobId` that you used before returns that job.",
                "requestBody": {"required": True, "content": _json("JobRequest")},
                "responses": {
                    "202": _response("The job has been recorded and handed to its state machine.", "StartedJob"),
                    **_refusals("BadRequest", "Unauthorized", "Conflict", "PayloadTooLarge", "UnsupportedMediaType"),
                },
            },
        },
        "/uploads": {
            "post": {
                "operationId": "createUpload",
                "summary": "Prepare the upload of a file that a run can name.",
                "description": "Counts as a start, and its size for the day.",
                "requestBody": {"required": True, "content": _json("UploadRequest")},
                "responses": {
                    "201": _response("The form that uploads the file.", "Upload"),
                    **_refusals("BadRequest", "Unauthorized", "PayloadTooLarge", "UnsupportedMediaType"),
                },
            },
        },
        "/runs": {
            "get": {
                "operationId": "listRuns",
                "summary": "List the caller's runs and jobs, newest first.",
                "description": "A new run may be missing for some seconds.",
                "parameters": [limit, cursor, status, agent],
                "responses": {
                    "200": _response("The runs, and the cursor of the next page.", "Runs"),
                    **_refusals("BadRequest", "Unauthorized"),
                },
            },
            "delete": {
                "operationId": "deleteRuns",
                "summary": "Delete what is stored of the caller's runs and jobs.",
                "description": "Deletes the newest, at most 25; those in progress are cancelled first. Repeat it until"
                " `remaining` is false.",
                "responses": {
                    "200": _response("How many were deleted, and whether there may be more.", "DeletedRuns"),
                    **_refusals("Unauthorized"),
                },
            },
            "post": {
                "operationId": "startRun",
                "summary": "Start a run, or a run or a job again.",
                "description": "It continues in the background. A `requestId` that you used before returns that run.",
                "requestBody": {"required": True, "content": _json("RunRequest")},
                "responses": {
                    "202": _response("The run has been recorded and handed to its agent.", "StartedRun"),
                    **_refusals("BadRequest", "Unauthorized", "Conflict", "PayloadTooLarge", "UnsupportedMediaType"),
                },
            },
        },
        "/runs/{request_id}": {
            "get": {
                "operationId": "readRun",
                "summary": "Read what a run or a job has done so far.",
                "parameters": [request_id, after_seq],
                "responses": {
                    "200": _response("The run, or the job with its runs.", "Run"),
                    "404": no_such_run,
                    **_refusals("BadRequest", "Unauthorized"),
                },
            },
            "delete": {
                "operationId": "cancelRun",
                "summary": "Cancel a run, or a job with its runs.",
                "description": "Idempotent. A run that has already ended keeps its state.",
                "parameters": [request_id],
                "responses": {
                    "200": _response("The run has ended: it is cancelled, or had already ended.", "RunState"),
                    "202": _response("The run's worker has been asked to stop, and has not stopped yet.", "RunState"),
                    "404": no_such_run,
                    **_refusals("Unauthorized"),
                },
            },
        },
        "/runs/{request_id}/answers": {
            "post": {
                "operationId": "answerRun",
                "summary": "Answer all open questions of a waiting run, which then continues.",
                "description": "The same answers again are a no-op. Different ones are a conflict.",
                "parameters": [request_id],
                "requestBody": {"required": True, "content": _json("Answers")},
                "responses": {
                    "200": _response("The run has been answered.", "RunState"),
                    "404": no_such_run,
                    **_refusals("BadRequest", "Unauthorized", "Conflict", "PayloadTooLarge", "UnsupportedMediaType"),
                },
            },
        },
        "/conversations": {
            "get": {
                "operationId": "listConversations",
                "summary": "List the caller's conversations, the one with the newest turn first.",
                "description": "A new one may be missing for some seconds.",
                "parameters": [
                    {**limit, "description": "The maximum number of conversations."},
                    {**cursor, "description": "The `nextCursor` of the previous answer."},
                ],
                "responses": {
                    "200": _response("The conversations, and the cursor of the next page.", "Conversations"),
                    **_refusals("BadRequest", "Unauthorized"),
                },
            },
        },
        "/conversations/{conversation_id}": {
            "get": {
                "operationId": "readConversation",
                "summary": "Read a conversation with its messages and runs.",
                "parameters": [conversation_id],
                "responses": {
                    "200": _response("The conversation.", "Conversation"),
                    "404": _response(no_such_conversation, "UnreadableConversation"),
                    **_refusals("Unauthorized"),
                },
            },
            "delete": {
                "operationId": "deleteConversation",
                "summary": "Delete a conversation and its messages.",
                "description": "Idempotent. The records of its runs stay until they expire.",
                "parameters": [conversation_id],
                "responses": {
                    "200": _response("The conversation is deleted.", "DeletedConversation"),
                    "404": _response(no_such_conversation, "DeletedConversation"),
                    **_refusals("Unauthorized", "Conflict"),
                },
            },
        },
        "/agents": {
            "get": {
                "operationId": "listAgents",
                "summary": "List the agents and the playbooks.",
                "responses": {"200": _response("Both, by name.", "Agents"), **_refusals("Unauthorized")},
            }
        },
        "/health": {
            "get": {
                "operationId": "checkHealth",
                "summary": "Check whether runs can be started and read.",
                "security": [],
                "responses": {
                    "200": _response("All checks passed.", "Health"),
                    "429": {"$ref": "#/components/responses/TooManyRequests"},
                    "500": {"$ref": "#/components/responses/InternalFailure"},
                    "502": {"$ref": "#/components/responses/InternalFailure"},
                    "503": _response("A check failed.", "Health"),
                },
            }
        },
    }


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _response(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _refusals(*own: str) -> dict[str, Any]:
    """Return the refusals that an operation gives, those that any may give included, by HTTP status."""
    statuses = {
        "400": "BadRequest",
        "401": "Unauthorized",
        "409": "Conflict",
        "413": "PayloadTooLarge",
        "415": "UnsupportedMediaType",
        "429": "TooManyRequests",
        "500": "InternalFailure",
        "502": "InternalFailure",
        "503": "Unavailable",
    }
    given = {*own, "TooManyRequests", "InternalFailure", "Unavailable"}
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in statuses.items() if name in given}


if __name__ == "__main__":
    _TARGET.write_text(text())
    print(f"docs/{_TARGET.name} is written.")

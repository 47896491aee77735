"""Answers the REST API, with the same rules and the same code as GraphQL.

The caller is derived from the claims that API Gateway's authorizer has verified. A request without claims is refused
here as well, because `chalice local` lets it through. With an OpenID Connect provider there is no authorizer, and
AppSync verifies the tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from chalice.app import Request, Response

from chalicelib.agents.agent_functions import agent_functions
from chalicelib.api import reads, writes
from chalicelib.api.answer import answer_of
from chalicelib.api.catalogue import list_agents
from chalicelib.api.health import check_health
from chalicelib.api.http import refusal
from chalicelib.api.identity import USER_POOL, owner_of_caller, typed_claims
from chalicelib.runtime import clients, logs
from chalicelib.runtime.config import ApiConfig, config_of_environment
from runcast import limits
from runcast.errors import InvalidInput, Unauthorized
from runcast.json_text import parsed_json
from runcast.record.model import Json, Liveness, Owner, with_metadata_object

BODY_MAX_BYTES = 512 * 1024
"""Enough for the longest query and parameters, even if every character is escaped."""

AFTER_SEQ_MAX = 2**31 - 1
"""The maximum of `afterSeq` over GraphQL, whose Int has 32 bits."""

_RUN_FIELDS = ("agent", "query", "parameters", "requestId", "rerunOf", "conversationId", "branchFrom", "attachments")
_JOB_FIELDS = ("playbook", "query", "parameters", "jobId")
_UPLOAD_FIELDS = ("name", "contentType", "bytes")
_ANSWERS_FIELDS = ("answers",)


def post_run(request: Request) -> Response:
    """Answer `POST /runs`: 202 with `requestId`, `conversationId`, `status` and `createdAt`."""
    if _is_too_large(request):
        return _too_large()

    def started() -> Json:
        config = config_of_environment(ApiConfig)
        owner = _caller(request, config)
        return writes.start_run(_fields(request.raw_body, _RUN_FIELDS), owner, config)

    return _response(answer_of(started), status=202)


def post_job(request: Request) -> Response:
    """Answer `POST /jobs`: 202 with `jobId`, `status` and `createdAt`."""
    if _is_too_large(request):
        return _too_large()

    def started() -> Json:
        config = config_of_environment(ApiConfig)
        owner = _caller(request, config)
        return writes.start_job(_fields(request.raw_body, _JOB_FIELDS), owner, config)

    return _response(answer_of(started), status=202)


def post_upload(request: Request) -> Response:
    """Answer `POST /uploads`: 201 with `attachmentId`, and the form that uploads the file."""
    if _is_too_large(request):
        return _too_large()

    def created() -> Json:
        config = config_of_environment(ApiConfig)
        owner = _caller(request, config)
        return writes.create_upload(_fields(request.raw_body, _UPLOAD_FIELDS), owner, config)

    return _response(answer_of(created), status=201)


def get_runs(request: Request) -> Response:
    """Answer `GET /runs`: the caller's own runs and jobs, newest first, and `nextCursor`."""

    def listed() -> Json:
        config = config_of_environment(ApiConfig)
        limit = _whole_number(request, "limit", 1, limits.LIST_MAX_RUNS, absent=limits.LIST_MAX_RUNS)
        return reads.list_runs({**_parameters(request), "limit": limit}, _caller(request, config), config)

    return _response(answer_of(listed), status=200)


def delete_runs(request: Request) -> Response:
    """Answer `DELETE /runs`: the number of deleted runs, and whether there are more."""

    def deleted() -> Json:
        config = config_of_environment(ApiConfig)
        return writes.delete_runs(_caller(request, config), config)

    return _response(answer_of(deleted), status=200)


def get_run(request: Request, request_id: str) -> Response:
    """Answer `GET /runs/{requestId}` as `getAgentProgress` does, with metadata and result as JSON; 404 if unknown."""

    def progress() -> Json:
        logs.about_run(request_id)
        config = config_of_environment(ApiConfig)
        owner = _caller(request, config)
        after_seq = _whole_number(request, "afterSeq", 0, AFTER_SEQ_MAX, absent=0)
        answer = reads.read_progress(request_id, after_seq, owner, config)
        return {
            **answer,
            "steps": [with_metadata_object(step) for step in answer["steps"]],
            "result": None if answer["result"] is None else json.loads(answer["result"]),
        }

    return _found_response(progress)


def delete_run(request: Request, request_id: str) -> Response:
    """Answer `DELETE /runs/{requestId}`: 202 while the run's worker has to stop, 200 once the run has ended."""

    def cancelled() -> Json:
        config = config_of_environment(ApiConfig)
        return writes.cancel_run(request_id, _caller(request, config), config)

    answer = answer_of(cancelled)
    told = answer.get("data", {})
    status = 404 if not told.get("success") else 200 if told["liveness"] == Liveness.DONE else 202
    return _response(answer, status=status)


def post_answers(request: Request, request_id: str) -> Response:
    """Answer `POST /runs/{requestId}/answers`: 200 with the run's state, 404 if unknown."""
    if _is_too_large(request):
        return _too_large()

    def answered() -> Json:
        config = config_of_environment(ApiConfig)
        owner = _caller(request, config)
        answers = _fields(request.raw_body, _ANSWERS_FIELDS).get("answers")
        return writes.answer_run(request_id, answers, owner, config)

    return _found_response(answered)


def get_conversations(request: Request) -> Response:
    """Answer `GET /conversations`: the caller's own conversations, newest turn first, and `nextCursor`."""

    def listed() -> Json:
        config = config_of_environment(ApiConfig)
        limit = _whole_number(request, "limit", 1, limits.LIST_MAX_RUNS, absent=limits.LIST_MAX_RUNS)
        given = {**_parameters(request), "limit": limit}
        return reads.list_conversations(given, _caller(request, config), config)

    return _response(answer_of(listed), status=200)


def get_conversation(request: Request, conversation_id: str) -> Response:
    """Answer `GET /conversations/{conversationId}`: its messages and runs; 404 if unknown."""

    def read() -> Json:
        config = config_of_environment(ApiConfig)
        return reads.get_conversation(conversation_id, _caller(request, config), config)

    return _found_response(read)


def delete_conversation(request: Request, conversation_id: str) -> Response:
    """Answer `DELETE /conversations/{conversationId}`: 200 once it is deleted; 404 if unknown."""

    def deleted() -> Json:
        config = config_of_environment(ApiConfig)
        return writes.delete_conversation(conversation_id, _caller(request, config), config)

    return _found_response(deleted)


def get_agents(request: Request) -> Response:
    """Answer `GET /agents`: the agents and the playbooks that can be started."""

    def listed() -> Json:
        config = config_of_environment(ApiConfig)
        _caller(request, config)
        listed = list_agents(config.agent_functions)
        for agent in listed["agents"]:
            agent["parametersSchema"] = json.loads(agent["parametersSchema"] or "null")
        return listed

    return _response(answer_of(listed), status=200)


def get_health() -> Response:
    """Answer `GET /health`, which needs no credential: the results of the checks, with 503 if one failed."""

    def health() -> Json:
        config = config_of_environment(ApiConfig)
        return check_health(
            clients.answering_store(config.agent_progress_table), agent_functions(config), config.agent_function
        )

    answer = answer_of(health)
    return _response(answer, status=200 if answer.get("data", {}).get("status") == "ok" else 503)


def _response(answer: Json, *, status: int) -> Response:
    if "error" in answer:
        error = answer["error"]
        return refusal(error["type"], error["message"], retry_after_seconds=error.get("retryAfter"))
    return Response(body=answer["data"], status_code=status)


def _found_response(read: Callable[[], Json]) -> Response:
    """Return what was read: 404 if it is unknown to the caller."""
    answer = answer_of(read)
    return _response(answer, status=200 if answer.get("data", {}).get("success") else 404)


def _caller(request: Request, config: ApiConfig) -> Owner:
    auth_type, claims = _verified_claims(request, config)
    owner = owner_of_caller(
        auth_type,
        claims,
        user_id_claim=config.user_id_claim,
        tenant_id_claim=config.tenant_id_claim,
        oidc=config.oidc,
    )
    # The authorizer accepts tokens of every client of the user pool; AppSync is configured to accept one client's.
    if auth_type == USER_POOL and claims.get("aud") != config.user_pool_client_id:
        raise Unauthorized("The token was issued to another user pool client. Sign in with this system's client.")
    logs.about_owner(owner)
    return owner


def _verified_claims(request: Request, config: ApiConfig) -> tuple[str, Json]:
    """Return AppSync's name for the kind of the caller's token, and the token's verified claims."""
    authorization = request.headers.get("authorization", "")
    if config.oidc:
        # It imports `requests`, which only deployments with a provider need.
        from chalicelib.api.verified_token import verified_token

        return verified_token(authorization, config.appsync_api_url)
    claims = (request.context.get("authorizer") or {}).get("claims") or {}
    names = ("token_use", "aud", config.user_id_claim, config.tenant_id_claim)
    return USER_POOL, typed_claims(claims, authorization, names) if claims else {}


def _is_too_large(request: Request) -> bool:
    return len(request.raw_body) > BODY_MAX_BYTES


def _too_large() -> Response:
    return refusal("PayloadTooLarge", f"The body must be at most {BODY_MAX_BYTES // 1024} KB.")


def _fields(body: bytes | str, known: Sequence[str]) -> Json:
    try:
        fields = parsed_json(body)
    except RecursionError as error:
        raise InvalidInput(f"The body must not be nested deeper than {limits.NESTING_MAX}.") from error
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInput("The body must be a JSON object.")
    if not fields.keys() <= set(known):
        raise InvalidInput(f"The body may contain only these fields: {', '.join(known)}.")
    return fields


def _whole_number(request: Request, name: str, least: int, most: int, *, absent: int) -> int:
    """Return a query parameter that must be a whole number; `absent` if it is missing."""
    given = _parameters(request).get(name)
    if given is None:
        return absent
    if given.isascii() and given.isdecimal() and len(given) <= len(str(most)) and least <= int(given) <= most:
        return int(given)
    raise InvalidInput(f"{name} must be a whole number from {least} to {most}.")


def _parameters(request: Request) -> Mapping[str, str]:
    return cast("Mapping[str, str]", request.query_params or {})

"""Answers the GraphQL fields: mutations in the Lambda `run_starter`, queries in `progress_reader`.

AppSync passes the field, its arguments and the caller's identity. The answer is `{"data": ...}` or
`{"error": {"type", "message", "retryAfter"?}}`, which the resolver turns into a GraphQL error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api import operations, operator
from chalicelib.api.answer import answer_of
from chalicelib.api.catalogue import list_agents
from chalicelib.api.identity import owner_of_caller
from chalicelib.runtime import logs
from chalicelib.runtime.config import ProgressReaderConfig, RunStarterConfig, config_of_environment
from runcast.errors import Unauthorized
from runcast.json_text import json_text
from runcast.record.model import PUBLIC, Json, Owner


def answer_mutation(event: Mapping[str, Any]) -> Json:
    """Answer a mutation of a user, or one of an operator."""
    return answer_of(lambda: _MUTATIONS[event["field"]](event, config_of_environment(RunStarterConfig)))


def answer_query(event: Mapping[str, Any]) -> Json:
    """Answer a query of a user, or one of an operator."""
    return answer_of(lambda: _QUERIES[event["field"]](event, config_of_environment(ProgressReaderConfig)))


def _start_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return operations.start_run(event["arguments"], _caller(event, config), config)


def _create_upload(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    upload = operations.create_upload(event["arguments"], _caller(event, config), config)
    return {**upload, "fields": json_text(upload["fields"])}


def _start_job(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return operations.start_job(event["arguments"], _caller(event, config), config)


def _answer_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    arguments = event["arguments"]
    return operations.answer_run(arguments["requestId"], arguments["answers"], _caller(event, config), config)


def _cancel_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return operations.cancel_run(event["arguments"]["requestId"], _caller(event, config), config)


def _delete_my_runs(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return operations.delete_runs(_caller(event, config), config)


def _get_agent_progress(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    arguments = event["arguments"]
    return operations.read_progress(arguments["requestId"], arguments.get("afterSeq"), _caller(event, config), config)


def _list_agent_runs(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    return operations.list_runs(event["arguments"], _caller(event, config), config)


def _list_agents(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    _caller(event, config)
    return list_agents(config.agent_functions)


def _list_conversations(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    return operations.list_conversations(event["arguments"], _caller(event, config), config)


def _get_conversation(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    return operations.get_conversation(event["arguments"]["conversationId"], _caller(event, config), config)


def _delete_conversation(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return operations.delete_conversation(event["arguments"]["conversationId"], _caller(event, config), config)


_OPEN_TO_API_KEYS = ("getAgentProgress", "listAgents")
"""What callers with an API key may always do. All of them are one user, so a list would show them each other's runs."""

_MUTATIONS = {
    "startAgentRun": _start_agent_run,
    "startJob": _start_job,
    "createUpload": _create_upload,
    "answerAgentRun": _answer_agent_run,
    "cancelAgentRun": _cancel_agent_run,
    "deleteConversation": _delete_conversation,
    "deleteMyRuns": _delete_my_runs,
    "operatorCancelRun": operator.cancel_run,
    "operatorDeleteRuns": operator.delete_runs,
}
_QUERIES = {
    "getAgentProgress": _get_agent_progress,
    "getConversation": _get_conversation,
    "listAgentRuns": _list_agent_runs,
    "listAgents": _list_agents,
    "listConversations": _list_conversations,
    "operatorGetProgress": operator.read_progress,
    "operatorListRuns": operator.list_runs,
}


def _caller(event: Mapping[str, Any], config: RunStarterConfig | ProgressReaderConfig) -> Owner:
    owner = owner_of_caller(
        event.get("authType"),
        (event.get("identity") or {}).get("claims"),
        user_id_claim=config.user_id_claim,
        tenant_id_claim=config.tenant_id_claim,
        oidc=config.oidc,
    )
    logs.about_owner(owner)
    if owner == PUBLIC and not config.api_key_may_start and event["field"] not in _OPEN_TO_API_KEYS:
        raise Unauthorized("Callers with an API key may read runs by their id, and list the agents. Sign in for more.")
    return owner

"""Answers the GraphQL mutations, in the Lambda `run_starter`.

AppSync passes the field, its arguments and the caller's identity. The answer is `{"data": ...}` or
`{"error": {"type", "message", "retryAfter"?}}`, which the resolver turns into a GraphQL error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api import operator, writes
from chalicelib.api.answer import answer_of
from chalicelib.api.graphql_caller import caller_of
from chalicelib.runtime.config import RunStarterConfig, config_of_environment
from runcast.json_text import json_text
from runcast.record.model import Json


def answer_mutation(event: Mapping[str, Any]) -> Json:
    """Answer a mutation of a user, or one of an operator."""
    return answer_of(lambda: _MUTATIONS[event["field"]](event, config_of_environment(RunStarterConfig)))


def _start_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return writes.start_run(event["arguments"], caller_of(event, config), config)


def _start_job(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return writes.start_job(event["arguments"], caller_of(event, config), config)


def _create_upload(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    upload = writes.create_upload(event["arguments"], caller_of(event, config), config)
    return {**upload, "fields": json_text(upload["fields"])}


def _answer_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    arguments = event["arguments"]
    return writes.answer_run(arguments["requestId"], arguments["answers"], caller_of(event, config), config)


def _cancel_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return writes.cancel_run(event["arguments"]["requestId"], caller_of(event, config), config)


def _delete_conversation(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return writes.delete_conversation(event["arguments"]["conversationId"], caller_of(event, config), config)


def _delete_my_runs(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return writes.delete_runs(caller_of(event, config), config)


def _operator_cancel_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    """Answer as `cancelAgentRun` answers the run's owner."""
    owner = operator.for_owner_of_run(event, config.agent_progress_table)
    return writes.cancel_run(event["arguments"]["requestId"], owner, config)


def _operator_delete_runs(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    """Answer as `deleteMyRuns` answers the user."""
    return writes.delete_runs_of(operator.for_named_owner(event), config)


_MUTATIONS = {
    "startAgentRun": _start_agent_run,
    "startJob": _start_job,
    "createUpload": _create_upload,
    "answerAgentRun": _answer_agent_run,
    "cancelAgentRun": _cancel_agent_run,
    "deleteConversation": _delete_conversation,
    "deleteMyRuns": _delete_my_runs,
    "operatorCancelRun": _operator_cancel_run,
    "operatorDeleteRuns": _operator_delete_runs,
}

"""Answers the GraphQL queries, in the Lambda `progress_reader`, as `mutations` answers the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api import operator, reads
from chalicelib.api.answer import answer_of
from chalicelib.api.graphql_caller import caller_of
from chalicelib.runtime.config import ProgressReaderConfig, config_of_environment
from runcast.record.model import Json


def answer_query(event: Mapping[str, Any]) -> Json:
    """Answer a query of a user, or one of an operator."""
    return answer_of(lambda: _QUERIES[event["field"]](event, config_of_environment(ProgressReaderConfig)))


def _get_agent_progress(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    arguments = event["arguments"]
    return reads.read_progress(arguments["requestId"], arguments.get("afterSeq"), caller_of(event, config), config)


def _list_agent_runs(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    return reads.list_runs(event["arguments"], caller_of(event, config), config)


def _list_agents(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    from chalicelib.api.catalogue import list_agents  # the other queries need no agents

    caller_of(event, config)
    return list_agents(config.agent_functions)


def _list_conversations(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    return reads.list_conversations(event["arguments"], caller_of(event, config), config)


def _get_conversation(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    return reads.get_conversation(event["arguments"]["conversationId"], caller_of(event, config), config)


def _operator_get_progress(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    """Answer as `getAgentProgress` answers the run's owner."""
    arguments = event["arguments"]
    owner = operator.for_owner_of_run(event, config.agent_progress_table)
    return reads.read_progress(arguments["requestId"], arguments.get("afterSeq"), owner, config)


def _operator_list_runs(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    operator.require_operator(event)
    return reads.list_all_runs(event["arguments"], config)


_QUERIES = {
    "getAgentProgress": _get_agent_progress,
    "getConversation": _get_conversation,
    "listAgentRuns": _list_agent_runs,
    "listAgents": _list_agents,
    "listConversations": _list_conversations,
    "operatorGetProgress": _operator_get_progress,
    "operatorListRuns": _operator_list_runs,
}

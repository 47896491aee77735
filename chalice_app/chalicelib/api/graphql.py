"""What answers the GraphQL fields that Lambdas stand behind: one for those that write, one for those that read.

AppSync hands over the field, its arguments and the caller's identity; the answer is `{"data": ...}` or
`{"error": {"type", "message"}}`, which the resolver turns into a GraphQL error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from chalicelib.agents import registry
from chalicelib.api.answer import answer_of
from chalicelib.api.catalogue import list_agents
from chalicelib.api.identity import owner_of_caller
from chalicelib.lifecycle.cancel import cancel_run
from chalicelib.lifecycle.jobs import start_job
from chalicelib.lifecycle.start import start_run
from chalicelib.orchestrator import playbook
from chalicelib.runtime import clients, logs
from chalicelib.runtime.config import ProgressReaderConfig, RunStarterConfig, config_of_environment
from runcast import limits
from runcast.record.listing import list_runs
from runcast.record.model import Json, Owner
from runcast.record.reader import read_progress


def answer_mutation(event: Mapping[str, Any]) -> Json:
    """Answer `Mutation.startAgentRun`, `Mutation.startJob` or `Mutation.cancelAgentRun`."""
    return answer_of(lambda: _MUTATIONS[event["field"]](event, config_of_environment(RunStarterConfig)))


def answer_query(event: Mapping[str, Any]) -> Json:
    """Answer `Query.getAgentProgress`, `Query.listAgentRuns` or `Query.listAgents`."""
    return answer_of(lambda: _QUERIES[event["field"]](event, config_of_environment(ProgressReaderConfig)))


def _start_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return start_run(
        event["arguments"],
        _caller(event, config),
        store=clients.answering_store(config.agent_progress_table, config.retention_hours),
        invoker=clients.invoker(),
        functions=registry.functions(config.agent_function, config.agent_functions),
        announce=lambda ending: clients.announcer(config.status_publisher_function).announce(ending),
    )


def _start_job(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return start_job(
        event["arguments"],
        _caller(event, config),
        store=clients.answering_store(config.agent_progress_table, config.retention_hours),
        executions=clients.executions(config.state_machine_arn),
        playbooks=playbook.names(),
        announce=lambda ending: clients.announcer(config.status_publisher_function).announce(ending),
    )


def _cancel_agent_run(event: Mapping[str, Any], config: RunStarterConfig) -> Json:
    return cancel_run(
        _caller(event, config),
        event["arguments"]["requestId"],
        store=clients.answering_store(config.agent_progress_table, config.retention_hours),
        announce=lambda ending: clients.announcer(config.status_publisher_function).announce(ending),
        stop_execution=lambda job_id: clients.executions(config.state_machine_arn).stop(job_id),
    )


def _get_agent_progress(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    arguments = event["arguments"]
    logs.about_run(arguments["requestId"])
    return read_progress(
        clients.answering_store(config.agent_progress_table),
        _caller(event, config),
        arguments["requestId"],
        arguments.get("afterSeq"),
        sign_link=partial(clients.result_link, config.results_bucket),
    )


def _list_agent_runs(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    limit = event["arguments"].get("limit")
    return list_runs(
        clients.answering_store(config.agent_progress_table),
        _caller(event, config),
        limit=limits.LIST_MAX_RUNS if limit is None else limit,
        cursor=event["arguments"].get("cursor"),
    )


def _list_agents(event: Mapping[str, Any], config: ProgressReaderConfig) -> Json:
    _caller(event, config)
    return list_agents(config.agent_functions)


_MUTATIONS = {"startAgentRun": _start_agent_run, "startJob": _start_job, "cancelAgentRun": _cancel_agent_run}
_QUERIES = {
    "getAgentProgress": _get_agent_progress,
    "listAgentRuns": _list_agent_runs,
    "listAgents": _list_agents,
}


def _caller(event: Mapping[str, Any], config: RunStarterConfig | ProgressReaderConfig) -> Owner:
    return owner_of_caller(
        event.get("authType"),
        (event.get("identity") or {}).get("claims"),
        user_id_claim=config.user_id_claim,
        tenant_id_claim=config.tenant_id_claim,
    )

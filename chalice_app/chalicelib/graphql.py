"""What answers the GraphQL fields that a Lambda stands behind.

AppSync hands over the field's arguments and the caller's identity; the answer is `{"data": ...}` or
`{"error": {"type", "message"}}`, which the resolver turns into a GraphQL error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import aws, logs
from chalicelib.answer import answer_of
from chalicelib.config import ProgressReaderConfig, RunStarterConfig, config_of_environment
from chalicelib.identity import owner_of_caller
from chalicelib.start import start_run
from runcast.record.model import Json, Owner
from runcast.record.reader import read_progress


def start_agent_run(event: Mapping[str, Any]) -> Json:
    """Answer `Mutation.startAgentRun`."""

    def started() -> Json:
        config = config_of_environment(RunStarterConfig)
        return start_run(
            event["arguments"],
            _caller(event, config),
            store=aws.run_store(config.agent_progress_table, config.retention_hours),
            invoker=aws.invoker(),
            agent_function=config.agent_function,
            announce=lambda ending: aws.announcer(config.status_publisher_function).announce(ending),
        )

    return answer_of(started)


def get_agent_progress(event: Mapping[str, Any]) -> Json:
    """Answer `Query.getAgentProgress`."""

    def progress() -> Json:
        config = config_of_environment(ProgressReaderConfig)
        arguments = event["arguments"]
        logs.about_run(arguments["requestId"])
        return read_progress(
            aws.run_store(config.agent_progress_table),
            _caller(event, config),
            arguments["requestId"],
            arguments.get("afterSeq"),
        )

    return answer_of(progress)


def _caller(event: Mapping[str, Any], config: RunStarterConfig | ProgressReaderConfig) -> Owner:
    return owner_of_caller(
        event.get("authType"),
        (event.get("identity") or {}).get("claims"),
        user_id_claim=config.user_id_claim,
        tenant_id_claim=config.tenant_id_claim,
    )

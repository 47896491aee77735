"""What answers the GraphQL fields that a Lambda stands behind.

AppSync hands over the field's arguments and the caller's identity; the answer is `{"data": ...}` or
`{"error": {"type", "message"}}`, which the resolver turns into a GraphQL error. Nothing else ever leaves here: an
unexpected failure is logged and answered in one sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import aws
from chalicelib.config import ProgressReaderConfig, RunStarterConfig, config_of_environment
from chalicelib.identity import owner_of_caller
from chalicelib.start import start_run
from runcast.errors import Conflict, InvalidInput, RuncastError, Unauthorized, Unavailable
from runcast.record.model import Json, Owner
from runcast.record.reader import read_progress

logger = logging.getLogger(__name__)

_ERROR_TYPES: dict[type[RuncastError], str] = {
    InvalidInput: "BadRequest",
    Unauthorized: "Unauthorized",
    Conflict: "Conflict",
    Unavailable: "Unavailable",
}


def start_agent_run(event: Mapping[str, Any]) -> Json:
    """Answer `Mutation.startAgentRun`."""

    def started() -> Json:
        config = config_of_environment(RunStarterConfig)
        return start_run(
            event["arguments"],
            _caller(event, config),
            store=aws.run_store(config.agent_progress_table),
            invoker=aws.invoker(),
            agent_function=config.agent_function,
        )

    return _answer(started)


def get_agent_progress(event: Mapping[str, Any]) -> Json:
    """Answer `Query.getAgentProgress`."""

    def progress() -> Json:
        config = config_of_environment(ProgressReaderConfig)
        arguments = event["arguments"]
        return read_progress(
            aws.run_store(config.agent_progress_table),
            _caller(event, config),
            arguments["requestId"],
            arguments.get("afterSeq"),
        )

    return _answer(progress)


def _caller(event: Mapping[str, Any], config: RunStarterConfig | ProgressReaderConfig) -> Owner:
    return owner_of_caller(
        event.get("authType"),
        (event.get("identity") or {}).get("claims"),
        user_id_claim=config.user_id_claim,
        tenant_id_claim=config.tenant_id_claim,
    )


def _answer(serve: Callable[[], Json]) -> Json:
    try:
        return {"data": serve()}
    except tuple(_ERROR_TYPES) as error:
        if isinstance(error, Unavailable):
            logger.warning("the request could not be served now: %s", error)
        kind = next(name for error_class, name in _ERROR_TYPES.items() if isinstance(error, error_class))
        return {"error": {"type": kind, "message": str(error)}}
    except Exception:
        logger.exception("the request failed for a reason that is not the caller's")
        return {"error": {"type": "InternalFailure", "message": "The request failed on our side; the log has why."}}

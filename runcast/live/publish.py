"""Publishes a status: shows it to its user, recorded first if it belongs to a run.

Inside a recorded run, with a recorder bound, the status becomes a step, which the recorder sends once it is stored.
Outside, it is a notice: sent by the `status_publisher` Lambda and never recorded. Failures are logged, never raised.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import get_session

from runcast import limits
from runcast.clock import epoch_ms
from runcast.errors import ConfigurationMissing
from runcast.json_text import json_text, metadata_json
from runcast.record.identity import owner_of
from runcast.record.ids import canonical_id
from runcast.record.message import status_update
from runcast.record.model import Json
from runcast.redaction import clean, clean_metadata_text, clean_text

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from runcast.record.recorder import Recorder

logger = logging.getLogger(__name__)

LIVE_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)
"""For the Lambda client of a `StatusPublisher`: short timeouts, because a late message must not delay the run."""

ORCHESTRATOR_STATUSES = ("loading_agents", "validating", "synthesizing", "complete", "error")
ENDINGS = ("complete", "error", "cancelled", "waiting", "agent_complete", "agent_error")
"""Statuses that end or pause a run. Only the code that runs it publishes them, once."""

_STEPS = {"calling_tool": "executing", "tool_complete": "executed", "tool_error": "executed"}
"""The steps whose status on the live channel differs from their name."""

AGENT_STATUSES = ("agent_invoking", "agent_complete", "agent_error", "calling_tool")


class StatusPublisher:
    """Hands status messages to the `status_publisher` Lambda.

    Args:
        client: Returns the boto3 Lambda client, made with `LIVE_CLIENT_CONFIG`; called when something is sent.
        function_name: The Lambda's name or ARN.
    """

    def __init__(self, client: Callable[[], LambdaClient], function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def send(self, messages: list[Json]) -> int:
        """Invoke the Lambda asynchronously with one batch: at most `BATCH_MAX_MESSAGES` and `BATCH_MAX_BYTES`.

        Returns:
            How many messages were handed over: all or none. A failure is logged, not raised.
        """
        try:
            self._client().invoke(
                FunctionName=self._function_name,
                InvocationType="Event",
                Payload=json_text({"messages": messages}).encode(),
            )
        except Exception as error:  # noqa: BLE001 - the live channel is best effort; the record is authoritative
            logger.warning("%d status messages were not handed over: %s", len(messages), error)
            return 0
        return len(messages)


_bound: ContextVar[Recorder | None] = ContextVar("runcast_recorder", default=None)


@contextmanager
def bound(recorder: Recorder) -> Iterator[None]:
    """Within this context, `recorder` records the messages of the functions below before they go live."""
    token = _bound.set(recorder)
    try:
        yield
    finally:
        _bound.reset(token)


def publish_status(
    user_id: str | None,
    status: str,
    message: str,
    *,
    tenant_id: str | None = None,
    job_id: str | None = None,
    request_id: str | None = None,
    agent_name: str | None = None,
    tool_name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    publisher: StatusPublisher | None = None,
    now_ms: Callable[[], int] = epoch_ms,
) -> None:
    """Show the user a status. Never raises.

    Inside a recorded run, the status becomes a step of that run, under the run's identity. The `ENDINGS` are logged
    and dropped there, because the code that runs the run also ends it. Outside, the status is a notice: sent, with
    no `seq`, and never recorded.

    Args:
        user_id: The user who sees it. None is the public user, who has no other tenant. A status with a tenant but no
            user is logged and not sent.
        status: A status from the table of the live channel.
        message: For people; at most `MESSAGE_MAX_CHARACTERS`.
        tenant_id: The user's tenant; by default, the user is their own tenant.
        job_id: The job it belongs to.
        request_id: The run it belongs to.
        agent_name: The agent.
        tool_name: The tool.
        metadata: JSON, at most `METADATA_MAX_BYTES`.
        publisher: The publisher; by default the Lambda named by `STATUS_PUBLISHER_FUNCTION`.
        now_ms: The wall clock, epoch milliseconds.
    """
    try:
        if recorder := _bound.get():
            if status in ENDINGS:
                logger.info("status %s was left out: the run is ended by whoever runs it", status)
                return
            step = _STEPS.get(status, status)
            recorder.record(
                step,
                message,
                agent_name=agent_name,
                tool_name=tool_name,
                status=status if status != step else None,
                metadata=metadata,
            )
            return
        update = status_update(
            owner_of(user_id, tenant_id),
            clean(status, "name"),
            clean_text(str(message), "message", limits.MESSAGE_MAX_CHARACTERS),
            timestamp_ms=now_ms(),
            request_id=None if request_id is None else canonical_id("requestId", request_id),
            job_id=None if job_id is None else canonical_id("jobId", job_id),
            agent_name=agent_name and clean(agent_name, "name"),
            tool_name=tool_name and clean(tool_name, "name"),
            metadata=json.loads(clean_metadata_text(metadata_json(metadata)) or "{}"),
        )
        (publisher or _publisher_of_environment()).send([update])
    except Exception as error:  # noqa: BLE001 - a status must never fail the work that it reports
        logger.warning("status %s was not published: %s", status, error)


def publish_agent_status(user_id: str | None, agent_name: str, status: str, message: str = "", **about: Any) -> None:
    """Show one of `AGENT_STATUSES`. Never raises.

    Args:
        user_id: The user who sees it.
        agent_name: The agent.
        status: One of `AGENT_STATUSES`; anything else is logged and not sent.
        message: For people.
        **about: As for `publish_status`.
    """
    if _known(status, AGENT_STATUSES):
        publish_status(user_id, status, message, agent_name=agent_name, **about)


def publish_tool_status(
    user_id: str | None, agent_name: str, tool_name: str, reason: str | None = None, **about: Any
) -> None:
    """Show that an agent calls a tool (`calling_tool`), with the reason. Never raises.

    Args:
        user_id: The user who sees it.
        agent_name: The agent.
        tool_name: The tool.
        reason: The reason for the call, in the agent's words.
        **about: As for `publish_status`.
    """
    publish_status(
        user_id, "calling_tool", calling(tool_name, reason), agent_name=agent_name, tool_name=tool_name, **about
    )


def calling(tool_name: str, reason: str | None = None) -> str:
    """Return the message of a tool call that begins."""
    return f"Calling {tool_name}: {reason}" if reason else f"Calling {tool_name}"


def publish_orchestrator_status(user_id: str | None, job_id: str, status: str, message: str = "", **about: Any) -> None:
    """Show a job's status: `loading_agents`, `validating`, `synthesizing`, `complete` or `error`. Never raises.

    Args:
        user_id: The user who sees it.
        job_id: The job.
        status: One of `ORCHESTRATOR_STATUSES`; anything else is logged and not sent.
        message: For people.
        **about: As for `publish_status`.
    """
    if _known(status, ORCHESTRATOR_STATUSES):
        publish_status(user_id, status, message, job_id=job_id, **about)


def _known(status: str, statuses: tuple[str, ...]) -> bool:
    if status in statuses:
        return True
    logger.warning("status %r was not published: it must be one of %s", status, ", ".join(statuses))
    return False


@cache
def _publisher_of_environment() -> StatusPublisher:
    function_name = os.environ.get("STATUS_PUBLISHER_FUNCTION")
    if not function_name:
        raise ConfigurationMissing(["STATUS_PUBLISHER_FUNCTION"])
    client = cast("LambdaClient", get_session().create_client("lambda", config=LIVE_CLIENT_CONFIG))
    return StatusPublisher(lambda: client, function_name)


# A forked child would share its parent's connections.
os.register_at_fork(after_in_child=_publisher_of_environment.cache_clear)

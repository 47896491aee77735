"""Emits metrics as log lines in CloudWatch's embedded metric format, which needs no request, library or permission.

There is one line for each run and one for each invocation of the publisher. CloudWatch extracts the metrics, and the
line also carries the ids to search for. Each metric name and dimension costs money, so there are few, and no value
comes from users. Nothing here raises: counting must not harm a run.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runcast.clock import epoch_ms
from runcast.record.model import Json, RunStatus

if TYPE_CHECKING:
    from runcast.record.report import RecordingReport

logger = logging.getLogger(__name__)

NAMESPACE = "Runcast"

UNITS = {
    "RunsCompleted": "Count",
    "RunsFailed": "Count",
    "RunsCancelled": "Count",
    "RunsWaiting": "Count",
    "RunDuration": "Milliseconds",
    "RunsDegraded": "Count",
    "RunsClosed": "Count",
    "RunsNotClosed": "Count",
    "JobsClosed": "Count",
    "StepsRecorded": "Count",
    "StepsLost": "Count",
    "StepsUnsent": "Count",
    "MessagesPublished": "Count",
    "MessagesUnwatched": "Count",
    "PublishFailures": "Count",
    "RequestsFailed": "Count",
    "LimitsUnchecked": "Count",
}
"""Every metric and its unit. docs/observability.md says what each means."""

BY_AGENT = ("RunsCompleted", "RunsFailed", "RunsCancelled", "RunsWaiting", "RunDuration")
"""The metrics that are also kept for each agent."""

_OUTCOMES = {
    RunStatus.COMPLETE: "RunsCompleted",
    RunStatus.ERROR: "RunsFailed",
    RunStatus.CANCELLED: "RunsCancelled",
    RunStatus.WAITING: "RunsWaiting",
}


def count_run(
    agent: str, status: RunStatus, report: RecordingReport, *, elapsed_seconds: float, degraded: bool
) -> None:
    """Count a run that has ended or has paused for an answer.

    Args:
        agent: The registered name of the agent.
        status: The run's status.
        report: The recorder's counts.
        elapsed_seconds: The run's duration since its record was created.
        degraded: Whether the record may be incomplete.
    """
    emit(
        "the run ended",
        {
            **({_OUTCOMES[status]: 1} if status in _OUTCOMES else {}),
            "RunDuration": round(elapsed_seconds * 1000),
            "RunsDegraded": int(degraded),
            "StepsRecorded": report.recorded,
            "StepsLost": report.unrecorded,
            "StepsUnsent": report.unsent,
        },
        agent=agent,
    )


def count_broken_run() -> None:
    """Count an invocation of the agent Lambda that failed outside its run."""
    emit("the invocation failed", {"RunsFailed": 1})


def count_closed_runs(closed: int) -> None:
    """Count the runs that one invocation of the closer ended."""
    emit("runs were closed", {"RunsClosed": closed})


def count_closed_job() -> None:
    """Count a job that the closer ended as an error because its execution could not. AWS counts all other failures."""
    emit("a job was closed", {"JobsClosed": 1})


def count_unclosed_run() -> None:
    """Count a run that a sweep could not end; the log has the reason."""
    emit("a run was not closed", {"RunsNotClosed": 1})


def count_messages(published: int, not_published: Mapping[str, int], *, api_id: str | None = None) -> None:
    """Count the messages of one publisher event.

    Args:
        published: The number of messages that AppSync accepted.
        not_published: The number of other messages, by reason. `no_session` (nobody is watching) is not a failure.
        api_id: The id of the AppSync API, which identifies its logs.
    """
    unwatched = not_published.get("no_session", 0)
    emit(
        "the event was published",
        {
            "MessagesPublished": published,
            "MessagesUnwatched": unwatched,
            "PublishFailures": sum(not_published.values()) - unwatched,
        },
        about={"notPublished": dict(not_published), "apiId": api_id},
    )


def count_failed_request() -> None:
    """Count a request that failed through a fault of the service, not of the caller."""
    emit("the request failed", {"RequestsFailed": 1})


def count_unchecked_limits() -> None:
    """Count a start or an answer that was admitted without a check of a limit, because the table did not answer."""
    emit("a limit was not checked", {"LimitsUnchecked": 1})


def emit(
    message: str,
    values: Mapping[str, int],
    *,
    agent: str | None = None,
    about: Mapping[str, Any] | None = None,
    now_ms: Callable[[], int] = epoch_ms,
) -> None:
    """Write one line of metrics.

    Args:
        message: The text of the log line.
        values: Values by metric. A metric that is missing from `UNITS` is logged as an error.
        agent: If given, emits the metrics of `BY_AGENT` for this agent, too.
        about: Additional fields of the line that are not metrics.
        now_ms: The wall clock.
    """
    try:
        directives = [_directive(["FunctionName"], list(values))]
        dimensions = {"FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local")}
        if agent:
            directives.append(_directive(["FunctionName", "Agent"], [name for name in values if name in BY_AGENT]))
            dimensions["Agent"] = agent
        fields: Json = {"_aws": {"Timestamp": now_ms(), "CloudWatchMetrics": directives}}
        logger.info(message, extra={"fields": {**fields, **dimensions, **values, **(about or {})}})
    except Exception:
        logger.exception("the metrics of this invocation are lost")


def _directive(dimensions: list[str], names: list[str]) -> Json:
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    return {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}

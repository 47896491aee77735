"""Counting, by log lines in CloudWatch's embedded metric format: no request, no library, no permission.

One line for each run and each invocation of the publisher. CloudWatch reads the metrics out of it, and it is a log line
like any other, with the ids by which to find it. Every name and every dimension costs money, so both are few and none
takes its values from users. Nothing here ever raises: a run is not harmed by being counted.

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
    from runcast.record.recorder import Report

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


def count_run(agent: str, status: RunStatus, report: Report, *, elapsed_seconds: float, degraded: bool) -> None:
    """Count a run that has ended, or has paused for people.

    Args:
        agent: Which of the registered agents ran.
        status: What the run came to.
        report: What the recorder kept.
        elapsed_seconds: How long the run took, since its record was made.
        degraded: Whether its record may lack something.
    """
    emit(
        "the run ended",
        {
            _OUTCOMES[status]: 1,
            "RunDuration": round(elapsed_seconds * 1000),
            "RunsDegraded": int(degraded),
            "StepsRecorded": report.recorded,
            "StepsLost": report.unrecorded,
            "StepsUnsent": report.unsent,
        },
        agent=agent,
    )


def count_broken_run() -> None:
    """Count an invocation of the agent Lambda that failed before or beside its run."""
    emit("the invocation failed", {"RunsFailed": 1})


def count_closed_runs(closed: int) -> None:
    """Count the runs that one invocation of the closer has ended."""
    emit("runs were closed", {"RunsClosed": closed})


def count_closed_job() -> None:
    """Count a job that the closer has ended as an error, because its execution could not. AWS counts all others."""
    emit("a job was closed", {"JobsClosed": 1})


def count_unclosed_run() -> None:
    """Count a run that a sweep should have ended and could not; the log has why."""
    emit("a run was not closed", {"RunsNotClosed": 1})


def count_messages(published: int, not_published: Mapping[str, int], *, api_id: str | None = None) -> None:
    """Count what became of one event of the publisher.

    Args:
        published: How many messages AppSync took.
        not_published: How many it did not, by reason: `no_session`, where nobody is watching, is no failure.
        api_id: The API, by which its own logs are found.
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
    """Count a request that was refused for a reason that is ours."""
    emit("the request failed", {"RequestsFailed": 1})


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
        message: What happened.
        values: By metric; one that is not in `UNITS` is a mistake, which is logged.
        agent: Also keeps the metrics of `BY_AGENT` for this agent.
        about: Further members of the line, which are no metrics.
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

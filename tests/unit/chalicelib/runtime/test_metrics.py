"""The metrics lines: valid in CloudWatch's embedded metric format, few, and harmless if they fail."""

from __future__ import annotations

from typing import Any

import pytest
from chalicelib.runtime import logs, metrics

from runcast.record.model import RunStatus
from runcast.record.report import RecordingReport
from tests.contracts.embedded_metrics import check_embedded_metrics
from tests.fakes.lambda_process import Context


def test_a_run_is_one_line_with_what_the_recorder_kept(log_lines):
    logs.begin_invocation(Context("lambda-1"))
    logs.about_run("run-1")
    metrics.count_run("terrain", RunStatus.ERROR, RecordingReport(9, 2, 1), elapsed_seconds=1.2345, degraded=True)
    [line] = log_lines.read()
    assert check_embedded_metrics(line) == {
        ("FunctionName",): {
            "RunsFailed": 1,
            "RunDuration": 1234,
            "RunsDegraded": 1,
            "StepsRecorded": 9,
            "StepsLost": 2,
            "StepsUnsent": 1,
        },
        ("FunctionName", "Agent"): {"RunsFailed": 1, "RunDuration": 1234},
    }
    assert (line["FunctionName"], line["Agent"]) == ("dev-runcast-agent", "terrain")
    assert (line["requestId"], line["message"], line["level"]) == ("run-1", "the run ended", "INFO")


@pytest.mark.parametrize("status", [RunStatus.IN_PROGRESS, "some_future_status"])
def test_a_status_without_a_metric_of_its_own_is_counted_all_the_same(log_lines, status):
    metrics.count_run("terrain", status, RecordingReport(9, 2, 1), elapsed_seconds=1.0, degraded=False)
    [line] = log_lines.read()
    assert (line["RunDuration"], line["StepsRecorded"], line["StepsLost"]) == (1000, 9, 2)


@pytest.mark.parametrize("status", [status for status in RunStatus if status is not RunStatus.IN_PROGRESS])
def test_every_outcome_has_its_metric(log_lines, status):
    metrics.count_run("terrain", status, RecordingReport(1, 0, 0), elapsed_seconds=0, degraded=False)
    [line] = log_lines.read()
    assert sum(line.get(name, 0) for name in line if name.startswith("Runs")) == 1


def test_nobody_watching_is_no_failure(log_lines):
    metrics.count_messages(3, {"no_session": 2, "failed": 1}, api_id="api1")
    metrics.count_messages(0, {"broken": 1})
    published, broken = log_lines.read()
    assert check_embedded_metrics(published) == {
        ("FunctionName",): {"MessagesPublished": 3, "MessagesUnwatched": 2, "PublishFailures": 1}
    }
    assert (published["apiId"], published["notPublished"]) == ("api1", {"no_session": 2, "failed": 1})
    assert broken["PublishFailures"] == 1


def test_what_cannot_be_counted_is_logged_and_harms_nobody(log_lines):
    metrics.emit("odd", {"NoSuchMetric": 1})

    def no_clock() -> Any:
        raise OSError("no clock")

    metrics.emit("timeless", {"RunsFailed": 1}, now_ms=no_clock)
    assert [(line["message"], line["errorType"]) for line in log_lines.read()] == [
        ("the metrics of this invocation are lost", "KeyError"),
        ("the metrics of this invocation are lost", "OSError"),
    ]

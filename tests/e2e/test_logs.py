"""The Lambdas' logs after real runs: JSON about the right run, correct metrics, and no secrets."""

import json
import uuid

import pytest

from tests.contracts.embedded_metrics import check_embedded_metrics
from tests.e2e.conftest import AGENT
from tests.waiting import wait_until

FUNCTIONS = ("agent", "api", "orchestrator", "progress-reader", "run-closer", "run-starter", "status-publisher")
LAMBDA_S_OWN = ("START ", "END ", "REPORT ", "Worker process died", "The above exception was ", "During handling of ")


def lines_of(stack, function):
    """What a function's code has written so far; Lambda's own lines around it are left out."""
    paginator = stack.client("logs").get_paginator("filter_log_events")
    pages = paginator.paginate(logGroupName=f"/aws/lambda/runcast-{function}")
    lines = (event["message"] for page in pages for event in page["events"])
    return list(without_tracebacks(line for line in lines if line and not line.startswith(LAMBDA_S_OWN)))


def without_tracebacks(lines):
    """Leave out what Lambda itself writes of an error that a function raises, so that it is tried again."""
    traced = False
    for line in lines:
        if line.startswith("Traceback "):
            traced = True
        elif not traced:
            yield line
        elif not line.startswith(" "):
            traced = False  # the error itself, which closes the traceback


def counted(stack, function, request_id):
    """The lines of metrics about a run."""
    found = [json.loads(line) for line in lines_of(stack, function)]
    return [line for line in found if "_aws" in line and line.get("requestId") == request_id]


@pytest.fixture(scope="module")
def secret():
    return f"secret-{uuid.uuid4()}"


@pytest.fixture(scope="module")
def runs(stack, alice, secret):
    """A run that completes and one whose model fails: the record and the line of metrics of each."""
    started = [alice.start(f"{secret} {direction}") for direction in ("How steep is it?", "[model:error 500]")]
    records = [alice.read_to_its_end(request_id) for request_id in started]
    return [
        (record, *wait_until(lambda request_id=record["requestId"]: counted(stack, "agent", request_id)))
        for record in records
    ]


def test_the_metrics_of_a_run_say_what_its_record_says(runs):
    for (record, line), (status, metric) in zip(
        runs, [("complete", "RunsCompleted"), ("error", "RunsFailed")], strict=True
    ):
        assert record["status"] == status
        values = check_embedded_metrics(line)
        totals = values["FunctionName",]
        assert totals.pop("RunDuration") >= record["steps"][-1]["elapsed"] * 1000
        assert totals == {
            metric: 1,
            "RunsDegraded": 0,
            "StepsRecorded": record["steps"][-1]["seq"],
            "StepsLost": 0,
            "StepsUnsent": 0,
        }
        assert values["FunctionName", "Agent"].keys() == {metric, "RunDuration"}
        assert (line["Agent"], line["FunctionName"], line["requestId"]) == (
            AGENT,
            "runcast-agent",
            record["requestId"],
        )


def test_the_publisher_accounts_for_every_step(stack, runs):
    for record, _ in runs:
        steps = record["steps"][-1]["seq"]

        def messages(request_id=record["requestId"]):
            lines = counted(stack, "status-publisher", request_id)
            return sum(line["MessagesPublished"] + line["MessagesUnwatched"] for line in lines)

        wait_until(lambda messages=messages, steps=steps: messages() >= steps)
        assert messages() == steps


def test_a_failed_run_s_error_is_one_line_with_the_run_s_id_and_the_stack(stack, runs):
    [_, (record, counted_line)] = runs
    lines = [json.loads(line) for line in lines_of(stack, "agent")]
    [error] = [line for line in lines if line.get("requestId") == record["requestId"] and line["level"] == "ERROR"]
    assert error["logger"] == "chalicelib.agents.runner"
    assert error["errorType"]
    assert error["stackTrace"].startswith("Traceback (most recent call last):")
    assert error["awsRequestId"] == counted_line["awsRequestId"] != record["requestId"]


def test_every_line_is_json_with_ids_and_no_line_is_indiscreet(stack, runs, alice, secret):
    # Which run each invocation was about, as its line of metrics says.
    run_of = {
        line["awsRequestId"]: record["requestId"]
        for record, _ in runs
        for function in ("agent", "status-publisher")
        for line in counted(stack, function, record["requestId"])
    }
    seen = set()
    written = {function: lines_of(stack, function) for function in FUNCTIONS}
    for function, lines in written.items():
        for text in lines:
            line = json.loads(text)
            assert {"timestamp", "level", "message", "logger", "function", "awsRequestId"} <= line.keys()
            assert line["function"] == f"runcast-{function}"
            assert line["awsRequestId"]
            if line["awsRequestId"] in run_of:
                assert line["requestId"] == run_of[line["awsRequestId"]]
                seen.add((function, line["level"]))
            assert secret not in text
            assert alice.id_token not in text
    assert {("agent", "INFO"), ("agent", "ERROR"), ("status-publisher", "INFO")} <= seen

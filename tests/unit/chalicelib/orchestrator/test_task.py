"""Reporting a run's change to the task that waits for it."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import Stubber
from chalicelib.orchestrator.task import report_run

from runcast.errors import Unavailable
from runcast.record.model import RunStatus
from tests.unit.chalicelib.orchestrator.conftest import ANA, JOB_ID, put_job

TOKEN = "a token"


@pytest.fixture
def run(store, clock):
    put_job(store)
    return store.create_in_job("run-1", owner=ANA, agent="survey", job_id=JOB_ID, task_token=TOKEN)


@pytest.fixture
def states():
    client = boto3.client("stepfunctions", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("status", "error"),
    [("complete", None), ("waiting", "RunWaits"), ("in_progress", "RunChanged"), ("error", "RunChanged"),
     ("cancelled", "RunChanged")],
)  # fmt: skip
def test_a_result_is_a_reference_and_any_other_state_lets_the_task_look_again(run, states, status, error):
    client, stubber = states
    if error:
        stubber.add_response("send_task_failure", {}, {"taskToken": TOKEN, "error": error, "cause": status})
    else:
        output = json.dumps({"requestId": "run-1"}, separators=(",", ":"))
        stubber.add_response("send_task_success", {}, {"taskToken": TOKEN, "output": output})
    object.__setattr__(run, "status", RunStatus(status))
    report_run(client, run)


def test_a_run_that_no_task_waits_for_is_not_reported(run, store, states):
    report_run(states[0], store.create("run-2", owner=ANA, agent="survey"))


@pytest.mark.parametrize("code", ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"])
def test_a_token_that_is_over_is_no_error(run, states, caplog, code):
    client, stubber = states
    stubber.add_client_error("send_task_failure", code)
    report_run(client, run)
    assert TOKEN not in caplog.text


def test_a_report_that_fails_is_tried_again(run, states, monkeypatch):
    client, stubber = states
    stubber.add_client_error("send_task_failure", "ThrottlingException")
    with pytest.raises(Unavailable, match=r"^The change of run run-1 was not reported \(ThrottlingException\)\."):
        report_run(client, run)

    def no_answer(**_):
        raise ConnectionClosedError(endpoint_url="https://states")

    monkeypatch.setattr(client, "send_task_failure", no_answer)
    with pytest.raises(Unavailable, match=r"^The change of run run-1 was not reported\. Try again\.$"):
        report_run(client, run)

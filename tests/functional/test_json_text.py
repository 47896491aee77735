"""Metadata and results reach readers as stored: the same text over GraphQL and live, the same values over REST."""

from __future__ import annotations

import boto3
import pytest

from runcast.record.message import step_update
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End, RunStore

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
ANA = Owner("acme", "ana")
TEXT = '{"past2to53":9007199254740993,"large":1000000000000000000000000000000,"small":0.1,"name":"Länge"}'
VALUE = {"past2to53": 2**53 + 1, "large": 10**30, "small": 0.1, "name": "Länge"}
STEPS = [
    Step("thinking", "", 0.1, 1_700_000_000_000, 1, metadata_json=TEXT),
    Step("thinking", "", 0.2, 1_700_000_000_000, 2),
    Step("complete", "Done", 0.3, 1_700_000_000_000, 3),
]


@pytest.fixture
def record(lambdas):
    """A run that holds such numbers."""
    store = RunStore(boto3.client("dynamodb"), "AgentProgress")
    store.create(ID, owner=ANA, agent="survey")
    lease = {"worker": "w1", "lease_until_ms": 4_000_000_000_000}
    store.claim(ID, owner=ANA, agent="survey", job_id=None, **lease)
    store.append(ID, expected_seq=0, steps=STEPS, end=End(RunStatus.COMPLETE, result_json=TEXT), **lease)


def test_graphql_reads_the_stored_text(lambdas, event, record):
    read = lambdas.call("progress_reader", event("getAgentProgress"))["data"]
    assert [step.get("metadata") for step in read["steps"]] == [TEXT, None, None]
    assert read["result"] == TEXT


def test_rest_reads_it_as_json(lambdas, record):
    read = lambdas.request("GET", f"/runs/{ID}").body
    assert [step.get("metadata") for step in read["steps"]] == [VALUE, None, None]
    assert read["result"] == VALUE


def test_the_live_channel_carries_the_stored_text(lambdas, subscribe):
    subscribe()
    update = step_update(ANA, STEPS[0], request_id=ID, job_id=None, agent="survey")
    assert lambdas.call("status_publisher", {"messages": [update]})["published"] == 1
    [request] = lambdas.appsync.received
    assert request.json["variables"]["m0"]["metadata"] == TEXT


def test_parameters_as_json_text_reach_the_agent_exactly(lambdas, event):
    started = event("startAgentRun")
    started["arguments"]["parameters"] = TEXT
    lambdas.call("run_starter", started)
    [(_, payload)] = lambdas.queued
    assert payload["parameters"] == VALUE

"""The agent Lambda's event."""

from __future__ import annotations

import pytest
from chalicelib.agents.agent_event import AgentEvent, agent_event
from chalicelib.runtime.request import RunRequest

from runcast.errors import InvalidInput
from runcast.record.identity import RunIdentity
from runcast.record.model import PUBLIC, Owner
from tests.fakes.own_agents import own_agents

GOOD = {"agent": "survey", "query": "How steep is it?"}


@pytest.fixture(autouse=True)
def agents():
    with own_agents():
        yield


def refusal(event) -> str:
    with pytest.raises(InvalidInput) as refused:
        agent_event(event, aws_request_id="r")
    return str(refused.value)


def test_everything_optional_has_its_default():
    assert agent_event(GOOD, aws_request_id="lambda-request") == AgentEvent(
        request=RunRequest("survey", "How steep is it?"),
        identity=RunIdentity("lambda-request", PUBLIC, None),
        awaited=True,
    )


def test_everything_given_is_kept():
    event = GOOD | {"requestId": "run", "userId": "ana", "tenantId": "acme", "jobId": "job", "awaited": False}
    event["parameters"] = {"a": 1}
    event = agent_event(event, aws_request_id="lambda-request")
    assert event == AgentEvent(
        RunRequest("survey", "How steep is it?", {"a": 1}),
        RunIdentity("run", Owner("acme", "ana"), "job"),
        awaited=False,
    )


def test_a_user_without_a_tenant_is_their_own():
    assert agent_event(GOOD | {"userId": "ana"}, aws_request_id="r").identity.owner == Owner("ana", "ana")


def test_a_tenant_needs_a_user():
    assert refusal(GOOD | {"tenantId": "acme"}) == "userId must be given where tenantId is."


@pytest.mark.parametrize("event", [None, [], "text", 7])
def test_an_event_is_an_object(event):
    assert refusal(event) == "The event must be a JSON object."


@pytest.mark.parametrize(("field", "limit"), [("requestId", 128), ("userId", 200), ("tenantId", 200), ("jobId", 128)])
def test_names_have_limits(field, limit):
    event = GOOD | {"userId": "ana"}
    for value in ("", "x" * (limit + 1), "a#b", 7, ["a"]):
        assert refusal(event | {field: value}) == f"{field} must be text of 1 to {limit} characters without '#'."
    assert agent_event(event | {field: "x" * limit}, aws_request_id="r")


def test_the_request_is_checked_too():
    assert refusal({"agent": "survey"}) == "query must be text of 1 to 10,000 characters."

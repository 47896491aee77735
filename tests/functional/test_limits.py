"""The limits of users and tenants over GraphQL and REST: what is refused, and when to try again."""

from __future__ import annotations

import json

import pytest

from tests.fakes.scripted_model import Call, Say
from tests.functional.conftest import ANA

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

RUN = {"agent": "survey", "query": "How steep is it?"}
JOB = {"playbook": "site-assessment", "query": "Here?"}
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
IDS = [f"6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a{number:02}" for number in range(4)]


@pytest.fixture
def limits(monkeypatch, same_minute):
    """Set the limits of the functions, which read them when they are first called."""
    return lambda **maxima: monkeypatch.setenv("LIMITS", json.dumps(maxima))


@pytest.fixture
def start(lambdas, event):
    def start(field, arguments, claims=ANA):
        return lambdas.call("run_starter", event(field) | {"arguments": arguments, "identity": {"claims": claims}})

    return start


def test_graphql_says_when_to_try_again(lambdas, limits, start):
    limits(user_starts_per_minute=1)
    start("startAgentRun", RUN)
    error = start("startAgentRun", RUN)["error"]
    assert 1 <= error.pop("retryAfter") <= 60
    assert error.pop("message").startswith("A user may start 1 runs and jobs a minute. Try again in ")
    assert error == {"type": "TooManyRequests"}
    assert len(lambdas.queued) == 1
    assert "data" in start("startAgentRun", RUN, BOB)


@pytest.mark.parametrize(("path", "body"), [("/runs", RUN), ("/jobs", JOB)])
def test_rest_says_when_to_try_again(lambdas, limits, path, body):
    limits(user_open_runs=1)
    lambdas.request("POST", "/runs", json_body=RUN)
    answer = lambdas.request("POST", path, json_body=body)
    assert answer.refusal == (429, "TooManyRequests", "A user may have 1 runs and jobs in progress. Try again in 30 s.")
    assert (answer.body["error"]["retryAfter"], answer.headers["Retry-After"]) == (30, "30")
    assert lambdas.request("POST", "/runs", json_body=RUN, claims=BOB).status == 202


def test_a_repeated_start_is_answered_over_the_limit(lambdas, limits, start):
    limits(user_starts_per_minute=1)
    run = RUN | {"requestId": IDS[0]}
    first = start("startAgentRun", run)
    assert start("startAgentRun", run) == first
    assert lambdas.request("POST", "/runs", json_body=run).status == 202


def test_a_rerun_counts_as_a_start(lambdas, limits, start):
    limits(user_starts_per_minute=1)
    start("startAgentRun", RUN | {"requestId": IDS[0]})
    assert start("startAgentRun", {"rerunOf": IDS[0]})["error"]["type"] == "TooManyRequests"


def test_an_answer_is_refused_while_too_many_runs_are_in_progress(lambdas, limits):
    limits(user_open_runs=1)
    lambdas.model.script = [Call("build_there"), Say("Done: {tool_result}")]
    lambdas.request("POST", "/runs", json_body=RUN | {"requestId": IDS[0]})
    lambdas.run_queue()
    [question] = lambdas.request("GET", f"/runs/{IDS[0]}").body["steps"][-1]["metadata"]["interrupts"]
    lambdas.request("POST", "/runs", json_body=RUN | {"requestId": IDS[1]})
    answers = {"answers": {question["id"]: "yes"}}

    assert lambdas.request("POST", f"/runs/{IDS[0]}/answers", json_body=answers).status == 429
    assert lambdas.request("GET", f"/runs/{IDS[0]}").body["status"] == "waiting"
    lambdas.request("DELETE", f"/runs/{IDS[1]}")
    lambdas.queued.clear()
    assert lambdas.request("POST", f"/runs/{IDS[0]}/answers", json_body=answers).status == 200
    # The same answers again are a no-op, and no new run.
    assert lambdas.request("POST", f"/runs/{IDS[0]}/answers", json_body=answers).status == 200

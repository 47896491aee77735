"""The entry points of `app.py`, from a client's request to what subscribers and readers get."""

from __future__ import annotations

import json

import boto3
import pytest
from app import app
from chalicelib.runtime import clients

from tests.fakes.scripted_model import Call

ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
DOORS = {
    "startAgentRun": "run_starter",
    "startJob": "run_starter",
    "answerAgentRun": "run_starter",
    "cancelAgentRun": "run_starter",
    "deleteMyRuns": "run_starter",
    "getAgentProgress": "progress_reader",
    "listAgentRuns": "progress_reader",
    "listAgents": "progress_reader",
}
STEPS = ["init", "bedrock", "tools", "agent", "ready", "thinking", "executing", "executed", "thinking", "complete"]


JSON_RULE = "Numbers must be finite and at most 1.8e308, text well formed, and nesting at most 100 deep."


def with_arguments(event, **arguments):
    return {**event, "arguments": event["arguments"] | arguments}


def as_user(event, user_id, tenant_id="acme"):
    claims = {"sub": user_id, "custom:tenantId": tenant_id, "token_use": "id"}
    return {**event, "identity": {"claims": claims}}


def test_app_has_its_six_doors():
    assert sorted(function.name for function in app.pure_lambda_functions) == [
        "agent",
        "orchestrator",
        "progress_reader",
        "run_closer",
        "run_starter",
        "status_publisher",
    ]


def test_a_run_from_start_to_what_is_seen_and_read(lambdas, subscribe, event):
    subscribe()
    started = lambdas.call("run_starter", event("startAgentRun"))["data"]
    assert (started["requestId"], started["status"]) == (ID, "in_progress")
    handed_over = {"createdAt": started["createdAt"], "awaited": False}
    assert lambdas.queued == [("agent", event("agent") | handed_over)]
    waiting = lambdas.call("progress_reader", event("getAgentProgress"))["data"]
    assert (waiting["success"], waiting["steps"], waiting["liveness"]) == (True, [], "live")

    [answer, *published] = lambdas.run_queue()
    assert answer["statusCode"] == 200
    assert {frozenset(report["notPublished"]) for report in published} == {frozenset()}

    progress = lambdas.call("progress_reader", event("getAgentProgress"))["data"]
    assert [step["step"] for step in progress["steps"]] == STEPS
    assert (progress["status"], progress["liveness"], progress["nextSeq"]) == ("complete", "done", None)
    assert progress["createdAt"] == started["createdAt"]
    result = json.loads(progress["result"])
    assert result == json.loads(answer["body"])["result"]
    assert '"slopeDegrees": 3.5' in result

    live = [message for request in lambdas.appsync.received for message in request.json["variables"].values()]
    assert [message["seq"] for message in live] == [step["seq"] for step in progress["steps"]]
    assert {(message["tenantId"], message["userId"], message["requestId"]) for message in live} == {("acme", "ana", ID)}


def test_reading_on_gives_only_what_is_new(lambdas, event):
    lambdas.call("agent", event("agent"))
    progress = lambdas.call("progress_reader", with_arguments(event("getAgentProgress"), afterSeq=7))["data"]
    assert [step["seq"] for step in progress["steps"]] == [8, 9, 10]


def test_an_agent_may_be_invoked_directly_and_without_an_owner(lambdas):
    answer = lambdas.call("agent", {"agent": "survey", "query": "How steep is it?"})
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["success"], len(body["progress"])) == (200, True, len(STEPS))
    stored = boto3.client("dynamodb").get_item(TableName="AgentProgress", Key={"requestId": {"S": body["requestId"]}})
    assert stored["Item"]["owner"] == {"S": "public#public"}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"query": ""}, "query must be text of 1 to 10,000 characters."),
        ({"query": "x" * 10_001}, "query must be text of 1 to 10,000 characters."),
        ({"parameters": []}, "parameters must be a JSON object."),
        ({"parameters": {"a": "x" * 65_536}}, "parameters must be at most 64 KB as JSON."),
        (
            {"parameters": '{"region": "east"}'},
            "The agent survey does not accept these parameters. "
            "parameters.region: 'east' is not one of ['north', 'south'].",
        ),
        ({"parameters": {"a": float("nan")}}, f"parameters.a is NaN, which is no JSON. {JSON_RULE}"),
        ({"parameters": '{"a": 1e400}'}, f"parameters.a is Infinity, which is no JSON. {JSON_RULE}"),
    ],
)
def test_bad_input_is_refused_by_starter_and_agent_alike(lambdas, event, wrong, error):
    started = lambdas.call("run_starter", with_arguments(event("startAgentRun"), **wrong))
    assert started == {"error": {"type": "BadRequest", "message": error}}
    answer = lambdas.call("agent", event("agent") | wrong)
    assert (answer["statusCode"], json.loads(answer["body"])) == (400, {"success": False, "error": error})
    assert boto3.client("dynamodb").scan(TableName="AgentProgress")["Count"] == 0


def test_an_unknown_agent_is_told_those_that_starter_and_agent_know(lambdas, event):
    started = lambdas.call("run_starter", with_arguments(event("startAgentRun"), agent="volcano"))
    assert started["error"]["message"] == 'agent must be one of: elsewhere, survey; not "volcano".'
    answer = lambdas.call("agent", event("agent") | {"agent": "volcano"})
    assert json.loads(answer["body"])["error"] == 'agent must be one of: survey; not "volcano".'


def test_an_agent_that_asks_is_waiting_with_its_questions(lambdas, subscribe, event):
    subscribe()
    lambdas.model.script = [Call("build_there")]
    lambdas.call("run_starter", event("startAgentRun"))
    [answer, *_] = lambdas.run_queue()
    progress = lambdas.call("progress_reader", event("getAgentProgress"))["data"]
    last = progress["steps"][-1]
    assert (progress["status"], progress["liveness"], progress["error"], last["step"]) == (
        "waiting", "live", None, "waiting",
    )  # fmt: skip
    [question] = json.loads(last["metadata"])["interrupts"]
    assert (question["name"], question["reason"]) == ("agree", {"costs": 5})
    assert json.loads(answer["body"])["interrupts"] == [question]
    live = [message for request in lambdas.appsync.received for message in request.json["variables"].values()]
    assert (live[-1]["status"], live[-1]["metadata"]) == ("waiting", last["metadata"])


def test_a_chosen_id_must_be_a_uuid(lambdas, event):
    assert lambdas.call("run_starter", with_arguments(event("startAgentRun"), requestId="run-1")) == {
        "error": {
            "type": "BadRequest",
            "message": "requestId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000.",
        }
    }


def test_a_used_id_answers_its_owner_and_refuses_others(lambdas, event):
    first = lambdas.call("run_starter", event("startAgentRun"))
    assert lambdas.call("run_starter", event("startAgentRun")) == first
    # No worker has taken the run, so it is handed over again.
    assert lambdas.queued == lambdas.queued[:1] * 2
    assert lambdas.call("run_starter", as_user(event("startAgentRun"), "bob")) == {
        "error": {"type": "Conflict", "message": "requestId is taken. Choose another UUID, or leave it out."}
    }


@pytest.mark.parametrize("reader", [("bob", "acme"), ("ana", "other")])
def test_a_foreign_run_reads_like_an_unknown_one(lambdas, event, reader):
    unknown = lambdas.call("progress_reader", event("getAgentProgress"))
    lambdas.call("agent", event("agent"))
    assert lambdas.call("progress_reader", as_user(event("getAgentProgress"), *reader)) == unknown
    assert unknown["data"]["success"] is False
    assert unknown["data"]["error"]


@pytest.mark.parametrize("field", DOORS)
@pytest.mark.parametrize(
    ("identity", "auth_type", "error"),
    [
        (
            {"claims": {"sub": "ana", "token_use": "access"}},
            "User Pool Authorization",
            "Send the ID token: access tokens lack the tenant claim.",
        ),
        (None, "IAM Authorization", "Sign in with an ID token: this credential names no user."),
        (None, None, "Sign in with an ID token: this credential names no user."),
    ],
)
def test_a_caller_must_be_somebody(lambdas, event, field, identity, auth_type, error):
    refused = lambdas.call(DOORS[field], event(field) | {"identity": identity, "authType": auth_type})
    assert refused == {"error": {"type": "Unauthorized", "message": error}}


@pytest.mark.parametrize("field", ["startAgentRun", "startJob", "answerAgentRun", "cancelAgentRun", "listAgentRuns"])
def test_an_api_key_alone_may_only_read(lambdas, event, field):
    public = {"identity": None, "authType": "API Key Authorization"}
    message = "Callers with an API key may read runs by their id, and list the agents. Sign in for more."
    refused = {"error": {"type": "Unauthorized", "message": message}}
    assert lambdas.call(DOORS[field], event(field) | public) == refused
    assert lambdas.call("progress_reader", event("getAgentProgress") | public)["data"]["success"] is False
    assert lambdas.call("progress_reader", event("listAgents") | public)["data"]["agents"]
    assert lambdas.queued == []


def test_an_api_key_is_public(lambdas, event, monkeypatch):
    monkeypatch.setenv("API_KEY_MAY_START", "true")
    public = {"identity": None, "authType": "API Key Authorization"}
    started = lambdas.call("run_starter", event("startAgentRun") | public)
    assert started["data"]["requestId"] == ID
    assert lambdas.call("progress_reader", event("getAgentProgress") | public)["data"]["success"] is True
    assert lambdas.call("progress_reader", event("getAgentProgress"))["data"]["success"] is False
    assert lambdas.call("run_starter", event("cancelAgentRun"))["data"]["success"] is False
    listed = lambdas.call("progress_reader", event("listAgentRuns") | public)["data"]["runs"]
    assert [run["requestId"] for run in listed] == [ID]
    assert lambdas.call("run_starter", event("cancelAgentRun") | public)["data"]["status"] == "cancelled"


def test_an_api_key_opens_no_users_run(lambdas, event, monkeypatch):
    monkeypatch.setenv("API_KEY_MAY_START", "true")
    public = {"identity": None, "authType": "API Key Authorization"}
    assert lambdas.call("run_starter", event("startAgentRun"))["data"]["requestId"] == ID
    assert lambdas.call("progress_reader", event("getAgentProgress") | public)["data"]["success"] is False
    assert lambdas.call("run_starter", event("cancelAgentRun") | public)["data"]["success"] is False
    assert lambdas.call("progress_reader", event("listAgentRuns") | public)["data"]["runs"] == []
    assert lambdas.call("run_starter", event("startAgentRun") | public)["error"]["type"] == "Conflict"
    assert lambdas.call("progress_reader", event("getAgentProgress"))["data"]["status"] == "in_progress"


def test_a_run_claimed_twice_is_refused_the_second_time(lambdas, event):
    assert lambdas.call("agent", event("agent"))["statusCode"] == 200
    assert lambdas.call("agent", event("agent"))["statusCode"] == 409


def test_the_publisher_alone(lambdas, subscribe, event):
    subscribe()
    assert lambdas.call("status_publisher", event("statusPublisher")) == {"published": 1, "notPublished": {}}
    [sent] = lambdas.appsync.received[0].json["variables"].values()
    assert (sent["seq"], sent["toolName"], sent["metadata"]) == (7, "slope", '{"reason":"steep?"}')


@pytest.mark.parametrize("field", DOORS)
def test_what_fails_on_our_side_is_said_in_a_sentence(lambdas, event, field, monkeypatch, caplog):
    monkeypatch.delenv("AGENT_PROGRESS_TABLE")
    assert lambdas.call(DOORS[field], event(field)) == {
        "error": {"type": "InternalFailure", "message": "The request failed on our side; the log has the reason."}
    }
    assert "Set these environment variables: AGENT_PROGRESS_TABLE." in caplog.text


def test_an_agent_without_its_environment_says_so(lambdas, event, monkeypatch):
    monkeypatch.delenv("BEDROCK_MODEL_ID")
    assert lambdas.call("agent", event("agent")) == {
        "statusCode": 500,
        "body": '{"success":false,"error":"The run failed on our side; the log has the reason."}',
    }


@pytest.mark.parametrize("field", DOORS.keys() - {"listAgents"})
def test_without_its_table_a_lambda_is_unavailable(lambdas, event, field):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
        clients.dynamodb.cache_clear()
        refused = lambdas.call(DOORS[field], event(field))
    assert refused["error"]["type"] == "Unavailable"

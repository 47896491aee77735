"""The routes of `app.py`; every answer is also compared with `docs/openapi.json`."""

from __future__ import annotations

import json

import boto3
import pytest
from app import app
from botocore.exceptions import ClientError
from chalicelib.agents import registry
from chalicelib.runtime import clients

from packager import openapi
from tests.contracts.rest_api import DOCUMENT, validate
from tests.functional.conftest import ANA

# Chalice says so of each route with a Cognito authorizer: its local gateway does not verify the token.
pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
RUN = {"agent": "survey", "query": "How steep is it?", "parameters": {"region": "north"}, "requestId": ID}
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
JOB = {"playbook": "site-assessment", "query": "Here?", "jobId": ID}
RUN_ROUTES = (("POST", "/runs"), ("GET", "/runs"), ("GET", f"/runs/{ID}"), ("DELETE", f"/runs/{ID}"))
ANSWERS = ("POST", f"/runs/{ID}/answers")
BODIES = {"/runs": RUN, "/jobs": JOB, ANSWERS[1]: {"answers": {"i1": "yes"}}}
NO_BODY = (400, "BadRequest", "The body must be a JSON object.")
NAN = float("nan")
JSON_RULE = "Numbers must be finite and at most 1.8e308, text well formed, and nesting at most 100 deep."
FAILED = (500, "InternalFailure", "The request failed on our side; the log has the reason.")


def test_the_document_is_written_from_the_code_and_tells_of_every_route():
    assert json.loads(openapi.text()) == DOCUMENT
    told = {path: {method.upper() for method in methods} | {"OPTIONS"} for path, methods in DOCUMENT["paths"].items()}
    assert told == {path: set(methods) for path, methods in app.routes.items()}


def test_only_health_needs_no_identity():
    open_to_all = {
        (method, path)
        for path, methods in app.routes.items()
        for method, route in methods.items()
        if route.authorizer is None and method != "OPTIONS"
    }
    assert open_to_all == {("GET", "/health")}


def test_a_run_from_start_to_what_is_read(lambdas, event):
    validate({"$ref": "#/components/schemas/RunRequest"}, RUN)
    started = lambdas.request("POST", "/runs", json_body=RUN)
    assert started.status == 202
    assert (started.body["requestId"], started.body["status"]) == (ID, "in_progress")
    [(function, payload)] = lambdas.queued
    handed_over = {"userId": "ana", "tenantId": "acme", "createdAt": started.body["createdAt"], "awaited": False}
    assert (function, payload) == ("agent", RUN | handed_over)
    waiting = lambdas.request("GET", f"/runs/{ID}").body
    assert (waiting["steps"], waiting["liveness"]) == ([], "live")

    lambdas.run_queue()
    read = lambdas.request("GET", f"/runs/{ID}")
    assert (read.status, read.body["status"], read.body["createdAt"]) == (200, "complete", started.body["createdAt"])
    over_graphql = lambdas.call("progress_reader", event("getAgentProgress"))["data"]
    assert read.body == over_graphql | {
        "result": json.loads(over_graphql["result"]),
        "steps": [
            step | ({"metadata": json.loads(step["metadata"])} if "metadata" in step else {})
            for step in over_graphql["steps"]
        ],
    }


def test_a_run_of_an_agent_elsewhere_is_handed_to_its_function(lambdas):
    started = lambdas.request("POST", "/runs", json_body=RUN | {"agent": "elsewhere"})
    assert started.status == 202
    function = "arn:aws:lambda:us-east-1:123456789012:function:elsewhere"
    assert lambdas.queued == [
        (
            function,
            RUN
            | {"agent": "elsewhere", "userId": "ana", "tenantId": "acme"}
            | {"createdAt": started.body["createdAt"], "awaited": False},
        )
    ]


def test_reading_on_gives_only_what_is_new(lambdas):
    lambdas.request("POST", "/runs", json_body=RUN)
    lambdas.run_queue()
    assert [step["seq"] for step in lambdas.request("GET", f"/runs/{ID}?afterSeq=7").body["steps"]] == [8, 9, 10]


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json; charset=utf-8"}])
def test_a_body_without_a_content_type_is_taken_for_json(lambdas, headers):
    assert lambdas.request("POST", "/runs", json_body=RUN, headers=headers).status == 202


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"agent": "volcano"}, 'agent must be one of: elsewhere, survey; not "volcano".'),
        ({"agent": None}, "agent must be one of: elsewhere, survey; not null."),
        ({"query": ""}, "query must be text of 1 to 10,000 characters."),
        ({"query": "x" * 10_001}, "query must be text of 1 to 10,000 characters."),
        ({"parameters": []}, "parameters must be a JSON object."),
        ({"parameters": {"a": "x" * 65_536}}, "parameters must be at most 64 KB as JSON."),
        ({"parameters": {"a": "中" * 22_000}}, "parameters must be at most 64 KB as JSON."),
        (
            {"parameters": {"region": "east"}},
            "The agent survey does not accept these parameters. "
            "parameters.region: 'east' is not one of ['north', 'south'].",
        ),
        ({"parameters": {"rows": [1, NAN]}}, f"parameters.rows[1] is NaN, which is no JSON. {JSON_RULE}"),
        ({"query": "half \ud83d"}, "query must be well-formed text: it holds half a surrogate pair."),
        ({"requestId": "run-1"}, "requestId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
        (
            {"userId": "bob"},
            "The body may contain only these fields: agent, query, parameters, requestId, rerunOf, "
            "conversationId, branchFrom, attachments.",
        ),
    ],
)
def test_a_run_that_does_not_fit_is_refused(lambdas, wrong, message):
    assert lambdas.request("POST", "/runs", json_body=RUN | wrong).refusal == (400, "BadRequest", message)
    assert boto3.client("dynamodb").scan(TableName="AgentProgress")["Count"] == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (b'{"a": 1e400}', f"parameters.a is Infinity, which is no JSON. {JSON_RULE}"),
        (b'{"a": 1' + b"0" * 5_000 + b"}", f"parameters.a is Infinity, which is no JSON. {JSON_RULE}"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "is nested deeper than 100, which is no JSON."),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "The body must not be nested deeper than 100."),
    ],
)
def test_parameters_that_other_readers_of_json_refuse_are_refused(lambdas, parameters, message):
    body = b'{"agent": "survey", "query": "?", "parameters": ' + parameters + b"}"
    status, kind, told = lambdas.request("POST", "/runs", body=body).refusal
    assert (status, kind) == (400, "BadRequest")
    assert message in told


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b"agent=survey&query=q"])
def test_a_body_that_is_no_json_object_is_refused(lambdas, body):
    assert lambdas.request("POST", "/runs", body=body).refusal == NO_BODY


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(lambdas):
    limit = 512 * 1024
    refused = lambdas.request("POST", "/runs", body=b" " * (limit + 1))
    assert refused.refusal == (413, "PayloadTooLarge", "The body must be at most 512 KB.")
    assert lambdas.request("POST", "/runs", body=json.dumps(RUN).encode().ljust(limit)).status == 202


def test_the_longest_fields_fit_into_the_body(lambdas):
    longest = RUN | {"query": "\U0001f5fa" * 10_000, "parameters": {"a": "\u00e9" * 32_000}}
    assert lambdas.request("POST", "/runs", json_body=longest).status == 202


def test_another_content_type_is_refused(lambdas):
    refused = lambdas.request("POST", "/runs", json_body=RUN, headers={"content-type": "text/plain"})
    assert refused.refusal == (415, "UnsupportedMediaType", "Unsupported media type: text/plain.")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("after_seq", ["-1", "1.5", "many", "", "2147483648", "٣", "9" * 5000])
def test_a_wrong_after_seq_is_refused(lambdas, after_seq):
    refused = lambdas.request("GET", f"/runs/{ID}?afterSeq={after_seq}")
    assert refused.refusal == (400, "BadRequest", "afterSeq must be a whole number from 0 to 2147483647.")


def test_an_unknown_method_is_refused(lambdas):
    refused = lambdas.request("DELETE", "/jobs")
    assert refused.refusal == (405, "MethodNotAllowed", "Unsupported method: DELETE.")
    assert set(refused.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize(("method", "path"), [*RUN_ROUTES, ("POST", "/jobs"), ("GET", "/agents")])
@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (None, "Sign in with an ID token: this credential names no user."),
        (ANA | {"token_use": "access"}, "Send the ID token: access tokens lack the tenant claim."),
        (
            ANA | {"aud": "client2"},
            "The token was issued to another user pool client. Sign in with this system's client.",
        ),
        (ANA | {"sub": ""}, "The token must name its user in the claim sub."),
        (
            ANA | {"custom:tenantId": "a#b"},
            "The token's tenant and user must be text of at most 200 characters without '#'.",
        ),
    ],
)
def test_a_caller_must_be_somebody(lambdas, method, path, claims, message):
    refused = lambdas.request(method, path, claims=claims, json_body=BODIES.get(path) if method == "POST" else None)
    assert refused.refusal == (401, "Unauthorized", message)
    assert lambdas.queued == []


def test_a_used_id_answers_its_owner_and_refuses_others(lambdas):
    first = lambdas.request("POST", "/runs", json_body=RUN)
    again = lambdas.request("POST", "/runs", json_body=RUN)
    assert (again.status, again.body) == (202, first.body)
    # No worker has taken it yet, so it is handed over again: only one claim succeeds.
    assert lambdas.queued[0] == lambdas.queued[1]
    refused = lambdas.request("POST", "/runs", json_body=RUN, claims=BOB)
    assert refused.refusal == (409, "Conflict", "requestId is taken. Choose another UUID, or leave it out.")


def test_a_foreign_run_reads_like_an_unknown_one(lambdas):
    unknown = lambdas.request("GET", f"/runs/{ID}", claims=BOB)
    lambdas.request("POST", "/runs", json_body=RUN)
    foreign = lambdas.request("GET", f"/runs/{ID}", claims=BOB)
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body) == (404, unknown.body)
    assert unknown.body["error"] == "There is no such run, or its record has expired."
    assert lambdas.request("GET", "/runs/" + "x" * 500).status == 404


def test_the_agents_are_listed(lambdas):
    assert lambdas.request("GET", "/agents").body["agents"] == [
        {"name": "elsewhere", "description": "", "parametersSchema": None, "attachments": True},
        {
            "name": "survey",
            "description": registry.description("survey"),
            "parametersSchema": {"type": "object", "properties": {"region": {"enum": ["north", "south"]}}},
            "attachments": True,
        },
    ]


def test_health_says_what_it_has_checked(lambdas):
    healthy = lambdas.request("GET", "/health", claims=None)
    works = {"agentProgressTable": "ok", "agentFunction": "ok"}
    assert (healthy.status, healthy.body) == (200, {"status": "ok", "checks": works})


def test_health_fails_without_the_table_and_without_the_agent(lambdas, monkeypatch, caplog):
    def missing(**request):
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no such function"}}, "Invoke")

    monkeypatch.setattr(lambdas, "invoke", missing)
    boto3.client("dynamodb").delete_table(TableName="AgentProgress")
    answer = lambdas.request("GET", "/health", claims=None)
    checks = {"agentProgressTable": "failing", "agentFunction": "failing"}
    assert (answer.status, answer.body) == (503, {"status": "failing", "checks": checks})
    assert "health: agentFunction failed" in caplog.text


@pytest.mark.parametrize(
    ("method", "path"), [*RUN_ROUTES, ANSWERS, ("POST", "/jobs"), ("GET", "/agents"), ("GET", "/health")]
)
def test_what_fails_on_our_side_is_said_in_a_sentence(lambdas, method, path, monkeypatch, caplog):
    monkeypatch.delenv("AGENT_PROGRESS_TABLE")
    refused = lambdas.request(method, path, json_body=BODIES.get(path) if method == "POST" else None)
    assert refused.refusal == FAILED
    assert "Set these environment variables: AGENT_PROGRESS_TABLE." in caplog.text


def test_a_door_that_cannot_be_opened_is_said_in_the_same_form(lambdas, monkeypatch):
    monkeypatch.setitem(app.routes["/agents"], "GET", broken := app.routes["/agents"]["GET"])
    monkeypatch.setattr(broken, "view_function", lambda: 1 / 0)
    refused = lambdas.request("GET", "/agents")
    assert refused.refusal == (500, "InternalFailure", "An internal server error occurred.")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_without_its_table_nothing_is_done_with_runs(lambdas):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
        clients.dynamodb.cache_clear()
        for method, path in RUN_ROUTES[1:]:
            assert lambdas.request(method, path).refusal[:2] == (503, "Unavailable")
        assert lambdas.request(*ANSWERS, json_body=BODIES[ANSWERS[1]]).refusal[:2] == (503, "Unavailable")
        refused = lambdas.request("POST", "/runs", json_body=RUN)
    assert refused.refusal == (
        503,
        "Unavailable",
        "The run could not be recorded. Try again with the same requestId.",
    )


@pytest.mark.parametrize("path", ["/runs", f"/runs/{ID}", f"/runs/{ID}/answers", "/jobs", "/agents", "/health"])
def test_a_preflight_says_what_a_page_may_send(lambdas, path):
    answer = lambdas.request("OPTIONS", path, claims=None, headers={"origin": "https://app.example.com"})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization,Content-Type"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET,POST,DELETE,OPTIONS"


@pytest.mark.parametrize(
    ("allowed", "origin", "granted"),
    [
        ("https://a.example https://b.example", "https://b.example", "https://b.example"),
        ("https://a.example https://b.example", "https://c.example", None),
        ("https://a.example", "https://a.example.evil", None),
        ("https://a.example", None, None),
        ("", "https://a.example", None),
        ("*", None, "*"),
    ],
)
def test_only_allowed_origins_may_read_an_answer(lambdas, monkeypatch, allowed, origin, granted):
    monkeypatch.setenv("CORS_ORIGINS", allowed)
    headers = {"origin": origin} if origin else {}
    for method in ("GET", "OPTIONS"):
        answer = lambdas.request(method, "/health", headers=headers, claims=None)
        assert answer.headers.get("Access-Control-Allow-Origin") == granted
        assert answer.headers.get("Vary") == (None if allowed in ("", "*") else "Origin")
        assert ("Access-Control-Allow-Methods" in answer.headers) is (method == "OPTIONS" and granted is not None)

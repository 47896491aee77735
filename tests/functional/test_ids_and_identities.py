"""The owner and the record of a request: over REST and GraphQL, by direct invocation, and by `track`."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from chalice.local import LocalGatewayAuthorizer

from runcast.record.ids import derived_ids
from runcast.record.model import Owner
from tests.functional.conftest import ANA, GraphqlCaller

# Chalice says so of each route with a Cognito authorizer: its local gateway does not verify the token.
pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "identity.json").read_text())
TOKENS = [vector for vector in VECTORS if vector["authType"] == "User Pool Authorization"]
ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
RUN = {"agent": "survey", "query": "How steep is it?"}
JOB = {"playbook": "site-assessment", "query": "Here?"}
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
ANA_OWNER, BOB_OWNER = Owner("acme", "ana"), Owner("acme", "bob")
NO_VERSION_5 = "must not be a UUID of version 5. Choose a random one (version 4)."


class OverGraphql(GraphqlCaller):
    def start_run(self, given, claims=ANA):
        return self.ask("run_starter", "startAgentRun", claims, given)

    def start_job(self, given, claims=ANA):
        return self.ask("run_starter", "startJob", claims, given)

    def read(self, request_id, claims=ANA):
        return self.ask("progress_reader", "getAgentProgress", claims, {"requestId": request_id})

    def cancel(self, request_id, claims=ANA):
        return self.ask("run_starter", "cancelAgentRun", claims, {"requestId": request_id})


class OverRest:
    def __init__(self, lambdas, _):
        self.lambdas = lambdas

    def ask(self, method, path, claims, body=None):
        answer = self.lambdas.request(method, path, claims=claims, json_body=body).body
        failed = answer["error"] if isinstance(answer.get("error"), dict) else None
        return (failed["type"], failed["message"]) if failed else answer

    def start_run(self, given, claims=ANA):
        return self.ask("POST", "/runs", claims, given)

    def start_job(self, given, claims=ANA):
        return self.ask("POST", "/jobs", claims, given)

    def read(self, request_id, claims=ANA):
        return self.ask("GET", f"/runs/{request_id}", claims)

    def cancel(self, request_id, claims=ANA):
        return self.ask("DELETE", f"/runs/{request_id}", claims)


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, lambdas, event):
    return request.param(lambdas, event)


def test_an_id_in_capitals_is_the_same_run(way, lambdas, store):
    started = way.start_run(RUN | {"requestId": ID.upper()})
    assert started["requestId"] == ID
    assert [payload["requestId"] for _, payload in lambdas.queued] == [ID]
    assert way.start_run(RUN | {"requestId": ID}) == started
    assert way.read(ID.upper())["requestId"] == ID
    assert way.cancel(ID.upper())["status"] == "cancelled"


@pytest.mark.parametrize("spelling", [ID, ID.upper()])
def test_another_users_job_is_a_conflict_however_its_id_is_written(way, store, spelling):
    before = store.create(ID, owner=ANA_OWNER, agent="orchestrator", job_id=ID, playbook="site-assessment")
    kind, message = way.start_job(JOB | {"jobId": spelling}, BOB)
    assert (kind, message) == ("Conflict", "jobId is taken. Choose another UUID, or leave it out.")
    assert store.read(ID) == before


def test_the_id_of_a_jobs_run_cannot_be_chosen(way, lambdas):
    for planned in (derived_ids(ID, "terrain")[0], derived_ids(ID, "terrain")[0].upper()):
        assert way.start_run(RUN | {"requestId": planned}, BOB) == ("BadRequest", f"requestId {NO_VERSION_5}")
        assert way.start_job(JOB | {"jobId": planned}, BOB) == ("BadRequest", f"jobId {NO_VERSION_5}")
    assert lambdas.queued == []


@pytest.mark.parametrize("request_id", ["\ud800", "a\udfff"])
def test_half_of_a_surrogate_pair_is_bad_input(lambdas, event, store, request_id):
    over_graphql = OverGraphql(lambdas, event)
    for ask in (over_graphql.read, over_graphql.cancel):
        assert ask(request_id)[0] == "BadRequest"
    for way in (over_graphql, OverRest(lambdas, event)):
        assert way.start_run(RUN | {"requestId": request_id})[0] == "BadRequest"
        assert way.start_job(JOB | {"jobId": request_id})[0] == "BadRequest"
    for field in ("requestId", "jobId", "userId", "tenantId"):
        answer = lambdas.call("agent", event("agent") | {"userId": "ana", field: request_id})
        assert answer["statusCode"] == 400


@pytest.mark.parametrize("vector", TOKENS, ids=lambda vector: vector["name"])
def test_over_rest_a_token_names_whom_it_names_over_graphql(lambdas, store, vector):
    answer = lambdas.request(
        "POST", "/runs", claims=vector["claims"] | {"aud": "client1", "cognito:username": "x"}, json_body=RUN
    )
    expected = vector["expected"]
    if "error" in expected:
        assert answer.refusal == (401, "Unauthorized", expected["error"])
        assert lambdas.queued == []
    else:
        assert store.read(answer.body["requestId"]).owner == Owner(expected["tenantId"], expected["userId"])


@pytest.mark.parametrize(
    "sent",
    [
        BOB,
        ANA | {"custom:tenantId": "globex"},
        {name: claim for name, claim in ANA.items() if name != "custom:tenantId"},
        ANA | {"custom:tenantId": None},
        ANA | {"aud": "client2"},
    ],
)
def test_a_token_that_the_gateway_did_not_verify_names_nobody(lambdas, monkeypatch, sent):
    monkeypatch.setattr(LocalGatewayAuthorizer, "_decode_jwt_payload", lambda *_: ANA)
    answer = lambdas.request("POST", "/runs", claims=sent, json_body=RUN)
    assert answer.refusal == (401, "Unauthorized", "Send one ID token in the header Authorization.")
    assert lambdas.queued == []


@pytest.mark.parametrize("authorization", ["Bearer", "a.b", "a.bm8.c", "a.W10.c", "no token"])
def test_what_is_no_token_names_nobody(lambdas, monkeypatch, authorization):
    monkeypatch.setattr(LocalGatewayAuthorizer, "_decode_jwt_payload", lambda *_: ANA)
    headers = {"authorization": authorization, "content-type": "application/json"}
    monkeypatch.setattr("tests.functional.conftest.unsigned_token", lambda _: authorization)
    answer = lambdas.request("GET", "/runs", headers=headers)
    assert answer.refusal == (401, "Unauthorized", "Send one ID token in the header Authorization.")


def test_a_direct_invocation_does_not_take_another_users_run(lambdas, event, store):
    before = store.create(ID, owner=BOB_OWNER, agent="survey")
    for spelling in (ID, ID.upper()):
        answer = lambdas.call("agent", event("agent") | {"requestId": spelling, "userId": "ana", "tenantId": "acme"})
        assert (answer["statusCode"], json.loads(answer["body"])["success"]) == (409, False)
    assert store.read(ID) == before


def test_a_direct_invocation_does_not_take_a_job(lambdas, event, store):
    before = store.create(ID, owner=ANA_OWNER, agent="orchestrator", job_id=ID, playbook="site-assessment")
    answer = lambdas.call("agent", event("agent") | {"requestId": ID, "userId": "ana", "tenantId": "acme"})
    assert (answer["statusCode"], store.read(ID)) == (409, before)


def test_a_direct_invocation_may_not_choose_an_id_of_version_5(lambdas, event, store):
    planned = str(uuid5(NAMESPACE_URL, "a run"))
    answer = lambdas.call("agent", event("agent") | {"requestId": planned, "userId": "ana", "tenantId": "acme"})
    assert (answer["statusCode"], store.read(planned)) == (400, None)


def test_a_direct_invocation_does_not_create_a_jobs_run(lambdas, event, store):
    planned = derived_ids(ID, "terrain")[0]
    named = {"requestId": planned, "jobId": ID, "userId": "ana", "tenantId": "acme"}
    answer = lambdas.call("agent", event("agent") | named)
    assert (answer["statusCode"], store.read(planned)) == (409, None)

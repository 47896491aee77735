"""The REST API beside an OpenID Connect provider: AppSync says who the caller is, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chalice.local import LocalGatewayAuthorizer
from chalicelib.api.verified_token import ME
from graphql import parse, print_ast

from tests.functional.conftest import ANA, Lambdas, unsigned_token

# Chalice says so of each route with a Cognito authorizer: its local gateway does not verify the token.
pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
ISSUER = "https://id.example.com"
OIDC = {"issuer": ISSUER, "audience": "client-1", "tenantIdClaim": "org"}
OF_OIDC = {"iss": ISSUER, "aud": ["client-1"], "sub": "ana", "org": "acme"}
REFUSED = (401, "Unauthorized", "The token is expired, or not one of this system's client. Sign in again.")
NO_TOKEN = (401, "Unauthorized", "Send a valid ID token as the header Authorization.")
LATER = (503, "Unavailable", "The token could not be verified now. Try again.")


def signed(claims: dict[str, Any]) -> str:
    """A token as callers send it; the fake AppSync knows it by its text."""
    return unsigned_token(claims).replace("=", "") + "c2ln"


@pytest.fixture
def beside(lambdas: Lambdas, monkeypatch: pytest.MonkeyPatch) -> Lambdas:
    """The Lambdas with a provider; AppSync verifies every token, of the provider if the token says so."""
    monkeypatch.setenv("OIDC", json.dumps(OIDC))
    # The deployed API has no authorizer then.
    monkeypatch.setattr(LocalGatewayAuthorizer, "authorize", lambda _, __, event, context: (event, context))
    lambdas.appsync.answer = lambda received: (200, {"data": {"me": me_of(received.headers["authorization"])}})
    return lambdas


def me_of(token: str) -> dict[str, str]:
    claims = {signed(each): each for each in (OF_OIDC, ANA, OTHER_CLIENT, OTHER_AUDIENCE)}[token]
    kind = "Open ID Connect" if "iss" in claims else "User Pool"
    return {"authType": f"{kind} Authorization", "claims": json.dumps(claims)}


OTHER_CLIENT = {**ANA, "aud": "client2"}
OTHER_AUDIENCE = {**OF_OIDC, "aud": "other", "azp": "client-1"}


def ask(lambdas: Lambdas, method: str, path: str, token: str, **request: Any) -> Any:
    headers = {"content-type": "application/json", "authorization": token}
    return lambdas.request(method, path, claims=None, headers=headers, **request)


def test_the_query_is_the_document_of_that_name():
    document = (Path(__file__).parents[2] / "graphql" / "operations" / "me.graphql").read_text()
    assert print_ast(parse(ME)) == print_ast(parse(document))


def test_a_user_of_the_provider_starts_and_reads_a_run_that_nobody_else_sees(beside):
    run = {"agent": "survey", "query": "How steep is it?", "requestId": ID}
    started = ask(beside, "POST", "/runs", signed(OF_OIDC), json_body=run)
    assert started.status == 202
    [(_, payload)] = beside.queued
    assert (payload["tenantId"], payload["userId"]) == (f"{ISSUER}|acme", f"{ISSUER}|ana")

    assert ask(beside, "GET", f"/runs/{ID}", f"Bearer {signed(OF_OIDC)}").status == 200
    [listed] = ask(beside, "GET", "/runs", signed(OF_OIDC)).body["runs"]
    assert listed["requestId"] == ID
    # A user of the user pool with the same name, in a tenant of the same name.
    assert ask(beside, "GET", f"/runs/{ID}", signed(ANA)).status == 404
    assert ask(beside, "GET", "/runs", signed(ANA)).body["runs"] == []


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
def test_only_the_token_goes_to_appsync_with_the_one_query(beside, scheme):
    ask(beside, "GET", "/runs", scheme + signed(OF_OIDC))
    [asked] = beside.appsync.received
    assert (asked.path, asked.json) == ("/graphql", {"query": ME})
    assert asked.headers["authorization"] == signed(OF_OIDC)


@pytest.mark.parametrize("claims", [OTHER_CLIENT, OTHER_AUDIENCE])
def test_a_token_that_appsync_accepts_for_another_client_is_refused(beside, claims):
    status, kind, _ = ask(beside, "GET", "/runs", signed(claims)).refusal
    assert (status, kind) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "header",
    [
        "x.y",
        "a.b.c d",
        "a.b.c,a.b.c",
        "Basic a.b.c",
        "AWS4-HMAC-SHA256 Credential=a/b/c/appsync/aws4_request, SignedHeaders=host, Signature=0",
        "da2-abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_what_is_no_token_is_not_passed_on(beside, header):
    assert ask(beside, "GET", "/runs", header).refusal == NO_TOKEN
    assert beside.appsync.received == []


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ((401, {"errors": [{"errorType": "UnauthorizedException", "message": "Token has expired."}]}), REFUSED),
        ((403, {"message": "Forbidden"}), LATER),
        ((429, {"errors": [{"errorType": "TooManyRequests"}]}), LATER),
        ((500, "down"), LATER),
        ((200, {"data": {"me": None}, "errors": [{"errorType": "InternalFailure"}]}), LATER),
        ((200, {"data": {"me": {"authType": "User Pool Authorization", "claims": "{"}}}), LATER),
        ((302, {}), LATER),
    ],
)
def test_what_appsync_does_not_verify_is_refused(beside, answer, refusal):
    beside.appsync.answer = lambda _: answer
    assert ask(beside, "GET", "/runs", signed(OF_OIDC)).refusal == refusal


@pytest.mark.parametrize("status", [413, 429, 503])
def test_an_answer_that_names_a_later_time_is_not_waited_for(beside, status):
    beside.appsync.answer = lambda _: (status, {})
    beside.appsync.headers = {"Retry-After": "1"}
    assert ask(beside, "GET", "/runs", signed(OF_OIDC)).refusal == LATER
    assert len(beside.appsync.received) == 1


def test_without_appsync_nobody_is_let_in(beside, monkeypatch):
    monkeypatch.setenv("APPSYNC_API_URL", "http://127.0.0.1:9/graphql")
    assert ask(beside, "GET", "/runs", signed(OF_OIDC)).refusal == LATER
    assert ask(beside, "GET", "/health", "").status == 200


def test_without_a_provider_appsync_is_not_asked(lambdas):
    assert lambdas.request("GET", "/runs").status == 200
    assert lambdas.appsync.received == []

"""The REST API through the gateway that Terraform built of Chalice's definition, with the users' own tokens."""

import base64
import json
import uuid
from typing import Any

import pytest
import requests
from chalicelib.agents import registry

from tests.contracts.rest_api import check_answer
from tests.e2e.conftest import AGENT, DEADLINE_SECONDS, Caller
from tests.e2e.test_bad_input import UNKNOWN, UNKNOWN_AGENT, forged
from tests.waiting import wait_until

JSON = {"Content-Type": "application/json"}
NO_TOKEN = "Send a valid ID token as the header Authorization: access tokens and expired ones are refused."
ANOTHERS_TOKEN = "The token was issued to another user pool client. Sign in with this system's client."
NO_SUCH_PATH = "There is no such path, or it has no such method."
RUN = {"agent": AGENT, "query": "How steep is the ground?"}


class Rest:
    """The REST API as its callers see it. Each answer is compared with the API's description."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, method: str, path: str, caller: Caller | None = None, **request: Any) -> requests.Response:
        token = {"Authorization": caller.id_token} if caller else {}
        headers = token | request.pop("headers", JSON if method == "POST" else {})
        response = requests.request(method, self.url + path, headers=headers, timeout=DEADLINE_SECONDS, **request)
        if response.status_code not in (204, 403, 405) and "NotFound" not in response.text:
            check_answer(method, path.partition("?")[0], response.status_code, response.json())
        return response

    def refusal(self, *given: Any, **request: Any) -> tuple[int, str, str]:
        response = self.send(*given, **request)
        # Whoever refused, a browser lets the page read why.
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        error = response.json()["error"]
        return response.status_code, error["type"], error["message"]


@pytest.fixture(scope="module", params=["API Gateway", "chalice local"])
def rest(request):
    """Both ways to the same application. Both must give the same answers."""
    if request.param == "API Gateway":
        return Rest(request.getfixturevalue("stack").state.outputs["rest_url"])
    return Rest(request.getfixturevalue("dev").url)


def test_a_run_from_start_to_end(rest, alice):
    chosen = str(uuid.uuid4())
    started = rest.send("POST", "/runs", alice, json=RUN | {"requestId": chosen, "parameters": {"region": "north"}})
    assert (started.status_code, started.json()["requestId"]) == (202, chosen)
    read = wait_until(
        lambda: rest.send("GET", f"/runs/{chosen}", alice).json(), lambda read: read["liveness"] == "done"
    )
    assert (read["status"], read["createdAt"]) == ("complete", started.json()["createdAt"])
    assert [step["seq"] for step in read["steps"]] == list(range(1, len(read["steps"]) + 1))

    by_graphql = alice.read(chosen)
    assert [step["message"] for step in by_graphql["steps"]] == [step["message"] for step in read["steps"]]
    same = ("success", "requestId", "status", "createdAt", "updatedAt", "error", "nextSeq", "liveness", "leaseUntil")
    assert {name: by_graphql[name] for name in same} == {name: read[name] for name in same}
    assert json.loads(by_graphql["result"]) == read["result"]

    rest_of_it = rest.send("GET", f"/runs/{chosen}?afterSeq=3", alice).json()["steps"]
    assert rest_of_it == read["steps"][3:]
    again = rest.send("POST", "/runs", alice, json=RUN | {"requestId": chosen})
    assert (again.status_code, again.json()["status"]) == (202, "complete")


def test_what_there_is_is_told(rest, alice):
    assert [agent["name"] for agent in rest.send("GET", "/agents", alice).json()["agents"]] == [*registry.names()]
    health = rest.send("GET", "/health")
    works = {"agentProgressTable": "ok", "agentFunction": "ok"}
    assert (health.status_code, health.json()) == (200, {"status": "ok", "checks": works})


def test_a_run_of_anothers_is_unknown_and_untouched(rest, alice, bob):
    request_id = bob.start("How steep?")
    record = bob.read_to_its_end(request_id)
    answers = [rest.send("GET", f"/runs/{each}", alice) for each in (request_id, str(uuid.uuid4()))]
    assert [(each.status_code, each.json()["error"]) for each in answers] == [(404, UNKNOWN)] * 2
    taken = (409, "Conflict", "requestId is taken. Choose another UUID, or leave it out.")
    assert rest.refusal("POST", "/runs", alice, json=RUN | {"requestId": request_id}) == taken
    assert bob.read(request_id) == record


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ({"json": RUN | {"agent": "nobody"}}, (400, "BadRequest", UNKNOWN_AGENT)),
        ({"json": RUN | {"query": ""}}, (400, "BadRequest", "query must be text of 1 to 10,000 characters.")),
        ({"json": RUN | {"query": "q" * 10_001}}, (400, "BadRequest", "query must be text of 1 to 10,000 characters.")),
        ({"json": RUN | {"parameters": [1]}}, (400, "BadRequest", "parameters must be a JSON object.")),
        (
            {"json": RUN | {"parameters": {"a": "x" * 65_536}}},
            (400, "BadRequest", "parameters must be at most 64 KB as JSON."),
        ),
        (
            {"json": RUN | {"requestId": "run-1"}},
            (400, "BadRequest", "requestId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
        ),
        (
            {"json": RUN | {"tenantId": "acme"}},
            (
                400,
                "BadRequest",
                "The body may contain only these fields: agent, query, parameters, requestId, rerunOf, "
                "conversationId, branchFrom, attachments.",
            ),
        ),
        ({"data": b"{"}, (400, "BadRequest", "The body must be a JSON object.")),
        ({"data": b""}, (400, "BadRequest", "The body must be a JSON object.")),
        (
            {"data": b"{}", "headers": {"Content-Type": "text/plain"}},
            (415, "UnsupportedMediaType", "Unsupported media type: text/plain."),
        ),
        ({"data": b" " * (512 * 1024 + 1)}, (413, "PayloadTooLarge", "The body must be at most 512 KB.")),
        ({"data": b" " * (10 * 1024 * 1024 + 1)}, (413, "PayloadTooLarge", "The body must be at most 512 KB.")),
    ],
)
def test_a_run_that_does_not_fit_is_refused(rest, alice, request_, refusal):
    assert rest.refusal("POST", "/runs", alice, **request_) == refusal


@pytest.mark.parametrize("after_seq", ["-1", "many"])
def test_a_wrong_after_seq_is_refused(rest, alice, after_seq):
    message = "afterSeq must be a whole number from 0 to 2147483647."
    path = f"/runs/{uuid.uuid4()}?afterSeq={after_seq}"
    assert rest.refusal("GET", path, alice) == (400, "BadRequest", message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("POST", "/runs"), ("GET", "/runs"), ("GET", "/runs/some"), ("DELETE", "/runs/some")],
        *[("POST", "/jobs"), ("GET", "/agents")],
    ],
)
def test_without_a_valid_id_token_nothing_is_answered(rest, alice, method, path):
    for token in (None, "no token", forged(alice.id_token), unsigned(alice.id_token), alice.access_token):
        headers = JSON | ({"Authorization": token} if token else {})
        assert rest.refusal(method, path, headers=headers) == (401, "Unauthorized", NO_TOKEN)


def unsigned(token):
    """The same claims in a token that says it needs no signature."""
    head = base64.urlsafe_b64encode(b'{"alg": "none", "typ": "JWT"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def token_of_another_client(stack, caller, **validity):
    client = stack.client("cognito-idp").create_user_pool_client(
        UserPoolId=stack.state.outputs["user_pool_id"],
        ClientName="another",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        **validity,
    )["UserPoolClient"]["ClientId"]
    return {"Authorization": caller.sign_in(client)["IdToken"]}


def test_a_token_of_another_client_is_refused(rest, stack, alice):
    headers = token_of_another_client(stack, alice)
    assert rest.refusal("GET", "/agents", headers=headers) == (401, "Unauthorized", ANOTHERS_TOKEN)


def test_an_expired_token_is_refused(rest, stack, alice):
    validity = {"IdTokenValidity": 1, "TokenValidityUnits": {"IdToken": "seconds"}}
    headers = token_of_another_client(stack, alice, **validity)
    not_yet = (401, "Unauthorized", ANOTHERS_TOKEN)
    said = wait_until(lambda: rest.refusal("GET", "/agents", headers=headers), lambda said: said != not_yet)
    assert said == (401, "Unauthorized", NO_TOKEN)


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/jobs"), ("PUT", "/runs/some"), ("POST", "/agents"), ("GET", "/"), ("GET", "/jobs")],
)
def test_an_unknown_path_or_method_is_refused_with_and_without_a_token(rest, alice, method, path):
    assert rest.refusal(method, path) == (404, "NotFound", NO_SUCH_PATH)
    assert rest.refusal(method, path, alice) == (404, "NotFound", NO_SUCH_PATH)


@pytest.mark.parametrize("path", ["/runs", "/runs/some", "/jobs", "/agents", "/health"])
def test_a_preflight_needs_no_token(rest, path):
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    answer = rest.send("OPTIONS", path, headers=headers)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization,Content-Type"

"""Every refusal through the real stack, with its exact code and message; a refusal loses no recorded step."""

import base64
import json
import uuid

import pytest
from chalicelib.agents import registry

from tests.e2e.conftest import AGENT
from tests.waiting import wait_until

UNKNOWN = "There is no such run, or its record has expired."
UNKNOWN_AGENT = f'agent must be one of: {", ".join(registry.names())}; not "nobody".'
NO_UUID = "requestId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."
NOT_A_TOKEN = "Valid authorization header not provided."


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"agent": "nobody"}, UNKNOWN_AGENT),
        ({"query": ""}, "query must be text of 1 to 10,000 characters."),
        ({"query": "q" * 10_001}, "query must be text of 1 to 10,000 characters."),
        ({"parameters": "[1]"}, "parameters must be a JSON object."),
        ({"parameters": json.dumps({"a": "x" * 65_536})}, "parameters must be at most 64 KB as JSON."),
        ({"requestId": "run-1"}, NO_UUID),
        ({"requestId": ""}, NO_UUID),
    ],
)
def test_a_run_that_does_not_fit_is_refused(alice, variables, message):
    answer = alice.ask("startAgentRun", **{"agent": AGENT, "query": "How steep?", **variables})
    assert answer["data"] == {"startAgentRun": None}
    assert [(error["errorType"], error["message"]) for error in answer["errors"]] == [("BadRequest", message)]


def forged(token):
    """The token with another user inside, under the old signature."""
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "someone else"}).encode()).decode().rstrip("=")
    return f"{head}.{other}.{signature}"


def refusal(response):
    [error] = response.json()["errors"]
    return response.status_code, error["errorType"], error["message"]


READ_ONE = '{ getAgentProgress(requestId: "none") { success } }'


def test_a_missing_token_is_refused(alice):
    assert refusal(alice.post(READ_ONE, headers={})) == (401, "UnauthorizedException", NOT_A_TOKEN)


def test_a_forged_token_is_refused(alice):
    response = alice.post(READ_ONE, headers={"Authorization": forged(alice.id_token)})
    assert refusal(response) == (401, "UnauthorizedException", NOT_A_TOKEN)


def test_an_expired_token_is_refused(stack, alice):
    # A token of the same pool that lives one second. Until then it is refused for its client, which the API excludes.
    client = stack.client("cognito-idp").create_user_pool_client(
        UserPoolId=stack.state.outputs["user_pool_id"],
        ClientName="short-lived",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        IdTokenValidity=1,
        TokenValidityUnits={"IdToken": "seconds"},
    )["UserPoolClient"]["ClientId"]
    token = alice.sign_in(client)["IdToken"]
    not_yet = (401, "UnauthorizedException", NOT_A_TOKEN)
    headers = {"Authorization": token}
    said = wait_until(lambda: refusal(alice.post(READ_ONE, headers=headers)), lambda said: said != not_yet)
    assert said == (401, "UnauthorizedException", "Token has expired.")


@pytest.mark.parametrize(
    "document",
    [
        READ_ONE,
        "{ listAgentRuns { nextCursor } }",
        f'mutation {{ startAgentRun(agent: "{AGENT}", query: "q") {{ requestId }} }}',
        'mutation { cancelAgentRun(requestId: "none") { success } }',
    ],
)
def test_an_access_token_is_refused_with_a_hint(alice, document):
    response = alice.post(document, headers={"Authorization": alice.access_token})
    hint = "Send the ID token: access tokens lack the tenant claim."
    assert refusal(response) == (200, "Unauthorized", hint)


def test_an_unknown_a_foreign_and_an_expired_run_look_the_same(stack, alice, bob):
    foreign, expired, unknown = bob.start("How steep?"), alice.start("How steep?"), str(uuid.uuid4())
    bob.read_to_its_end(foreign)
    alice.read_to_its_end(expired)
    stack.client("dynamodb").update_item(
        TableName=stack.state.outputs["agent_progress_table_name"],
        Key={"requestId": {"S": expired}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    answers = [alice.read(request_id) for request_id in (unknown, foreign, expired)]
    for request_id, answer in zip((unknown, foreign, expired), answers, strict=True):
        assert (answer["success"], answer["requestId"], answer["steps"]) == (False, request_id, [])
    assert {answer["error"] for answer in answers} == {UNKNOWN}
    assert bob.read(foreign)["status"] == "complete"


def test_a_document_with_an_unknown_field_is_refused(alice):
    response = alice.post('{ getAgentProgress(requestId: "none") { success colour } }')
    where = "@ 'getAgentProgress/colour'"
    message = f"Validation error of type FieldUndefined: Field 'colour' in type 'AgentProgress' is undefined {where}"
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert [error["message"] for error in response.json()["errors"]] == [message]


async def test_subscribing_for_another_user_is_refused(alice, bob):
    async with alice.socket() as socket:
        frame = await socket.start(userId=bob.user.user_id)
    [error] = frame["payload"]["errors"]
    message = "You can only subscribe to your own status updates: userId must be your own."
    assert (frame["type"], error["errorType"], error["message"]) == ("error", "Unauthorized", message)


def test_ones_own_used_request_id_gives_that_run_again(alice):
    request_id = alice.start("How steep?")
    record = alice.read_to_its_end(request_id)
    again = alice.ask("startAgentRun", agent=AGENT, query="How rough?", requestId=request_id)
    assert again["data"]["startAgentRun"]["requestId"] == request_id
    assert again["data"]["startAgentRun"]["status"] == "complete"
    assert alice.read(request_id) == record


def test_anothers_request_id_is_refused_and_their_run_is_untouched(alice, bob):
    request_id = bob.start("How steep?")
    record = bob.read_to_its_end(request_id)
    answer = alice.ask("startAgentRun", agent=AGENT, query="How rough?", requestId=request_id)
    message = "requestId is taken. Choose another UUID, or leave it out."
    assert [(error["errorType"], error["message"]) for error in answer["errors"]] == [("Conflict", message)]
    assert bob.read(request_id) == record

"""The real-time protocol: handshake, frames, refusals."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from requests import Request
from requests_aws4auth import AWS4Auth
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.local.appsync_api import REGION, GraphqlApi, RealtimeClient

ON_ANY = "subscription { onAny { userId status } }"

Dial = Callable[..., RealtimeClient]


def error_of(frame: dict[str, Any]) -> tuple[str, str]:
    (error,) = frame["payload"]["errors"]
    return error["errorType"], error["message"]


@pytest.mark.parametrize("in_query", [False, True])
def test_a_subscription_from_start_to_stop(api: GraphqlApi, dial: Dial, in_query: bool) -> None:
    client = dial(api.ada, in_query=in_query, initialise=False)
    assert client.socket.subprotocol == "graphql-ws"
    client.send({"type": "connection_init"})
    assert client.next() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
    assert client.next() == {"type": "ka"}
    assert client.start(ON_ANY, frame_id="7") == {"type": "start_ack", "id": "7"}
    api.publish(userId="u", status="s", topic="t")
    data = {"onAny": {"userId": "u", "status": "s"}}
    assert client.next() == {"type": "data", "id": "7", "payload": {"data": data}}
    client.send({"id": "7", "type": "stop"})
    assert client.next() == {"type": "complete", "id": "7"}
    api.publish(userId="u")
    assert client.start(ON_ANY, frame_id="8")["type"] == "start_ack"  # and nothing of the stopped one before it


def test_two_subscriptions_of_one_connection(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start(ON_ANY, frame_id="a")
    client.start(ON_ANY, frame_id="b")
    api.publish(userId="u")
    assert {client.next()["id"], client.next()["id"]} == {"a", "b"}


async def test_gql_receives(api: GraphqlApi) -> None:
    authentication = AppSyncJWTAuthentication(host=api.url.split("/")[2], jwt=api.ada.id_token)
    transport = AppSyncWebsocketsTransport(url=api.realtime_url, auth=authentication)
    document = gql("subscription S($id: ID!) { onOwn(userId: $id) { userId status } }")
    document.variable_values = {"id": api.ada.sub}
    async with Client(transport=transport) as session:
        events = session.subscribe(document)
        receiving = asyncio.ensure_future(anext(events))
        while not receiving.done():  # gql does not tell when the subscription has started
            await asyncio.to_thread(api.publish, userId=api.ada.sub, status="for ada")
        await events.aclose()
    assert receiving.result() == {"onOwn": {"userId": api.ada.sub, "status": "for ada"}}


def test_an_iam_caller_signs_the_connection_and_each_start(api: GraphqlApi, dial: Dial) -> None:
    def signed(url: str, body: str, secret: str) -> dict[str, str]:
        request = Request("POST", url, data=body, headers={"content-type": "application/json"}).prepare()
        AWS4Auth(api.aws.endpoint.access_key_id, secret, REGION, "appsync")(request)
        return {**request.headers, "host": url.split("/")[2]}

    secret = api.aws.endpoint.secret_access_key
    client = dial(headers=signed(f"{api.url}/connect", "{}", secret))
    query = "subscription { onAny { userId } }"
    body = json.dumps({"query": query, "variables": {}})
    assert client.start(query, headers=signed(api.url, body, secret))["payload"]["errors"][0]["errorType"] == (
        "Unauthorized"  # onAny is for the default mode, Cognito
    )
    refused = dial(headers=signed(f"{api.url}/connect", "{}", "wrong"), initialise=False)
    assert error_of(refused.next())[0] == "UnauthorizedException"


@pytest.mark.parametrize(
    ("headers", "code", "error"),
    [
        ({"Authorization": "garbage"}, 401, ("UnauthorizedException", "Valid authorization header not provided.")),
        ({"host": "x"}, 401, ("UnauthorizedException", "Valid authorization header not provided.")),
        ({"x-api-key": "da2-x"}, 401, ("UnauthorizedException", "You are not authorized to make this call.")),
    ],
)
def test_a_refused_connection(dial: Dial, headers: dict[str, str], code: int, error: tuple[str, str]) -> None:
    client = dial(headers=headers, initialise=False)
    frame = client.next()
    assert (frame["type"], error_of(frame)) == ("connection_error", error)
    assert frame["payload"]["errors"][0]["errorCode"] == code


def test_a_wrong_api_id(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada, url=api.realtime_url.replace(api.api_id, "nosuchapi"), initialise=False)
    assert error_of(client.next()) == ("ResourceNotFoundException", "Unable to find the Api.")


def test_a_handshake_without_the_authorisation_or_the_protocol(api: GraphqlApi) -> None:
    for subprotocols in (["graphql-ws"], ["graphql-ws", "header-%%%"]):
        with connect(api.realtime_url, subprotocols=subprotocols, proxy=None) as socket:  # type: ignore[arg-type]
            frame = json.loads(socket.recv())
            assert (frame["type"], error_of(frame)[0]) == ("connection_error", "BadRequestException")
    with pytest.raises(InvalidStatus), connect(api.realtime_url, proxy=None):
        pass


def test_each_start_is_authorised(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    frame = client.start(ON_ANY, headers={"Authorization": "garbage"})
    assert (frame["type"], frame["id"]) == ("error", "1")
    assert error_of(frame) == ("UnauthorizedException", "Valid authorization header not provided.")
    assert client.start(ON_ANY)["type"] == "start_ack"  # the connection goes on


def test_frames_that_the_protocol_does_not_know(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    for frame, message in [
        ("not json", "unknown not supported through the realtime channel"),
        ("[]", "unknown not supported through the realtime channel"),
        ("[" * 50_000, "unknown not supported through the realtime channel"),
        ({"type": "shout", "id": "3"}, "shout not supported through the realtime channel"),
    ]:
        client.send(frame)
        assert error_of(client.next()) == ("UnsupportedOperation", message)
    client.send({"type": "start", "id": "1", "payload": {"data": "{}"}})
    assert error_of(client.next())[0] == "BadRequestException"
    client.send({"type": "stop", "id": "nosuch"})
    assert error_of(client.next()) == ("UnknownOperationError", "Unknown operation id nosuch")
    assert client.start(ON_ANY)["type"] == "start_ack"


def test_a_duplicate_id(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start(ON_ANY)
    assert error_of(client.start(ON_ANY)) == ("DuplicatedOperationError", "Duplicated operation id 1")
    api.publish(userId="u")
    assert client.next_event()["userId"] == "u"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "subscription { onAny { nosuch } }",
            "Validation error of type FieldUndefined: Field 'nosuch' in type 'Update' is undefined @ 'onAny/nosuch'",
        ),
        ("{ whoAmI { sub } }", "This endpoint takes only subscriptions."),
        ("subscription {", "Unable to parse GraphQL query."),
        ('subscription { onOwn(userId: "someone else") { userId } }', "Only one's own."),
        (
            "subscription S($id: ID!) { onOwn(userId: $id) { userId } }",
            "Variable 'id' has coerced Null value for NonNull type 'ID!'",
        ),
        (
            "subscription { onBadFilter { userId } }",
            "Invalid subscription filter: operator of a must be one of beginsWith, between, contains, containsAny, eq, "
            "ge, gt, in, le, lt, ne, notContains, notIn",
        ),
    ],
)
def test_a_refused_start(api: GraphqlApi, dial: Dial, query: str, message: str) -> None:
    frame = dial(api.ada).start(query)
    assert (frame["type"], frame["id"]) == ("error", "1")
    assert frame["payload"]["errors"][0]["message"] == message

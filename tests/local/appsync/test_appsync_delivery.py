"""Who receives which event. That an event is not delivered is proven by a later one that is."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.local.appsync_api import GraphqlApi, RealtimeClient

Dial = Callable[..., RealtimeClient]
ON_OWN = "subscription S($id: ID!, $topic: String) { onOwn(userId: $id, topic: $topic) { userId status } }"
ON_ANY = "subscription S($id: ID, $topic: String) { onAny(userId: $id, topic: $topic) { userId status } }"


def test_a_server_filter_keeps_users_apart(api: GraphqlApi, dial: Dial) -> None:
    ada, ben = dial(api.ada), dial(api.ben)
    assert ada.start(ON_OWN, variables={"id": api.ada.sub})["type"] == "start_ack"
    assert ben.start(ON_OWN, variables={"id": api.ben.sub})["type"] == "start_ack"
    for status in ("first", "second"):
        api.publish(userId=api.ada.sub, status=f"{status} of ada")
        api.publish(userId=api.ben.sub, status=f"{status} of ben")
    for user, client in ((api.ada, ada), (api.ben, ben)):
        for status in ("first", "second"):
            assert client.next_event() == {"userId": user.sub, "status": f"{status} of {user.name}"}


def test_a_server_filter_alone_decides(api: GraphqlApi, dial: Dial) -> None:
    # topic is given as null: as an argument filter it would match nothing.
    client = dial(api.ada)
    client.start(ON_OWN, variables={"id": api.ada.sub, "topic": None})
    api.publish(userId=api.ada.sub, topic="t", status="here")
    assert client.next_event()["status"] == "here"


def test_a_server_filter_narrows_by_what_the_resolver_added(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start(ON_OWN, variables={"id": api.ada.sub, "topic": "wanted"})
    api.publish(userId=api.ada.sub, topic="other", status="no")
    api.publish(userId=api.ada.sub, status="no")
    api.publish(userId=api.ada.sub, topic="wanted", status="no", fields="userId status")  # topic is not selected
    api.publish(userId=api.ada.sub, topic="wanted", status="yes")
    assert client.next_event()["status"] == "yes"


@pytest.mark.parametrize(
    ("query", "variables", "missed", "received"),
    [
        (ON_ANY, {"id": "u", "topic": "t"}, {"userId": "u", "topic": "other"}, {"userId": "u", "topic": "t"}),
        ('subscription { onAny(userId: "u") { status } }', {}, {"userId": "other"}, {"userId": "u"}),
        ("subscription { onAny { status } }", {}, None, {"topic": "whatever"}),
    ],
)
def test_arguments_must_equal_the_events_fields(
    api: GraphqlApi, dial: Dial, query: str, variables: Any, missed: Any, received: Any
) -> None:
    client = dial(api.ada)
    client.start(query, variables=variables)
    if missed is not None:
        api.publish(**missed, status="missed")
    api.publish(**received, status="received")
    assert client.next_event()["status"] == "received"


@pytest.mark.parametrize(
    "variables",
    [pytest.param({"id": "u", "topic": None}, id="null"), pytest.param({"id": "u"}, id="unset")],
)
def test_an_argument_without_a_value_matches_nothing(api: GraphqlApi, dial: Dial, variables: Any) -> None:
    client = dial(api.ada)
    client.start(ON_ANY, variables=variables)
    api.publish(userId="u", status="missed")
    api.publish(userId="u", topic="t", status="missed")
    client.start("subscription { onAny { status } }", frame_id="sentinel")
    api.publish(userId="u", status="sentinel")
    assert client.next()["id"] == "sentinel"


def test_a_field_that_the_mutation_did_not_select_matches_no_argument(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start('subscription { onAny(userId: "u") { status topic } }')
    api.publish(userId="u", status="missed", fields="status")
    api.publish(userId="u", status="received", topic="t", fields="userId status")
    assert client.next_event() == {"status": "received", "topic": None}


def test_aliases_and_fragments_of_the_mutation(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start("subscription { it: onAny { who: userId status } }")
    query = """
    mutation { ...Both }
    fragment Both on Mutation {
      one: publish(input: {userId: "u", status: "one"}) { ...All }
      two: publish(input: {userId: "u", status: "two"}) { userId renamed: status }
      skipped: publish(input: {userId: "u", status: "skipped"}) @skip(if: true) { userId }
      three: publish(input: {userId: "u", status: "three"}) { ...All }
    }
    fragment All on Update { userId status }
    """
    assert "errors" not in api.post(query, auth=api.aws.sign("appsync")).json()
    assert client.next()["payload"] == {"data": {"it": {"who": "u", "status": "one"}}}
    assert client.next_event() == {"who": "u", "status": None}  # an alias inside breaks delivery of that field
    assert client.next_event()["status"] == "three"


def test_a_failed_mutation_is_not_delivered(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start("subscription { onAny { userId status } }")
    mutation = 'mutation { refuse { userId } publish(input: {userId: "u", status: "after"}) { userId status } }'
    answer = api.post(mutation, auth=api.aws.sign("appsync")).json()
    assert [(error["errorType"], error["message"]) for error in answer["errors"]] == [("Conflict", "no")]
    assert client.next_event()["status"] == "after"


def test_nobody_receives_what_the_publisher_could_not_read(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start('subscription { onUndirected(userId: "u") { status } }')
    api.publish(mutation="publishUndirected", fields="userId status", userId="u", status="lost")
    client.start("subscription { onAny { status } }", frame_id="sentinel")
    api.publish(status="sentinel")
    assert client.next()["id"] == "sentinel"


def test_a_subscriber_reads_only_what_its_mode_may(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start("subscription { onAny { status secret } }")
    api.publish(status="s", secret="for IAM callers")
    payload = client.next()["payload"]
    assert payload["data"] == {"onAny": {"status": "s", "secret": None}}
    assert [error["message"] for error in payload["errors"]] == ["Not Authorized to access secret on type Update"]


def test_awsjson_arrives_encoded_twice(api: GraphqlApi, dial: Dial) -> None:
    """As on AWS: https://github.com/awslabs/aws-mobile-appsync-sdk-js/issues/533."""
    client = dial(api.ada)
    client.start("subscription { onAny { metadata } }")
    api.publish(metadata='{"a": [1, null]}')
    assert client.next_event() == {"metadata": '"{\\"a\\":[1,null]}"'}


def test_json_text_in_a_string_arrives_as_it_was_published(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start("subscription { onAny { status } }")
    api.publish(status='{"n": 9007199254740993, "large": 1e400}')
    assert client.next_event() == {"status": '{"n": 9007199254740993, "large": 1e400}'}


def test_an_event_over_the_limit_vanishes(api: GraphqlApi, dial: Dial) -> None:
    client = dial(api.ada)
    client.start("subscription { onAny { status } }")
    api.publish(status="x" * 241 * 1024)
    api.publish(status="x" * 239 * 1024)
    assert len(client.next_event()["status"]) == 239 * 1024


def test_a_client_that_does_not_read_holds_up_nobody(api: GraphqlApi, dial: Dial) -> None:
    slow, quick = dial(api.ada), dial(api.ben)
    for number in range(5):
        slow.start("subscription { onAny { status } }", frame_id=str(number))
    quick.start("subscription { onAny { status } }")
    for number in range(30):  # 30 MB for the slow one, more than is kept for it, in text that does not compress
        api.publish(status=f"{number}-{secrets.token_hex(100_000)}")
        assert quick.next_event()["status"].startswith(f"{number}-")
    with pytest.raises(ConnectionClosed):  # it has been dropped
        read_all(slow)


def read_all(client: RealtimeClient) -> None:
    while client.next():
        pass

"""The publisher's event: what is taken, shortened, refused."""

from __future__ import annotations

import json

import pytest
from chalicelib.publisher.messages import messages_of, owner_of_message
from hypothesis import given, settings
from hypothesis import strategies as st

from runcast import limits
from runcast.errors import InvalidInput
from runcast.json_text import json_bytes
from runcast.record.message import batches, status_update
from runcast.record.model import Owner


def refusal(event) -> str:
    with pytest.raises(InvalidInput) as refused:
        messages_of(event)
    return str(refused.value)


def test_one_message_or_many(message):
    assert messages_of(message()) == messages_of({"messages": [message()]})
    assert [taken["seq"] for taken in messages_of({"messages": [message(1), message(2)]})] == [1, 2]


def test_a_message_has_every_field_and_no_other(message):
    [taken] = messages_of(message(toolName="slope", metadata={"reason": "why"}, secret="x"))
    assert taken == {
        "userId": "ana",
        "tenantId": "acme",
        "jobId": None,
        "requestId": "run-1",
        "agentName": "terrain",
        "toolName": "slope",
        "status": "thinking",
        "message": "Thinking",
        "timestamp": 1_700_000_000_000,
        "metadata": '{"reason":"why"}',
        "seq": 1,
        "schemaVersion": 1,
    }
    assert owner_of_message(taken) == Owner("acme", "ana")


def test_optional_fields_may_be_missing():
    [taken] = messages_of({"userId": "ana", "tenantId": "acme", "status": "thinking"})
    assert taken["seq"] is taken["message"] is taken["metadata"] is None


@pytest.mark.parametrize("event", [None, [], "text", {"messages": {}}, {"messages": [1]}, {"messages": None}])
def test_anything_else_is_no_event(event):
    assert refusal(event) == "The event must be a status message, or an object whose messages are a list of them."


@pytest.mark.parametrize("number", [0, 51])
def test_a_batch_has_1_to_50_messages(message, number):
    assert refusal({"messages": [message()] * number}) == f"messages must be 1 to 50, not {number}."


def test_a_batch_has_at_most_200_kb(message):
    big = message(metadata={"text": "x" * 8_000})
    event = {"messages": [big] * 26}
    assert refusal(event) == f"messages must be at most 200 KB, not {json_bytes(event['messages']) - 2:,} bytes."
    assert len(messages_of({"messages": [big] * 24})) == 24


@given(st.lists(st.integers(0, 9_000), min_size=1, max_size=80))
@settings(max_examples=50)
def test_every_batch_that_a_recorder_sends_is_taken(sizes):
    updates = [
        status_update(Owner("acme", "ana"), "s", "ä" * size, timestamp_ms=1, metadata={"x": "中" * size}, seq=seq)
        for seq, size in enumerate(sizes, start=1)
    ]
    taken = [message["seq"] for batch in batches(updates) for message in messages_of({"messages": batch})]
    assert taken == list(range(1, len(sizes) + 1))


def test_what_is_too_long_is_shortened_visibly(message):
    [taken] = messages_of(
        message(message="x" * 5_000, agentName="a" * 5_000, status="s" * 5_000, metadata={"text": "x" * 12_000})
    )
    assert len(taken["message"]) == limits.MESSAGE_MAX_CHARACTERS
    assert taken["message"].endswith("… [shortened from 5000 characters]")
    assert len(taken["agentName"]) == len(taken["status"]) == limits.NAME_MAX_CHARACTERS
    assert json.loads(taken["metadata"]) == {"shortened": True, "bytes": 12_011}


@pytest.mark.parametrize(("name", "limit"), [("userId", 200), ("tenantId", 200), ("jobId", 128), ("requestId", 128)])
def test_ids_have_limits(message, name, limit):
    for value in ("", "x" * (limit + 1), 7, "a#b", "a\ud800", "😀" * (limit // 2 + 1)):
        event = {"messages": [message(), message(**{name: value})]}
        assert refusal(event) == f"messages[1].{name} must be text of 1 to {limit} characters without '#'."
    assert messages_of(message(**{name: "x" * limit}))


def test_a_uuid_is_sent_in_the_one_spelling_that_subscribers_filter_by(message):
    upper = "6F1C9D3E-52F0-4B57-9A38-0C4F6F6F2A11"
    [taken] = messages_of(message(requestId=upper, jobId=upper))
    assert (taken["requestId"], taken["jobId"]) == (upper.lower(), upper.lower())


def test_one_value_that_is_no_json_costs_only_itself(message):
    [taken, other] = messages_of({"messages": [message(metadata={"a": float("nan"), "b": "\ud800"}), message(2)]})
    assert json.loads(taken["metadata"]) == {"a": {"unreadable": "NaN", "path": "$.a"}, "b": "\ufffd"}
    assert other["seq"] == 2


def test_a_question_is_taken_whole(message):
    asked = {"interrupts": [{"id": "1", "name": "ask", "reason": "中" * 20_000}]}
    [taken] = messages_of(message(status="waiting", metadata=asked))
    assert json.loads(taken["metadata"]) == asked


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"userId": None}, "messages[0].userId must be text of 1 to 200 characters without '#'."),
        ({"tenantId": None}, "messages[0].tenantId must be text of 1 to 200 characters without '#'."),
        ({"status": None}, "messages[0].status must be text."),
        ({"status": ""}, "messages[0].status must be text."),
        ({"message": 5}, "messages[0].message must be text."),
        ({"timestamp": "now"}, "messages[0].timestamp must be a finite number."),
        ({"timestamp": True}, "messages[0].timestamp must be a finite number."),
        ({"timestamp": float("nan")}, "messages[0].timestamp must be a finite number."),
        ({"timestamp": 10**400}, "messages[0].timestamp must be a finite number."),
        ({"metadata": "{}"}, "messages[0].metadata must be an object."),
        ({"seq": 1.5}, "messages[0].seq must be a whole number from 0 to 2147483647."),
        ({"seq": 2**31}, "messages[0].seq must be a whole number from 0 to 2147483647."),
        ({"schemaVersion": "1"}, "messages[0].schemaVersion must be a whole number from 0 to 2147483647."),
    ],
)
def test_a_wrong_message_is_named(message, wrong, reason):
    assert refusal(message(**wrong)) == reason

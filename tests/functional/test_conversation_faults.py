"""Conversations that are deleted, lost or expired, and starts and deletions that compete or get no answer."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from runcast.errors import StoreUnavailable, Unavailable
from runcast.record.model import RunStatus
from runcast.record.turns import RecordTurns
from tests.fakes.scripted_model import Say
from tests.functional.conversations import CHAT, RUNS, UNKNOWN, OverGraphql, OverRest, heard, objects, turn

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, lambdas, event):
    return request.param(lambdas, event)


@pytest.fixture
def patch():
    """Patches that a test undoes in its middle."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_a_deleted_conversation_leaves_no_content_and_its_id_is_not_used_again(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    turn(way, "Who am I?", "You are Ana", 1)
    assert len(objects()) == 2
    deleted = {"success": True, "conversationId": CHAT, "error": None}
    assert way.delete() == way.delete() == deleted
    assert (objects(), way.list()["conversations"], way.get()["error"]) == ([], [], UNKNOWN)
    refused = "This conversation was deleted. Choose another conversationId."
    assert way.start(conversationId=CHAT) == ("Conflict", refused)
    assert way.start(branchFrom=RUNS[0]) == (
        "BadRequest", "The state of the run that branchFrom names is no longer stored.",
    )  # fmt: skip
    items = boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"]
    [left] = [item for item in items if item["requestId"]["S"].startswith("conversation#")]
    assert "Ana" not in json.dumps(left)


def test_a_deletion_that_was_interrupted_is_finished_by_the_next(way, monkeypatch):
    turn(way, "I am Ana", "Hello Ana", 0)
    with monkeypatch.context() as patch:
        patch.setattr("runcast.record.objects.PrivateObjects.delete_all", _unavailable)
        assert way.delete() == ("Unavailable", "The bucket is away.")
    assert way.get()["error"] == UNKNOWN
    assert len(objects()) == 1
    assert way.delete()["success"] is True
    assert objects() == []


def _unavailable(*_):
    raise Unavailable("The bucket is away.")


def test_messages_that_are_no_longer_stored_are_null(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    [key] = objects()
    boto3.client("s3").delete_object(Bucket="results", Key=key)
    read = way.get()
    assert (read["success"], read["messages"], read["messagesOmitted"]) == (True, None, None)
    run = turn(way, "Who am I?", "Nobody", 1)
    assert (run["status"], run["reason"]) == ("error", "snapshot_unusable")
    assert run["error"] == "The state of the conversation is missing or damaged."


def test_an_expired_conversation_is_unknown_and_begins_again(way, store):
    turn(way, "I am Ana", "Hello Ana", 0)
    key = store.read(RUNS[0]).conversation_key
    boto3.client("dynamodb").update_item(
        TableName="AgentProgress", Key={"requestId": {"S": key}}, UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )  # fmt: skip
    assert (way.get()["error"], way.delete()["error"], way.list()["conversations"]) == (UNKNOWN, UNKNOWN, [])
    turn(way, "Who am I?", "Nobody", 1)
    assert heard(way) == ["Who am I?"]


def test_a_conversation_whose_open_run_has_expired_goes_on(way, store):
    turn(way, "I am Ana", "Hello Ana", 0)
    way.start(requestId=RUNS[1], conversationId=CHAT)
    way.lambdas.queued.clear()
    boto3.client("dynamodb").delete_item(TableName="AgentProgress", Key={"requestId": {"S": RUNS[1]}})
    assert way.get()["openRun"] is None
    turn(way, "Who am I?", "Ana", 2)
    assert heard(way) == ["I am Ana", "Hello Ana", "Who am I?"]


def test_a_turn_that_could_not_be_handed_over_leaves_the_conversation_free(way, monkeypatch):
    def invoke(**_):
        raise ReadTimeoutError(endpoint_url="lambda")

    with monkeypatch.context() as patch:
        patch.setattr(way.lambdas, "invoke", invoke)
        assert way.start(conversationId=CHAT, requestId=RUNS[0])[0] == "Unavailable"
    assert turn(way, "I am Ana", "Hello Ana", 1)["status"] == "complete"


def test_a_conversation_names_an_id_that_is_used_again_once(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    boto3.client("dynamodb").delete_item(TableName="AgentProgress", Key={"requestId": {"S": RUNS[0]}})
    turn(way, "Who am I?", "You are Ana", 0)
    assert heard(way) == ["I am Ana", "Hello Ana", "Who am I?"]
    assert [each["requestId"] for each in way.get()["runs"]] == [RUNS[0]]


@pytest.mark.parametrize("rival", ["a start", "a deletion"])
def test_a_start_that_loses_decides_again(way, patch, rival):
    turn(way, "I am Ana", "Hello Ana", 0)
    create_turn = RecordTurns.create_turn

    def second(store, *about, **more):
        patch.undo()
        if rival == "a start":
            way.start(requestId=RUNS[2], conversationId=CHAT)
        else:
            way.delete()
        return create_turn(store, *about, **more)

    patch.setattr(RecordTurns, "create_turn", second)
    refused = way.start(requestId=RUNS[1], conversationId=CHAT)
    if rival == "a start":
        reason = (
            f"This conversation has an open run: {RUNS[2]} is in_progress. Wait for its end, answer it or cancel it."
        )
    else:
        reason = "This conversation was deleted. Choose another conversationId."
    assert refused == ("Conflict", reason)
    assert way.lambdas.request("GET", f"/runs/{RUNS[1]}").status == 404


def test_a_deletion_that_loses_against_a_start_decides_again(way, patch):
    turn(way, "I am Ana", "Hello Ana", 0)
    delete = RecordTurns.delete_conversation

    def second(store, before):
        patch.undo()
        way.start(requestId=RUNS[1], conversationId=CHAT)
        return delete(store, before)

    patch.setattr(RecordTurns, "delete_conversation", second)
    assert way.delete()[0] == "Conflict"
    assert len(objects()) == 1


def test_a_start_whose_answer_was_lost_is_repeated_safely(way, store, patch):
    turn(way, "I am Ana", "Hello Ana", 0)
    create_turn = RecordTurns.create_turn

    def lost(store, *about, **more):
        patch.undo()
        create_turn(store, *about, **more)
        raise StoreUnavailable("DynamoDB gave no answer.")

    patch.setattr(RecordTurns, "create_turn", lost)
    given = {"query": "Who am I?", "requestId": RUNS[1], "conversationId": CHAT}
    assert way.start(**given) == (
        "Unavailable", "The run could not be recorded. Try again with the same requestId.",
    )  # fmt: skip
    way.lambdas.model.script = [Say("Ana")]
    assert way.start(**given)["requestId"] == RUNS[1]
    way.lambdas.run_queue()
    assert store.read(RUNS[1]).status is RunStatus.COMPLETE
    assert heard(way) == ["I am Ana", "Hello Ana", "Who am I?"]
    assert len(way.get()["runs"]) == 2

"""Conversations over GraphQL and REST, through the doors: each turn is a run in its own invocation."""

from __future__ import annotations

import json

import pytest

from runcast.record.model import Owner
from tests.fakes.scripted_model import Call, Say
from tests.functional.conversations import BOB, CHAT, OTHER, RUNS, UNKNOWN, OverGraphql, OverRest, heard, objects, turn

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

UNKNOWN_RUN = "branchFrom must be the requestId of a run of yours whose record has not expired."


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, lambdas, event):
    return request.param(lambdas, event)


def test_each_turn_continues_from_the_one_before(way, store):
    assert turn(way, "I am Ana", "Hello Ana", 0)["result"] == "Hello Ana"
    assert turn(way, "Who am I?", "You are Ana", 1)["status"] == "complete"
    assert heard(way) == ["I am Ana", "Hello Ana", "Who am I?"]
    read = way.get()
    expires_at = store.read_conversation(Owner("acme", "ana"), CHAT).expires_at_epoch_s * 1000
    record = way.lambdas.request("GET", f"/runs/{RUNS[1]}").body
    assert record["conversationId"] == CHAT
    assert {name: value for name, value in read.items() if name != "runs"} == {
        "success": True, "error": None, "conversationId": CHAT, "agent": "survey", "title": "I am Ana",
        "lastTurnAt": record["createdAt"], "expiresAt": expires_at, "openRun": None, "messagesOmitted": 0,
        "messages": [
            {"role": "user", "text": "I am Ana"},
            {"role": "assistant", "text": "Hello Ana"},
            {"role": "user", "text": "Who am I?"},
            {"role": "assistant", "text": "You are Ana"},
        ],
    }  # fmt: skip
    assert [(each["requestId"], each["conversationId"], each["status"]) for each in read["runs"]] == [
        (RUNS[1], CHAT, "complete"), (RUNS[0], CHAT, "complete"),
    ]  # fmt: skip


def test_a_failed_turn_is_not_remembered(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    assert turn(way, "Are you there?", RuntimeError("The model is away."), 1)["status"] == "error"
    turn(way, "Who am I?", "You are Ana", 2)
    assert heard(way) == ["I am Ana", "Hello Ana", "Who am I?"]


def test_a_run_without_a_conversation_saves_nothing(way):
    way.lambdas.model.script = [Say("Hello")]
    assert way.start(requestId=RUNS[0])["conversationId"] is None
    way.lambdas.run_queue()
    assert (objects(), way.list()) == ([], {"conversations": [], "nextCursor": None})
    assert "conversationSaved" not in way.lambdas.request("GET", f"/runs/{RUNS[0]}").body["steps"][-1]["metadata"]


def test_a_conversation_has_one_open_run(way):
    started = way.start(requestId=RUNS[0], conversationId=CHAT)
    refused = f"This conversation has an open run: {RUNS[0]} is in_progress. Wait for its end, answer it or cancel it."
    assert way.start(requestId=RUNS[1], conversationId=CHAT) == ("Conflict", refused)
    assert way.start(requestId=RUNS[0], conversationId=CHAT) == started
    assert way.get()["openRun"] == way.list()["conversations"][0]["openRun"] == RUNS[0]
    assert way.delete() == (
        "Conflict", f"This conversation has an open run: {RUNS[0]} is in_progress. Wait for its end or cancel it.",
    )  # fmt: skip
    way.lambdas.request("DELETE", f"/runs/{RUNS[0]}")
    assert way.get()["openRun"] is None
    way.lambdas.queued.clear()
    assert turn(way, "And now?", "Now", 1)["status"] == "complete"


def test_a_repeated_start_returns_its_run_even_after_the_next_turn(way):
    turn(way, "One", "1", 0)
    turn(way, "Two", "2", 1)
    assert way.start(requestId=RUNS[0], conversationId=CHAT)["status"] == "complete"
    assert (way.lambdas.queued, [each["requestId"] for each in way.get()["runs"]]) == ([], [RUNS[1], RUNS[0]])


def test_an_answered_turn_is_remembered_with_its_answer(way):
    way.lambdas.model.script = [Call("build_there")]
    way.start(query="Build it", requestId=RUNS[0], conversationId=CHAT)
    way.lambdas.run_queue()
    run = way.lambdas.request("GET", f"/runs/{RUNS[0]}").body
    refused = f"This conversation has an open run: {RUNS[0]} is waiting. Wait for its end, answer it or cancel it."
    assert way.start(requestId=RUNS[1], conversationId=CHAT) == ("Conflict", refused)
    [question] = run["steps"][-1]["metadata"]["interrupts"]
    way.lambdas.model.script = [Say("It is built")]
    way.lambdas.request("POST", f"/runs/{RUNS[0]}/answers", json_body={"answers": {question["id"]: "yes"}})
    way.lambdas.run_queue()
    turn(way, "Is it built?", "Yes", 1)
    assert heard(way) == ["Build it", "It is built", "Is it built?"]


def test_a_branch_begins_where_its_run_ended_and_the_first_conversation_goes_on(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    turn(way, "I am tired", "Sleep", 1)
    assert turn(way, "I am awake", "Good", 2, OTHER, branchFrom=RUNS[0])["status"] == "complete"
    assert heard(way) == ["I am Ana", "Hello Ana", "I am awake"]
    assert way.delete() == {"success": True, "conversationId": CHAT, "error": None}
    turn(way, "And now?", "Still", 3, OTHER)
    assert heard(way) == ["I am Ana", "Hello Ana", "I am awake", "Good", "And now?"]


def test_a_branch_without_a_name_has_the_id_of_its_run(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    started = way.start(requestId=RUNS[1], branchFrom=RUNS[0])
    assert started["conversationId"] == RUNS[1]
    assert way.start(requestId=RUNS[1], branchFrom=RUNS[0]) == started


def test_nothing_can_be_learned_of_anothers_conversation(way):
    turn(way, "I am Ana", "Hello Ana", 0)
    unknown = way.get(OTHER, claims=BOB)
    assert (unknown["success"], unknown["error"]) == (False, UNKNOWN)
    assert way.get(claims=BOB) == unknown | {"conversationId": CHAT}
    assert way.delete(claims=BOB) == {"success": False, "conversationId": CHAT, "error": UNKNOWN}
    assert way.list(claims=BOB)["conversations"] == []
    assert way.start(claims=BOB, branchFrom=RUNS[0]) == way.start(claims=BOB, branchFrom=RUNS[9])
    assert way.start(claims=BOB, branchFrom=RUNS[0]) == ("BadRequest", UNKNOWN_RUN)
    way.lambdas.model.script = [Say("Hello Bob")]
    way.start(claims=BOB, query="Who am I?", conversationId=CHAT)
    way.lambdas.run_queue()
    assert heard(way) == ["Who am I?"]
    assert len(way.get()["messages"]) == 2


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (
            {"conversationId": "chat"},
            ("BadRequest", "conversationId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
        ),
        ({"branchFrom": "x" * 129}, ("BadRequest", UNKNOWN_RUN)),
        ({"branchFrom": ""}, ("BadRequest", UNKNOWN_RUN)),
        (
            {"branchFrom": "\ud800"},
            ("BadRequest", "branchFrom must be Unicode text: it holds half of a surrogate pair."),
        ),
        ({"branchFrom": RUNS[9]}, ("BadRequest", UNKNOWN_RUN)),
        (
            {"agent": "elsewhere", "conversationId": OTHER},
            (
                "BadRequest",
                "The agent elsewhere runs in a function that keeps no conversations: leave out conversationId and "
                "branchFrom.",
            ),
        ),
        (
            {"conversationId": CHAT, "branchFrom": RUNS[0]},
            ("Conflict", "branchFrom starts a new conversation, and this one exists. Choose another conversationId."),
        ),
    ],
)  # fmt: skip
def test_a_start_that_does_not_fit_is_refused_by_name(way, given, refusal):
    turn(way, "I am Ana", "Hello Ana", 0)
    assert way.start(**given) == refusal
    assert (way.lambdas.queued, len(way.list()["conversations"])) == ([], 1)


@pytest.mark.parametrize("says", [RuntimeError("The model is away."), Call("build_there")], ids=["failed", "waiting"])
def test_a_run_that_is_not_complete_has_no_branch(way, says):
    turn(way, "Build it", says, 0)
    refused = ("BadRequest", "branchFrom must be a complete run of a conversation, whose state was saved.")
    assert way.start(branchFrom=RUNS[0]) == refused


def test_a_conversation_keeps_its_agent(way, store):
    owner = Owner("acme", "ana")
    about = {"before": None, "snapshot_key": None, "query": "Hello"}
    store.create_turn(RUNS[0], owner=owner, agent="another", conversation_id=CHAT, **about)
    refused = "This conversation is with the agent another. Name that agent, or start another conversation."
    assert way.start(conversationId=CHAT) == ("Conflict", refused)
    assert way.start(branchFrom=RUNS[0]) == ("BadRequest", "branchFrom is a run of the agent another: name that agent.")


def test_a_rerun_is_in_no_conversation(lambdas, event):
    way = OverGraphql(lambdas, event)
    turn(way, "I am Ana", "Hello Ana", 0)
    again = {"agent": None, "query": None, "rerunOf": RUNS[0]}
    refused = "rerunOf starts a run outside of conversations: leave out conversationId and branchFrom."
    assert way.start(**again, conversationId=CHAT) == ("BadRequest", refused)
    assert way.start(**again)["conversationId"] is None


def test_lists_are_read_in_pages(way):
    ids = [f"0c0ffee0-52f0-4b57-9a38-0c4f6f6f2b0{n}" for n in range(3)]
    for n in range(3):
        turn(way, f"Number {n}", "Yes", n, ids[n])
    turn(way, "Again", "Yes", 3, ids[0])
    first = way.list(limit=2)
    rest = way.list(limit=2, cursor=first["nextCursor"])
    listed = [*first["conversations"], *rest["conversations"]]
    assert [each["conversationId"] for each in listed] == [ids[0], ids[2], ids[1]]
    assert [each["title"] for each in listed] == ["Number 0", "Number 2", "Number 1"]
    assert rest["nextCursor"] is None or way.list(limit=2, cursor=rest["nextCursor"])["conversations"] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": 0}, "limit must be a whole number from 1 to 50."),
        ({"limit": 51}, "limit must be a whole number from 1 to 50."),
        ({"cursor": "x"}, "cursor must be the nextCursor of an earlier answer."),
        ({"cursor": "WzEsICJ4Il0="}, "cursor must be the nextCursor of an earlier answer."),
    ],
)
def test_a_list_request_that_does_not_fit_is_refused_by_name(way, given, message):
    assert way.list(**given) == ("BadRequest", message)


def test_secrets_are_not_shown(way):
    secret = "password=" + "hunter2x"
    turn(way, f"My {secret}", f"Yours is {secret}", 0)
    read = way.get()
    assert "hunter2x" not in json.dumps(read)
    assert [each["text"] for each in read["messages"]] == ["My password=[redacted]", "Yours is password=[redacted]"]
    turn(way, "Say it", "No", 1)
    assert heard(way)[0] == f"My {secret}"  # the agent remembers it


def test_an_id_that_utf_8_cannot_encode_is_unknown(lambdas, event):
    way = OverGraphql(lambdas, event)
    for answer in (way.get("\ud800"), way.delete("\ud800")):
        assert (answer["error"], answer["conversationId"]) == (UNKNOWN, "\ufffd")

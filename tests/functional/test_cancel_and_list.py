"""Cancelling and listing runs over GraphQL and REST: both give the same answers."""

from __future__ import annotations

import base64
import json
from uuid import UUID

import boto3
import pytest

from runcast.record.model import Owner
from runcast.record.store import RunStore
from tests.functional.conftest import ANA, GraphqlCaller

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ANA_OWNER = Owner("acme", "ana")
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
UNKNOWN = "There is no such run, or its record has expired."
NO_CURSOR = "cursor must be the nextCursor of an earlier answer with the same status and agent."
NO_LIMIT = "limit must be a whole number from 1 to 50."


@pytest.fixture(params=["GraphQL", "REST"])
def way(request, lambdas, event):
    """Both ways to the same code, as one: `cancel` and `runs` return what was answered."""
    return (OverGraphql if request.param == "GraphQL" else OverRest)(lambdas, event)


class OverGraphql(GraphqlCaller):
    def cancel(self, request_id, claims=ANA):
        return self.ask("run_starter", "cancelAgentRun", claims, {"requestId": request_id})

    def runs(self, claims=ANA, **arguments):
        return self.ask("progress_reader", "listAgentRuns", claims, arguments)


class OverRest:
    def __init__(self, lambdas, event):
        self.lambdas = lambdas

    def cancel(self, request_id, claims=ANA):
        answer = self.lambdas.request("DELETE", f"/runs/{request_id}", claims=claims)
        ended = answer.body["liveness"] == "done"
        assert answer.status == (404 if not answer.body["success"] else 200 if ended else 202)
        return answer.body

    def runs(self, claims=ANA, **arguments):
        query = "&".join(f"{name}={value}" for name, value in arguments.items())
        answer = self.lambdas.request("GET", f"/runs?{query}" if query else "/runs", claims=claims)
        return answer.body if answer.status == 200 else answer.refusal[1:]


def create(store, *request_ids, owner=ANA_OWNER):
    for request_id in request_ids:
        store.create(request_id, owner=owner, agent="terrain")


def claim(store, request_id, *, lease_until_ms=4_000_000_000_000):
    store.claim(request_id, worker="w", owner=ANA_OWNER, agent="x", job_id=None, lease_until_ms=lease_until_ms)


def ids(answer):
    return [run["requestId"] for run in answer["runs"]]


def test_a_queued_run_is_ended_and_told_of_live(way, lambdas, store, subscribe):
    subscribe()
    create(store, "r1")
    answer = way.cancel("r1")
    ended = {"success": True, "requestId": "r1", "status": "cancelled", "liveness": "done", "error": None}
    ended["reason"] = "cancel_requested"
    assert answer == ended
    assert lambdas.run_queue() == [{"published": 1, "notPublished": {}}]
    [told] = lambdas.appsync.received[0].json["variables"].values()
    assert (told["requestId"], told["userId"], told["status"], told["seq"]) == ("r1", "ana", "cancelled", 1)
    assert way.cancel("r1") == ended
    assert lambdas.queued == []
    # What was queued for its worker comes too late.
    assert lambdas.call("agent", {"agent": "survey", "query": "q", "requestId": "r1"})["statusCode"] == 409


def test_a_run_that_is_worked_on_is_marked_and_announced_once(way, lambdas, store):
    create(store, "r1")
    claim(store, "r1")
    marked = {"success": True, "requestId": "r1", "status": "in_progress", "liveness": "cancelling", "error": None}
    marked["reason"] = None
    assert [way.cancel("r1"), way.cancel("r1")] == [marked, marked]
    [(function, event)] = lambdas.queued
    [message] = event["messages"]
    assert (function, message["status"], message["seq"]) == ("status_publisher", "cancelling", None)
    assert way.runs()["runs"][0]["liveness"] == "cancelling"


def test_a_run_that_has_ended_stays_as_it_ended(way, lambdas):
    lambdas.call("agent", {"agent": "survey", "query": "q", "requestId": "r1", "userId": "ana", "tenantId": "acme"})
    before = lambdas.request("GET", "/runs/r1").body
    answer = way.cancel("r1")
    same = ("success", "requestId", "status", "liveness", "error", "reason")
    assert before["liveness"] == "done"
    assert answer == {name: before[name] for name in same}
    assert lambdas.request("GET", "/runs/r1").body == before


def test_a_lost_run_is_ended(way, store):
    create(store, "r1")
    claim(store, "r1", lease_until_ms=1)
    assert way.cancel("r1")["status"] == "cancelled"


def test_an_end_that_cannot_be_told_of_live_is_an_end(way, lambdas, store, monkeypatch, caplog):
    def refused(**request):
        raise ConnectionError("no Lambda")

    create(store, "r1")
    monkeypatch.setattr(lambdas, "invoke", refused)
    assert way.cancel("r1")["status"] == "cancelled"
    assert "1 status messages were not handed over" in caplog.text


@pytest.mark.parametrize("request_id", ["foreign", "expired", "unknown", "x" * 129, "x" * 500])
def test_what_is_not_ones_own_run_reads_as_unknown_and_is_untouched(way, lambdas, store, request_id):
    create(store, "foreign", owner=Owner("acme", "bob"))
    RunStore(boto3.client("dynamodb"), "AgentProgress", now_ms=lambda: 1_000).create(
        "expired", owner=ANA_OWNER, agent="terrain"
    )
    before = boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"]
    answer = way.cancel(request_id)
    assert (answer["success"], answer["requestId"], answer["error"]) == (False, request_id[:128], UNKNOWN)
    assert answer == lambdas.request("GET", f"/runs/{request_id}").body
    assert boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"] == before
    assert lambdas.queued == []


def test_a_page_of_a_run_is_no_run(lambdas, event):
    page = {"requestId": {"S": "r1#2"}, "steps": {"L": []}, "expiresAt": {"N": "4000000000"}}
    boto3.client("dynamodb").put_item(TableName="AgentProgress", Item=page)
    answer = lambdas.call("run_starter", event("cancelAgentRun") | {"arguments": {"requestId": "r1#2"}})["data"]
    assert (answer["success"], answer["error"]) == (False, UNKNOWN)
    assert boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"] == [page]


def test_ones_own_runs_are_listed_newest_first_in_pages(way, lambdas, event, store):
    create(store, "b1", owner=Owner("acme", "bob"))
    create(store, "t1", owner=Owner("other", "ana"))
    for created_at_ms, request_id in enumerate(("r1", "r2", "r3"), start=2_000_000_000_000):
        RunStore(boto3.client("dynamodb"), "AgentProgress", now_ms=lambda: created_at_ms).create(  # noqa: B023
            request_id, owner=ANA_OWNER, agent="terrain"
        )
    first = way.runs(limit=2)
    assert ids(first) == ["r3", "r2"]
    second = way.runs(limit=2, cursor=first["nextCursor"])
    assert (ids(second), second["nextCursor"]) == (["r1"], None)
    assert first["runs"][0] == {
        "requestId": "r3",
        "agent": "terrain",
        "jobId": None,
        "playbook": None,
        "conversationId": None,
        "query": None,
        "status": "in_progress",
        "liveness": "live",
        "seq": 0,
        "createdAt": 2_000_000_000_002,
        "updatedAt": 2_000_000_000_002,
        "leaseUntil": 2_000_000_150_002,
        "error": None,
        "reason": None,
    }
    assert ids(way.runs()) == ["r3", "r2", "r1"]
    assert ids(way.runs(BOB)) == ["b1"]
    # Another user's cursor is only a position, and shows none of their runs.
    assert ids(way.runs(BOB, cursor=first["nextCursor"])) == ["b1"]


def test_runs_are_filtered_by_status_and_agent(way, store):
    create(store, "r1", "r2")
    way.cancel("r1")
    assert ids(way.runs(status="cancelled")) == ["r1"]
    assert ids(way.runs(status="in_progress", agent="terrain")) == ["r2"]
    assert way.runs(agent="layout") == {"runs": [], "nextCursor": None}
    cursor = way.runs(agent="terrain", limit=1)["nextCursor"]
    assert ids(way.runs(agent="terrain", cursor=cursor)) in (["r1"], ["r2"])
    assert way.runs(agent="layout", cursor=cursor) == ("BadRequest", NO_CURSOR)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"status": "lost"}, "status must be one of: in_progress, waiting, complete, error, cancelled."),
        ({"agent": "x" * 201}, "agent must be text of 1 to 200 characters."),
    ],
)
def test_a_wrong_filter_is_refused(way, given, message):
    assert way.runs(**given) == ("BadRequest", message)


def test_who_has_no_runs_is_given_none(way):
    assert way.runs() == {"runs": [], "nextCursor": None}


@pytest.mark.parametrize("limit", [0, 51, -1])
def test_a_wrong_limit_is_refused(way, limit):
    assert way.runs(limit=limit) == ("BadRequest", NO_LIMIT)


@pytest.mark.parametrize("limit", ["many", "", "1.5", "\u0663", "9" * 5000])
def test_a_limit_that_is_no_number_is_refused(lambdas, limit):
    assert lambdas.request("GET", f"/runs?limit={limit}").refusal == (400, "BadRequest", NO_LIMIT)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "bm90IGpzb24=",
        "x" * 1_300,
        base64.urlsafe_b64encode(json.dumps([-1, str(UUID(int=1)), ""]).encode()).decode(),
    ],
)
def test_a_wrong_cursor_is_refused(way, cursor):
    assert way.runs(cursor=cursor) == ("BadRequest", NO_CURSOR)

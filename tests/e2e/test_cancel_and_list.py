"""Cancelling and listing runs through the real stack, by every API: all give the same answers."""

import uuid

import pytest

from runcast.record.model import Owner
from runcast.record.store import RunStore
from tests.e2e.conftest import Caller
from tests.e2e.test_bad_input import UNKNOWN
from tests.e2e.test_rest import Rest
from tests.waiting import wait_until

NO_CURSOR = "cursor must be the nextCursor of an earlier answer with the same status and agent."
NO_LIMIT = "limit must be a whole number from 1 to 50."


class OverGraphql:
    """The operations as GraphQL answers them: the data, or the error's type and message."""

    def cancel(self, caller: Caller, request_id: str):
        return self._ask(caller, "cancelAgentRun", requestId=request_id)

    def runs(self, caller: Caller, **arguments):
        return self._ask(caller, "listAgentRuns", **arguments)

    def _ask(self, caller, operation, **variables):
        answer = caller.ask(operation, **variables)
        if "errors" in answer:
            [error] = answer["errors"]
            return error["errorType"], error["message"]
        return answer["data"][operation]


class OverRest:
    """The same as REST answers them."""

    def __init__(self, url: str) -> None:
        self._rest = Rest(url)

    def cancel(self, caller: Caller, request_id: str):
        response = self._rest.send("DELETE", f"/runs/{request_id.replace('#', '%23')}", caller)
        answer = response.json()
        expected = {"done": 200, "cancelling": 202, None: 404}[answer["liveness"]]
        assert response.status_code == expected, answer
        return {
            name: answer[name]
            for name in ("success", "requestId", "status", "liveness", "error", "reason")
            if name in answer
        }

    def runs(self, caller: Caller, **arguments):
        response = self._rest.send("GET", "/runs", caller, params=arguments)
        answer = response.json()
        return answer if response.status_code == 200 else (answer["error"]["type"], answer["error"]["message"])


@pytest.fixture(scope="module", params=["GraphQL", "API Gateway", "chalice local"])
def way(request):
    if request.param == "GraphQL":
        return OverGraphql()
    if request.param == "API Gateway":
        return OverRest(request.getfixturevalue("stack").state.outputs["rest_url"])
    return OverRest(request.getfixturevalue("dev").url)


@pytest.fixture(scope="module")
def store(stack):
    return RunStore(stack.client("dynamodb"), stack.state.outputs["agent_progress_table_name"])


def queued(store, caller):
    """A run that no worker has claimed yet; return its requestId."""
    request_id = str(uuid.uuid4())
    store.create(request_id, owner=Owner(caller.user.tenant, caller.user.user_id), agent="terrain")
    return request_id


def at_work(caller):
    """A run whose worker waits for a model that takes its time; return its requestId."""
    request_id = caller.start("[model:slow 30] How steep?")
    wait_until(lambda: any(step["step"] == "thinking" for step in caller.read(request_id)["steps"]))
    return request_id


def ids(answer):
    return [run["requestId"] for run in answer["runs"]]


def test_a_queued_run_is_cancelled_at_once_and_once(way, store, alice):
    request_id = queued(store, alice)
    ended = {"success": True, "requestId": request_id, "status": "cancelled", "liveness": "done", "error": None}
    ended["reason"] = "cancel_requested"
    assert [way.cancel(alice, request_id), way.cancel(alice, request_id)] == [ended, ended]
    record = alice.read(request_id)
    assert (record["status"], [step["step"] for step in record["steps"]]) == ("cancelled", ["cancelled"])


async def test_who_watches_a_queued_run_is_told_that_it_is_cancelled(stack, store, alice):
    ways = (OverGraphql(), OverRest(stack.state.outputs["rest_url"]))
    request_ids = [queued(store, alice) for _ in ways]
    async with alice.socket() as socket:
        for way, request_id in zip(ways, request_ids, strict=True):
            assert (await socket.start(userId=alice.user.user_id, requestId=request_id))["type"] == "start_ack"
            way.cancel(alice, request_id)
            update = (await socket.receive("data"))["payload"]["data"]["onStatusUpdate"]
            assert (update["requestId"], update["status"], update["seq"]) == (request_id, "cancelled", 1)


def test_a_run_at_work_is_being_cancelled_until_its_worker_has_stopped(stack, alice):
    request_id = at_work(alice)
    marked = {
        "success": True, "requestId": request_id, "status": "in_progress", "liveness": "cancelling", "error": None,
        "reason": None,
    }  # fmt: skip
    assert OverRest(stack.state.outputs["rest_url"]).cancel(alice, request_id) == marked
    # The first could have stopped it meanwhile, were the worker quick; asking again never harms.
    again = OverGraphql().cancel(alice, request_id)
    assert (again["success"], again["liveness"] in ("cancelling", "done")) == (True, True)
    record = alice.read_to_its_end(request_id)
    assert (record["status"], record["steps"][-1]["step"]) == ("cancelled", "cancelled")


def test_a_run_that_has_ended_stays_as_it_ended(way, alice):
    request_id = alice.start("How steep?")
    record = alice.read_to_its_end(request_id)
    ended = {"success": True, "requestId": request_id, "status": "complete", "liveness": "done", "error": None}
    ended["reason"] = "complete"
    assert way.cancel(alice, request_id) == ended
    assert alice.read(request_id) == record


def test_what_is_not_ones_own_run_is_unknown_and_untouched(way, stack, store, alice, bob):
    foreign, paged = queued(store, bob), f"{queued(store, alice)}#1"
    expired = str(uuid.uuid4())
    table = stack.state.outputs["agent_progress_table_name"]
    RunStore(stack.client("dynamodb"), table, now_ms=lambda: 1_000).create(
        expired, owner=Owner(alice.user.tenant, alice.user.user_id), agent="terrain"
    )
    page = {"requestId": {"S": paged}, "steps": {"L": []}, "expiresAt": {"N": "4000000000"}}
    stack.client("dynamodb").put_item(TableName=table, Item=page)
    record = bob.read(foreign)
    for request_id in (foreign, expired, paged, str(uuid.uuid4()), "x" * 129):
        answer = way.cancel(alice, request_id)
        assert (answer["success"], answer["status"], answer["error"]) == (False, None, UNKNOWN), request_id
    assert bob.read(foreign) == record


def test_runs_are_listed_newest_first_in_pages_and_to_their_owner_only(way, store, alice, bob):
    mine = [queued(store, alice) for _ in range(3)][::-1]
    theirs = queued(store, bob)
    first = way.runs(alice, limit=2)
    assert ids(first) == mine[:2]
    listed = [*ids(first)]
    cursor = first["nextCursor"]
    while cursor:
        page = way.runs(alice, limit=50, cursor=cursor)
        listed += ids(page)
        cursor = page["nextCursor"]
    assert listed[:3] == mine
    assert len(listed) == len(set(listed))
    assert ids(way.runs(bob, limit=1)) == [theirs]
    # Another user's cursor is only a position: the caller gets their own older runs.
    by_theirs = ids(way.runs(bob, cursor=first["nextCursor"]))
    assert theirs not in by_theirs
    assert not {*by_theirs} & {*listed}
    record = alice.read(mine[0])
    [newest] = way.runs(alice, limit=1)["runs"]
    same = ("requestId", "status", "liveness", "createdAt", "updatedAt", "leaseUntil", "error")
    assert {name: newest[name] for name in same} == {name: record[name] for name in same}
    assert (newest["agent"], newest["jobId"], newest["seq"]) == ("terrain", None, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": 0}, NO_LIMIT),
        ({"limit": 51}, NO_LIMIT),
        ({"cursor": "nowhere"}, NO_CURSOR),
        ({"cursor": "x" * 600}, NO_CURSOR),
    ],
)
def test_a_list_that_does_not_fit_is_refused(way, alice, wrong, message):
    assert way.runs(alice, **wrong) == ("BadRequest", message)


def test_a_limit_that_is_no_number_is_refused(stack, alice):
    refused = OverRest(stack.state.outputs["rest_url"]).runs(alice, limit="many")
    assert refused == ("BadRequest", NO_LIMIT)
    [error] = alice.ask("listAgentRuns", limit="many")["errors"]
    assert "limit" in error["message"]

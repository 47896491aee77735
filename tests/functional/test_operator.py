"""An operator lists, reads, cancels and deletes the runs of all users; the log has the ARN of each caller."""

from __future__ import annotations

import base64
import json
import logging

import boto3
import pytest
from chalicelib.api import operator
from chalicelib.runtime import logs

from runcast import limits
from runcast.record.model import PUBLIC, Owner, RunStatus, Step
from runcast.record.store import End

ARN = "arn:aws:sts::123456789012:assumed-role/operators/olga"
OPERATOR = {"authType": "IAM Authorization", "identity": {"userArn": ARN}}
ANA, BOB, CARL = Owner("acme", "ana"), Owner("acme", "bob"), Owner("globex", "ana")
FIELDS = {
    "operatorListRuns": ("progress_reader", {}),
    "operatorGetProgress": ("progress_reader", {"requestId": "ana-open"}),
    "operatorCancelRun": ("run_starter", {"requestId": "ana-open"}),
    "operatorDeleteRuns": ("run_starter", {"tenantId": "acme", "userId": "ana"}),
}


@pytest.fixture
def runs(store):
    """Runs of three users, one of them in another tenant, and one run of callers with an API key."""
    created = {
        request_id: store.create(request_id, owner=owner, agent=agent)
        for request_id, owner, agent in (
            ("ana-open", ANA, "terrain"),
            ("ana-done", ANA, "wind"),
            ("bob-done", BOB, "terrain"),
            ("carl-open", CARL, "terrain"),
            ("public-open", PUBLIC, "terrain"),
        )
    }
    for request_id in ("ana-done", "bob-done"):
        store.end(created[request_id], Step("complete", "", 0, 0, 1), End(RunStatus.COMPLETE))
    return created


@pytest.fixture
def operate(lambdas):
    def ask(field, caller=OPERATOR, **arguments):
        door, default = FIELDS[field]
        answer = lambdas.call(door, {"field": field, "arguments": arguments or default, **caller})
        return answer["data"] if "data" in answer else (answer["error"]["type"], answer["error"]["message"])

    return ask


def listed(operate, **filters):
    """The ids of all pages."""
    ids, cursor = [], None
    while True:
        page = operate("operatorListRuns", cursor=cursor, **filters)
        ids += [each["run"]["requestId"] for each in page["runs"]]
        cursor = page["nextCursor"]
        if cursor is None:
            return sorted(ids)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["ana-done", "ana-open", "bob-done", "carl-open", "public-open"]),
        ({"tenantId": "acme"}, ["ana-done", "ana-open", "bob-done"]),
        ({"userId": "ana"}, ["ana-done", "ana-open", "carl-open"]),
        ({"userId": "an"}, []),
        ({"tenantId": "acm"}, []),
        ({"tenantId": "acme", "userId": "ana"}, ["ana-done", "ana-open"]),
        ({"agent": "wind"}, ["ana-done"]),
        ({"status": "complete"}, ["ana-done", "bob-done"]),
        ({"status": "in_progress"}, ["ana-open", "carl-open", "public-open"]),
        ({"status": "in_progress", "tenantId": "globex"}, ["carl-open"]),
        ({"status": "in_progress", "userId": "ana", "tenantId": "acme"}, ["ana-open"]),
        ({"olderThanMinutes": 1}, []),
        ({"status": "in_progress", "olderThanMinutes": 1}, []),
    ],
)
def test_the_runs_of_all_users_are_listed_by_each_filter(operate, runs, filters, expected):
    assert listed(operate, **filters) == expected
    assert listed(operate, **filters, limit=1) == expected


def test_a_list_names_the_owner_of_each_run(operate, runs):
    [each] = operate("operatorListRuns", agent="wind")["runs"]
    assert (each["tenantId"], each["userId"], each["run"]["status"]) == ("acme", "ana", "complete")


def test_runs_are_found_by_their_age(operate, runs, store):
    for request_id in ("ana-open", "ana-done"):
        boto3.client("dynamodb").update_item(
            TableName="AgentProgress",
            Key={"requestId": {"S": request_id}},
            UpdateExpression="SET createdAt = createdAt - :more",
            ExpressionAttributeValues={":more": {"N": str(30 * 60_000)}},
        )
    assert listed(operate, olderThanMinutes=29) == ["ana-done", "ana-open"]
    assert listed(operate, olderThanMinutes=29, status="in_progress") == ["ana-open"]
    assert listed(operate, olderThanMinutes=31) == []


def test_conversations_and_other_items_are_not_listed(operate, runs):
    for suffix in ("conversations", "calls"):
        boto3.client("dynamodb").put_item(
            TableName="AgentProgress",
            Item={
                "requestId": {"S": f"conversation#0#{suffix}"},
                "owner": {"S": f"acme#ana#{suffix}"},
                "createdAt": {"N": "1"},
            },
        )
    assert listed(operate, userId="ana", tenantId="acme") == ["ana-done", "ana-open"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": 51}, "limit must be a whole number from 1 to 50."),
        ({"status": "done"}, "status must be one of: in_progress, waiting, complete, error, cancelled."),
        ({"tenantId": "a#b"}, "tenantId must be text of 1 to 200 characters without '#'."),
        ({"userId": ""}, "userId must be text of 1 to 200 characters without '#'."),
        ({"olderThanMinutes": -1}, "olderThanMinutes must be a whole number from 0 to 525600."),
        ({"cursor": "x"}, "cursor must be the nextCursor of an earlier answer with the same filters."),
    ],
)
def test_wrong_filters_are_refused(operate, runs, given, message):
    assert operate("operatorListRuns", **given) == ("BadRequest", message)


@pytest.mark.parametrize("status", ["complete", "in_progress"])
def test_a_changed_cursor_is_refused(operate, runs, status):
    cursor = operate("operatorListRuns", status=status, limit=1)["nextCursor"]
    at_ms, request_id, owner, filters = json.loads(base64.b64decode(cursor, altchars=b"-_"))
    for changed in (
        [at_ms, "", owner, filters],
        [at_ms, request_id, "" if owner else "acme#ana", filters],
        [at_ms],
        [at_ms, "\ud800", owner, filters],
        [at_ms, "x" * (limits.KEY_MAX_BYTES + 1), owner, filters],
        [at_ms, request_id, owner and "\ud800", filters if owner else ""],
        [at_ms, request_id, owner and "x" * (limits.KEY_MAX_BYTES + 1), filters if owner else ""],
    ):
        forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode()
        assert operate("operatorListRuns", status=status, cursor=forged)[0] == "BadRequest"


def test_a_page_may_end_at_an_item_that_is_no_run(operate, runs, monkeypatch):
    monkeypatch.setattr(limits, "SCAN_MAX_KEYS", 1)
    boto3.client("dynamodb").put_item(
        TableName="AgentProgress",
        Item={"requestId": {"S": "a#b"}, "owner": {"S": "acme#ana#conversations"}, "createdAt": {"N": "1"}},
    )
    assert listed(operate) == ["ana-done", "ana-open", "bob-done", "carl-open", "public-open"]


def test_a_cursor_is_accepted_with_its_filters_only(operate, runs):
    cursor = operate("operatorListRuns", limit=1)["nextCursor"]
    assert operate("operatorListRuns", cursor=cursor, tenantId="acme")[0] == "BadRequest"


def test_the_cursor_of_the_longest_names_is_accepted(operate, store):
    longest = "\U0001f600" * (limits.NAME_MAX_CHARACTERS // 2)
    for number in range(2):
        request_id = f"{number}" + "\U0001f600" * ((limits.REQUEST_ID_MAX_CHARACTERS - 1) // 2)
        store.create(request_id, owner=Owner(longest, longest), agent="terrain")
    assert len(listed(operate, limit=1)) == 2


@pytest.mark.parametrize("request_id", ["ana-open", "carl-open", "public-open"])
def test_any_run_is_read_and_cancelled(operate, runs, request_id):
    assert operate("operatorGetProgress", requestId=request_id)["status"] == "in_progress"
    assert operate("operatorCancelRun", requestId=request_id)["status"] == "cancelled"
    assert operate("operatorGetProgress", requestId=request_id)["status"] == "cancelled"


@pytest.mark.parametrize("request_id", ["unknown", "a#b", ""])
@pytest.mark.parametrize("field", ["operatorGetProgress", "operatorCancelRun"])
def test_an_unknown_run_is_no_error(operate, runs, field, request_id):
    answer = operate(field, requestId=request_id)
    assert (answer["success"], answer["requestId"]) == (False, request_id)
    assert answer["error"] == "There is no such run, or its record has expired."


def test_one_users_runs_are_deleted(operate, runs):
    assert operate("operatorDeleteRuns") == {"deleted": 2, "remaining": False}
    assert listed(operate) == ["bob-done", "carl-open", "public-open"]
    assert operate("operatorDeleteRuns", tenantId="public", userId="public") == {"deleted": 1, "remaining": False}
    assert operate("operatorDeleteRuns", tenantId="acme#ana", userId="x")[0] == "BadRequest"


@pytest.mark.parametrize("field", FIELDS)
def test_each_call_is_logged_with_the_callers_arn_and_without_the_user(operate, runs, caplog, field):
    caplog.set_level(logging.INFO)
    operate(field)
    [line] = [each for each in caplog.records if each.getMessage() == "an operator asked"]
    asked = {name: value for name, value in FIELDS[field][1].items() if name != "userId"}
    assert line.fields == {"operatorArn": ARN, "field": field, "asked": asked}


@pytest.mark.parametrize("field", ["operatorGetProgress", "operatorCancelRun", "operatorDeleteRuns"])
def test_the_line_of_a_call_names_the_owner_whom_it_is_about(operate, runs, monkeypatch, field):
    named = []
    monkeypatch.setattr(operator.logger, "info", lambda *_, **__: named.append(logs._current.get().owner))
    operate(field)
    assert named == [ANA]


def test_a_call_that_is_refused_is_logged_in_one_short_line(operate, runs, caplog):
    caplog.set_level(logging.INFO)
    long = "\n" + "x" * 300_000
    for field in ("operatorGetProgress", "operatorCancelRun"):
        operate(field, requestId=long)
    operate("operatorListRuns", agent=long)
    operate("operatorDeleteRuns", tenantId=long, userId="ana")
    lines = [logs.JsonFormatter("f").format(each) for each in caplog.records]
    asked = [line for line in lines if '"an operator asked"' in line]
    assert (len(asked), max(map(len, asked)) < 2_000, "\n" in "".join(asked)) == (4, True, False)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("auth_type", "identity"),
    [
        ("User Pool Authorization", {"claims": {"sub": "ana", "custom:tenantId": "acme", "token_use": "id"}}),
        ("User Pool Authorization", {"claims": {"sub": "ana"}, "userArn": ARN}),
        ("API Key Authorization", None),
        ("IAM Authorization", None),
        ("IAM Authorization", {"userArn": ""}),
    ],
)
def test_nobody_else_is_an_operator(operate, runs, field, auth_type, identity):
    refusal = operate(field, {"authType": auth_type, "identity": identity})
    assert refusal == ("Unauthorized", "Only operators may call this: sign the request with AWS credentials.")
    assert len(listed(operate)) == 5


@pytest.mark.parametrize("field", ["getAgentProgress", "listAgentRuns", "listAgents"])
def test_an_operator_is_not_a_user(lambdas, event, field):
    asked = event(field) | OPERATOR
    assert lambdas.call("progress_reader", asked)["error"]["type"] == "Unauthorized"

"""Deleting a user's runs over GraphQL and REST: what is theirs goes, and nobody else loses anything."""

from __future__ import annotations

import json

import boto3
import pytest
from chalicelib.agents import registry
from chalicelib.lifecycle.delete import delete_runs
from strands import Agent

from runcast import limits
from runcast.clock import ServerClock, epoch_ms
from runcast.errors import Unavailable
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.handed_over import HandedOverEnd
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.objects import PrivateObjects
from runcast.record.store import End, RunStore
from tests.fakes.agents.survey import build_there, measure
from tests.fakes.scripted_model import Call, Say
from tests.functional.conftest import ANA

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
ANA_OWNER = Owner("acme", "ana")
ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
RUN = {"agent": "survey", "query": "How steep is it?", "requestId": ID}
PUBLIC = {"authType": "API Key Authorization", "identity": None}


@pytest.fixture(params=["GraphQL", "REST"])
def delete(request, lambdas, event):
    def by_graphql(claims=ANA):
        asked = event("deleteMyRuns") | {"identity": {"claims": claims}}
        return lambdas.call("run_starter", asked)["data"]

    def by_rest(claims=ANA):
        answer = lambdas.request("DELETE", "/runs", claims=claims)
        assert answer.status == 200
        return answer.body

    return by_graphql if request.param == "GraphQL" else by_rest


def keys():
    """The keys of all items that belong to runs, and of all objects."""
    items = boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"]
    objects = boto3.client("s3").list_objects_v2(Bucket="results").get("Contents", [])
    ids = [item["requestId"]["S"] for item in items]
    return sorted([key for key in ids if not key.startswith("#")] + [each["Key"] for each in objects])


def ended(store, request_id, owner=ANA_OWNER, **more):
    run = store.create(request_id, owner=owner, agent="survey", **more)
    store.end(run, Step("error", "", 0, 0, 1), End(RunStatus.ERROR))


def test_a_finished_run_is_deleted_with_its_pages_and_objects(delete, lambdas, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_MAX_BYTES", 900)
    lambdas.model.script = [Call("build_there"), Say("Done: {tool_result}")]
    lambdas.request("POST", "/runs", json_body=RUN)
    lambdas.run_queue()
    [question] = lambdas.request("GET", f"/runs/{ID}").body["steps"][-1]["metadata"]["interrupts"]
    lambdas.request("POST", f"/runs/{ID}/answers", json_body={"answers": {question["id"]: "yes"}})
    lambdas.run_queue()
    kinds = {key.partition("/")[0].partition("#")[0] for key in keys()}
    assert kinds == {ID, "inputs", "answers", "snapshots"}
    assert len([key for key in keys() if key.startswith(f"{ID}#")]) > 0

    assert delete() == {"deleted": 1, "remaining": False}
    assert keys() == []
    assert lambdas.request("GET", f"/runs/{ID}").status == 404


def checkpointing(run):
    return Agent(
        name="survey", model=run.model, tools=[measure, build_there], checkpointing=True, callback_handler=None
    )


def kind_of(key):
    """The kind of an item or an object, without the ids in its key."""
    if key.startswith("conversation#"):
        return "conversation"
    if "#call/" in key:
        return "call"
    if "#" in key:
        return "page"
    if "/result-" in key:
        return "result of a call"
    return key.partition("/")[0] if "/" in key else "run"


def test_of_each_kind_nothing_is_left(delete, lambdas, monkeypatch):
    """What a run leaves that is a turn of a conversation, has pages, asks a question and is checkpointing."""
    monkeypatch.setattr(limits, "PAGE_MAX_BYTES", 900)
    monkeypatch.setattr(limits, "JOURNAL_RESULT_MAX_BYTES", 10)
    monkeypatch.setattr(registry, "load", lambda name: checkpointing)
    of_ana = set()
    for claims in (BOB, ANA):
        before = set(keys())
        request_id = ID if claims == ANA else ID.replace("6f", "7f", 1)
        lambdas.model.script = [Call("measure"), Call("build_there"), Say("Done: {tool_result}")]
        run = RUN | {"requestId": request_id, "conversationId": request_id}
        lambdas.request("POST", "/runs", json_body=run, claims=claims)
        lambdas.run_queue()
        read = lambdas.request("GET", f"/runs/{request_id}", claims=claims).body
        [question] = read["steps"][-1]["metadata"]["interrupts"]
        answers = {"answers": {question["id"]: "yes"}}
        lambdas.request("POST", f"/runs/{request_id}/answers", json_body=answers, claims=claims)
        lambdas.run_queue()
        assert lambdas.request("GET", f"/runs/{request_id}", claims=claims).body["status"] == "complete"
        of_ana = set(keys()) - before
    assert {kind_of(key) for key in of_ana} == {
        "answers", "call", "conversation", "conversations", "inputs", "page", "result of a call", "run", "snapshots",
    }  # fmt: skip

    others = set(keys()) - of_ana
    assert delete() == {"deleted": 2, "remaining": False}
    # For a day, the deleted conversation refuses the writes of its last run.
    assert {kind_of(key) for key in set(keys()) - others} == {"conversation"}
    assert others <= set(keys())


def test_a_job_is_deleted_with_its_result(delete, store):
    ended(store, ID, job_id=ID, playbook="site-assessment")
    boto3.client("dynamodb").update_item(
        TableName="AgentProgress",
        Key={"requestId": {"S": ID}},
        UpdateExpression="SET resultKey = :key",
        ExpressionAttributeValues={":key": {"S": f"results/{ID}.json"}},
    )
    boto3.client("s3").put_object(Bucket="results", Key=f"results/{ID}.json", Body=b"{}")
    assert delete() == {"deleted": 1, "remaining": False}
    assert keys() == []


def test_conversations_are_deleted_when_no_runs_are_left(delete, lambdas):
    for claims in (ANA, BOB):
        lambdas.model.script = [Say("Steep.")]
        request_id = ID if claims == ANA else ID.replace("6f", "7f", 1)
        run = RUN | {"requestId": request_id, "conversationId": request_id}
        assert lambdas.request("POST", "/runs", json_body=run, claims=claims).status == 202
        lambdas.run_queue()
    assert delete() == {"deleted": 2, "remaining": False}
    assert lambdas.request("GET", "/conversations").body["conversations"] == []
    assert not [key for key in keys() if "conversations/" in key and ID in key]
    assert len(lambdas.request("GET", "/conversations", claims=BOB).body["conversations"]) == 1


def test_a_repeated_request_finishes_the_deletion_of_a_conversation(delete, lambdas, monkeypatch):
    lambdas.model.script = [Say("Steep.")]
    lambdas.request("POST", "/runs", json_body=RUN | {"conversationId": ID})
    lambdas.run_queue()
    delete_all = PrivateObjects.delete_all

    def refuses_conversations(objects, prefix, **more):
        if prefix.startswith("conversations/"):
            raise Unavailable("The bucket is away.")
        delete_all(objects, prefix, **more)

    with monkeypatch.context() as patch:
        patch.setattr(PrivateObjects, "delete_all", refuses_conversations)
        assert lambdas.request("DELETE", "/runs").status == 503
    assert [key for key in keys() if key.startswith("conversations/")]
    assert delete()["remaining"] is False
    assert not [key for key in keys() if "/" in key]


def test_objects_whose_record_has_expired_are_deleted(delete, lambdas):
    for claims in (ANA, BOB):
        request_id = ID if claims == ANA else ID.replace("6f", "7f", 1)
        lambdas.request("POST", "/runs", json_body=RUN | {"requestId": request_id}, claims=claims)
    lambdas.queued.clear()
    boto3.client("dynamodb").delete_item(TableName="AgentProgress", Key={"requestId": {"S": ID}})
    assert delete() == {"deleted": 0, "remaining": False}
    [left] = [key for key in keys() if "/" in key]
    assert ID.replace("6f", "7f", 1) in left


def test_nothing_of_another_user_is_deleted(delete, lambdas, store):
    lambdas.request("POST", "/runs", json_body=RUN, claims=BOB)
    for number, owner in enumerate([Owner("acme", "bob"), Owner("globex", "ana"), Owner("ana", "acme")]):
        ended(store, f"of-others-{number}", owner)
    before = keys()
    ended(store, "r1")
    assert delete() == {"deleted": 1, "remaining": False}
    assert keys() == before


def test_a_run_without_a_worker_is_cancelled_and_deleted(delete, lambdas):
    lambdas.request("POST", "/runs", json_body=RUN)
    assert delete() == {"deleted": 1, "remaining": False}
    assert keys() == []
    [answer, *_] = lambdas.run_queue()  # its event is delivered nevertheless
    assert (answer["statusCode"], json.loads(answer["body"])["success"]) == (409, False)
    assert (lambdas.model.calls, keys()) == ([], [])


def test_an_end_that_is_handed_over_late_does_not_bring_a_deleted_run_back(delete, lambdas, store):
    lambdas.request("POST", "/runs", json_body=RUN)
    lambdas.run_queue()
    run = store.read(ID)
    assignment = Assignment(ID, ANA_OWNER, "survey", None, str(run.worker), run.updated_at_ms)
    assignment.follow(run)
    end = QueuedStep("complete", "Done", run.updated_at_ms, end=End(RunStatus.COMPLETE, '"flat"'))
    delete()
    lambdas.call("run_closer", HandedOverEnd(assignment, end, run.seq).to_event())
    assert keys() == []


@pytest.mark.parametrize("off_ms", [-3_600_000, 3_600_000])
def test_what_was_stored_before_the_request_is_decided_by_the_servers_clock(lambdas, off_ms):
    client, clock, until = boto3.client("dynamodb"), ServerClock(lambda: epoch_ms() + off_ms), []
    clock.listen(client)

    class Objects(PrivateObjects):
        def delete_all(self, prefix, *, until_ms=None):
            until.append(until_ms)

    objects = Objects(lambda: boto3.client("s3"), "results")
    delete_runs(
        ANA_OWNER, store=RunStore(client, "AgentProgress", now_ms=clock), objects=objects, cancel=lambda *_: None
    )
    assert len(until) == 5
    assert all(abs(each - epoch_ms()) < 600_000 for each in until)


def test_a_run_whose_worker_has_not_stopped_remains_until_then(delete, store):
    lease_until_ms = store.now_ms() + 60_000
    store.claim(ID, worker="w", owner=ANA_OWNER, agent="survey", job_id=None, lease_until_ms=lease_until_ms)
    assert delete() == {"deleted": 0, "remaining": True}
    assert store.read(ID).cancel_requested_at_ms
    last = Step("cancelled", "", 0, 0, 1)
    end = End(RunStatus.CANCELLED)
    store.append(
        ID, worker="w", expected_seq=0, lease_until_ms=lease_until_ms, steps=[last], end=end, despite_cancel=True
    )
    assert delete() == {"deleted": 1, "remaining": False}
    assert keys() == []


def test_one_request_deletes_a_bounded_number(delete, store):
    for number in range(limits.DELETE_MAX_RUNS + 2):
        ended(store, f"r{number}")
    assert delete() == {"deleted": limits.DELETE_MAX_RUNS, "remaining": True}
    assert delete() == {"deleted": 2, "remaining": False}
    assert delete() == {"deleted": 0, "remaining": False}


def test_the_runs_of_callers_with_an_api_key_are_not_deleted(lambdas, event, store):
    ended(store, "r1", Owner("public", "public"))
    answer = lambdas.call("run_starter", event("deleteMyRuns") | PUBLIC)
    assert answer["error"]["type"] == "Unauthorized"
    assert keys() == ["r1"]

"""Starting a run: the record first, then the hand-over."""

from __future__ import annotations

import contextlib
import hashlib
import json
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.lifecycle.start import start_run
from chalicelib.runtime.inputs import Inputs

from runcast.errors import Conflict, InvalidInput, StoreUnavailable, TooManyRequests, Unavailable
from runcast.record.model import Owner, RunStatus
from tests.fakes.objects_in_memory import ObjectsInMemory
from tests.fakes.s3_in_memory import S3InMemory

ANA = Owner("acme", "ana")
BOB = Owner("acme", "bob")
ID = "123e4567-e89b-12d3-a456-426614174000"
GIVEN = {"agent": "terrain", "query": "How steep is it?", "parameters": {"region": "north"}, "requestId": ID}


FUNCTIONS = {"terrain": "runcast-agent", "elsewhere": "arn:aws:lambda:eu-west-1:123456789012:function:elsewhere"}


class Invoker:
    """A Lambda client that keeps what it is asked to invoke, or fails."""

    def __init__(self, error: Exception | None = None, before=lambda: None) -> None:
        self.error = error
        self.before = before
        self.invocations: list[dict] = []

    def invoke(self, **request):
        self.before()
        if self.error:
            raise self.error
        self.invocations.append(request)
        return {"StatusCode": 202}


def start(store, invoker, given=GIVEN, owner=ANA, announce=pytest.fail, s3=None, **about):
    inputs = Inputs(lambda: s3 or S3InMemory(), "private")
    needed = {"functions": AgentFunctions(invoker, FUNCTIONS), "parameters_schema": {}.get, "announce": announce}
    needed |= {"objects": ObjectsInMemory(), "remembered": ["terrain"]}
    needed |= {"admit": lambda _: None, "takes_attachments": lambda _: False}
    return start_run(given, owner, store=store, inputs=inputs, **needed | about)


def test_the_record_is_put_before_the_run_is_handed_over(store, clock):
    seen = []
    invoker = Invoker(before=lambda: seen.append(store.read(ID)))
    assert start(store, invoker) == {
        "requestId": ID,
        "conversationId": None,
        "status": "in_progress",
        "createdAt": clock.now_ms,
    }
    assert (seen[0].owner, seen[0].agent, seen[0].worker) == (ANA, "terrain", None)
    [invocation] = invoker.invocations
    assert (invocation["FunctionName"], invocation["InvocationType"]) == ("runcast-agent", "Event")
    assert json.loads(invocation["Payload"]) == {
        **GIVEN, "userId": "ana", "tenantId": "acme", "createdAt": clock.now_ms, "awaited": False,
    }  # fmt: skip


@pytest.mark.parametrize("letter", ["é", "中", "😀", '"', "\u0001"])
def test_the_longest_request_fits_into_an_asynchronous_invocation(store, letter):
    room = 64 * 1024 - len(b'{"a":""}')
    letters = room // (len(json.dumps(letter, ensure_ascii=False).encode()) - 2)
    longest = GIVEN | {"query": letter * 10_000, "parameters": {"a": letter * letters}}
    invoker = Invoker()
    start(store, invoker, longest)
    [invocation] = invoker.invocations
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (256 KB, before it was 1 MB)
    assert len(invocation["Payload"]) < 256 * 1024
    assert json.loads(invocation["Payload"])["parameters"] == longest["parameters"]


def test_an_agent_elsewhere_is_handed_the_same_event(store, clock):
    invoker = Invoker()
    start(store, invoker, GIVEN | {"agent": "elsewhere"})
    [invocation] = invoker.invocations
    assert (invocation["FunctionName"], invocation["InvocationType"]) == (FUNCTIONS["elsewhere"], "Event")
    assert json.loads(invocation["Payload"]) == {
        **GIVEN, "agent": "elsewhere", "userId": "ana", "tenantId": "acme", "createdAt": clock.now_ms, "awaited": False,
    }  # fmt: skip


def test_the_record_names_the_stored_input(store):
    s3 = S3InMemory()
    start(store, Invoker(), s3=s3)
    [(key, content)] = s3.objects.items()
    digest = store.read(ID).input_digest
    owner_hash = hashlib.sha256(b"acme#ana").hexdigest()
    assert key == f"inputs/{owner_hash}/{ID}/{digest}"
    assert json.loads(content) == {**GIVEN, "userId": "ana", "tenantId": "acme"}


def test_without_a_chosen_id_one_is_made(store):
    given = {"agent": "terrain", "query": "How steep is it?"}
    assert start(store, Invoker(), given, new_id=lambda: UUID(int=7))["requestId"] == str(UUID(int=7))
    assert UUID(start(store, Invoker(), given)["requestId"]).version == 4


def test_ones_own_used_id_answers_that_run_and_starts_nothing(store, clock):
    start(store, Invoker())
    began_ms = clock.now_ms
    lease_until_ms = clock.now_ms + 15_000
    store.claim(ID, worker="w", owner=ANA, agent="terrain", job_id=None, lease_until_ms=lease_until_ms)
    clock.now_ms += 1000
    invoker = Invoker()
    assert start(store, invoker) == {
        "requestId": ID,
        "conversationId": None,
        "status": "in_progress",
        "createdAt": began_ms,
    }
    assert invoker.invocations == []


@pytest.mark.parametrize("error", [None, ReadTimeoutError(endpoint_url="lambda")])
def test_a_run_that_no_worker_has_taken_is_handed_over_again(store, clock, error):
    store.create(ID, owner=ANA, agent="terrain")  # as a starter whose write was not answered
    began_ms = clock.now_ms
    clock.now_ms += 1000
    handed_over = []
    invoker = Invoker(error, before=lambda: handed_over.append(ID))

    assert start(store, invoker) == {
        "requestId": ID,
        "conversationId": None,
        "status": "in_progress",
        "createdAt": began_ms,
    }

    assert handed_over == [ID]
    assert store.read(ID).status is RunStatus.IN_PROGRESS


def test_a_run_that_is_handed_over_again_has_its_first_input(store):
    s3, invoker = S3InMemory(), Invoker()
    start(store, invoker, s3=s3)
    start(store, invoker, GIVEN | {"query": "How steep is it now?"}, s3=s3)
    assert [json.loads(each["Payload"])["query"] for each in invoker.invocations] == [GIVEN["query"]] * 2


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "SlowDown", "Message": "Reduce your request rate."}}, "PutObject"),
        ReadTimeoutError(endpoint_url="https://s3"),
    ],
    ids=["refused", "time-out"],
)
def test_a_run_whose_input_cannot_be_stored_is_not_recorded(store, error):
    s3, invoker = S3InMemory(), Invoker()
    s3.error = error
    with pytest.raises(Unavailable) as refused:
        start(store, invoker, s3=s3)
    assert str(refused.value) == "The input could not be stored. Try again with the same id."
    assert (store.read(ID), invoker.invocations) == (None, [])


@pytest.mark.parametrize("known", [{"agent": "elsewhere"}, {"agent": "terrain", "job_id": "job-1"}])
def test_a_run_of_something_else_is_not_handed_over_again(store, known):
    store.create(ID, owner=ANA, **known)
    invoker = Invoker()
    assert start(store, invoker)["requestId"] == ID
    assert invoker.invocations == []


@pytest.mark.parametrize("stranger", [BOB, Owner("other", "ana")])
def test_a_foreign_id_is_a_conflict(store, stranger):
    start(store, Invoker())
    invoker = Invoker()
    with pytest.raises(Conflict) as refused:
        start(store, invoker, owner=stranger)
    assert str(refused.value) == "requestId is taken. Choose another UUID, or leave it out."
    assert invoker.invocations == []
    assert store.read(ID).owner == ANA


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate exceeded"}}, "Invoke"),
        ReadTimeoutError(endpoint_url="https://lambda.us-east-1.amazonaws.com"),
    ],
    ids=["refused", "time-out"],
)
def test_a_run_that_cannot_be_handed_over_has_ended(store, error):
    announced = []
    with pytest.raises(Unavailable) as refused:
        start(store, Invoker(error), announce=announced.append)
    assert str(refused.value) == "The run could not be handed to its agent. Try again with another requestId."
    run = store.read(ID)
    assert (run.status, run.error) == (RunStatus.ERROR, "The run could not be handed to its agent.")
    assert [step.step for step in run.steps] == ["error"]
    [result] = announced
    assert (result.update["status"], result.ended.status, result.ended.request_id) == ("agent_error", "error", ID)


def test_a_run_that_was_handed_over_in_spite_of_a_time_out_goes_on(store, clock):
    def claimed():
        store.claim(ID, worker="w", owner=ANA, agent="terrain", job_id=None, lease_until_ms=clock.now_ms + 15_000)

    invoker = Invoker(ReadTimeoutError(endpoint_url="https://lambda"), before=claimed)
    assert start(store, invoker)["status"] == "in_progress"
    assert store.read(ID).status is RunStatus.IN_PROGRESS


def test_what_cannot_be_recorded_is_not_started(store, monkeypatch):
    def no_answer(*_, **__):
        raise StoreUnavailable("DynamoDB gave no answer.")

    monkeypatch.setattr(store, "create", no_answer)
    invoker = Invoker()
    with pytest.raises(Unavailable) as refused:
        start(store, invoker)
    assert str(refused.value) == "The run could not be recorded. Try again with the same requestId."
    assert invoker.invocations == []


def test_a_start_over_a_limit_leaves_no_input_and_no_record(store, dynamodb):
    def refuse(owner):
        raise TooManyRequests("A user may start 60 runs and jobs a minute.", 12)

    s3, invoker = S3InMemory(), Invoker()
    with pytest.raises(TooManyRequests) as refused:
        start(store, invoker, s3=s3, admit=refuse)
    assert refused.value.retry_after_seconds == 12
    assert (s3.objects, invoker.invocations) == ({}, [])
    assert dynamodb.scan(TableName="AgentProgress")["Count"] == 0


@pytest.mark.parametrize("owner", [ANA, BOB])
def test_a_known_id_is_not_counted(store, owner):
    counted, s3 = [], S3InMemory()
    start(store, Invoker(), admit=counted.append, s3=s3)
    with contextlib.suppress(Conflict):
        start(store, Invoker(), owner=owner, admit=counted.append, s3=s3)
    assert counted == [ANA]


def test_a_run_that_another_request_has_just_created_is_answered(store, monkeypatch, clock):
    store.create(ID, owner=ANA, agent="terrain")
    monkeypatch.setattr(store, "read", lambda _: None)
    invoker = Invoker()
    started = start(store, invoker)
    assert (started["requestId"], started["createdAt"]) == (ID, clock.now_ms)
    assert len(invoker.invocations) == 1


@pytest.mark.parametrize("wrong", [{"agent": "volcano"}, {"query": ""}, {"parameters": []}, {"requestId": "run-1"}])
def test_bad_input_leaves_no_record(store, dynamodb, wrong):
    invoker = Invoker()
    with pytest.raises(InvalidInput):
        start(store, invoker, GIVEN | wrong)
    assert invoker.invocations == []
    assert dynamodb.scan(TableName="AgentProgress")["Count"] == 0

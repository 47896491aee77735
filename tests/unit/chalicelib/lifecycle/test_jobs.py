"""Starting a job: the record first, then its execution; and stopping one."""

from __future__ import annotations

import json
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalicelib.lifecycle.executions import Executions
from chalicelib.lifecycle.start import start_job
from chalicelib.runtime.inputs import Inputs

from runcast.errors import Conflict, InvalidInput, StoreUnavailable, Unavailable
from runcast.record.model import Owner, RunStatus
from tests.fakes.s3_in_memory import S3InMemory

ANA = Owner("acme", "ana")
BOB = Owner("acme", "bob")
ID = "123e4567-e89b-12d3-a456-426614174000"
GIVEN = {"playbook": "site-assessment", "query": "Here?", "parameters": {"spacing": 7}, "jobId": ID}
PLAYBOOKS = ("compare-layouts", "site-assessment")
ROLE = "arn:aws:iam::123456789012:role/states"
NOT_HANDED_OVER = "The job could not be handed to its state machine."


class StateMachines:
    """A Step Functions client that keeps what it is asked to start, or fails."""

    def __init__(self, error: Exception | None = None, before=lambda: None) -> None:
        self.error = error
        self.before = before
        self.started: list[dict] = []

    def start_execution(self, **request):
        self.before()
        if self.error:
            raise self.error
        self.started.append(request)


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "StartExecution")


def start(store, client, given=GIVEN, owner=ANA, announce=pytest.fail, s3=None, **about):
    executions = Executions(client, "arn:stateMachine:playbook")
    inputs = Inputs(lambda: s3 or S3InMemory(), "private")
    about = {
        "store": store,
        "inputs": inputs,
        "executions": executions,
        "playbooks": PLAYBOOKS,
        "admit": lambda owner: None,
        "announce": announce,
        **about,
    }
    return start_job(given, owner, **about)


def test_the_record_is_put_before_the_execution_is_started(store, clock):
    seen = []
    client = StateMachines(before=lambda: seen.append(store.read(ID)))
    assert start(store, client) == {"jobId": ID, "status": "in_progress", "createdAt": clock.now_ms}
    job = seen[0]
    assert (job.owner, job.agent, job.job_id, job.playbook) == (ANA, "orchestrator", ID, "site-assessment")
    assert (job.worker, job.seq) == (None, 0)
    [started] = client.started
    assert (started["stateMachineArn"], started["name"]) == ("arn:stateMachine:playbook", ID)
    assert json.loads(started["input"]) == {"jobId": ID}


def test_the_input_is_stored_for_the_orchestrator(store):
    s3 = S3InMemory()
    start(store, StateMachines(), s3=s3)
    assert Inputs(lambda: s3, "private").get(store.read(ID)) == {**GIVEN, "userId": "ana", "tenantId": "acme"}


def test_a_job_whose_input_cannot_be_stored_is_not_recorded(store):
    s3, client = S3InMemory(), StateMachines()
    s3.error = refused("SlowDown")
    with pytest.raises(Unavailable, match=r"^The input could not be stored\. Try again with the same id\.$"):
        start(store, client, s3=s3)
    assert (store.read(ID), client.started) == (None, [])


def test_without_a_chosen_id_one_is_made(store):
    given = {"playbook": "compare-layouts", "query": "Which?"}
    assert start(store, StateMachines(), given, new_id=lambda: UUID(int=7))["jobId"] == str(UUID(int=7))
    assert UUID(start(store, StateMachines(), given)["jobId"]).version == 4


def test_ones_own_used_id_answers_that_job_and_starts_nothing(store, clock):
    start(store, StateMachines())
    began_ms = clock.now_ms
    about = {"owner": ANA, "agent": "orchestrator", "job_id": ID, "playbook": "site-assessment"}
    store.claim(ID, worker="w", lease_until_ms=clock.now_ms + 15_000, **about)
    clock.now_ms += 1_000
    client = StateMachines()
    assert start(store, client) == {"jobId": ID, "status": "in_progress", "createdAt": began_ms}
    assert client.started == []


def test_a_job_that_no_execution_has_taken_is_handed_over_again(store, clock):
    store.create(ID, owner=ANA, agent="orchestrator", job_id=ID, playbook="site-assessment")
    client = StateMachines()
    assert start(store, client)["jobId"] == ID
    assert [started["name"] for started in client.started] == [ID]


@pytest.mark.parametrize("stranger", [BOB, Owner("other", "ana")])
def test_a_foreign_id_is_a_conflict(store, stranger):
    start(store, StateMachines())
    with pytest.raises(Conflict) as conflict:
        start(store, StateMachines(pytest.fail), owner=stranger)
    assert str(conflict.value) == "jobId is taken. Choose another UUID, or leave it out."
    assert store.read(ID).owner == ANA


def test_the_id_of_ones_own_run_is_a_conflict(store):
    store.create(ID, owner=ANA, agent="terrain")
    with pytest.raises(Conflict, match=r"jobId is taken\."):
        start(store, StateMachines(pytest.fail))


@pytest.mark.parametrize(
    "error",
    [
        refused("StateMachineDoesNotExist"),
        refused("ExecutionLimitExceeded"),
        refused("ExecutionAlreadyExists"),
        ReadTimeoutError(endpoint_url="https://states.us-east-1.amazonaws.com"),
    ],
    ids=["gone", "too many", "used by a job that has expired", "time-out"],
)
def test_a_job_that_cannot_be_handed_over_has_ended(store, error):
    announced = []
    with pytest.raises(Unavailable) as unavailable:
        start(store, StateMachines(error), announce=announced.append)
    assert str(unavailable.value) == f"{NOT_HANDED_OVER} Try again with another jobId."
    job = store.read(ID)
    assert (job.status, job.error, [step.step for step in job.steps]) == (RunStatus.ERROR, NOT_HANDED_OVER, ["error"])
    [result] = announced
    assert (result.update["status"], result.update["jobId"], result.ended.status) == ("error", ID, "error")


@pytest.mark.parametrize("error", [refused("ExecutionAlreadyExists"), ReadTimeoutError(endpoint_url="https://states")])
def test_a_job_that_is_at_work_in_spite_of_that_goes_on(store, clock, error):
    def claimed():
        lease = clock.now_ms + 15_000
        about = {"owner": ANA, "agent": "x", "job_id": ID, "playbook": GIVEN["playbook"]}
        store.claim(ID, worker=f"execution/{ID}", lease_until_ms=lease, **about)

    assert start(store, StateMachines(error, before=claimed))["status"] == "in_progress"
    assert store.read(ID).status is RunStatus.IN_PROGRESS


def test_what_cannot_be_recorded_is_not_started(store, monkeypatch):
    def no_answer(*_, **__):
        raise StoreUnavailable("DynamoDB gave no answer.")

    monkeypatch.setattr(store, "create", no_answer)
    client = StateMachines()
    with pytest.raises(Unavailable) as unavailable:
        start(store, client)
    assert str(unavailable.value) == "The job could not be recorded. Try again with the same jobId."
    assert client.started == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"playbook": "volcano"}, "playbook must be one of: compare-layouts, site-assessment."),
        ({"playbook": None}, "playbook must be one of: compare-layouts, site-assessment."),
        ({"playbook": ["site-assessment"]}, "playbook must be one of: compare-layouts, site-assessment."),
        ({"query": " "}, "query must be text of 1 to 10,000 characters."),
        ({"query": "x" * 10_001}, "query must be text of 1 to 10,000 characters."),
        ({"parameters": [1]}, "parameters must be a JSON object."),
        ({"parameters": {"a": "x" * 65_536}}, "parameters must be at most 64 KB as JSON."),
        ({"jobId": "job-1"}, "jobId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
    ],
)
def test_bad_input_leaves_no_record(store, dynamodb, wrong, message):
    client = StateMachines()
    with pytest.raises(InvalidInput) as invalid:
        start(store, client, GIVEN | wrong)
    assert str(invalid.value) == message
    assert client.started == []
    assert dynamodb.scan(TableName="AgentProgress")["Count"] == 0


def test_without_playbooks_none_can_be_named(store):
    with pytest.raises(InvalidInput, match=r"^playbook cannot be used: this deployment has no playbooks\.$"):
        start(store, StateMachines(), playbooks=())


class TestExecutions:
    @pytest.fixture
    def client(self, aws):
        return boto3.client("stepfunctions")

    @pytest.fixture
    def executions(self, client):
        definition = '{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": true}}}'
        machine = client.create_state_machine(name="playbook", definition=definition, roleArn=ROLE)
        yield Executions(client, machine["stateMachineArn"])
        client.delete_state_machine(stateMachineArn=machine["stateMachineArn"])

    def test_stopping_one_may_be_repeated(self, client, executions):
        executions.start(ID)
        [execution] = client.list_executions(stateMachineArn=executions._state_machine_arn)["executions"]
        told = client.describe_execution(executionArn=execution["executionArn"])
        assert (told["name"], json.loads(told["input"]), told["status"]) == (
            ID, {"jobId": ID}, "RUNNING",
        )  # fmt: skip
        for _ in range(2):
            executions.stop(ID)
            assert client.describe_execution(executionArn=execution["executionArn"])["status"] == "ABORTED"

    def test_what_there_is_not_is_stopped(self, executions):
        executions.stop(str(UUID(int=1)))

    def test_a_refusal_is_said(self, client, executions):
        with pytest.raises(Unavailable, match=r"The job's execution could not be stopped\. Try again\."):
            Executions(client, "nothing").stop(ID)

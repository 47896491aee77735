"""Jobs over GraphQL and REST, their executions and results: both APIs give the same answers."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from chalicelib.api.reads import result_link
from chalicelib.lifecycle.executions import executions_of
from chalicelib.runtime import clients

from runcast.record.model import Owner, PlannedRun, RunStatus, Step
from runcast.record.store import End, RunStore
from tests.contracts.rest_api import validate
from tests.functional.conftest import ANA, ENVIRONMENT, PLAYBOOKS, GraphqlCaller

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ID = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"
JOB = {"playbook": "site-assessment", "query": "Could a wind farm be built here?", "parameters": {"a": 7}, "jobId": ID}
ANA_OWNER = Owner("acme", "ana")
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
WORKER = f"execution/{ID}"
LEASE_MS = 4_000_000_000_000
UNKNOWN = "There is no such run, or its record has expired."
CANCELLED = {
    "success": True,
    "requestId": ID,
    "status": "cancelled",
    "liveness": "done",
    "error": None,
    "reason": "cancel_requested",
}
NOT_STARTED = {
    **{"name": "terrain", "agent": "terrain", "stage": "ground", "attempt": 1, "requestId": "terrain-1"},
    **dict.fromkeys(("status", "liveness", "seq", "elapsed", "createdAt", "error", "reason")),
}
DEFINITION = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})


@pytest.fixture
def states(lambdas):
    """The state machine, which starts executions and does nothing in them."""
    client = boto3.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/states"
    machine = client.create_state_machine(name="playbook", definition=DEFINITION, roleArn=role)
    assert machine["stateMachineArn"] == ENVIRONMENT["STATE_MACHINE_ARN"]
    return client


def forget_step_functions() -> None:
    clients.step_functions.cache_clear()
    executions_of.cache_clear()


@pytest.fixture(params=["GraphQL", "REST"])
def way(request, lambdas, event):
    """Both ways to the same code, as one: each method returns what was answered."""
    return (OverGraphql if request.param == "GraphQL" else OverRest)(lambdas, event)


class OverGraphql(GraphqlCaller):
    def start(self, job, claims=ANA):
        return self.ask("run_starter", "startJob", claims, job | {"parameters": json.dumps(job["parameters"])})

    def read(self, job_id=ID, claims=ANA):
        answer = self.ask("progress_reader", "getAgentProgress", claims, {"requestId": job_id})
        return answer | {"result": answer["result"] and json.loads(answer["result"])}

    def cancel(self, job_id=ID, claims=ANA):
        return self.ask("run_starter", "cancelAgentRun", claims, {"requestId": job_id})

    def runs(self):
        return self.ask("progress_reader", "listAgentRuns", ANA, {})["runs"]

    def agents(self):
        listed = self.ask("progress_reader", "listAgents", ANA, {})
        for agent in listed["agents"]:
            agent["parametersSchema"] = json.loads(agent["parametersSchema"] or "null")
        return listed


class OverRest:
    def __init__(self, lambdas, event):
        self.lambdas = lambdas

    def ask(self, method, path, claims=ANA, statuses=(200, 404), **more):
        answer = self.lambdas.request(method, path, claims=claims, **more)
        return answer.body if answer.status in statuses else answer.refusal[1:]

    def start(self, job, claims=ANA):
        validate({"$ref": "#/components/schemas/JobRequest"}, job)
        return self.ask("POST", "/jobs", claims, statuses=(202,), json_body=job)

    def read(self, job_id=ID, claims=ANA):
        return self.ask("GET", f"/runs/{job_id}", claims)

    def cancel(self, job_id=ID, claims=ANA):
        return self.ask("DELETE", f"/runs/{job_id}", claims)

    def runs(self):
        return self.ask("GET", "/runs")["runs"]

    def agents(self):
        return self.ask("GET", "/agents")


def executions(states):
    found = states.list_executions(stateMachineArn=ENVIRONMENT["STATE_MACHINE_ARN"])["executions"]
    return {execution["name"]: execution["status"] for execution in found}


def told(lambdas):
    """What was sent to the live channel: run, job and status of each message."""
    messages = [message for _, payload in lambdas.queued for message in payload["messages"]]
    return [(message["requestId"], message["jobId"], message["status"]) for message in messages]


def load(store):
    """Do what the execution's first state does: claim the job, and plan a run."""
    about = {"owner": ANA_OWNER, "agent": "orchestrator", "job_id": ID, "playbook": "site-assessment"}
    store.claim(ID, worker=WORKER, lease_until_ms=LEASE_MS, **about)
    planned = PlannedRun("terrain", "terrain", "ground", ("terrain-1", "terrain-2"))
    append(store, 0, "loading_agents", runs=[planned])


def append(store, expected_seq, step, **more):
    step = Step(step, "", 0.0, 0, expected_seq + 1)
    store.append(ID, worker=WORKER, expected_seq=expected_seq, lease_until_ms=LEASE_MS, steps=[step], **more)


def begin_run(store, request_id="terrain-1"):
    lease = int(time.time() * 1000) + 600_000
    store.claim(request_id, worker="w", owner=ANA_OWNER, agent="terrain", job_id=ID, lease_until_ms=lease)


def test_a_job_is_recorded_and_handed_to_its_state_machine(way, lambdas, states):
    started = way.start(JOB)
    assert (started["jobId"], started["status"]) == (ID, "in_progress")
    execution = f"{ENVIRONMENT['STATE_MACHINE_ARN'].replace('stateMachine', 'execution')}:{ID}"
    assert json.loads(states.describe_execution(executionArn=execution)["input"]) == {"jobId": ID}
    read = way.read()
    assert (read["playbook"], read["runs"], read["liveness"], read["steps"]) == ("site-assessment", [], "live", [])
    assert read["createdAt"] == started["createdAt"]
    [listed] = way.runs()
    assert (listed["requestId"], listed["jobId"], listed["playbook"]) == (ID, ID, "site-assessment")
    assert way.start(JOB) == started
    assert executions(states) == {ID: "RUNNING"}
    assert lambdas.queued == []


@pytest.mark.parametrize("claims", [BOB, ANA | {"custom:tenantId": "other"}])
def test_a_foreign_job_is_taken_unreadable_and_untouchable(way, store, states, claims):
    unknown = way.read(claims=claims)
    way.start(JOB)
    assert way.start(JOB, claims) == ("Conflict", "jobId is taken. Choose another UUID, or leave it out.")
    assert way.read(claims=claims) == unknown
    assert way.cancel(claims=claims) == unknown
    assert (unknown["success"], unknown["error"], unknown["runs"]) == (False, UNKNOWN, None)
    assert executions(states) == {ID: "RUNNING"}
    assert store.read(ID).owner == ANA_OWNER


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"playbook": "volcano"}, "playbook must be one of: compare-layouts, site-assessment."),
        ({"query": ""}, "query must be text of 1 to 10,000 characters."),
        ({"parameters": []}, "parameters must be a JSON object."),
        ({"jobId": "job-1"}, "jobId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
    ],
)
def test_a_job_that_does_not_fit_is_refused(lambdas, states, event, wrong, message):
    assert lambdas.request("POST", "/jobs", json_body=JOB | wrong).refusal == (400, "BadRequest", message)
    refused = lambdas.call("run_starter", event("startJob") | {"arguments": JOB | wrong})
    assert refused == {"error": {"type": "BadRequest", "message": message}}
    assert boto3.client("dynamodb").scan(TableName="AgentProgress")["Count"] == 0
    assert executions(states) == {}


def test_only_the_fields_of_a_job_are_taken(lambdas):
    refused = lambdas.request("POST", "/jobs", json_body=JOB | {"userId": "bob"})
    fields = "The body may contain only these fields: playbook, query, parameters, jobId."
    assert refused.refusal == (400, "BadRequest", fields)
    too_large = lambdas.request("POST", "/jobs", body=b" " * (512 * 1024 + 1))
    assert too_large.refusal == (413, "PayloadTooLarge", "The body must be at most 512 KB.")


def test_a_job_without_its_state_machine_has_ended_and_is_told_of(way, lambdas, subscribe):
    subscribe()
    reason = "The job could not be handed to its state machine."
    assert way.start(JOB) == ("Unavailable", f"{reason} Try again with another jobId.")
    read = way.read()
    assert (read["status"], read["error"], read["liveness"]) == ("error", reason, "done")
    lambdas.run_queue()
    [message] = lambdas.appsync.received[0].json["variables"].values()
    assert (message["jobId"], message["status"], message["message"]) == (ID, "error", reason)


class TestCancel:
    def test_before_its_execution_has_begun(self, way, lambdas, store, states):
        way.start(JOB)
        assert [way.cancel(), way.cancel()] == [CANCELLED] * 2
        assert executions(states) == {ID: "ABORTED"}
        assert told(lambdas) == [(ID, ID, "cancelled")]

    def test_while_a_run_is_at_work(self, way, lambdas, store, states):
        way.start(JOB)
        load(store)
        begin_run(store)
        assert [way.cancel(), way.cancel()] == [CANCELLED] * 2
        assert executions(states) == {ID: "ABORTED"}
        read = way.read()
        assert [step["step"] for step in read["steps"]] == ["loading_agents", "cancelled"]
        assert [(run["requestId"], run["liveness"]) for run in read["runs"]] == [("terrain-1", "cancelling")]
        assert told(lambdas) == [(ID, ID, "cancelled"), ("terrain-1", ID, "cancelling")]

    def test_while_a_run_waits_for_its_worker_both_are_told_of(self, way, lambdas, store, states):
        way.start(JOB)
        load(store)
        store.create("terrain-1", owner=ANA_OWNER, agent="terrain", job_id=ID)
        way.cancel()
        assert told(lambdas) == [(ID, ID, "cancelled"), ("terrain-1", ID, "cancelled")]

    def test_after_its_end_it_stays_as_it_ended(self, way, lambdas, store, states):
        way.start(JOB)
        load(store)
        append(store, 1, "complete", end=End(RunStatus.COMPLETE, result_json='{"summary": "Yes."}'))
        assert way.cancel() == CANCELLED | {"status": "complete", "reason": "complete"}
        assert way.read()["result"] == {"summary": "Yes."}
        assert executions(states) == {ID: "RUNNING"}
        assert lambdas.queued == []

    def test_an_execution_that_is_gone_is_stopped(self, way, lambdas, store, states):
        store.create(ID, owner=ANA_OWNER, agent="orchestrator", job_id=ID, playbook="site-assessment")
        assert way.cancel() == CANCELLED

    def test_an_execution_that_cannot_be_stopped_leaves_the_job_to_be_cancelled_again(self, way, store, states):
        way.start(JOB)
        load(store)
        begin_run(store)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
            forget_step_functions()
            assert way.cancel() == ("Unavailable", "The job's execution could not be stopped. Try again.")
            assert store.read(ID).status is RunStatus.IN_PROGRESS
            assert store.read("terrain-1").cancel_requested_at_ms is None
        forget_step_functions()
        assert way.cancel() == CANCELLED


class TestReading:
    def test_its_runs_are_a_tree_with_the_attempts_that_were_needed(self, way, store, states):
        way.start(JOB)
        load(store)
        assert way.read()["runs"] == [NOT_STARTED]
        begin_run(store)
        end = {"steps": [Step("error", "", 0.0, 0, 1)], "end": End(RunStatus.ERROR, error="The output does not do.")}
        store.append("terrain-1", worker="w", expected_seq=0, lease_until_ms=1, **end)
        begin_run(store, "terrain-2")
        first, second = way.read()["runs"]
        assert (first["attempt"], first["status"], first["liveness"], first["seq"], first["error"]) == (
            1, "error", "done", 1, "The output does not do.",
        )  # fmt: skip
        assert (second["attempt"], second["requestId"], second["status"]) == (2, "terrain-2", "in_progress")
        assert {run["jobId"] for run in way.runs()} == {ID}

    def test_it_is_live_however_long_its_execution_is_silent_and_lost_after_its_lease(self, way, store, states):
        old = RunStore(boto3.client("dynamodb"), "AgentProgress", now_ms=lambda: int(time.time() * 1000) - 3_000_000)
        old.create(ID, owner=ANA_OWNER, agent="orchestrator", job_id=ID, playbook="site-assessment")
        about = {"owner": ANA_OWNER, "agent": "orchestrator", "job_id": ID, "playbook": "site-assessment"}
        old.claim(ID, worker=WORKER, lease_until_ms=LEASE_MS, **about)
        assert (way.read()["liveness"], way.runs()[0]["liveness"]) == ("live", "live")
        boto3.client("dynamodb").update_item(
            TableName="AgentProgress",
            Key={"requestId": {"S": ID}},
            UpdateExpression="SET leaseUntil = :passed",
            ExpressionAttributeValues={":passed": {"N": "1"}},
        )
        assert (way.read()["liveness"], way.runs()[0]["liveness"]) == ("lost", "lost")

    def test_a_result_in_the_bucket_is_read_by_a_link(self, way, store, states):
        way.start(JOB)
        load(store)
        append(store, 1, "complete", end=End(RunStatus.COMPLETE, result_key=f"results/{ID}.json"))
        before_ms = int(time.time() * 1000)
        read = way.read()
        link = read["resultLink"]
        assert read["result"] is None
        assert 0 <= link["expiresAt"] - before_ms - 900_000 < 60_000
        address = urlsplit(link["url"])
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        assert (address.scheme, address.path) == ("https", f"/results/{ID}.json")
        assert address.hostname == "results.s3.us-east-1.amazonaws.com"  # the one in the console's policy
        assert (asked["X-Amz-Algorithm"], asked["X-Amz-Expires"]) == ("AWS4-HMAC-SHA256", "900")


def test_the_link_fetches_the_result(lambdas):
    import requests

    client = boto3.client("s3")
    client.put_object(Bucket="results", Key="results/job.json", Body=b'{"summary": "Yes."}')
    answer = requests.get(result_link("results", "job", 60), timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"summary": "Yes."})
    assert answer.headers["content-type"] == "application/json"


def test_agents_and_playbooks_are_listed(way):
    listed = way.agents()
    assert [agent["name"] for agent in listed["agents"]] == ["elsewhere", "survey"]
    schema = {"type": "object", "properties": {"region": {"enum": ["north", "south"]}}}
    assert [agent["parametersSchema"] for agent in listed["agents"]] == [None, schema]
    assert listed["playbooks"] == [{"name": name, "description": told} for name, told in PLAYBOOKS.items()]


def test_the_closer_ends_the_job_of_an_execution_that_was_stopped(way, lambdas, store, states, event):
    way.start(JOB)
    load(store)
    begin_run(store)
    lambdas.call("run_closer", event("runCloser")["executionAborted"])
    read = way.read()
    assert (read["status"], read["runs"][0]["liveness"]) == ("cancelled", "cancelling")
    assert told(lambdas) == [(ID, ID, "cancelled"), ("terrain-1", ID, "cancelling")]


def test_the_id_of_a_job_is_none_for_a_run(lambdas, states):
    lambdas.request("POST", "/jobs", json_body=JOB)
    refused = lambdas.request("POST", "/runs", json_body={"agent": "survey", "query": "q", "requestId": ID})
    assert refused.refusal == (409, "Conflict", "requestId is taken. Choose another UUID, or leave it out.")

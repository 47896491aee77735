"""The handler of `orchestrator` with the real runner of agents, on tables and a bucket in moto."""

from __future__ import annotations

import json

import boto3
import pytest
from chalicelib.orchestrator.errors import JobEnded, JobFailed, OrchestratorFailed
from chalicelib.orchestrator.states import run_state
from chalicelib.runtime import clients
from chalicelib.runtime.inputs import Inputs

from runcast.errors import InvalidInput, StoreUnavailable, Unavailable
from runcast.record.model import Owner
from runcast.record.owner_counts import OwnerCounts
from runcast.record.store import RunStore
from tests.fakes.own_playbooks import own_playbooks
from tests.fakes.scripted_model import Call, Say
from tests.fakes.tasks import Tasks

JOB_ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
JOB = {
    "jobId": JOB_ID, "playbook": "surveys", "query": "How steep is it?", "parameters": {}, "userId": "ana",
    "tenantId": "acme",
}  # fmt: skip
PLAYBOOK = {
    "description": "Surveys twice.",
    "stages": [
        {"name": "first", "agents": [{"agent": "survey", "query": "${query}"}]},
        {"name": "second", "agents": [{"name": "again", "agent": "survey", "query": "Again.", "reads": ["survey"]}]},
    ],
}


class Bedrock:
    """Answers as Bedrock's model does."""

    def converse(self, **_):
        message = {"role": "assistant", "content": [{"text": "It is not steep."}]}
        usage = {"inputTokens": 400, "outputTokens": 20, "totalTokens": 420}
        return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}


@pytest.fixture
def state(lambdas, monkeypatch, tmp_path):
    """Run a state, given its name and its input."""
    owner = Owner("acme", "ana")
    digest = Inputs(clients.s3, "results").put(owner, JOB_ID, JOB)
    store = RunStore(boto3.client("dynamodb"), "AgentProgress")
    store.create(JOB_ID, owner=owner, agent="orchestrator", job_id=JOB_ID, playbook="surveys", input_digest=digest)

    tasks = Tasks()

    def run(name, **told):
        answer = run_state({"state": name, "execution": JOB_ID, **told})
        if name != "InvokeAgent":
            return answer
        lambdas.run_queue()  # the agent, and then run_closer
        return {"name": told["agent"]["name"], **tasks.results[told["token"]]}

    with own_playbooks(tmp_path, {"surveys": PLAYBOOK}), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "step_functions", lambda: tasks)
        patch.setattr(clients, "bedrock", lambda *_: Bedrock())
        yield run


def run_job(state):
    then = state("LoadPlaybook") | {"next": "invoke"}
    while then["next"] == "invoke":
        results = [
            state("InvokeAgent", playbook=then["playbook"], agent=agent, token=f"token-{agent['name']}", waiting=False)
            for agent in then["agents"]
        ]
        then = state("Validate", playbook=then["playbook"], agents=results)
    summed_up = state("Synthesize", playbook=then["playbook"])
    return state("SaveResults", playbook=then["playbook"], **summed_up)


def read(lambdas, event, request_id):
    return lambdas.call("progress_reader", event("getAgentProgress") | {"arguments": {"requestId": request_id}})["data"]


def test_a_job_runs_its_agents_and_is_read_as_a_run_is(lambdas, state, event, subscribe):
    subscribe()
    lambdas.model.script = [Call("measure"), Say("It is flat."), Say("Still flat.")]
    assert run_job(state) == {"status": "complete", "error": None}
    job = read(lambdas, event, JOB_ID)
    assert [step["step"] for step in job["steps"]] == [
        "loading_agents", "validating", "validating", "synthesizing", "complete",
    ]  # fmt: skip
    result = json.loads(job["result"])
    assert (result["summary"], result["texts"]) == (
        "It is not steep.", {"survey": "It is flat.", "again": "Still flat."},
    )  # fmt: skip
    for request_id in result["runs"].values():
        assert read(lambdas, event, request_id)["status"] == "complete"

    lambdas.run_queue()
    live = [message for request in lambdas.appsync.received for message in request.json["variables"].values()]
    assert {message["jobId"] for message in live} == {JOB_ID}
    own = [message["status"] for message in live if message["requestId"] == JOB_ID]
    assert own == ["loading_agents", "validating", "validating", "synthesizing", "complete"]
    assert [message["status"] for message in live].count("agent_complete") == 2


def test_the_tokens_of_the_summary_are_those_of_the_user(lambdas, state):
    lambdas.model.script = [Say("It is flat."), Say("Still flat.")]
    run_job(state)
    items = boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"]
    counted = [item["count"]["N"] for item in items if item["requestId"]["S"].startswith("#tokens/acme#ana/")]
    assert counted == ["420"]


def test_a_summary_whose_tokens_cannot_be_counted_is_kept(lambdas, state, monkeypatch):
    def unavailable(*_):
        raise StoreUnavailable("DynamoDB does not answer.")

    lambdas.model.script = [Say("It is flat."), Say("Still flat.")]
    monkeypatch.setattr(OwnerCounts, "add_tokens", unavailable)
    assert run_job(state) == {"status": "complete", "error": None}


def test_a_result_that_is_too_large_for_the_record_is_in_the_bucket(lambdas, state, event):
    lambdas.model.script = [Say("x" * 50_000), Say("y" * 50_000)]
    run_job(state)
    assert read(lambdas, event, JOB_ID)["result"] is None
    kept = boto3.client("s3").get_object(Bucket="results", Key=f"results/{JOB_ID}.json")
    assert json.loads(kept["Body"].read())["texts"] == {"survey": "x" * 50_000, "again": "y" * 50_000}


def test_a_job_that_ends_as_an_error_fails_its_execution(state, event, lambdas):
    begun = state("LoadPlaybook")
    for _ in range(2):  # a retry of the state finds the end saved
        with pytest.raises(JobFailed, match=r"^The output was not accepted\.$"):
            state("SaveResults", playbook=begun["playbook"], error="The output was not accepted.")
    job = read(lambdas, event, JOB_ID)
    assert (job["status"], job["error"]) == ("error", "The output was not accepted.")


def test_the_state_machine_knows_errors_by_the_names_of_their_classes(state, monkeypatch):
    def no_answer(*_, **__):
        raise StoreUnavailable("DynamoDB gave no answer.")

    monkeypatch.setattr("runcast.record.store.RunStore.read", no_answer)
    with pytest.raises(Unavailable) as failed:
        state("LoadPlaybook")
    assert (type(failed.value), str(failed.value)) == (Unavailable, "DynamoDB gave no answer.")


@pytest.mark.parametrize("lost", ["the object", "its name"])
def test_a_job_whose_input_is_gone_is_refused(state, lost):
    if lost == "the object":
        for each in boto3.client("s3").list_objects_v2(Bucket="results")["Contents"]:
            boto3.client("s3").delete_object(Bucket="results", Key=each["Key"])
    else:
        boto3.client("dynamodb").update_item(
            TableName="AgentProgress",
            Key={"requestId": {"S": JOB_ID}},
            UpdateExpression="REMOVE #input",
            ExpressionAttributeNames={"#input": "input"},
        )
    with pytest.raises(InvalidInput, match=f"^The input of {JOB_ID} (is no longer|was not) stored"):
        state("LoadPlaybook")


def test_a_job_whose_record_is_gone_has_ended(state):
    boto3.client("dynamodb").delete_item(TableName="AgentProgress", Key={"requestId": {"S": JOB_ID}})
    with pytest.raises(JobEnded):
        state("LoadPlaybook")


def test_an_unknown_state_and_a_wrong_job_are_refused(state):
    with pytest.raises(OrchestratorFailed) as failed:
        state("Daydream")
    assert str(failed.value) == "The job failed on our side; the log has the reason."
    with pytest.raises(InvalidInput):
        run_state({"state": "LoadPlaybook"})


def test_an_error_that_is_nobodys_is_logged_and_said_in_one_sentence(state, caplog):
    with pytest.raises(OrchestratorFailed):
        state("Validate", playbook={}, agents=[])
    assert "the state Validate failed unexpectedly" in caplog.text

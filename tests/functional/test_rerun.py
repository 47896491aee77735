"""Running again what was run before, over GraphQL and REST: the same input, under a new id, for its owner alone."""

from __future__ import annotations

import json
from uuid import UUID

import boto3
import pytest
from chalicelib.runtime import clients
from chalicelib.runtime.inputs import Inputs

from runcast.record.model import Owner
from tests.contracts.rest_api import validate
from tests.functional.conftest import ANA, ENVIRONMENT, GraphqlCaller

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ID = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"
NEW_ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
RUN = {"agent": "survey", "query": "How steep is it?", "parameters": {"region": "north"}, "requestId": ID}
JOB = {"playbook": "site-assessment", "query": "Here?", "parameters": {"spacing": 7}, "jobId": ID}
TAKEN = "rerunOf takes agent, query, parameters and attachments from the earlier run:"
NO_SUCH_RUN = "rerunOf must be the id of a run or a job of yours whose record has not expired."


@pytest.fixture(params=["GraphQL", "REST"])
def rerun(request, lambdas, event):
    """Both ways to the same code, as one; returns what was answered."""
    graphql = GraphqlCaller(lambdas, event)

    def over_graphql(claims=ANA, **given):
        return graphql.ask("run_starter", "startAgentRun", claims, given)

    def over_rest(claims=ANA, **given):
        answer = lambdas.request("POST", "/runs", claims=claims, json_body=given)
        return answer.body if answer.status == 202 else answer.refusal[1:]

    return over_graphql if request.param == "GraphQL" else over_rest


@pytest.fixture
def states(lambdas):
    client = boto3.client("stepfunctions")
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    role = "arn:aws:iam::123456789012:role/states"
    client.create_state_machine(name="playbook", definition=definition, roleArn=role)
    return client


def test_a_run_is_run_again_with_its_own_input(rerun, lambdas, store):
    lambdas.request("POST", "/runs", json_body=RUN)
    lambdas.run_queue()
    validate({"$ref": "#/components/schemas/RunRequest"}, {"rerunOf": ID})
    started = rerun(rerunOf=ID.upper())
    assert set(started) == {"requestId", "conversationId", "status", "createdAt"}
    assert UUID(started["requestId"]).version == 4
    [(function, handed_over)] = lambdas.queued
    assert (function, handed_over) == (
        "agent",
        {
            **RUN,
            "requestId": started["requestId"],
            "userId": "ana",
            "tenantId": "acme",
            "createdAt": started["createdAt"],
            "awaited": False,
        },
    )
    again = rerun(rerunOf=started["requestId"], requestId=NEW_ID)
    assert again["requestId"] == NEW_ID
    assert rerun(rerunOf=started["requestId"], requestId=NEW_ID) == again
    assert lambdas.queued[1][1] == handed_over | {"requestId": NEW_ID, "createdAt": again["createdAt"]}


def test_a_job_is_run_again_with_its_own_input(rerun, lambdas, store, states):
    lambdas.request("POST", "/jobs", json_body=JOB)
    started = rerun(rerunOf=ID, requestId=NEW_ID)
    assert (started["requestId"], started["status"]) == (NEW_ID, "in_progress")
    job = store.read(NEW_ID)
    assert (job.owner, job.playbook) == (Owner("acme", "ana"), "site-assessment")
    stored = Inputs(clients.s3, ENVIRONMENT["RESULTS_BUCKET"]).get(job)
    assert stored == {**JOB, "jobId": NEW_ID, "userId": "ana", "tenantId": "acme"}
    executions = states.list_executions(stateMachineArn=ENVIRONMENT["STATE_MACHINE_ARN"])["executions"]
    assert {execution["name"] for execution in executions} == {ID, NEW_ID}


@pytest.mark.parametrize("claims", [ANA | {"sub": "bob"}, ANA | {"custom:tenantId": "other"}])
def test_another_owners_run_reads_as_an_unknown_one(rerun, lambdas, claims):
    unknown = rerun(claims, rerunOf=ID)
    lambdas.request("POST", "/runs", json_body=RUN)
    lambdas.run_queue()
    assert rerun(claims, rerunOf=ID) == unknown == ("BadRequest", NO_SUCH_RUN)
    assert lambdas.queued == []


def test_a_run_whose_input_was_not_stored_is_not_run_again(rerun, lambdas, store):
    store.create(ID, owner=Owner("acme", "ana"), agent="survey")
    message = f"The input of {ID} was not stored, because no API has started it."
    assert rerun(rerunOf=ID) == ("BadRequest", message)


def test_a_run_whose_input_has_expired_is_not_run_again(rerun, lambdas):
    lambdas.request("POST", "/runs", json_body=RUN)
    [stored] = boto3.client("s3").list_objects_v2(Bucket="results")["Contents"]
    boto3.client("s3").delete_object(Bucket="results", Key=stored["Key"])
    assert rerun(rerunOf=ID) == ("BadRequest", f"The input of {ID} is no longer stored.")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rerunOf": "#"}, NO_SUCH_RUN),
        ({"rerunOf": ID, "agent": "survey"}, TAKEN),
        ({"rerunOf": ID, "query": "?"}, TAKEN),
        ({"rerunOf": ID, "parameters": {}}, TAKEN),
        ({"rerunOf": ID, "attachments": []}, TAKEN),
        ({}, "agent must be one of: "),
    ],
)
def test_what_does_not_go_together_is_refused(rerun, wrong, message):
    kind, said = rerun(**wrong)
    assert (kind, said[: len(message)]) == ("BadRequest", message)

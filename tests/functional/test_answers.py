"""Answering a waiting run over GraphQL and REST, through the doors: the run continues in another invocation."""

from __future__ import annotations

import json

import boto3
import pytest

from tests.fakes.scripted_model import Call, Say
from tests.functional.conftest import ANA, GraphqlCaller

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
RUN = {"agent": "survey", "query": "Build it.", "requestId": ID}
UNKNOWN = "There is no such run, or its record has expired."
JSON_RULE = "Numbers must be finite and at most 1.8e308, text well formed, and nesting at most 100 deep."


class OverGraphql(GraphqlCaller):
    def answer(self, answers, *, request_id=ID, claims=ANA):
        arguments = {"requestId": request_id, "answers": json.dumps(answers)}
        return self.ask("run_starter", "answerAgentRun", claims, arguments)


class OverRest:
    def __init__(self, lambdas, event):
        self.lambdas = lambdas

    def answer(self, answers, *, request_id=ID, claims=ANA):
        body = {"answers": answers}
        answer = self.lambdas.request("POST", f"/runs/{request_id}/answers", claims=claims, json_body=body)
        if answer.status in (200, 404):
            assert answer.body["success"] is (answer.status == 200)
            return answer.body
        assert answer.status == {"BadRequest": 400, "Conflict": 409, "Unavailable": 503}[answer.refusal[1]]
        return answer.refusal[1:]


@pytest.fixture(params=["GraphQL", "REST"])
def way(request, lambdas, event):
    return (OverGraphql if request.param == "GraphQL" else OverRest)(lambdas, event)


@pytest.fixture
def question(lambdas):
    """The open question of a run that waits."""
    lambdas.model.script = [Call("build_there"), Say("Done: {tool_result}")]
    lambdas.request("POST", "/runs", json_body=RUN)
    lambdas.run_queue()
    run = read(lambdas)
    assert run["status"] == "waiting"
    [question] = run["steps"][-1]["metadata"]["interrupts"]
    return question["id"]


def read(lambdas):
    return lambdas.request("GET", f"/runs/{ID}").body


def state(**changes):
    state = {"success": True, "requestId": ID, "status": "in_progress", "liveness": "live", "error": None}
    return state | {"reason": None} | changes


def test_an_answered_run_continues_with_the_next_step_and_ends_as_any_other(way, lambdas, subscribe, question):
    subscribe()
    before = read(lambdas)["steps"]
    assert way.answer({question: "yes"}) == state()

    lambdas.run_queue()
    run = read(lambdas)
    assert (run["status"], run["liveness"], "built" in run["result"]) == ("complete", "done", True)
    assert run["steps"][: len(before)] == before
    after = run["steps"][len(before) :]
    assert [step["seq"] for step in run["steps"]] == list(range(1, len(run["steps"]) + 1))
    assert (after[0]["step"], after[0]["metadata"]) == (
        "answered",
        {"answeredBy": "ana", "questions": [{"id": question, "name": "agree"}]},
    )
    live = [message for request in lambdas.appsync.received for message in request.json["variables"].values()]
    assert [message["seq"] for message in live] == [step["seq"] for step in after]


def test_the_same_answers_again_are_no_op_and_others_are_refused(way, lambdas, question):
    assert way.answer({question: "yes"}) == state()
    assert way.answer({question: "yes"}) == state()
    refused = way.answer({question: "no"})
    assert refused == ("Conflict", "This run does not wait for an answer: it was answered, and is in_progress.")
    lambdas.run_queue()
    assert way.answer({question: "yes"}) == state(status="complete", liveness="done", reason="complete")
    assert read(lambdas)["status"] == "complete"


@pytest.mark.parametrize("request_id", [ID, "5b0c3a52-79a4-4f3c-8f62-0b5f3e2d9a10", "x" * 129])
def test_who_has_no_such_run_cannot_answer_it(way, lambdas, question, request_id):
    before = boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"]
    answer = way.answer({question: "yes"}, request_id=request_id, claims=BOB)
    assert (answer["success"], answer["error"]) == (False, UNKNOWN)
    assert boto3.client("dynamodb").scan(TableName="AgentProgress")["Items"] == before
    assert lambdas.queued == []


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "answers lacks '{question}'. Answer all open questions at once."),
        ({"other": 1}, "answers has 'other', which is no open question of this run."),
        (["yes"], "answers must be a JSON object."),
        (None, "answers must be a JSON object."),
        ({"{question}": "x" * 65_536}, "answers must be at most 64 KB as JSON."),
        ({"a": float("nan")}, f"answers.a is NaN, which is no JSON. {JSON_RULE}"),
    ],
)
def test_answers_that_do_not_fit_are_refused_by_name(way, lambdas, question, answers, message):
    if isinstance(answers, dict):
        answers = {key.replace("{question}", question): answer for key, answer in answers.items()}
    assert way.answer(answers) == ("BadRequest", message.replace("{question}", question))
    assert (read(lambdas)["status"], lambdas.queued) == ("waiting", [])


def test_a_run_that_has_ended_cannot_be_answered(way, lambdas, question):
    lambdas.request("DELETE", f"/runs/{ID}")
    refused = way.answer({question: "yes"})
    assert refused == ("Conflict", "This run does not wait for an answer: it is cancelled.")


def test_an_answer_that_cannot_be_stored_changes_nothing(way, lambdas, question):
    bucket = boto3.client("s3")
    for stored in bucket.list_objects_v2(Bucket="results")["Contents"]:
        bucket.delete_object(Bucket="results", Key=stored["Key"])
    bucket.delete_bucket(Bucket="results")
    assert way.answer({question: "yes"})[0] == "Unavailable"
    assert (read(lambdas)["status"], lambdas.queued[:0]) == ("waiting", [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body must be a JSON object."),
        (b"{}", "answers must be a JSON object."),
        (b'{"answer": {}}', "The body may contain only these fields: answers."),
    ],
)
def test_a_body_without_answers_is_refused(lambdas, question, body, message):
    refused = lambdas.request("POST", f"/runs/{ID}/answers", body=body)
    assert refused.refusal == (400, "BadRequest", message)


def test_a_body_over_the_limit_is_refused(lambdas):
    refused = lambdas.request("POST", f"/runs/{ID}/answers", body=b" " * (512 * 1024 + 1))
    assert refused.refusal == (413, "PayloadTooLarge", "The body must be at most 512 KB.")

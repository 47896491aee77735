"""The files of a run, from its start over GraphQL or REST to the agent's prompt, later turns and deletion."""

from __future__ import annotations

import hashlib
import logging
from io import BytesIO

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from chalicelib.agents import registry
from chalicelib.runtime import clients
from strands import Agent
from urllib3 import HTTPResponse

from runcast import prompt_of
from runcast.errors import AttachmentUnusable, ObjectGone
from runcast.record.store import RunStore
from runcast.runs.from_environment import forget_clients
from tests.fakes.agents.survey import measure
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.functional.attachments import (
    ANAS_PREFIX,
    BOB,
    CHAT,
    ID,
    NOTES,
    OTHER_ID,
    PICTURE,
    PNG,
    THIRD_ID,
    UNKNOWN,
    OverGraphql,
    OverRest,
    attach,
    heard,
    keys,
    send,
)

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, lambdas, event):
    return request.param(lambdas, event)


def checkpointing(run):
    return Agent(name="survey", model=run.model, tools=[measure], checkpointing=True, callback_handler=None)


def invocation_of(request_id):
    """The invocation whose worker has the run."""
    return RunStore(boto3.client("dynamodb"), "AgentProgress").read(request_id).worker.partition("/")[0]


def test_the_agent_is_given_the_query_and_the_files(way):
    way.lambdas.model.script = [Say("A mill.")]
    picture, notes = attach(way), attach(way, b"# Notes", NOTES)
    started = way.start(requestId=ID, attachments=[picture, notes])
    assert (started["requestId"], started["status"]) == (ID, "in_progress")
    way.lambdas.run_queue()
    run = way.lambdas.request("GET", f"/runs/{ID}").body
    assert run["status"] == "complete"
    [step] = [each for each in run["steps"] if each["step"] == "attachments"]
    assert step["message"] == "Reading Muhle.png, notes (1) v2.md"
    assert step["metadata"] == {"attachments": ["Muhle.png", "notes (1) v2.md"]}
    text, image, document = heard(way)
    tag = hashlib.sha256(f"{ID}/{notes}".encode()).hexdigest()[:8]
    assert text == {"text": "What is here?"}
    assert image == {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert document["document"] == {"format": "md", "name": f"notes (1) v2 ({tag})", "source": {"bytes": b"# Notes"}}


@pytest.mark.parametrize("change", ["expired", "replaced"])
def test_a_run_whose_file_has_changed_says_what_to_do(way, change, caplog):
    caplog.set_level(logging.ERROR)  # the warning is expected
    form = way.upload(**PICTURE)
    way.start(requestId=ID, attachments=[send(form, PNG)])
    if change == "expired":
        boto3.client("s3").delete_object(Bucket="results", Key=form["fields"]["key"])
    else:
        send(form, PNG + b"more")
    way.lambdas.run_queue()
    run = way.lambdas.request("GET", f"/runs/{ID}").body
    error = "The attachment Muhle has expired, or was replaced after the start. Upload it again, and start a new run."
    assert (run["status"], run["reason"], run["error"]) == ("error", "attachment_unusable", error)
    assert way.lambdas.model.calls == []


def test_the_log_says_why_a_file_was_not_read(way, caplog):
    def deny(request, **_):
        body = BytesIO(b"<Error><Code>AccessDenied</Code><Message>not authorized to kms:Decrypt</Message></Error>")
        return AWSResponse(request.url, 403, {}, HTTPResponse(body, preload_content=False))

    way.start(requestId=ID, attachments=[attach(way)])
    clients.s3().meta.events.register_first("before-send.s3.GetObject", deny)
    way.lambdas.run_queue()
    assert way.lambdas.request("GET", f"/runs/{ID}").body["reason"] == "attachment_unusable"
    assert "not authorized to kms:Decrypt" in caplog.text
    [warning] = [each for each in caplog.records if "ends early" in each.getMessage()]
    assert isinstance(warning.exc_info[1], ObjectGone)


def test_a_later_turn_remembers_the_files_and_adds_its_own(way):
    way.lambdas.model.script = [Say("A mill."), Say("Still."), Say("Two.")]
    first, second = attach(way), attach(way, b"a,b", NOTES)
    for request_id, files in ((ID, [first]), (OTHER_ID, None), (THIRD_ID, [second])):
        way.start(requestId=request_id, conversationId=CHAT, attachments=files)
        way.lambdas.run_queue()
        assert way.lambdas.request("GET", f"/runs/{request_id}").body["status"] == "complete"
    said = [list(block) for message in way.lambdas.model.calls[-1] for block in message["content"]]
    assert said == [["text"], ["image"], ["text"], ["text"], ["text"], ["text"], ["document"]]
    assert way.lambdas.model.calls[-1][0]["content"][1] == {"image": {"format": "png", "source": {"bytes": PNG}}}
    shown = way.lambdas.request("GET", f"/conversations/{CHAT}").body["messages"]
    assert [(each["text"], each.get("attachments")) for each in shown] == [
        ("What is here?", ["Muhle.png"]),
        ("A mill.", None),
        ("What is here?", None),
        ("Still.", None),
        ("What is here?", ["notes (1) v2.md"]),
        ("Two.", None),
    ]


def test_an_answer_continues_with_the_files_and_does_not_add_them_again(way):
    way.lambdas.model.script = [Call("build_there"), Say("Done.")]
    secret = attach(way, about=PICTURE | {"name": "AKIAIOSFODNN7EXAMPLE.png"})
    way.start(requestId=ID, conversationId=CHAT, attachments=[secret])
    way.lambdas.run_queue()
    boto3.client("s3").delete_object(Bucket="results", Key=keys(ANAS_PREFIX)[0])
    [question] = way.lambdas.request("GET", f"/runs/{ID}").body["steps"][-1]["metadata"]["interrupts"]
    way.lambdas.request("POST", f"/runs/{ID}/answers", json_body={"answers": {question["id"]: "yes"}})
    way.lambdas.run_queue()
    assert way.lambdas.request("GET", f"/runs/{ID}").body["status"] == "complete"
    images = [block for message in way.lambdas.model.calls[-1] for block in message["content"] if "image" in block]
    assert images == [{"image": {"format": "png", "source": {"bytes": PNG}}}]
    shown = way.lambdas.request("GET", f"/conversations/{CHAT}").body["messages"]
    assert shown[0] == {"role": "user", "text": "What is here?", "attachments": ["[redacted].png"]}


def test_a_worker_that_dies_before_the_model_has_answered_leaves_the_names_to_the_next_one(way, monkeypatch):
    class DiesOnce(ScriptedModel):
        async def stream(self, *args, **kwargs):
            if self.script:
                async for event in super().stream(*args, **kwargs):
                    yield event
                return
            self.script = [Call("measure"), Say("A mill.")]
            about = {"requestId": invocation_of(ID), "condition": "RetriesExhausted"}
            record = {"requestContext": about, "requestPayload": event_of_run, "responsePayload": {}}
            way.lambdas.call("run_closer", record)
            raise SystemExit

    way.lambdas.model = DiesOnce([])
    monkeypatch.setattr(registry, "load", lambda name: checkpointing)
    way.start(requestId=ID, conversationId=CHAT, attachments=[attach(way)])
    [(_, event_of_run)] = way.lambdas.queued
    way.lambdas.run_queue()
    run = way.lambdas.request("GET", f"/runs/{ID}").body
    assert (run["status"], [each["step"] for each in run["steps"]].count("attachments")) == ("complete", 1)
    assert way.lambdas.model.calls[-1][0]["content"][1] == {"image": {"format": "png", "source": {"bytes": PNG}}}
    shown = way.lambdas.request("GET", f"/conversations/{CHAT}").body["messages"]
    assert [(each["text"], each.get("attachments")) for each in shown] == [
        ("What is here?", ["Muhle.png"]),
        ("A mill.", None),
    ]


def test_a_rerun_has_the_files_of_the_earlier_run(way):
    way.lambdas.model.script = [Say("A mill."), Say("Again.")]
    picture = attach(way)
    way.start(requestId=ID, attachments=[picture])
    way.lambdas.run_queue()
    way.start(rerunOf=ID, requestId=OTHER_ID)
    way.lambdas.run_queue()
    assert heard(way)[1] == {"image": {"format": "png", "source": {"bytes": PNG}}}


def test_deleting_all_runs_deletes_the_files(way):
    attach(way)
    attach(way, claims=BOB)
    assert len(keys("uploads/")) == 2
    assert way.lambdas.request("DELETE", "/runs").body == {"deleted": 0, "remaining": False}
    assert len(keys("uploads/")) == 1
    assert keys(ANAS_PREFIX) == []


def test_a_function_of_its_own_is_given_the_files(way):
    forget_clients()
    way.start(agent="elsewhere", requestId=ID, attachments=[attach(way)])
    [(_, event)] = way.lambdas.queued
    assert prompt_of(event) == [
        {"text": "What is here?"},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
    ]
    with pytest.raises(AttachmentUnusable):
        prompt_of({**event, "userId": "bob"})
    forget_clients()


def test_a_function_of_its_own_that_cannot_read_a_file_ends_the_run_with_its_reason(way):
    forget_clients()
    way.start(agent="elsewhere", requestId=ID, attachments=[attach(way)])
    [(_, event)] = way.lambdas.queued
    boto3.client("s3").delete_object(Bucket="results", Key=keys(ANAS_PREFIX)[0])
    with pytest.raises(AttachmentUnusable) as unusable:
        prompt_of(event)
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    failure = {
        "requestContext": {"requestId": OTHER_ID, "condition": "RetriesExhausted"},
        "requestPayload": event,
        "responsePayload": {"errorType": unusable.type.__name__, "errorMessage": str(unusable.value)},
    }
    way.lambdas.call("run_closer", failure)
    run = way.lambdas.request("GET", f"/runs/{ID}").body
    error = "The attachment Muhle has expired, or was replaced after the start. Upload it again, and start a new run."
    assert (run["status"], run["reason"], run["error"]) == ("error", "attachment_unusable", error)
    forget_clients()


def test_a_direct_invocation_names_files_as_a_start_does(way, monkeypatch):
    way.lambdas.model.script = [Say("A mill.")]
    way.start(requestId=ID, attachments=[attach(way)])
    [(_, event)] = way.lambdas.queued
    answer = way.lambdas.call("agent", {**event, "attachments": [{"attachmentId": UNKNOWN}]})
    assert (answer["statusCode"], "attachmentId, name" in answer["body"]) == (400, True)
    monkeypatch.setattr(registry, "takes_attachments", lambda name: False)
    answer = way.lambdas.call("agent", event)
    assert (answer["statusCode"], "takes no attachments" in answer["body"]) == (400, True)

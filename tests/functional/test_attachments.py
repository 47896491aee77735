"""Files that users attach to runs, over GraphQL and REST: from the signed form to the agent's prompt."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from io import BytesIO

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from chalicelib.agents import registry
from chalicelib.runtime import clients
from strands import Agent
from urllib3 import HTTPResponse

from runcast import limits, prompt_of
from runcast.errors import AttachmentUnusable, ObjectGone
from runcast.record.store import RunStore
from runcast.runs.from_environment import forget_clients
from tests.fakes.agents.survey import measure
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.functional.conftest import ANA, GraphqlCaller

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
ID, OTHER_ID, THIRD_ID = (f"6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a1{number}" for number in range(3))
CHAT = "0c0ffee0-52f0-4b57-9a38-0c4f6f6f2a11"
UNKNOWN = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PICTURE = {"name": "Mühle.png", "contentType": "image/png", "bytes": len(PNG)}
NOTES = {"name": "notes (1).v2.md", "contentType": "text/markdown", "bytes": 10}
ANAS_PREFIX = f"uploads/{hashlib.sha256(b'acme#ana').hexdigest()}/"


def no_such_upload(attachment_id):
    return (
        "BadRequest",
        f"attachments: there is no upload {attachment_id} of yours. Upload the file before the start, and again after "
        "it has expired.",
    )


class OverGraphql(GraphqlCaller):
    def upload(self, claims=ANA, **given):
        answer = self.ask("run_starter", "createUpload", claims, given)
        return answer if isinstance(answer, tuple) else {**answer, "fields": json.loads(answer["fields"])}

    def start(self, claims=ANA, **given):
        return self.ask("run_starter", "startAgentRun", claims, asked(given))


class OverRest:
    def __init__(self, lambdas, event):
        self.lambdas = lambdas

    def upload(self, claims=ANA, **given):
        return self._answer("/uploads", 201, claims, given)

    def start(self, claims=ANA, **given):
        return self._answer("/runs", 202, claims, asked(given))

    def _answer(self, path, status, claims, body):
        answer = self.lambdas.request("POST", path, claims=claims, json_body=body)
        return answer.body if answer.status == status else answer.refusal[1:]


def asked(given):
    return given if "rerunOf" in given else {"agent": "survey", "query": "What is here?", **given}


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, lambdas, event):
    return request.param(lambdas, event)


def send(form, content):
    """Store a file as S3 does with the form that sends it."""
    fields = form["fields"]
    stored = {
        "Key": fields["key"],
        "ContentType": fields["Content-Type"],
        "Metadata": {"name": fields["x-amz-meta-name"]},
    }
    boto3.client("s3").put_object(Bucket="results", Body=content, **stored)
    return form["attachmentId"]


def attach(way, content=PNG, about=PICTURE, claims=ANA):
    """Upload a file; return its id."""
    return send(way.upload(claims, **about), content)


def heard(way):
    """The prompt that the model was given at its last call: the content of the last user message."""
    return way.lambdas.model.calls[-1][-1]["content"]


def checkpointing(run):
    return Agent(name="survey", model=run.model, tools=[measure], checkpointing=True, callback_handler=None)


def invocation_of(request_id):
    """The invocation whose worker has the run."""
    return RunStore(boto3.client("dynamodb"), "AgentProgress").read(request_id).worker.partition("/")[0]


def keys(prefix):
    return [
        each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="results", Prefix=prefix).get("Contents", [])
    ]


def test_a_form_fixes_the_key_the_type_the_name_and_the_size(way):
    form = way.upload(**PICTURE)
    key = ANAS_PREFIX + form["attachmentId"]
    assert form["url"] == "https://results.s3.us-east-1.amazonaws.com/"
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    signed = {name: form["fields"][name] for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date")}
    fixed = {"Content-Type": "image/png", "x-amz-meta-name": "Muhle", "bucket": "results", "key": key, **signed}
    conditions = [each for each in policy["conditions"] if isinstance(each, dict)]
    assert {name: value for each in conditions for name, value in each.items()} == fixed
    assert [each for each in policy["conditions"] if not isinstance(each, dict)] == [
        ["content-length-range", 1, len(PNG)]
    ]
    assert form["fields"].keys() == {*fixed.keys() - {"bucket"}, "policy", "x-amz-signature"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"contentType": "image/svg+xml"}, "contentType"),
        ({"contentType": "image/png; charset=x"}, "contentType"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": 10 * 1024 * 1024 + 1}, "bytes"),
    ],
)
def test_an_invalid_upload_is_refused_by_the_field(way, changed, field):
    kind, message = way.upload(**PICTURE | changed)
    assert (kind, message.partition(" ")[0]) == ("BadRequest", field)


def test_a_caller_with_an_api_key_uploads_nothing(lambdas, event):
    api_key = {"authType": "API Key Authorization", "identity": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEY_MAY_START", "true")
        answer = lambdas.call("run_starter", event("createUpload") | api_key)
    assert answer["error"]["type"] == "Unauthorized"


@pytest.mark.usefixtures("same_minute")
def test_uploads_count_as_starts_and_by_their_size(way, monkeypatch):
    monkeypatch.setenv("LIMITS", json.dumps({"user_starts_per_minute": 6, "user_upload_mb_per_day": 11}))
    large = PICTURE | {"bytes": 10 * 1024 * 1024}
    assert "attachmentId" in way.upload(**large)
    kind, message = way.upload(**large)
    assert (kind, message.partition(".")[0]) == ("TooManyRequests", "A user may upload 11 MB a day")
    assert "attachmentId" in way.upload(**PICTURE)  # the refused one does not count
    assert "attachmentId" in way.upload(BOB, **large)
    for _ in range(3):
        assert "attachmentId" in way.upload(**PICTURE)
    kind, message = way.upload(**PICTURE)
    assert message.startswith("A user may start 6 runs, jobs and uploads a minute. Try again in ")
    assert way.start()[0] == "TooManyRequests"


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


def test_a_repeated_start_is_answered_even_if_the_file_is_gone(way):
    picture = attach(way)
    started = way.start(requestId=ID, attachments=[picture])
    boto3.client("s3").delete_object(Bucket="results", Key=ANAS_PREFIX + picture)
    assert way.start(requestId=ID, attachments=[picture]) == started
    assert way.lambdas.queued[0] == way.lambdas.queued[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([UNKNOWN] * 6, "attachments must be a list of at most 5 ids from createUpload."),
        ([UNKNOWN, UNKNOWN.upper()], "attachments must not name an upload twice."),
        (["../x"], "attachments must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
    ],
)
def test_an_invalid_list_of_attachments_is_refused(way, given, message):
    assert way.start(attachments=given) == ("BadRequest", message)


def test_a_foreign_upload_is_refused_like_one_that_was_never_sent(way):
    unsent, bobs = way.upload(**PICTURE)["attachmentId"], attach(way, claims=BOB)
    for each in (UNKNOWN, unsent, bobs):
        assert way.start(attachments=[attach(way), each]) == no_such_upload(each)
    assert way.lambdas.queued == []
    assert way.start(BOB, attachments=[bobs])["status"] == "in_progress"


def test_an_agent_that_declares_no_attachments_gets_none(way, monkeypatch):
    monkeypatch.setattr(registry, "takes_attachments", lambda name: name != "survey")
    message = "The agent survey takes no attachments: leave them out, or declare ATTACHMENTS = True in its file."
    assert way.start(attachments=[attach(way)]) == ("BadRequest", message)
    assert way.start(attachments=[])["status"] == "in_progress"


def test_content_of_another_type_is_refused(way):
    lying = attach(way, b"<html>")
    message = f"attachments: the content of Muhle.png ({lying}) is not image/png. Upload it with its own type."
    assert way.start(attachments=[lying]) == ("BadRequest", message)


def test_text_in_another_encoding_is_refused_at_the_start_or_by_the_worker(way):
    latin = attach(way, "Mühle;7".encode("latin-1"), NOTES)
    message = f"attachments: the content of notes (1) v2.md ({latin}) is not text/markdown. Save it as UTF-8."
    assert way.start(attachments=[latin]) == ("BadRequest", message)
    way.start(requestId=ID, attachments=[attach(way, b"x" * 1023 + "ü".encode() + b"\xfc", NOTES)])
    way.lambdas.run_queue()
    run = way.lambdas.request("GET", f"/runs/{ID}").body
    error = (
        "The attachment notes (1) v2 is not text/markdown in UTF-8. Upload a file of this type, and start a new run."
    )
    assert (run["status"], run["reason"], run["error"]) == ("error", "attachment_unusable", error)


def test_the_files_of_a_run_are_limited_together(way, monkeypatch):
    monkeypatch.setattr(limits, "ATTACHMENTS_MAX_BYTES", 1024**2)
    large = PNG.ljust(400 * 1024)
    ids = [attach(way, large, PICTURE | {"bytes": len(large)}) for _ in range(3)]
    assert way.start(attachments=ids) == ("BadRequest", "attachments must have at most 1 MB together.")
    assert way.start(attachments=ids[1:])["status"] == "in_progress"


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

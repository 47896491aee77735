"""Files that users upload for runs, over GraphQL and REST: the signed form, the limits, and what a start refuses."""

from __future__ import annotations

import base64
import json

import boto3
import pytest
from chalicelib.agents import registry

from runcast import limits
from tests.functional.attachments import (
    ANAS_PREFIX,
    BOB,
    ID,
    NOTES,
    PICTURE,
    PNG,
    UNKNOWN,
    OverGraphql,
    OverRest,
    attach,
    no_such_upload,
)

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")


@pytest.fixture(params=[OverGraphql, OverRest])
def way(request, lambdas, event):
    return request.param(lambdas, event)


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

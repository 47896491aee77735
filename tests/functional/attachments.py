"""Uploads and starts with files, by each API, and what their tests ask of them."""

from __future__ import annotations

import hashlib
import json

import boto3

from tests.functional.conftest import ANA, GraphqlCaller

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


def keys(prefix):
    return [
        each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="results", Prefix=prefix).get("Contents", [])
    ]

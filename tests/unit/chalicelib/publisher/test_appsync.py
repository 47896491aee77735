"""The request to AppSync, against a real HTTP server."""

from __future__ import annotations

import hashlib
import re
import socket
from pathlib import Path

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from chalicelib.publisher import appsync as appsync_module
from chalicelib.publisher.appsync import AppSync
from chalicelib.publisher.messages import messages_of
from graphql import parse

CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "session-token")
OPERATION = Path(__file__).parents[4] / "graphql" / "operations" / "publishStatus.graphql"


@pytest.fixture
def make(appsync):
    sessions = []

    def make(url=None, credentials=CREDENTIALS, mutations_per_request=50):
        sessions.append(requests.Session())
        return AppSync(
            url or appsync.url,
            region="eu-central-1",
            credentials=credentials,
            session=sessions[-1],
            mutations_per_request=mutations_per_request,
        )

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def inputs(message):
    return lambda number: messages_of({"messages": [message(seq) for seq in range(1, number + 1)]})


def signature_by_botocore(request, url) -> str:
    """Sign what was received with AWS's own implementation."""
    signed = re.search(r"SignedHeaders=([^,]+)", request.headers["authorization"])[1].split(";")
    again = AWSRequest("POST", url, data=request.body, headers={name: request.headers[name] for name in signed})
    again.context["timestamp"] = request.headers["x-amz-date"]
    auth = SigV4Auth(CREDENTIALS, "appsync", "eu-central-1")
    return auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)


def test_the_request_is_signed_as_aws_checks_it(appsync, make, inputs):
    assert make().publish(inputs(1)) == 1
    [request] = appsync.received
    authorization = request.headers["authorization"]
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-central-1/appsync/aws4_request, "
        r"SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=",
        authorization,
    )
    assert authorization.endswith(f"Signature={signature_by_botocore(request, appsync.url)}")
    assert request.headers["x-amz-security-token"] == "session-token"
    assert request.headers["x-amz-content-sha256"] == hashlib.sha256(request.body).hexdigest()
    assert request.path == "/graphql"


def test_renewed_credentials_sign_the_next_request(appsync, make, inputs):
    keys = iter(["FIRST", "SECOND"])

    def fetch():
        return {"access_key": next(keys), "secret_key": "s", "token": "t", "expiry_time": "2000-01-01T00:00:00Z"}

    renewing = RefreshableCredentials.create_from_metadata(
        fetch() | {"expiry_time": "2000-01-01T00:00:00Z"},
        refresh_using=lambda: fetch() | {"expiry_time": "2999-01-01T00:00:00Z"},
        method="test",
    )
    make(credentials=renewing).publish(inputs(1))
    assert "Credential=SECOND/" in appsync.received[0].headers["authorization"]


def test_a_batch_is_one_request_of_aliased_mutations(appsync, make, inputs):
    messages = inputs(3)
    assert make().publish(messages) == 3
    [request] = appsync.received
    assert request.json["variables"] == {"m0": messages[0], "m1": messages[1], "m2": messages[2]}
    [operation] = parse(request.json["query"]).definitions
    mutations = operation.selection_set.selections
    assert [(field.alias.value, field.name.value) for field in mutations] == [
        (alias, "publishStatus") for alias in ("m0", "m1", "m2")
    ]


def test_text_is_sent_as_utf8(appsync, make, inputs):
    [message] = inputs(1)
    assert make().publish([message | {"message": "中文 😀"}]) == 1
    [request] = appsync.received
    assert "中文 😀".encode() in request.body
    assert request.headers["content-type"] == "application/json"


def test_every_field_is_selected_and_none_aliased(appsync, make, inputs):
    make().publish(inputs(1))
    [operation] = parse(appsync.received[0].json["query"]).definitions
    [expected] = parse(OPERATION.read_text()).definitions

    def selected(operation):
        return [field.name.value for field in operation.selection_set.selections[0].selection_set.selections]

    aliases = {field.alias for field in operation.selection_set.selections[0].selection_set.selections}
    assert selected(operation) == selected(expected)
    assert aliases == {None}


@pytest.mark.parametrize(("mutations_per_request", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (50, [5])])
def test_the_batch_size_is_a_setting(appsync, make, inputs, mutations_per_request, sizes):
    assert make(mutations_per_request=mutations_per_request).publish(inputs(5)) == 5
    assert [len(request.json["variables"]) for request in appsync.received] == sizes
    sent = [message["seq"] for request in appsync.received for message in request.json["variables"].values()]
    assert sent == [1, 2, 3, 4, 5]


def test_one_connection_is_kept(appsync, make, inputs):
    client = make()
    client.publish(inputs(1))
    client.publish(inputs(1))
    first, second = appsync.received
    assert first.client_port == second.client_port


def test_errors_are_told_for_each_alias(appsync, make, inputs, caplog):
    appsync.answer = lambda request: (
        200,
        {
            "data": {"m0": {"seq": 1}, "m1": None, "m2": {"seq": 3}, "m3": None},
            "errors": [
                {"path": ["m1"], "errorType": "Unauthorized", "message": "Not Authorized to access publishStatus"},
                {"path": ["m2", "userId"], "errorType": "Unauthorized", "message": "Not Authorized to access userId"},
            ],
        },
    )
    assert make().publish(inputs(4)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "AppSync rejected message m1 of 4: Unauthorized: Not Authorized to access publishStatus",
        "AppSync rejected message m2 of 4: Unauthorized: Not Authorized to access userId",
        "AppSync rejected message m3 of 4: AppSync answered null.",
    ]


def test_an_error_without_a_path_is_everybodys(appsync, make, inputs, caplog):
    error = {"errorType": "UnauthorizedException", "message": "Permission denied"}
    appsync.answer = lambda request: (401, {"errors": [error]})
    assert make().publish(inputs(2)) == 0
    assert caplog.text.count("UnauthorizedException: Permission denied") == 2


@pytest.mark.parametrize(
    ("status", "answer"), [(503, "Service Unavailable"), (200, ""), (302, ""), (200, "[]"), (500, "x" * 10_000)]
)
def test_an_answer_that_is_no_graphql_is_told(appsync, make, inputs, caplog, status, answer):
    appsync.answer = lambda request: (status, answer)
    assert make().publish(inputs(1)) == 0
    assert f"AppSync rejected message m0 of 1: HTTP {status}: {answer[:300]}" in caplog.text
    assert len(caplog.records[0].getMessage()) < 400


def test_no_answer_in_time_ends_the_attempt(appsync, make, inputs, caplog, monkeypatch):
    monkeypatch.setattr(appsync_module, "_READ_TIMEOUT_SECONDS", 0.1)
    appsync.silent = True
    assert make(mutations_per_request=1).publish(inputs(3)) == 0
    assert len(appsync.received) == 1
    assert "AppSync did not accept 3 messages: " in caplog.text
    assert "Read timed out" in caplog.text


def test_a_refused_connection_ends_the_attempt(make, inputs, caplog):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/graphql"
        assert make(url).publish(inputs(2)) == 0
    assert "AppSync did not accept 2 messages: " in caplog.text

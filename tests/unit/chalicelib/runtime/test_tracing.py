"""What X-Ray's daemon hears of a Lambda's calls: real UDP packets, from a real boto3 client and a real request."""

from __future__ import annotations

import contextlib
import json
import socket

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from chalicelib.publisher.traced_session import TracedSession
from chalicelib.runtime.tracing import HEADER, Tracer
from jsonschema import Draft202012Validator

from tests.fakes.publish_endpoint import publish_endpoint

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
SAMPLED = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0"
# What the guide demands of a subsegment that is sent on its own.
SCHEMA = {
    "type": "object",
    "required": ["type", "id", "trace_id", "parent_id", "name", "start_time", "end_time", "namespace"],
    "properties": {
        "type": {"const": "subsegment"},
        "id": {"pattern": "^[0-9a-f]{16}$"},
        "parent_id": {"pattern": "^[0-9a-f]{16}$"},
        "trace_id": {"pattern": "^1-[0-9a-f]{8}-[0-9a-f]{24}$"},
        "name": {"type": "string", "pattern": r"^[\w .:/%&#=+\-@]{1,200}$"},
        "namespace": {"enum": ["aws", "remote"]},
        "start_time": {"type": "number", "minimum": 1.6e9},
        "end_time": {"type": "number", "minimum": 1.6e9},
        "http": {"type": "object"},
        "aws": {"type": "object"},
    },
}


class Daemon:
    """Listens where X-Ray's daemon would."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        host, port = listening.getsockname()
        self.environ = {"AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}", "_X_AMZN_TRACE_ID": SAMPLED}

    def heard(self) -> list[dict]:
        documents = []
        with contextlib.suppress(BlockingIOError):  # what is sent on this machine has arrived when it is sent
            while True:
                header, _, document = self._listening.recv(65_536).decode().partition("\n")
                assert json.loads(header) == {"format": "json", "version": 1}
                documents.append(json.loads(document))
                Draft202012Validator(SCHEMA).validate(documents[-1])
        return documents


@pytest.fixture
def daemon():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield Daemon(listening)


@pytest.fixture
def tracer(daemon):
    return Tracer(environ=daemon.environ)


@pytest.fixture
def traced(dynamodb, tracer):
    """A DynamoDB client whose calls are traced, and the headers of its calls."""
    client = boto3.client("dynamodb")
    tracer.watch(client.meta.events)
    sent = []
    client.meta.events.register("before-send", lambda request, **_: sent.append(request.headers.get(HEADER)))
    return client, sent


def test_a_call_is_a_subsegment_that_the_called_service_hears_of(traced, daemon):
    client, sent = traced
    client.get_item(TableName="AgentProgress", Key={"requestId": {"S": "secret"}})
    [document] = daemon.heard()
    assert (document["trace_id"], document["parent_id"]) == (ROOT, "53995c3f42cd8ad8")
    assert (document["name"], document["namespace"]) == ("dynamodb", "aws")
    assert document["aws"] == {"operation": "GetItem", "region": "us-east-1", "table_name": "AgentProgress"}
    assert document["http"] == {"response": {"status": 200}}
    assert document["start_time"] <= document["end_time"]
    assert not {"error", "fault", "throttle"} & document.keys()
    header = f"Root={ROOT};Parent={document['id']};Sampled=1;Lineage=1:a87bd80c:0".encode()
    assert sent == [header]
    assert "secret" not in json.dumps(document)


def test_a_refused_call_is_an_error_and_one_without_an_answer_a_fault(traced, daemon, tracer):
    client, _ = traced
    with pytest.raises(ClientError):
        client.get_item(TableName="nowhere", Key={"requestId": {"S": "a"}})
    [refused] = daemon.heard()
    assert (refused["http"]["response"]["status"], refused["error"]) == (400, True)

    once = Config(retries={"total_max_attempts": 1})
    gone = boto3.client("sqs", endpoint_url="http://127.0.0.1:9", config=once)
    tracer.watch(gone.meta.events)
    gone.meta.events.register("before-send", fail)
    with pytest.raises(EndpointConnectionError):
        gone.list_queues()
    [failed] = daemon.heard()
    assert failed["fault"] is True
    assert "http" not in failed


def fail(**_):
    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("status", "throttled", "flags"),
    [
        (200, False, set()),
        (404, False, {"error"}),
        (429, False, {"error", "throttle"}),
        (400, True, {"error", "throttle"}),
        (503, False, {"fault"}),
    ],
)
def test_what_a_status_means(tracer, daemon, status, throttled, flags):
    tracer.close(tracer.open("dynamodb", "aws", {}), status=status, throttled=throttled)
    [document] = daemon.heard()
    assert document.keys() & {"error", "fault", "throttle"} == flags


@pytest.mark.parametrize(
    "trace", ["", "nonsense", f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=0", f"Root={ROOT};Sampled=1"]
)
def test_what_is_not_sampled_is_not_told(traced, daemon, trace):
    client, sent = traced
    daemon.environ["_X_AMZN_TRACE_ID"] = trace
    client.list_tables()
    assert daemon.heard() == []
    assert sent == [None]


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:no-port", "256.0.0.1:2000"])
def test_without_a_daemon_the_call_goes_on(traced, daemon, address):
    client, _ = traced
    daemon.environ["AWS_XRAY_DAEMON_ADDRESS"] = address
    assert client.list_tables()["TableNames"] == ["AgentProgress"]


def test_a_request_to_appsync_belongs_to_the_trace(tracer, daemon):
    with publish_endpoint() as appsync, TracedSession(tracer) as session:
        session.post(appsync.url, json={"query": "secret", "variables": {}}, timeout=10)
        [document] = daemon.heard()
        assert (document["name"], document["namespace"]) == ("127.0.0.1", "remote")
        assert document["http"]["request"] == {"method": "POST", "url": appsync.url}
        assert document["http"]["response"]["status"] == 200
        assert appsync.received[0].headers[HEADER.lower()].startswith(f"Root={ROOT};Parent={document['id']};Sampled=1")
        daemon.environ["_X_AMZN_TRACE_ID"] = ""
        session.post(appsync.url, json={"query": "", "variables": {}}, timeout=10)
        assert HEADER.lower() not in appsync.received[1].headers
        daemon.environ["_X_AMZN_TRACE_ID"] = SAMPLED
    with TracedSession(tracer) as session, pytest.raises(requests.ConnectionError):
        session.post(appsync.url, timeout=10)
    [failed] = daemon.heard()
    assert failed["fault"] is True

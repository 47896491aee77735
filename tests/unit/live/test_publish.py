import json
import logging
from uuid import UUID

import pytest

from runcast import limits
from runcast.live import publish
from runcast.live.publish import (
    StatusPublisher,
    bound,
    publish_agent_status,
    publish_orchestrator_status,
    publish_status,
    publish_tool_status,
)
from runcast.record.message import batches, status_update
from runcast.record.model import PUBLIC

RUN, JOB = UUID("6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"), UUID("7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11")


class LambdaClient:
    """Takes invocations as Lambda's client does, or fails."""

    def __init__(self, error: Exception | None = None):
        self.error = error
        self.invocations = []
        self.tried = 0

    def invoke(self, **kwargs):
        self.tried += 1
        if self.error:
            raise self.error
        self.invocations.append(kwargs)
        return {"StatusCode": 202}

    @property
    def messages(self):
        return [message for call in self.invocations for message in json.loads(call["Payload"])["messages"]]


class Recorder:
    """Takes steps as the recorder does."""

    def __init__(self):
        self.steps = []

    def record(self, step, message="", **about):
        self.steps.append((step, message, {name: value for name, value in about.items() if value is not None}))


@pytest.fixture
def client():
    return LambdaClient()


@pytest.fixture
def publisher(client):
    return StatusPublisher(lambda: client, "runcast-status-publisher")


def test_messages_are_handed_over_asynchronously(client, publisher):
    assert publisher.send([{"n": n} for n in range(50)]) == 50
    assert [len(json.loads(call["Payload"])["messages"]) for call in client.invocations] == [50]
    assert {(call["FunctionName"], call["InvocationType"]) for call in client.invocations} == {
        ("runcast-status-publisher", "Event")
    }


@pytest.mark.parametrize("letter", ["x", "é", "中", "😀", '"', "\u0001"])
def test_what_is_sent_is_within_the_limit_in_any_script(client, publisher, letter):
    room = limits.METADATA_MAX_BYTES - 20
    letters = room // (len(json.dumps(letter, ensure_ascii=False).encode()) - 2)
    update = status_update(PUBLIC, "thinking", letter * 1_000, timestamp_ms=1, metadata={"text": letter * letters})
    assert update["metadata"] == {"text": letter * letters}
    assert sum(publisher.send(batch) for batch in batches([update] * 60)) == 60
    sent = [len(call["Payload"]) for call in client.invocations]
    assert max(sent) <= limits.BATCH_MAX_BYTES + len(b'{"messages":}')
    assert min(sent[:-1]) > limits.BATCH_MAX_BYTES - 16 * 1024


def test_what_cannot_be_handed_over_is_counted_not_raised(caplog):
    publisher = StatusPublisher(lambda: LambdaClient(ConnectionError("refused")), "f")
    assert publisher.send([{"n": 1}]) == 0
    assert "1 status messages were not handed over: refused" in caplog.text


def test_outside_a_run_a_status_goes_live_only_without_a_number(client, publisher):
    publish_status(
        "alice", "thinking", "Thinking", tenant_id="acme", request_id="r1", publisher=publisher, now_ms=lambda: 5
    )
    assert client.messages == [
        {
            "userId": "alice", "tenantId": "acme", "jobId": None, "requestId": "r1", "agentName": None,
            "toolName": None, "status": "thinking", "message": "Thinking", "timestamp": 5, "metadata": None,
            "seq": None, "schemaVersion": 1,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("user_id", "tenant_id", "owner"),
    [("alice", None, ("alice", "alice")), (None, None, ("public", "public")), ("alice", "acme", ("acme", "alice"))],
)
def test_whose_a_message_is(client, publisher, user_id, tenant_id, owner):
    publish_status(user_id, "thinking", "", tenant_id=tenant_id, publisher=publisher)
    assert (client.messages[0]["tenantId"], client.messages[0]["userId"]) == owner


@pytest.mark.parametrize(
    "about", [{"tenant_id": "acme"}, {"tenant_id": "a#b"}, {"request_id": ""}, {"job_id": "a#b"}, {"job_id": "\ud800"}]
)
def test_a_status_that_names_nobody_or_no_run_is_logged_and_not_sent(client, publisher, caplog, about):
    publish_status(None, "thinking", "", publisher=publisher, **about)
    assert client.messages == []
    assert "status thinking was not published: " in caplog.text


def test_an_id_has_one_spelling_live_too(client, publisher):
    publish_status("alice", "thinking", "", request_id=str(RUN).upper(), job_id=str(JOB).upper(), publisher=publisher)
    assert [(m["requestId"], m["jobId"]) for m in client.messages] == [(str(RUN), str(JOB))]


def test_each_kind_of_status(client, publisher):
    publish_agent_status("alice", "terrain", "agent_complete", "Done", publisher=publisher)
    publish_tool_status("alice", "terrain", "slope", "the grid is steep", publisher=publisher)
    publish_orchestrator_status("alice", "j1", "validating", "Checking", publisher=publisher)
    assert [(m["status"], m["message"], m["agentName"], m["jobId"], m["toolName"]) for m in client.messages] == [
        ("agent_complete", "Done", "terrain", None, None),
        ("calling_tool", "Calling slope: the grid is steep", "terrain", None, "slope"),
        ("validating", "Checking", None, "j1", None),
    ]


def test_a_status_that_does_not_exist_is_not_sent(client, publisher, caplog):
    publish_agent_status("alice", "terrain", "agent_completed", publisher=publisher)
    publish_orchestrator_status("alice", "j1", "agent_complete", publisher=publisher)
    assert client.messages == []
    assert "status 'agent_completed' was not published: it must be one of agent_invoking, " in caplog.text


def test_inside_a_run_a_status_is_recorded_first_and_not_sent_a_second_time(client, publisher):
    recorder = Recorder()
    with bound(recorder):
        publish_tool_status("mallory", "scout", "slope", publisher=publisher)
        publish_status("mallory", "thinking", "Thinking", publisher=publisher)
    publish_status("alice", "thinking", "after", publisher=publisher)
    assert recorder.steps == [
        (
            "executing",
            "Calling slope",
            {"agent_name": "scout", "tool_name": "slope", "status": "calling_tool"},
        ),
        ("thinking", "Thinking", {}),
    ]
    assert [message["message"] for message in client.messages] == ["after"]


@pytest.mark.parametrize("status", ["agent_complete", "agent_error", "complete", "error", "cancelled", "waiting"])
def test_inside_a_run_its_end_is_not_for_others_to_say(client, publisher, status):
    recorder = Recorder()
    with bound(recorder):
        publish_status("alice", status, "Done", publisher=publisher)
    assert (recorder.steps, client.messages) == ([], [])


def test_nothing_is_ever_raised(monkeypatch, caplog):
    class Broken:
        def send(self, messages):
            raise MemoryError

    publish_status("alice", "thinking", "", publisher=Broken())
    monkeypatch.delenv("STATUS_PUBLISHER_FUNCTION", raising=False)
    publish._publisher_of_environment.cache_clear()
    with caplog.at_level(logging.WARNING):
        publish_status("alice", "thinking", "")
    assert "Set these environment variables: STATUS_PUBLISHER_FUNCTION." in caplog.text

"""Announcing a run's end: who does it, the event's content, and that a failure is harmless."""

from __future__ import annotations

import json
from dataclasses import replace

import boto3
import pytest
from botocore.stub import Stubber
from chalicelib.runtime.announce import Announcer

from runcast.json_text import metadata_json
from runcast.record.cancel import cancel
from runcast.record.close import CloseResult, close_dead
from runcast.record.model import EndReason, Owner, RunEnded, RunStatus

ENDED = RunEnded("run-1", "job-1", "terrain", Owner("acme", "ana"), RunStatus.ERROR, EndReason.TIMED_OUT, 12.5, 7)
DETAIL = {
    "requestId": "run-1", "jobId": "job-1", "agent": "terrain", "userId": "ana", "tenantId": "acme",
    "status": "error", "reason": "timed_out", "elapsed": 12.5, "steps": 7,
}  # fmt: skip


class Bus:
    """An EventBridge client that keeps what it is given."""

    def __init__(self, failed=0):
        self.entries = []
        self._failed = failed

    def put_events(self, **request):
        self.entries += request["Entries"]
        return {"FailedEntryCount": self._failed, "Entries": [{"ErrorCode": "ThrottlingException"}]}


def test_the_event_says_what_the_run_came_to():
    bus = Bus()
    Announcer(pytest.fail, lambda: bus).put_event(ENDED)
    [entry] = bus.entries
    assert (entry["Source"], entry["DetailType"], json.loads(entry["Detail"])) == ("runcast", "run.ended", DETAIL)
    assert set(entry) == {"Source", "DetailType", "Detail"}


def test_a_run_that_waits_is_an_event_with_its_questions():
    bus, question = Bus(), {"id": "i1", "name": "approve", "reason": "中 €"}
    waiting = replace(ENDED, status=RunStatus.WAITING, reason=None, questions=[question])
    Announcer(pytest.fail, lambda: bus).put_event(waiting)
    [entry] = bus.entries
    detail = {name: value for name, value in DETAIL.items() if name not in ("status", "reason")}
    assert (entry["Source"], entry["DetailType"]) == ("runcast", "run.waiting")
    assert json.loads(entry["Detail"]) == detail | {"questions": [question]}


def test_an_event_with_the_longest_questions_fits_the_bus():
    # Two of its three limits are about bytes, and text of any script counts as UTF-8.
    bus = Bus()
    texts = [{"id": str(number), "name": "n" * 200, "reason": "\x01😀中" * 300} for number in range(40)]
    recorded = json.loads(metadata_json({"interrupts": texts}, questions=True))["interrupts"]
    Announcer(pytest.fail, lambda: bus).put_event(replace(ENDED, status=RunStatus.WAITING, questions=recorded))
    assert len(bus.entries[0]["Detail"].encode()) < 80 * 1024


def test_an_end_is_told_by_who_wrote_it_only(store, clock):
    published, bus = [], Bus()
    announcer = Announcer(lambda messages: published.append(messages) or len(messages), lambda: bus)
    run = store.create("run-1", owner=Owner("acme", "ana"), agent="terrain")
    clock.now_ms += 2_000
    result = close_dead(store, "run-1", invocation="invocation-1", now_ms=clock)
    announcer.announce(result)
    announcer.announce(close_dead(store, "run-1", invocation="invocation-1", now_ms=clock))
    announcer.announce(CloseResult(run))
    assert published == [[result.update]]
    [entry] = bus.entries
    detail = json.loads(entry["Detail"])
    assert detail == DETAIL | {"jobId": None, "reason": "never_claimed", "elapsed": 2.0, "steps": 1}


def test_a_cancel_request_goes_live_once_and_is_no_end(store, clock):
    published, bus, owner = [], Bus(), Owner("acme", "ana")
    announcer = Announcer(lambda messages: published.extend(messages) or len(messages), lambda: bus)
    store.claim("run-1", worker="w1", owner=owner, agent="terrain", job_id=None, lease_until_ms=clock() + 15_000)
    for _ in range(2):
        announcer.announce(cancel(store, owner, "run-1", now_ms=clock))
    [message] = published
    assert (message["status"], message["seq"], message["requestId"]) == ("cancelling", None, "run-1")
    assert (message["agentName"], message["timestamp"], bus.entries) == ("terrain", clock(), [])


def test_a_bus_that_refuses_is_a_warning(caplog):
    Announcer(pytest.fail, lambda: Bus(failed=1)).put_event(ENDED)
    assert "EventBridge refused the event run.ended of run run-1" in caplog.text


@pytest.mark.parametrize("error", ["AccessDeniedException", "InternalException"])
def test_a_bus_that_fails_is_a_warning(caplog, error):
    client = boto3.client("events", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_events", error)
        Announcer(pytest.fail, lambda: client).put_event(ENDED)
    assert "the event run.ended of run run-1 was not sent" in caplog.text
    assert error in caplog.text


def test_a_client_that_cannot_be_created_is_a_warning(caplog):
    def create() -> Bus:
        raise ValueError("Invalid endpoint: bus")

    Announcer(pytest.fail, create).put_event(ENDED)
    assert "the event run.ended of run run-1 was not sent: Invalid endpoint: bus" in caplog.text

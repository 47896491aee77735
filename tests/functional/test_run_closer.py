"""The handler of `run_closer`: it ends an abandoned run once, and announces the end live and as an event."""

from __future__ import annotations

import json

import boto3
import pytest
from app import run_closer
from chalicelib.lifecycle.closer import EXECUTION_ENDED
from chalicelib.runtime import clients, logs

from runcast import limits
from runcast.clock import epoch_ms
from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End, RunStore
from tests.fakes.lambda_process import Context

ANA = Owner("acme", "ana")
WORKER = "e4b46cbf-b738-xmpl-8880-a18cdf61200e/abc"
ID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def ended(lambdas):
    """The details of the events that were put."""
    details = []

    def put(params, **_):
        details.extend(json.loads(entry["Detail"]) for entry in params["Entries"])

    clients.events().meta.events.register("provide-client-params.eventbridge.PutEvents", put)
    return details


def close(event):
    """Call the door with time enough: Chalice's own client gives three seconds."""
    return run_closer(event, Context())


def waiting_since(minutes):
    """Put a run that has waited for an answer since then."""
    began_ms = epoch_ms() - minutes * 60_000
    store = RunStore(boto3.client("dynamodb"), "AgentProgress", now_ms=lambda: began_ms)
    request_id = f"waiting-{minutes}"
    store.claim(request_id, worker=WORKER, owner=ANA, agent="survey", job_id=None, lease_until_ms=began_ms)
    answered_until_ms = began_ms + limits.RETENTION_SECONDS * 1000 - limits.EXPIRY_MARGIN_MS
    store.append(
        request_id,
        worker=WORKER,
        expected_seq=0,
        lease_until_ms=answered_until_ms,
        steps=[Step("waiting", "Which site?", 0.0, began_ms, 1)],
        end=End(RunStatus.WAITING),
    )
    return request_id


def test_a_sweep_ends_the_run_that_nobody_answered_and_leaves_the_one_that_may_be(lambdas, subscribe, store, ended):
    subscribe()
    unanswered, open_yet = waiting_since(24 * 60 - 14), waiting_since(24 * 60 - 16)
    assert close({"sweep": True}) is None

    run = store.read(unanswered)
    assert (run.status, run.seq, run.error) == (
        RunStatus.ERROR, 2, "The run waited for an answer, and nobody gave one in time."
    )  # fmt: skip
    assert store.read(open_yet).status is RunStatus.WAITING
    [report] = lambdas.run_queue()
    assert report == {"published": 1, "notPublished": {}}
    [message] = lambdas.appsync.received[0].json["variables"].values()
    assert (message["requestId"], message["seq"], message["status"]) == (unanswered, 2, "agent_error")
    [detail] = ended
    assert (detail["requestId"], detail["status"], detail["steps"]) == (unanswered, "error", 2)

    close({"sweep": True})
    assert (store.read(unanswered), lambdas.queued, ended) == (run, [], [detail])


def test_the_record_of_a_failed_invocation_ends_its_run_once(lambdas, store, ended, event):
    store.claim(
        ID, worker=WORKER, owner=ANA, agent="survey", job_id=None, lease_until_ms=epoch_ms() + limits.LEASE_MS
    )  # fmt: skip
    for _ in range(2):
        assert close(event("runCloser")["timedOut"]) is None
    run = store.read(ID)
    assert (run.status, run.seq) == (RunStatus.ERROR, 1)
    assert len(lambdas.queued) == 1
    assert [detail["status"] for detail in ended] == ["error"]


def test_anything_else_ends_nothing(lambdas, store, ended):
    waiting = waiting_since(24 * 60 - 14)
    for event in ({"sweep": False}, {}, None, "sweep"):
        assert close(event) is None
    assert store.read(waiting).status is RunStatus.WAITING
    assert (lambdas.queued, ended) == ([], [])


@pytest.mark.parametrize(
    "event",
    [
        {"changedRun": {"requestId": ID, "userId": "ana", "tenantId": "acme"}},
        {"detail-type": EXECUTION_ENDED, "detail": {"name": ID, "status": "ABORTED"}},
    ],
    ids=["changed run", "ended execution"],
)
def test_the_log_lines_of_an_event_about_one_run_name_its_owner(lambdas, store, monkeypatch, event):
    named = []
    monkeypatch.setattr(logs, "about_owner", named.append)
    store.create(ID, owner=ANA, agent="orchestrator", job_id=ID, playbook="surveys")
    close(event)
    assert named == [ANA]

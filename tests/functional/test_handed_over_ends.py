"""An end that its worker could not store: handed to the Lambda `run_closer`, and written by it."""

from __future__ import annotations

import boto3
from botocore.stub import Stubber
from chalicelib.lifecycle.closer import close_runs

from runcast.json_text import json_text
from runcast.record.assignment import Assignment, QueuedStep
from runcast.record.handed_over import HandedOverEnd
from runcast.record.handover import EndHandover
from runcast.record.model import Owner, RunStatus
from runcast.record.store import End
from tests.fakes.lambda_process import Context

ANA = Owner("acme", "ana")


def handed_over(now_ms):
    end = End(RunStatus.COMPLETE, '"flat"')
    step = QueuedStep("complete", "Done", now_ms, status="agent_complete", end=end)
    return HandedOverEnd(Assignment("run-1", ANA, "terrain", None, "invocation/1", now_ms), step, 0).to_event()


def test_the_closer_writes_an_end_that_is_handed_over_once(store):
    now_ms = store.now_ms()
    about = {"owner": ANA, "agent": "terrain", "job_id": None}
    store.claim("run-1", worker="invocation/1", lease_until_ms=now_ms + 15_000, **about)
    for _ in range(2):
        close_runs(handed_over(now_ms), Context())
    run = store.read("run-1")
    assert (run.status, run.result, [step.step for step in run.steps]) == (RunStatus.COMPLETE, "flat", ["complete"])


def test_an_end_is_handed_over_by_an_asynchronous_invocation():
    client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    event = handed_over(1_700_000_000_000)
    asked = {"FunctionName": "runcast-run-closer", "InvocationType": "Event", "Payload": json_text(event).encode()}
    with Stubber(client) as stubber:
        stubber.add_response("invoke", {"StatusCode": 202}, asked)
        stubber.add_client_error("invoke", "TooManyRequestsException")
        sent = [EndHandover(lambda: client, "runcast-run-closer").send(event) for _ in range(2)]
        stubber.assert_no_pending_responses()
    assert sent == [True, False]

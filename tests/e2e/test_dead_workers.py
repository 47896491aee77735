"""Runs whose worker dies or freezes, and the event of a run's end."""

import os
import signal

import pytest

from runcast.record.cancel import cancel
from runcast.record.model import Owner
from runcast.record.store import RunStore
from tests.e2e.conftest import AGENT, events_of, workers
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def ended(stack):
    """The events of ended runs."""
    with events_of(stack, "run.ended") as of:
        yield of


@pytest.mark.parametrize(
    ("query", "status"), [("How steep is it?", "complete"), ("[model:error 500] How steep is it?", "error")]
)
def test_an_end_is_one_event(alice, ended, query, status):
    request_id = alice.start(query)
    record = alice.read_to_its_end(request_id)
    [detail] = wait_until(lambda: ended(request_id))
    assert (detail["status"], detail["steps"], detail["agent"]) == (
        status,
        record["nextSeq"] or record["steps"][-1]["seq"],
        AGENT,
    )
    assert (detail["userId"], detail["tenantId"], detail["jobId"]) == (alice.user.user_id, "acme", None)


def test_a_cancelled_run_stops_while_its_model_thinks_and_is_one_event(alice, stack, ended):
    request_id = alice.start("[model:slow 20] How steep is it?")
    wait_until(lambda: any(step["step"] == "thinking" for step in alice.read(request_id)["steps"]))
    store = RunStore(stack.client("dynamodb"), "AgentProgress")
    cancel(store, Owner("acme", alice.user.user_id), request_id)
    assert alice.read(request_id)["liveness"] == "cancelling"
    assert alice.read_to_its_end(request_id)["status"] == "cancelled"
    assert [detail["status"] for detail in wait_until(lambda: ended(request_id))] == ["cancelled"]


@pytest.mark.parametrize("steps", [1, 4])
def test_a_run_whose_worker_is_killed_is_ended_once_and_not_run_again(alice, stack, ended, steps):
    request_id = alice.start("[model:slow 2] How steep is it?")
    wait_until(lambda: len(alice.read(request_id)["steps"]) >= steps)
    for pid in workers(stack, "runcast-agent"):
        os.kill(pid, signal.SIGKILL)
    record = alice.read_to_its_end(request_id)
    assert record["status"] == "error"
    assert record["error"].startswith("The worker stopped before the run had ended")
    assert [step["step"] for step in record["steps"]].count("error") == 1
    assert [detail["status"] for detail in wait_until(lambda: ended(request_id))] == ["error"]
    assert alice.read(request_id)["steps"] == record["steps"]


@pytest.mark.long
def test_a_frozen_worker_reads_lost_and_goes_on_when_it_thaws(alice, stack):
    request_id = alice.start("[model:slow 1] How steep is it?")
    wait_until(lambda: len(alice.read(request_id)["steps"]) >= 2)
    frozen = workers(stack, "runcast-agent")
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: alice.read(request_id)["liveness"] == "lost")
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    record = alice.read_to_its_end(request_id)
    assert (record["status"], record["steps"][-1]["step"]) == ("complete", "complete")
    assert [step["seq"] for step in record["steps"]] == list(range(1, len(record["steps"]) + 1))

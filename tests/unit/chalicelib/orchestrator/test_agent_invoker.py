"""One agent of a job: the run's record decides, not the function's answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from chalicelib.orchestrator.errors import AgentFailed, AgentTimedOut, JobTimedOut

from runcast import limits
from runcast.errors import Unavailable
from runcast.record.cancel import cancel
from runcast.record.model import EndReason, RunStatus, Step
from runcast.record.store import End
from tests.unit.chalicelib.orchestrator.agent_functions import claim, work
from tests.unit.chalicelib.orchestrator.conftest import ANA, fact, output
from tests.unit.chalicelib.orchestrator.one_agent import claimed_by, end, fails, invoke, result
from tests.unit.record.test_close import reasons_and_messages

GOOD = output(slope=fact(2))
CANCELED = {
    "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
    "CancellationReasons": [{"Code": "TransactionConflict", "Message": "ongoing"}, {"Code": "None"}],
}


def patched(job, error):
    """Let the function's invocation raise an error, independent of what the function did."""

    def invoke(**request):
        type(job.agents).invoke(job.agents, **request)
        raise error

    job.agents.invoke = invoke


def done(clock):
    return lambda store, event: work(store, clock, event, GOOD)


def test_it_is_asked_what_the_playbook_says_and_hands_on_a_reference(job, store):
    job = job(GOOD)
    assert invoke(job) == result(job)
    [event] = job.agents.events
    assert event == {
        "agent": "survey",
        "query": "East of north: Is it flat?",
        "parameters": {"side": 1, "region": "north", "inputs": {}},
        "requestId": job.job.request_ids("east")[0],
        "userId": "ana",
        "tenantId": "acme",
        "jobId": job.job.job_id,
        "createdAt": store.read(job.job.request_ids("east")[0]).created_at_ms,
        "awaited": False,
    }


def test_it_gets_the_results_that_it_reads_and_no_others(machine):
    job = machine()
    job.run()
    inputs = job.agents.events[-1]["parameters"]["inputs"]
    assert inputs == {"east": output(slope=fact(2, "degrees")), "west": output(slope=fact(2, "degrees"))}


def test_values_that_are_no_text_go_into_the_query_as_json(job):
    job = job(GOOD, parameters={"region": [1, True, None]})
    invoke(job)
    assert job.agents.events[0]["query"] == "East of [1, true, null]: Is it flat?"


def test_a_complaint_stands_in_the_query_and_in_the_parameters(job):
    job = job(GOOD)
    invoke(job, {"name": "east", "attempt": 2, "complaint": "east: the fact slope is missing"})
    [event] = job.agents.events
    assert event["requestId"] == job.job.request_ids("east")[1]
    assert event["query"].endswith("\n\nYour last answer was not accepted: east: the fact slope is missing")
    assert event["parameters"]["complaint"] == "east: the fact slope is missing"


def test_a_run_that_is_complete_is_not_run_again(job):
    job = job(GOOD)
    assert invoke(job) == invoke(job)
    assert len(job.agents.events) == 1


def test_an_agent_that_raises_has_failed_for_good(job):
    job = job(ValueError("no such region"))
    assert fails(AgentFailed, job) == "east: ValueError: no such region"
    assert fails(AgentFailed, job) == "east: ValueError: no such region"
    assert len(job.agents.events) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"query": "x" * 9_999}, "east: query must be text of 1 to 10,000 characters."),
        ({"parameters": {"region": "n", "more": "x" * 65_536}}, "east: parameters must be at most 64 KB as JSON."),
    ],
)
def test_what_is_over_a_limit_is_told_and_never_handed_over(job, given, message):
    job = job(GOOD, **given)
    assert fails(AgentFailed, job) == fails(AgentFailed, job) == message
    assert job.agents.events == []
    assert [message["status"] for message in job.live] == ["agent_error"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_a_function_that_may_not_be_invoked_has_failed(job, code):
    job = job(lambda store, event: None)
    patched(job, ClientError({"Error": {"Code": code, "Message": "no"}}, "Invoke"))
    assert fails(AgentFailed, job) == f"east: The agent's function could not be invoked ({code})."
    assert job.run_of("east").status is RunStatus.ERROR


def test_a_function_that_has_no_room_is_asked_again(job):
    job = job(lambda store, event: None, GOOD)
    patched(job, ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "no"}}, "Invoke"))
    assert fails(Unavailable, job) == "east: its function is not available now (TooManyRequestsException). Try again."
    del job.agents.invoke
    assert invoke(job) == result(job)


def test_an_answer_that_is_lost_changes_nothing(job, clock):
    job = job(done(clock))
    patched(job, ConnectionClosedError(endpoint_url="https://lambda"))
    assert fails(Unavailable, job) == "east: its function did not answer. Try again."
    assert invoke(job) == result(job)
    assert len(job.agents.events) == 1


def test_a_task_waits_for_a_run_with_the_newest_token_until_it_has_ended(job, clock, store):
    job = job(claimed_by("another/1", clock))
    for token in ("token-1", "token-2"):
        assert invoke(job) is None
        assert job.run_of("east").task_token == token
    end(job, store, clock, End(RunStatus.COMPLETE, '"flat"'))
    job.report(job.run_of("east"))
    assert job.tasks.results == {"token-2": {"requestId": job.job.request_ids("east")[0]}}
    assert invoke(job) == result(job)
    assert len(job.agents.events) == 1


def test_an_end_between_two_looks_is_reported_with_the_next_token(job, clock, store, monkeypatch):
    job = job(claimed_by("another/1", clock))
    assert invoke(job) is None
    store_token = store.await_in_job

    def ends_before(run, token):
        end(job, store, clock, End(RunStatus.COMPLETE, '"flat"'))
        return store_token(run, token)

    monkeypatch.setattr(store, "await_in_job", ends_before)
    assert invoke(job) == result(job)
    assert job.run_of("east").task_token == "token-1"


def test_the_token_is_in_no_repr(job, clock):
    job = job(claimed_by("another/1", clock))
    invoke(job)
    assert "token-1" not in repr(job.run_of("east"))


def test_a_run_that_was_not_handed_over_is_handed_over_again(job, clock):
    job = job(lambda store, event: None, GOOD)
    assert invoke(job) is None
    assert invoke(job) == result(job)


def test_a_run_whose_worker_is_lost_is_ended_and_done_by_the_next_attempt(job, clock):
    job = job(claimed_by("another/1", clock), GOOD)
    assert invoke(job) is None
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert invoke(job) == result(job, 2)
    assert [(message["status"], message["requestId"]) for message in job.live] == [
        ("agent_error", job.job.request_ids("east")[0])
    ]


@pytest.mark.parametrize(("reason", "message"), reasons_and_messages([*EndReason, None, "some_future_reason"]))
def test_the_reason_of_an_end_decides_and_its_message_does_not(job, clock, reason, message):
    def ends(store, event):
        claim(store, clock, event)
        about = {"worker": "invocation-1/abc", "expected_seq": 0, "lease_until_ms": clock() + 15_000}
        end = End(RunStatus.ERROR, error=message, reason=reason)
        store.append(event["requestId"], steps=[Step("error", message, 0.0, clock(), 1)], end=end, **about)

    job = job(ends, GOOD)
    if reason in ("never_claimed", "worker_died"):
        assert invoke(job) == result(job, 2)
    else:
        assert fails(AgentFailed, job) == f"east: {message}"


def test_three_dead_workers_are_enough(job, clock):
    job = job(*[lambda store, event: None] * 3)
    for _ in range(3):
        assert invoke(job) is None
        clock.now_ms += limits.QUEUED_LEASE_MS + limits.CLOSE_GRACE_MS + 1
    for _ in range(2):
        assert fails(AgentFailed, job) == (
            "east: its worker died in every attempt. The last time: The run was not started: no worker took it."
        )
    assert len(job.agents.events) == 3


@pytest.mark.parametrize("claimed", [True, False])
def test_a_time_out_cancels_the_run(job, clock, store, claimed):
    job = job(claimed_by("another/1", clock) if claimed else lambda store, event: None, timeout_seconds=60)
    assert invoke(job) is None
    clock.now_ms += 10_000
    if claimed:
        store.append(
            job.job.request_ids("east")[0], worker="another/1", expected_seq=0, lease_until_ms=clock() + 100_000
        )
    clock.now_ms += 50_000
    for _ in range(2):
        assert fails(AgentTimedOut, job) == "east: it took longer than 60 seconds."
    run = job.run_of("east")
    assert run.status is (RunStatus.IN_PROGRESS if claimed else RunStatus.CANCELLED)
    assert run.cancel_requested_at_ms == (clock.now_ms if claimed else None)
    assert [message["status"] for message in job.live] == ["cancelling" if claimed else "cancelled"]


def test_a_look_that_comes_a_moment_before_the_time_is_up_waits_for_it(job, clock, store):
    job = job(claimed_by("another/1", clock), timeout_seconds=10)
    assert invoke(job) is None
    clock.now_ms += 7_000
    assert fails(AgentTimedOut, job) == "east: it took longer than 10 seconds."
    assert job.slept == [3.0]
    assert job.run_of("east").cancel_requested_at_ms == clock.now_ms


@pytest.mark.parametrize("begun", [True, False])
def test_the_time_of_the_job_is_the_time_of_its_agents(job, clock, begun):
    job = job(lambda store, event: None)
    job.timeout_seconds = 60
    if begun:
        assert invoke(job) is None
    clock.now_ms += 60_000
    for _ in range(2):
        assert fails(JobTimedOut, job) == "The job took longer than 1 minutes."
    assert (job.run_of("east") or job.own).status is (RunStatus.CANCELLED if begun else RunStatus.IN_PROGRESS)


def test_a_run_that_its_user_cancels_fails_the_agent(job, clock):
    def cancelled(store, event):
        cancel(store, ANA, event["requestId"], now_ms=clock)

    job = job(cancelled)
    for _ in range(2):
        assert fails(AgentFailed, job) == "east: its run was cancelled."


def test_what_it_reads_must_be_there(job):
    job = job(GOOD)
    assert fails(AgentFailed, job, {"name": "report", "attempt": 1}) == "east: it has no result."


@pytest.mark.parametrize("conflicts", [1, 7])
def test_a_run_is_created_although_transactions_conflict(job, monkeypatch, conflicts):
    job = job(GOOD)
    conflicting(job, monkeypatch, conflicts)
    assert invoke(job) == result(job)
    assert len(job.slept) == conflicts


def test_transactions_that_keep_conflicting_end_in_another_try_of_the_state(job, monkeypatch):
    job = job(GOOD)
    conflicting(job, monkeypatch, 100)
    assert fails(Unavailable, job).startswith("east: its record could not be created")
    assert (job.run_of("east"), job.agents.events) == (None, [])


def conflicting(job, monkeypatch, conflicts):
    """Let DynamoDB cancel so many of the job's transactions, as it does if another is at one of their items."""
    client = job.store._table._client
    transact = client.transact_write_items
    canceled = [ClientError(CANCELED, "TransactWriteItems")] * conflicts  # type: ignore[arg-type]

    def transact_write_items(**request):
        if canceled:
            raise canceled.pop()
        return transact(**request)

    monkeypatch.setattr(client, "transact_write_items", transact_write_items)

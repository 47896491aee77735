"""One agent of a job: the run's record decides, not the function's answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from chalicelib.orchestrator.errors import AgentFailed, AgentTimedOut, RunStillLive, WorkerDied

from runcast import limits
from runcast.errors import Unavailable
from runcast.record import close as closing
from runcast.record.cancel import cancel
from runcast.record.model import EndReason, RunStatus, Step
from runcast.record.store import End
from tests.unit.chalicelib.orchestrator.conftest import ANA, answered, claim, fact, output, work

TIMEOUT = ReadTimeoutError(endpoint_url="https://lambda")
KILLED = {"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"}
EAST = {"name": "east", "attempt": 1}
GOOD = output(slope=fact(2))
CANCELED = {
    "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
    "CancellationReasons": [{"Code": "TransactionConflict", "Message": "ongoing"}, {"Code": "None"}],
}


@pytest.fixture
def job(machine, clock):
    """A job whose agent `east` does as told, and the playbook that it has loaded."""

    def make(*does, timeout_seconds=None, **given):
        job = machine({"east": does}, **given)
        job.playbook = job.load()["playbook"]
        if timeout_seconds:
            job.playbook["stages"][0]["agents"][0]["timeoutSeconds"] = timeout_seconds
        job.live.clear()
        return job

    return make


def invoke(job, agent=EAST, **about):
    return job.invoke(job.playbook, agent, **about)


def fails(error_class, job, agent=EAST):
    with pytest.raises(error_class) as failed:
        invoke(job, agent)
    return str(failed.value)


def patched(job, answer):
    """Let the function's invocation give `answer`, independent of what the function did."""

    def invoke(**request):
        type(job.agents).invoke(job.agents, **request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    job.agents.invoke = invoke


def done(clock):
    return lambda store, event: work(store, clock, event, GOOD)


def test_it_is_asked_what_the_playbook_says_and_hands_on_a_reference(job):
    job = job(GOOD)
    assert invoke(job) == {"name": "east", "attempt": 1, "requestId": job.job.request_ids("east")[0]}
    [event] = job.agents.events
    assert event == {
        "agent": "survey",
        "query": "East of north: Is it flat?",
        "parameters": {"side": 1, "region": "north", "inputs": {}},
        "requestId": job.job.request_ids("east")[0],
        "userId": "ana",
        "tenantId": "acme",
        "jobId": job.job.job_id,
    }
    assert job.agents.waited == [840]


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


def test_a_function_that_refuses_the_run_has_failed(job):
    job = job(
        lambda store, event: {"statusCode": 400, "body": '{"success": false, "error": "agent must be one of: x."}'}
    )
    assert fails(AgentFailed, job) == "east: agent must be one of: x."
    assert job.live[-1]["status"] == "agent_error"


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
    assert invoke(job)["attempt"] == 1


@pytest.mark.parametrize("lost", [TIMEOUT, ConnectionClosedError(endpoint_url="https://lambda")])
def test_an_answer_that_is_lost_changes_nothing(job, clock, lost):
    job = job(done(clock))
    patched(job, lost)
    assert invoke(job)["attempt"] == 1


def test_a_conflict_is_resolved_by_the_record(job, clock):
    conflict = {"statusCode": 409, "body": "{}"}

    def another_did_it(store, event):
        work(store, clock, event, GOOD, worker="another/1")
        return conflict

    job = job(another_did_it)
    assert invoke(job)["attempt"] == 1


def claimed_by(worker, clock, answer):
    def does(store, event):
        claim(store, clock, event, worker)
        return answer

    return does


def test_a_run_that_another_works_on_is_looked_after_until_it_has_ended(job, clock, store):
    job = job(claimed_by("another/1", clock, {"statusCode": 409, "body": "{}"}))
    request_id = job.job.request_ids("east")[0]
    for _ in range(2):
        assert fails(RunStillLive, job) == f"east: its run {request_id} is still in progress."
    step = Step("complete", "done", 0.0, clock(), 1)
    end = End(RunStatus.COMPLETE, '"flat"')
    store.append(request_id, worker="another/1", expected_seq=0, lease_until_ms=0, steps=[step], end=end)
    assert invoke(job)["requestId"] == request_id
    assert len(job.agents.events) == 1


def test_a_run_whose_worker_is_lost_is_ended_and_done_by_the_next_attempt(job, clock):
    job = job(claimed_by("another/1", clock, {"statusCode": 409, "body": "{}"}), GOOD)
    fails(RunStillLive, job)
    clock.now_ms += limits.LEASE_MS + limits.CLOSE_GRACE_MS + 1
    assert fails(WorkerDied, job).startswith("east: The worker stopped before the run had ended")
    assert [(message["status"], message["requestId"]) for message in job.live] == [
        ("agent_error", job.job.request_ids("east")[0])
    ]
    assert invoke(job)["attempt"] == 2
    assert job.live[-1]["status"] == "agent_error"
    assert len(job.live) == 1


@pytest.mark.parametrize("claimed", [True, False])
def test_a_worker_that_is_killed_is_known_dead_at_once(job, clock, claimed):
    job = job(claimed_by("invocation-1/abc", clock, None) if claimed else lambda store, event: None, GOOD)
    patched(job, answered(KILLED, FunctionError="Unhandled"))
    assert fails(WorkerDied, job).endswith("Runtime.ExitError: signal: killed")
    del job.agents.invoke
    assert invoke(job)["attempt"] == 2
    assert [message["status"] for message in job.live] == ["agent_error"]


def test_a_killed_invocation_says_nothing_of_another_worker(job, clock):
    job = job(claimed_by("another/1", clock, None))
    patched(job, answered(KILLED, FunctionError="Unhandled"))
    fails(RunStillLive, job)
    assert (job.run_of("east").status, job.live) == (RunStatus.IN_PROGRESS, [])


def test_a_run_that_the_killed_worker_had_ended_is_that(job, clock):
    job = job(done(clock))
    patched(job, answered(KILLED, FunctionError="Unhandled"))
    assert invoke(job)["attempt"] == 1


def test_an_answer_that_is_nested_too_deep_to_be_read_is_none(job):
    job = job(lambda store, event: {"statusCode": 400, "body": "[" * 5_000})
    assert fails(AgentFailed, job) == "east: The agent's function refused the run."


def test_a_function_that_answers_without_a_record_is_a_dead_worker(job, clock):
    job = job(lambda store, event: None)
    assert fails(WorkerDied, job) == (
        "east: The run was not started: no worker took it. Its function answered, but the run's end is not recorded."
    )


@pytest.mark.parametrize("message", ["It ended.", *closing._ERRORS.values()])
@pytest.mark.parametrize("reason", [*EndReason, None, "some_future_reason"])
def test_the_reason_of_an_end_decides_and_its_message_does_not(job, clock, reason, message):
    def ends(store, event):
        claim(store, clock, event)
        about = {"worker": "invocation-1/abc", "expected_seq": 0, "lease_until_ms": clock() + 15_000}
        end = End(RunStatus.ERROR, error=message, reason=reason)
        store.append(event["requestId"], steps=[Step("error", message, 0.0, clock(), 1)], end=end, **about)

    died = reason in ("never_claimed", "worker_died")
    assert fails(WorkerDied if died else AgentFailed, job(ends, GOOD)) == f"east: {message}"


def test_three_dead_workers_are_enough(job):
    job = job(*[lambda store, event: None] * 3)
    for _ in range(2):
        fails(WorkerDied, job)
    for _ in range(2):
        assert fails(AgentFailed, job) == (
            "east: its worker died in every attempt. The last time: The run was not started: no worker took it. "
            "Its function answered, but the run's end is not recorded."
        )
    assert len(job.agents.events) == 3


def test_a_time_out_cancels_the_run(job, clock):
    def takes_too_long(store, event):
        clock.now_ms += 60_000
        claim(store, clock, event)

    job = job(takes_too_long, timeout_seconds=60)
    patched(job, TIMEOUT)
    for _ in range(2):
        assert fails(AgentTimedOut, job) == "east: it took longer than 60 seconds."
    run = job.run_of("east")
    assert (run.status, run.cancel_requested_at_ms) == (RunStatus.IN_PROGRESS, clock.now_ms)
    assert job.agents.waited == [60]


def test_a_run_that_nobody_took_in_time_is_cancelled(job, clock):
    def never_claimed(store, event):
        clock.now_ms += 60_000

    job = job(never_claimed, timeout_seconds=60)
    patched(job, TIMEOUT)
    for _ in range(2):
        assert fails(AgentTimedOut, job) == "east: it took longer than 60 seconds."
    assert [message["status"] for message in job.live] == ["cancelled"]


def test_a_run_that_its_user_cancels_fails_the_agent(job, clock):
    def cancelled(store, event):
        cancel(store, ANA, event["requestId"], now_ms=clock)

    job = job(cancelled)
    for _ in range(2):
        assert fails(AgentFailed, job) == "east: its run was cancelled."


def test_a_question_cannot_be_answered_in_a_job(job, clock, store):
    def asks(store, event):
        claim(store, clock, event)
        step = Step("waiting", "May I?", 0.0, clock(), 1)
        about = {"worker": "invocation-1/abc", "expected_seq": 0, "lease_until_ms": clock() + 10_000_000}
        store.append(event["requestId"], steps=[step], end=End(RunStatus.WAITING), **about)

    job = job(asks)
    for _ in range(2):
        assert fails(AgentFailed, job) == "east: it asked a question, but nobody can answer within a job."
    assert job.run_of("east").status is RunStatus.CANCELLED


def test_it_waits_no_longer_than_its_own_lambda_lives(job):
    job = job(GOOD)
    invoke(job, remaining_ms=100_000)
    assert job.agents.waited == [90]


def test_with_no_time_left_it_is_run_again_before_it_invokes(job):
    job = job(GOOD)
    with pytest.raises(Unavailable):
        invoke(job, remaining_ms=9_000)
    assert job.agents.events == []


def test_what_it_reads_must_be_there(job):
    job = job(GOOD)
    assert fails(AgentFailed, job, {"name": "report", "attempt": 1}) == "east: it has no result."


@pytest.mark.parametrize("conflicts", [1, 7])
def test_a_run_is_created_although_transactions_conflict(job, monkeypatch, conflicts):
    job = job(GOOD)
    conflicting(job, monkeypatch, conflicts)
    assert invoke(job)["attempt"] == 1
    assert len(job.slept) == conflicts


def test_transactions_that_keep_conflicting_end_in_another_try_of_the_state(job, monkeypatch):
    job = job(GOOD)
    conflicting(job, monkeypatch, 100)
    assert fails(Unavailable, job).startswith("east: its record could not be created")
    assert (job.run_of("east"), job.agents.events) == (None, [])


PENDING = {"statusCode": 200, "body": '{"success": true, "endPending": true}'}


def test_an_end_that_is_pending_is_read_again_until_it_is_stored(job, clock, store, monkeypatch):
    job = job(claimed_by("invocation-1/abc", clock, PENDING))
    sleep = job.sleep

    def stored_meanwhile(seconds):
        sleep(seconds)
        if len(job.slept) == 3:
            request_id = job.job.request_ids("east")[0]
            about = {"worker": "invocation-1/abc", "expected_seq": 0, "lease_until_ms": 0}
            step = Step("complete", "done", 0.0, clock(), 1)
            store.append(request_id, steps=[step], end=End(RunStatus.COMPLETE, '"flat"'), **about)

    monkeypatch.setattr(job, "sleep", stored_meanwhile)
    assert invoke(job)["attempt"] == 1
    assert (job.slept, len(job.agents.events)) == ([1.0, 1.0, 1.0], 1)
    assert job.run_of("east", 2) is None


def test_an_end_that_stays_pending_is_awaited_until_the_lease_has_passed(job, clock):
    job = job(claimed_by("invocation-1/abc", clock, PENDING))
    lease_until_ms = clock.now_ms + limits.LEASE_MS
    assert fails(WorkerDied, job).endswith("Its function answered, but the run's end is not recorded.")
    assert clock.now_ms - 1_000 <= lease_until_ms < clock.now_ms
    assert len(job.agents.events) == 1


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

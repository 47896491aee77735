"""An agent of a job that asks its user: what waits, and whose time the wait does not count for."""

from __future__ import annotations

import json

import pytest
from chalicelib.orchestrator.errors import AgentFailed, AgentTimedOut, JobTimedOut, RunChanged, RunWaits

from runcast.record.answer import answer
from runcast.record.cancel import cancel
from runcast.record.model import RunStatus, Step
from runcast.record.reader import read_progress
from runcast.record.store import End, Lives
from tests.unit.chalicelib.orchestrator.agent_functions import claim
from tests.unit.chalicelib.orchestrator.conftest import ANA
from tests.unit.chalicelib.orchestrator.one_agent import EAST, claimed_by, end, fails, invoke, result

QUESTION = Step("waiting", "May I?", 0.0, 0, 1, metadata_json='{"interrupts": [{"id": "q", "name": "approve"}]}')


def asks(store, event):
    claim(store, store.now_ms, event)
    run = store.read(event["requestId"])
    store.append(
        run.request_id, worker=run.worker, expected_seq=0, lease_until_ms=0, steps=[QUESTION],
        end=End(RunStatus.WAITING, snapshot_key="snapshots/x"),
        lives=Lives(run.expires_at_epoch_s, run.pages_expire_at_epoch_s),
    )  # fmt: skip


def answered(job, store):
    """Answer the question, and let the next part claim the run."""
    request_id = job.job.request_ids("east")[0]
    answer(store, ANA, request_id, {"q": "yes"}, key_of=lambda run, part: "answers/x", put=lambda key: None)
    about = {"owner": ANA, "agent": "survey", "job_id": job.job.job_id, "part": 2}
    store.claim(request_id, worker="another/1", lease_until_ms=store.now_ms() + 15_000, **about)
    step = Step("warm", "", 0.0, store.now_ms(), 3)
    store.append(request_id, worker="another/1", expected_seq=2, lease_until_ms=store.now_ms() + 15_000, steps=[step])


def test_an_agent_that_asks_is_looked_at_as_one_that_waits_and_then_as_one_that_works(job, clock, store):
    job = job(asks)
    with pytest.raises(RunWaits):
        job.look(job.playbook, EAST)
    for _ in range(3):
        clock.now_ms += 3_600_000
        assert job.look(job.playbook, EAST, waiting=True) is None
    answered(job, store)
    with pytest.raises(RunChanged):
        job.look(job.playbook, EAST, waiting=True)
    assert job.look(job.playbook, EAST) is None
    end(job, store, clock, End(RunStatus.COMPLETE, '"flat"'))
    assert job.look(job.playbook, EAST) == result(job)
    assert len(job.agents.events) == 1


def test_a_job_reads_waiting_while_one_of_its_agents_waits_and_none_works(job, clock, store):
    job = job(asks)
    assert invoke(job) is None

    def read():
        told = read_progress(store, ANA, job.job.job_id, now_ms=clock)
        assert "taskToken" not in told
        assert "token-" not in json.dumps(told)
        return told["status"], [run["status"] for run in told["runs"]]

    assert read() == ("waiting", ["waiting", None, None])
    job.agents.outputs["west"] = [claimed_by("another/2", clock)]
    job.look(job.playbook, {"name": "west", "attempt": 1})
    assert read() == ("in_progress", ["waiting", "in_progress", None])
    answered(job, store)
    assert read() == ("in_progress", ["in_progress", "in_progress", None])


def test_the_wait_counts_neither_for_the_agent_nor_for_the_job(job, clock, store):
    job = job(asks, timeout_seconds=60)
    job.timeout_seconds = 120
    assert invoke(job) is None
    clock.now_ms += 100 * 3_600_000
    assert invoke(job) is None
    answered(job, store)
    assert job.run_of("east").waited_ms == 100 * 3_600_000
    assert invoke(job) is None
    clock.now_ms += 10_000
    store.append(job.job.request_ids("east")[0], worker="another/1", expected_seq=3, lease_until_ms=clock() + 200_000)
    clock.now_ms += 51_000
    assert fails(AgentTimedOut, job) == "east: it took longer than 60 seconds."
    clock.now_ms += 60_000
    assert fails(JobTimedOut, job) == "The job took longer than 2 minutes."


def test_a_cancel_of_a_run_that_waits_is_no_time_out_of_the_job_or_of_its_other_agents(job, clock, store):
    job = job(asks, timeout_seconds=60)
    assert invoke(job) is None
    clock.now_ms += 2 * 3_600_000
    request_id = job.job.request_ids("east")[0]
    cancelled = cancel(store, ANA, request_id, now_ms=clock)
    assert cancelled.run.waited_ms == store.read(request_id).waited_ms == 2 * 3_600_000
    job.agents.outputs["west"] = [claimed_by("another/2", clock)]
    assert job.invoke(job.playbook, {"name": "west", "attempt": 1}) is None
    assert fails(AgentFailed, job) == "east: its run was cancelled."


def test_the_job_and_all_its_runs_live_as_long_as_the_question(job, clock, store):
    job = job(asks)
    job.invoke(job.playbook, {"name": "west", "attempt": 1})
    clock.now_ms += 20 * 3_600_000 - 10
    job.timeout_seconds = 86_000
    assert invoke(job) is None
    waiting = job.run_of("east")
    assert waiting.expires_at_ms == (clock.now_ms // 1000 + 168 * 3600) * 1000
    assert job.own.expires_at_epoch_s == job.run_of("west").expires_at_epoch_s == waiting.expires_at_epoch_s
    assert waiting.lease_until_ms <= job.own.lease_until_ms <= job.own.pages_expire_at_epoch_s * 1000

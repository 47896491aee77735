"""A job from its first state to its last, and run again at every point."""

from __future__ import annotations

import json
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from chalicelib.orchestrator.errors import JobEnded
from chalicelib.orchestrator.job import Job

from runcast import limits
from runcast.errors import InvalidInput, StoreUnavailable
from runcast.record.cancel import cancel
from runcast.record.model import RunStatus
from tests.fakes.own_playbooks import own_playbooks
from tests.fakes.spellings import spellings
from tests.unit.chalicelib.orchestrator.conftest import ANA, INPUT, JOB_ID, Machine, fact, output, put_job
from tests.unit.conftest import TABLE_NAME
from tests.unit.record.recording import Crash, FailingStore

STEPS = ["loading_agents", "validating", "validating", "synthesizing", "complete"]


class DyingStore(FailingStore):
    """One whose every write can fail, the putting of records too."""

    def create(self, *args, **kwargs):
        return self._write(self._store.create, args, kwargs)

    def create_in_job(self, *args, **kwargs):
        return self._write(self._store.create_in_job, args, kwargs)

    def await_in_job(self, *args, **kwargs):
        return self._write(self._store.await_in_job, args, kwargs)

    def read_heads(self, request_ids, *, results=False):
        return self._store.read_heads(request_ids, results=results)


def steps(run):
    return [step.step for step in run.steps]


def test_a_job_from_its_start_to_its_result(machine):
    job = machine()
    assert job.run() == {"status": "complete", "error": None}
    assert steps(job.own) == STEPS
    east, west, report = (job.job.request_ids(name)[0] for name in ("east", "west", "report"))
    assert job.own.result == {
        "summary": "All is flat.",
        "facts": {"east": {"slope": fact(2, "degrees")}, "west": {"slope": fact(2, "degrees")}},
        "texts": {"east": "flat", "west": "flat", "report": "It is flat."},
        "conflicts": [],
        "runs": {"east": east, "west": west, "report": report},
    }
    [ended] = job.ended
    assert (ended.request_id, ended.agent, ended.status, ended.steps) == (JOB_ID, "orchestrator", "complete", 5)


def test_its_record_lists_its_runs_before_the_first_begins(machine):
    job = machine()
    job.load()
    assert [(run.name, run.agent, run.stage) for run in job.own.runs] == [
        ("east", "survey", "surveys"), ("west", "survey", "surveys"), ("report", "elsewhere", "reports"),
    ]  # fmt: skip
    assert job.own.runs[0].request_ids == tuple(str(uuid5(UUID(JOB_ID), f"east/{n}")) for n in (1, 2, 3))
    assert (job.own.worker, job.agents.events) == (f"execution/{JOB_ID}", [])
    assert job.own.lease_until_ms == job.own.created_at_ms + limits.JOB_TIMEOUT_SECONDS * 1000 + 60_000


def test_what_is_live_is_what_is_recorded(machine):
    job = machine()
    job.run()
    assert [(message["status"], message["seq"], message["jobId"], message["agentName"]) for message in job.live] == [
        (step, seq, JOB_ID, "orchestrator") for seq, step in enumerate(STEPS, start=1)
    ]
    assert job.live[-1]["metadata"] == {"checkpoint": "end", "elapsed": 0.0}


def test_a_job_without_a_record_does_not_begin(store, clock, playbooks):
    with pytest.raises(JobEnded):
        Machine(store, clock).load()
    assert store.read(JOB_ID) is None


def test_a_job_survives_the_death_of_its_worker_at_each_write(make_store, clock, tmp_path):
    """Every state killed after every write, and every answer lost: the record comes out the same."""
    alone = {"description": "One survey.", "stages": [{"name": "one", "agents": [{"agent": "survey", "query": "?"}]}]}
    outputs = {"survey": [output(slope=fact(2))]}

    def outcome(job):
        run = job.run_of("survey")
        return job.own.status, job.own.result, steps(job.own), run.status, run.result, len(job.agents.events)

    def survived(nth, fate):
        store = make_store()
        put_job(store, "alone")
        job = Machine(store, clock, outputs, playbook="alone")
        job.store = DyingStore(store, ["fine"] * nth + [fate])  # an agent's own writes are another's
        while True:
            try:
                job.run()
            except Crash:
                continue
            return job

    with own_playbooks(tmp_path, {"alone": alone}):
        plain = survived(0, "fine")
        wanted = outcome(plain)
        assert (wanted[0], plain.store.writes) == (RunStatus.COMPLETE, 6)
        for nth in range(plain.store.writes):
            for fate in ("crash after", "after"):
                job = survived(nth, fate)
                assert outcome(job) == wanted, (nth, fate)
                live = {message["seq"]: message["status"] for message in job.live}
                assert live == dict(enumerate(wanted[2], start=1)), (nth, fate)


@pytest.mark.parametrize("state", ["load", "validate", "synthesize", "save"])
def test_a_state_that_is_run_twice_leaves_one_step(machine, state, monkeypatch):
    job = machine()
    once = getattr(job, state)

    def twice(*arguments, **event):
        first = once(*arguments, **event)
        assert once(*arguments, **event) == first
        return first

    setattr(job, state, twice)
    job.run()
    assert steps(job.own) == STEPS


@pytest.mark.parametrize("at", range(5))
def test_a_job_cancelled_in_any_stage_stays_cancelled(machine, store, clock, at):
    job = machine()
    states = ["load", "item", "validate", "synthesize", "save"]
    cancelled_in = getattr(job, states[at])

    def cancelling(*arguments, **event):
        cancel(store, ANA, JOB_ID, now_ms=clock)
        return cancelled_in(*arguments, **event)

    setattr(job, states[at], cancelling)
    assert job.run() == {"status": "cancelled", "error": None}
    assert job.own.steps[-1].step == "cancelled"
    assert (job.own.result, job.ended) == (None, [])
    if states[at] in ("load", "item"):
        assert job.agents.events == []
    else:
        assert job.run_of("east").status is RunStatus.COMPLETE


@pytest.mark.parametrize("deleted", [False, True])
def test_a_job_that_ends_just_before_a_run_is_put_gets_no_run(machine, store, clock, dynamodb, monkeypatch, deleted):
    job = machine()
    playbook = job.load()["playbook"]
    create_in_job = store.create_in_job

    def cancelled_before(request_id, **about):
        cancel(store, ANA, JOB_ID, now_ms=clock)
        if deleted:
            dynamodb.delete_item(TableName=TABLE_NAME, Key={"requestId": {"S": JOB_ID}})
        return create_in_job(request_id, **about)

    monkeypatch.setattr(store, "create_in_job", cancelled_before)
    with pytest.raises(JobEnded):
        job.invoke(playbook, {"name": "east", "attempt": 1})
    assert (job.run_of("east"), job.agents.events) == (None, [])


def test_the_states_hand_on_names_and_no_outputs(machine):
    job = machine({"east": [output("x" * 60_000, slope=fact(2))], "west": [output("y" * 60_000, slope=fact(2))]})
    then = job.load()
    results = [job.item(then["playbook"], agent) for agent in then["agents"]]
    then = job.validate(then["playbook"], results)
    assert len(json.dumps([results, then])) < 3_000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"query": None}, "playbook and query must be strings, and parameters a JSON object."),
        ({"parameters": []}, None),
        ({"parameters": [1]}, "playbook and query must be strings, and parameters a JSON object."),
        ({"userId": "a#b"}, "userId must be text of 1 to 200 characters without '#'."),
    ],
)
def test_an_execution_that_others_have_started_is_checked(wrong, message):
    if message is None:
        assert Job.of(INPUT | wrong, execution=JOB_ID).parameters == {}
        return
    with pytest.raises(InvalidInput) as refused:
        Job.of(INPUT | wrong, execution=JOB_ID)
    assert str(refused.value) == message


@pytest.mark.parametrize("job_id", [None, "job-1", 7, str(uuid5(NAMESPACE_URL, "a job")), *spellings(JOB_ID)])
def test_an_execution_is_of_one_job_whose_id_has_one_spelling(job_id):
    with pytest.raises(InvalidInput, match="jobId must"):
        Job.of(INPUT | {"jobId": job_id}, execution=job_id)


@pytest.mark.parametrize("execution", [None, "", JOB_ID.upper(), "3b0e2f1c-5d0a-4f6e-9a70-0c5a9d1f2e11"])
def test_an_execution_of_another_name_is_refused(execution):
    with pytest.raises(InvalidInput, match=r"jobId must be the execution's name\."):
        Job.of(INPUT, execution=execution)


def test_a_record_that_does_not_answer_is_named(machine, monkeypatch):
    job = machine()

    def no_answer(*_, **__):
        raise StoreUnavailable("DynamoDB gave no answer.")

    monkeypatch.setattr(job.store, "append", no_answer)
    with pytest.raises(StoreUnavailable):
        job.load()


def test_a_record_that_is_gone_ends_the_job(machine, dynamodb):
    job = machine()
    job.load()
    dynamodb.delete_item(TableName="AgentProgress", Key={"requestId": {"S": JOB_ID}})
    assert job.save(error="x") == {"status": "error", "error": "The job's record is gone."}

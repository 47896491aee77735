"""A job reads and writes only its own records, even if other records have the ids that it knows or derives."""

from __future__ import annotations

import pytest

from runcast import limits
from runcast.errors import Conflict
from runcast.record.model import Owner, RunStatus
from tests.unit.chalicelib.orchestrator.agent_functions import work
from tests.unit.chalicelib.orchestrator.conftest import ANA, INPUT, JOB_ID, Machine, output

BOB = Owner("globex", "bob")
EAST = {"name": "east", "attempt": 1}
OTHER_JOB_ID = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"
TAKEN = "Another run has taken the id {}, so this job cannot go on. Start another job."
STRANGERS = [(BOB, JOB_ID), (ANA, OTHER_JOB_ID), (ANA, None)]


@pytest.fixture
def bobs(store, clock, playbooks):
    """Make an execution of Bob's whose input names Ana's job."""

    def make(**given):
        return Machine(store, clock, userId="bob", tenantId="globex", **given)

    return make


@pytest.mark.parametrize(("owner", "job_id"), STRANGERS)
@pytest.mark.parametrize("ended", [False, True])
def test_a_strangers_run_under_a_planned_id_is_a_conflict(machine, store, clock, owner, job_id, ended):
    job = machine()
    playbook = job.load()["playbook"]
    taken = job.job.request_ids("east")[0]
    before = store.create(taken, owner=owner, agent="survey", job_id=job_id)
    if ended:
        event = {"requestId": taken, "agent": "survey", "jobId": job_id, "userId": owner.user_id}
        work(store, clock, event | {"tenantId": owner.tenant_id}, output("a stranger's"))
        before = store.read(taken)
    with pytest.raises(Conflict) as conflict:
        job.invoke(playbook, EAST)
    assert str(conflict.value) == TAKEN.format(taken)
    assert (job.agents.events, store.read(taken)) == ([], before)


@pytest.mark.parametrize(("owner", "job_id"), STRANGERS)
def test_one_that_is_put_just_before_the_jobs_own_is_a_conflict(machine, store, monkeypatch, owner, job_id):
    job = machine()
    playbook = job.load()["playbook"]
    create_in_job = store.create_in_job

    def second(request_id, **about):
        store.create(request_id, owner=owner, agent="survey", job_id=job_id)
        return create_in_job(request_id, **about)

    monkeypatch.setattr(store, "create_in_job", second)
    with pytest.raises(Conflict):
        job.invoke(playbook, EAST)
    assert job.agents.events == []


def test_a_conflict_ends_the_job_and_says_so(machine, store):
    job = machine()
    taken = job.job.request_ids("west")[0]
    store.create(taken, owner=BOB, agent="survey")
    assert job.run() == {"status": "error", "error": f"west: {TAKEN.format(taken)}"}
    assert store.read(taken).status is RunStatus.IN_PROGRESS


def test_an_execution_does_not_begin_another_owners_job(machine, bobs):
    before = machine().own
    with pytest.raises(Conflict):
        bobs().load()
    assert bobs().own == before


def test_an_execution_reads_nothing_of_another_owners_job(machine, bobs, store):
    job = machine()
    loaded = job.load()
    results = [job.item(loaded["playbook"], agent) for agent in loaded["agents"]]
    before = job.own
    stranger = bobs(outputs={"report": ["It is flat."]})
    for state in (
        lambda: stranger.invoke(loaded["playbook"], EAST),
        lambda: stranger.invoke(loaded["playbook"], {"name": "report", "attempt": 1}),
        lambda: stranger.validate(loaded["playbook"], results),
        lambda: stranger.synthesize(loaded["playbook"]),
        lambda: stranger.save(playbook=loaded["playbook"], summary="Bob's"),
        lambda: stranger.save(error="Bob's"),
    ):
        with pytest.raises(Conflict):
            state()
    assert (job.own, stranger.agents.events, stranger.model.asked, stranger.bucket) == (before, [], [], {})
    assert stranger.live == []


def test_an_execution_of_another_playbook_is_a_conflict(machine, store, clock):
    before = machine().own
    job = Machine(store, clock, playbook="another")
    for state in (job.load, lambda: job.save(error="x")):
        with pytest.raises(Conflict):
            state()
    assert job.own == before


def test_an_execution_does_not_claim_a_run_as_its_job(store, clock, playbooks):
    before = store.create(JOB_ID, owner=ANA, agent="terrain")
    with pytest.raises(Conflict):
        Machine(store, clock).load()
    assert store.read(JOB_ID) == before


def test_a_result_goes_into_no_record_that_another_has_put_since(machine, store, clock):
    job = machine({name: [output("x" * 60_000, slope={"value": 2, "unit": None})] for name in ("east", "west")})
    loaded = job.load()
    results = [job.item(loaded["playbook"], agent) for agent in loaded["agents"]]
    job.validate(loaded["playbook"], results)
    clock.now_ms += limits.RETENTION_SECONDS * 1000
    before = store.create(JOB_ID, owner=BOB, agent="orchestrator", job_id=JOB_ID, playbook=INPUT["playbook"])
    with pytest.raises(Conflict):
        job.save(playbook=loaded["playbook"], summary="old")
    assert (store.read(JOB_ID), job.bucket) == (before, {})

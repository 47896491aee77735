"""Which record a tracked agent writes: its own, however the caller writes its id."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

import pytest
from strands import tool

from runcast.agents.track import track
from runcast.clock import epoch_ms
from runcast.record.model import Owner, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.agents.conftest import named, scripted, tree

ANA = {"userId": "ana", "tenantId": "acme"}
BOB = Owner("globex", "bob")
ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"


@pytest.mark.parametrize("more", [{"owner": BOB}, {"owner": Owner("acme", "ana"), "playbook": "site-assessment"}])
def test_the_record_of_another_owner_or_of_a_job_is_not_taken(records, clock, more):
    clock.now_ms = epoch_ms()
    before = records.create("r1", agent="terrain", **more)
    track(scripted(Say("flat")))("How steep?", invocation_state=named("r1", **ANA))  # it may be stopped
    assert records.read("r1") == before


def test_an_expired_record_is_replaced(records, clock):
    records.create("r1", owner=BOB, agent="terrain")  # at the clock's time, which is long ago
    track(scripted(Say("flat")))("How steep?", invocation_state=named("r1", **ANA))
    run = records.read("r1")
    assert (run.owner, run.status, run.result) == (Owner("acme", "ana"), RunStatus.COMPLETE, "flat")


def test_an_id_in_capitals_is_one_run_for_the_agents_inside_too(records):
    inner = track(scripted(Say("flat"), name="inner"))

    @tool
    async def survey() -> str:
        """Survey."""
        return str(await inner.invoke_async("How steep?", invocation_state=named(ID.upper(), **ANA)))

    track(scripted(Call("survey"), Say("done"), tools=[survey]))("?", invocation_state=named(ID.upper(), **ANA))
    run = records.read(ID)
    assert (run.status, run.result) == (RunStatus.COMPLETE, "done")
    assert ("inner", "thinking") in [step[:2] for step in tree(run)]
    assert records.read(ID.upper()) is None


def test_an_id_of_a_jobs_run_is_not_taken_without_its_job(records):
    planned = str(uuid5(NAMESPACE_URL, "a run"))
    track(scripted(Say("flat")))("How steep?", invocation_state=named(planned, **ANA))
    assert records.read(planned) is None


def test_a_jobs_run_is_recorded_only_if_its_job_has_created_it(records, clock):
    clock.now_ms = epoch_ms()
    planned = str(uuid5(NAMESPACE_URL, "a run"))
    about = named(planned, **ANA, jobId="job-1")
    track(scripted(Say("flat")))("How steep?", invocation_state=about)
    assert records.read(planned) is None
    records.create(planned, owner=Owner("acme", "ana"), agent="terrain", job_id="job-1")
    track(scripted(Say("flat")))("How steep?", invocation_state=about)
    assert records.read(planned).status is RunStatus.COMPLETE

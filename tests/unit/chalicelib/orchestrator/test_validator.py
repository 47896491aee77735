"""What comes after a stage: the next one, a second try with the complaint, or the end with the reason."""

from __future__ import annotations

import json

import pytest
from chalicelib.orchestrator.failures import sentence_of

from runcast.record.model import RunStatus
from tests.unit.chalicelib.orchestrator.conftest import fact, output

LACKING = output("steep")
GOOD = output(slope=fact(2))


def validating(job):
    return [json.loads(step.metadata_json) for step in job.own.steps if step.step == "validating"]


def test_an_output_that_does_not_do_is_asked_for_once_more(machine):
    job = machine({"west": [LACKING, GOOD]})
    assert job.run()["status"] == "complete"
    assert [step["checkpoint"] for step in validating(job)] == [
        "validate:surveys:1", "validate:surveys:2", "validate:reports:1",
    ]  # fmt: skip
    assert [step["attempts"] for step in validating(job)] == [{"east": 1, "west": 1}, {"west": 2}, {"report": 1}]
    assert job.agents.events[2]["parameters"]["complaint"] == "west: the fact slope is missing"
    assert job.own.result["runs"]["west"] == job.job.request_ids("west")[1]
    assert job.agents.events[-1]["parameters"]["inputs"]["west"] == GOOD


def test_an_output_that_fails_validation_twice_ends_the_job(machine):
    job = machine({"west": [LACKING, LACKING]})
    error = "The output was not accepted twice: west: the fact slope is missing."
    assert job.run() == {"status": "error", "error": error}
    assert (job.own.error, job.own.steps[-1].message) == (error, error)
    assert [run.status for run in (job.run_of("east"), job.run_of("west"), job.run_of("west", 2))] == ["complete"] * 3
    assert job.run_of("west", 3) is None
    assert job.run_of("report") is None


def test_an_agent_that_fails_ends_the_job_and_its_siblings_keep_their_results(machine):
    job = machine({"east": [ValueError("no such region")]})
    assert job.run() == {"status": "error", "error": "east: ValueError: no such region"}
    assert (job.run_of("west").status, job.run_of("west").result) == (
        RunStatus.COMPLETE,
        output(slope=fact(2, "degrees")),
    )
    assert len(validating(job)) == 1


def test_every_failure_is_told(machine):
    job = machine({"east": [ValueError("a")], "west": [ValueError("b")]})
    assert job.run()["error"] == "east: ValueError: a west: ValueError: b"


def test_validating_again_says_the_same(machine):
    job = machine({"west": [LACKING, GOOD]})
    then = job.load()
    results = [job.item(then["playbook"], agent) for agent in then["agents"]]
    first = job.validate(then["playbook"], results)
    assert first == job.validate(then["playbook"], results)
    assert (first["next"], [agent["attempt"] for agent in first["agents"]]) == ("invoke", [2])
    results = [job.item(then["playbook"], agent) for agent in first["agents"]]
    second = job.validate(then["playbook"], results)
    assert second == job.validate(then["playbook"], results)
    assert second["agents"] == [{"name": "report", "attempt": 1, "timeoutSeconds": 840}]
    assert len(validating(job)) == 2


def test_without_an_attempt_left_nothing_is_asked_for_again(machine):
    died = [lambda store, event: None] * 2
    job = machine({"west": [*died, LACKING]})
    assert job.run()["error"] == "The output was not accepted: west: the fact slope is missing."
    assert job.run_of("west", 3).status is RunStatus.COMPLETE


@pytest.mark.parametrize(
    ("failure", "name", "sentence"),
    [
        ({"Error": "AgentFailed", "Cause": '{"errorMessage": "east: too steep"}'}, "east", "east: too steep"),
        ({"Error": "Sandbox.Timedout", "Cause": '{"errorMessage": "Task timed out after 900.00 seconds"}'}, "east",
         "east: Task timed out after 900.00 seconds"),
        ({"Error": "States.Timeout", "Cause": ""}, None, "States.Timeout"),
        ({"Error": "States.Runtime", "Cause": "The choice is not there."}, None,
         "States.Runtime: The choice is not there."),
        ({}, None, "It failed for an unknown reason."),
        ("odd", None, "It failed for an unknown reason."),
    ],
)  # fmt: skip
def test_a_failed_state_becomes_a_sentence(failure, name, sentence):
    assert sentence_of(failure, name) == sentence

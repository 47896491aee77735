"""Jobs of the demonstration on the whole system: parallel alternatives, dead workers, and REST."""

import json
import os
import signal

import pytest
import requests

from tests.e2e.conftest import workers
from tests.e2e.demo.jobs import DEADLINE_SECONDS, read_to_its_end, start


@pytest.mark.long
def test_alternatives_are_worked_on_at_the_same_time(alice):
    job = read_to_its_end(alice, start(alice, "compare-layouts", "[model:slow 2] Which spacing?"))
    assert job["status"] == "complete", job
    elapsed = {run["name"]: run["elapsed"] for run in job["runs"] if run["status"]}
    branches = [elapsed[f"layout-{n}d"] + elapsed[f"simulation-{n}d"] + elapsed["report"] for n in (4, 5, 7)]
    took = (job["updatedAt"] - job["createdAt"]) / 1000
    assert took < 1.5 * max(branches), (took, elapsed)
    result = json.loads(job["result"])
    assert (result["conflicts"], sorted(result["runs"])) == ([], sorted(elapsed))


def executing(stack, job_id):
    """The state that a job's execution is in: empty before the first one, None when the execution is over."""
    arn = stack.state.outputs["state_machine_arn"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    events = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    if events[-1]["type"] in ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"):
        return None
    entered = [event.get("stateEnteredEventDetails", {}).get("name") for event in events]
    return next((name for name in reversed(entered) if name), "")


@pytest.mark.parametrize(
    ("state", "function"),
    [
        pytest.param("LoadPlaybook", "runcast-orchestrator", marks=pytest.mark.long),
        ("InvokeAgents", "runcast-orchestrator"),
        pytest.param("InvokeAgents", "runcast-agent", marks=pytest.mark.long),
        pytest.param("Validate", "runcast-orchestrator", marks=pytest.mark.long),
        pytest.param("Synthesize", "runcast-orchestrator", marks=pytest.mark.long),
        pytest.param("SaveResults", "runcast-orchestrator", marks=pytest.mark.long),
    ],
)
def test_a_job_survives_the_death_of_any_worker(alice, stack, state, function):
    slowly = "[model:slow 1]" if state == "Synthesize" else ""
    killed = None
    for _ in range(20):  # some states last for a moment only, and this machine may look away
        job_id = start(alice, "site-assessment", f"{slowly} How steep is it?")
        while not killed and (now := executing(stack, job_id)) is not None:
            if now == state:
                killed = workers(stack, function)
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)
        if killed:
            break
        read_to_its_end(alice, job_id)
    assert killed
    job = read_to_its_end(alice, job_id)
    assert (job["status"], job["error"]) == ("complete", None), job
    steps = [step["step"] for step in job["steps"]]
    assert steps == ["loading_agents", *["validating"] * 4, "synthesizing", "complete"]
    accepted = {run["name"]: run["status"] for run in job["runs"] if run["status"] == "complete"}
    assert sorted(accepted) == ["layout", "report", "simulation", "terrain"]
    died = ("The worker stopped before", "The run was not started")
    assert all(run["error"].startswith(died) for run in job["runs"] if run["status"] == "error")


def test_a_job_is_started_read_and_cancelled_by_rest(alice, stack):
    url, headers = stack.state.outputs["rest_url"], {"Authorization": alice.id_token}
    body = {"playbook": "site-assessment", "query": "[model:slow 5] How steep is it?"}
    started = requests.post(f"{url}/jobs", json=body, headers=headers, timeout=DEADLINE_SECONDS)
    assert started.status_code == 202, started.text
    job_id = started.json()["jobId"]
    again = requests.post(f"{url}/jobs", json=body | {"jobId": job_id}, headers=headers, timeout=DEADLINE_SECONDS)
    assert (again.status_code, again.json()["jobId"]) == (202, job_id)
    read = requests.get(f"{url}/runs/{job_id}", headers=headers, timeout=DEADLINE_SECONDS).json()
    assert (read["playbook"], read["liveness"]) == ("site-assessment", "live")
    cancelled = requests.delete(f"{url}/runs/{job_id}", headers=headers, timeout=DEADLINE_SECONDS)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    unknown = requests.post(f"{url}/jobs", json=body | {"playbook": "none"}, headers=headers, timeout=DEADLINE_SECONDS)
    assert (unknown.status_code, unknown.json()["error"]["message"]) == (
        400,
        "playbook must be one of: compare-layouts, site-assessment.",
    )
    read_to_its_end(alice, job_id)

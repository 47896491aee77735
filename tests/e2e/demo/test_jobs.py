"""The demonstration's playbooks on the whole system: what their watchers receive, however the job goes."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import workers

VECTORS = Path(__file__).parents[2] / "vectors"
DEADLINE_SECONDS = 120
# A run on a worker that is new, one there whose agent cannot be built, and one on a warm worker begin with these.
_COLD = ["agent_invoking", "bedrock", "tools", "agent", "ready"]
BEGINNINGS = (_COLD, _COLD[:-1], ["agent_invoking"])
ENDS = ("complete", "error", "cancelled")


def cases():
    for name in ("site-assessment", "compare-layouts"):
        for case in json.loads((VECTORS / f"{name}.json").read_text()):
            yield pytest.param(name, case, id=f"{name}: {case['case']}")


def read_to_its_end(caller, job_id):
    """Wait until a job and all its runs have ended; return its record."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        job = read(caller, job_id)
        begun = [run for run in job["runs"] or () if run["status"]]
        if job["liveness"] == "done" and all(run["liveness"] == "done" for run in begun):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def read(caller, job_id):
    """Return a job's record; a busy machine may say that it did not answer in time."""
    while True:
        answer = caller.ask("getAgentProgress", requestId=job_id)
        if answer.get("errors") is None:
            return answer["data"]["getAgentProgress"]
        assert [error["errorType"] for error in answer["errors"]] == ["Unavailable"], answer


def start(caller, playbook, query, parameters=None):
    variables = {"playbook": playbook, "query": query, "parameters": json.dumps(parameters or {})}
    answer = caller.ask("startJob", **variables)
    assert "errors" not in answer, answer
    return answer["data"]["startJob"]["jobId"]


async def received(socket, job_id):
    """Return the messages of a job by record, until each record's have come in full up to its end."""
    by_record = {}
    while True:
        frame = await asyncio.wait_for(socket.receive("data"), DEADLINE_SECONDS)
        update = frame["payload"]["data"]["onStatusUpdate"]
        if update["jobId"] != job_id:
            continue
        messages = by_record.setdefault(update["requestId"], {})
        assert messages.get(update["seq"], update) == update
        messages[update["seq"]] = update
        whole = [sorted(seqs) == list(range(1, len(seqs) + 1)) and ended(seqs) for seqs in by_record.values()]
        if job_id in by_record and all(whole):
            return {request_id: [seqs[seq] for seq in sorted(seqs)] for request_id, seqs in by_record.items()}


def ended(seqs):
    return seqs[max(seqs)]["status"] in (*ENDS, "agent_complete", "agent_error")


def told(messages):
    """Return the statuses of a record, a tool's with its name, without those of the run's beginning."""
    statuses = [
        f"calling_tool {json.loads(each['metadata'])['toolName']}"
        if each["status"] == "calling_tool"
        else each["status"]
        for each in messages
    ]
    for beginning in BEGINNINGS:
        if statuses[: len(beginning)] == beginning:
            return statuses[len(beginning) :]
    return statuses


@pytest.mark.parametrize(("playbook", "case"), list(cases()))
async def test_the_statuses_that_are_received(alice, bob, playbook, case):
    async with alice.socket() as hers, bob.socket() as his:
        assert (await his.start(userId=bob.user.user_id))["type"] == "start_ack"
        assert (await hers.start(userId=alice.user.user_id))["type"] == "start_ack"
        job_id = await asyncio.to_thread(start, alice, playbook, case["query"], case.get("parameters"))
        by_record = await received(hers, job_id)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(his.receive("data"), 0.1)
    job = await asyncio.to_thread(read_to_its_end, alice, job_id)

    own = by_record.pop(job_id)
    assert [each["status"] for each in own] == [status for status in case["statuses"] if isinstance(status, str)]
    runs = {run["requestId"]: run for run in job["runs"] if run["status"]}
    assert by_record.keys() == runs.keys()
    stages = [stage for stage in case["statuses"] if not isinstance(stage, str)]
    names = {request_id: f"{run['name']} {run['attempt']}".removesuffix(" 1") for request_id, run in runs.items()}
    assert {names[request_id]: told(by_record[request_id]) for request_id in runs} == {
        name: statuses for stage in stages for name, statuses in stage.items()
    }
    # Each stage's agents speak between the two words of the job that they stand between.
    position = -1
    for status in case["statuses"]:
        if isinstance(status, str):
            position += 1
            continue
        for request_id in (request_id for request_id in runs if names[request_id] in status):
            times = [each["timestamp"] for each in by_record[request_id]]
            assert own[position]["timestamp"] <= min(times)
            assert max(times) <= own[position + 1]["timestamp"]

    assert (job["status"], job["error"]) == (own[-1]["status"], case.get("error"))
    for request_id, messages in by_record.items():
        assert runs[request_id]["seq"] == len(messages)
        last = messages[-1]
        assert last["agentName"] == runs[request_id]["agent"]
        assert json.loads(last["metadata"])["elapsed"] > 0
    assert read(alice, job_id) == job
    assert bob.read(job_id)["success"] is False


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
    """The state that a job's execution is in."""
    arn = stack.state.outputs["state_machine_arn"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    history = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)
    entered = [event.get("stateEnteredEventDetails", {}).get("name") for event in history["events"]]
    return next((name for name in reversed(entered) if name), None)


@pytest.mark.parametrize(
    ("state", "function"),
    [
        ("LoadPlaybook", "runcast-orchestrator"),
        ("InvokeAgents", "runcast-orchestrator"),
        ("InvokeAgents", "runcast-agent"),
        ("Validate", "runcast-orchestrator"),
        ("Synthesize", "runcast-orchestrator"),
        ("SaveResults", "runcast-orchestrator"),
    ],
)
def test_a_job_survives_the_death_of_any_worker(alice, stack, state, function):
    slowly = "[model:slow 1]" if state == "Synthesize" else ""
    killed = None
    for _ in range(5):  # some states last for a moment only, and this machine may look away
        job_id = start(alice, "site-assessment", f"{slowly} How steep is it?")
        while not killed and read(alice, job_id)["liveness"] == "live":
            if executing(stack, job_id) == state:
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


@pytest.mark.parametrize("stage", range(4))
def test_a_cancelled_job_ends_in_any_stage_and_keeps_what_is_done(alice, stack, stage):
    job_id = start(alice, "site-assessment", "[model:slow 1] How steep is it?")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while sum(run["seq"] is not None and run["seq"] >= 2 for run in read(alice, job_id)["runs"] or ()) <= stage:
        assert time.monotonic() < deadline, read(alice, job_id)
        time.sleep(0.02)
    answer = alice.ask("cancelAgentRun", requestId=job_id)["data"]["cancelAgentRun"]
    assert (answer["status"], answer["liveness"]) == ("cancelled", "done")
    job = read_to_its_end(alice, job_id)
    begun = [run["status"] for run in job["runs"] if run["status"]]
    assert begun == ["complete"] * stage + ["cancelled"]
    assert job["steps"][-1]["step"] == "cancelled"
    assert alice.read_to_its_end(job["runs"][0]["requestId"])["result"] or stage == 0


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

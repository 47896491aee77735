"""The demonstration's playbooks on the whole system: what clients receive in every outcome of a job."""

import asyncio
import json

import pytest

from tests.e2e.demo.jobs import read
from tests.e2e.demo.playing import cases, play

# A run on a new worker has these after its first word; without the last one where its agent cannot be built.
_COLD = ["bedrock", "tools", "agent", "ready"]
CASES = cases()
# The first and the last agent of the playbook are cancelled in each run of the tests.
IN_BETWEEN = ("its owner cancels it while layout is at work", "its owner cancels it while simulation is at work")


@pytest.fixture(scope="module")
def played(request, stack, alice, bob):
    """The outcomes of the cases that the selected tests ask for."""
    asked_for = {item.callspec.params["case"].id for item in request.session.items if item.parent is request.node}
    return asyncio.run(play(stack, alice, bob, [case for case in CASES if case.id in asked_for]))


def told(messages):
    """Return the statuses of a run, a tool's with its name, without those of a new worker."""
    statuses = [
        f"calling_tool {each['toolName']}" if each["status"] == "calling_tool" else each["status"] for each in messages
    ]
    for cold in (_COLD, _COLD[:-1]):
        if statuses[1 : len(cold) + 1] == cold:
            return [statuses[0], *statuses[len(cold) + 1 :]]
    return statuses


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.long) if case.given["case"] in IN_BETWEEN else case for case in CASES],
    ids=lambda case: case.id,
)
def test_the_statuses_that_are_received(alice, bob, played, case):
    given, came = case.given, played[case.id]
    job, own, by_record = came.job, came.messages.get(case.job_id, []), dict(came.messages)
    refusals = [{name: error[name] for name in ("errorType", "message")} for error in came.answered.get("errors", [])]
    assert refusals == ([given["refused"]] if "refused" in given else [])
    assert [each["status"] for each in own] == [status for status in given["statuses"] if isinstance(status, str)]
    if not own:
        assert (job["success"], job["runs"]) == (False, None)
        return

    del by_record[case.job_id]
    runs = {run["requestId"]: run for run in job["runs"] if run["status"]}
    assert by_record.keys() == runs.keys()
    names = {request_id: f"{run['name']} {run['attempt']}".removesuffix(" 1") for request_id, run in runs.items()}
    assert {names[request_id]: told(by_record[request_id]) for request_id in runs} == {
        name: statuses for stage in given["statuses"] if isinstance(stage, dict) for name, statuses in stage.items()
    }
    # A stage's agents report between two messages of the job; but one that has to stop says
    # so when it has.
    position = -1
    for status in given["statuses"]:
        if isinstance(status, str):
            position += 1
            continue
        for request_id in (request_id for request_id in runs if names[request_id] in status):
            times = [each["timestamp"] for each in by_record[request_id] if each["status"] != "cancelled"]
            assert own[position]["timestamp"] <= min(times)
            assert max(times) <= own[position + 1]["timestamp"]

    assert (job["status"], job["error"]) == (own[-1]["status"], given.get("error"))
    for request_id, messages in by_record.items():
        run, last = runs[request_id], messages[-1]
        assert (run["seq"], run["agent"]) == (len(messages), last["agentName"])
        assert json.loads(last["metadata"])["elapsed"] > 0
        # Of a job that fails, too, runs that are done keep their results.
        if run["status"] == "complete" != job["status"]:
            assert alice.read(request_id)["result"]
    assert read(alice, case.job_id) == job
    assert bob.read(case.job_id)["success"] is False

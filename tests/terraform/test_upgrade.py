"""Old and new functions run side by side during an upgrade, so each must read the records that the other writes.

`make upgrade-check` upgrades a whole deployment (`upgrade.py`). These tests cover the records.
"""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.applied import Aws, Stack
from tests.terraform.earlier import as_earlier, call_earlier, unpack_earlier
from tests.terraform.test_module_lifecycle import event_of, invoke, read, run_to_its_end, wait_for, wait_for_end

QUERY = "How steep is it?"


class Earlier:
    """The earlier functions, with the settings and the resources of the present ones."""

    def __init__(self, sources: Path, aws: Aws) -> None:
        self._sources = sources
        self._aws = aws

    def call(self, function: str, event: dict[str, Any]) -> Any:
        name = f"runcast-{function.replace('_', '-')}"
        configuration = self._aws.lambda_.get_function_configuration(FunctionName=name)
        environment = {**self._aws.endpoint.environment, **configuration["Environment"]["Variables"]}
        return call_earlier(self._sources, function, event, environment)

    def answer(self, function: str, field: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = self.call(function, event_of(field, arguments))
        assert "data" in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def read(self, request_id: str) -> dict[str, Any]:
        return self.answer("progress_reader", "getAgentProgress", {"requestId": request_id})


@pytest.fixture(scope="module")
def earlier(project: Path, aws: Aws, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Earlier:
    return Earlier(unpack_earlier(project, tmp_path_factory.mktemp("earlier")), aws)


def test_the_earlier_reader_reads_a_run_of_the_present_agent(aws: Aws, earlier: Earlier):
    present = run_to_its_end(aws, "")
    assert (present["status"], present["reason"]) == ("complete", "complete")
    assert earlier.read(present["requestId"]) == as_earlier(present)


def test_the_present_reader_reads_a_run_of_the_earlier_agent(aws: Aws, earlier: Earlier):
    request_id = str(uuid.uuid4())
    owner = {"userId": "ana", "tenantId": "acme"}
    event = {"agent": "terrain", "query": QUERY, "parameters": {}, "requestId": request_id, **owner}
    earlier.call("agent", event)
    record = read(aws, "", request_id)
    assert (record["status"], record["liveness"], record["reason"]) == ("complete", "done", None)
    assert [step["seq"] for step in record["steps"]] == list(range(1, len(record["steps"]) + 1))
    assert json.loads(record["result"])
    assert as_earlier(record) == earlier.read(request_id)


def test_the_present_agent_takes_a_run_that_the_earlier_starter_created(aws: Aws, earlier: Earlier):
    started = earlier.answer("run_starter", "startAgentRun", {"agent": "terrain", "query": QUERY})
    record = wait_for_end(aws, "", started["requestId"])
    assert (record["status"], record["liveness"]) == ("complete", "done")


def test_the_earlier_starter_cancels_a_run_of_the_present_agent(aws: Aws, earlier: Earlier):
    arguments = {"agent": "terrain", "query": f"{QUERY} [model:slow 60]"}
    started = invoke(aws, "runcast-run-starter", "startAgentRun", arguments)
    # A run that no worker has claimed would be ended by the earlier starter itself, which stores no reasons.
    wait_for(aws, "", started["requestId"], lambda record: bool(record["steps"]))
    earlier.answer("run_starter", "cancelAgentRun", {"requestId": started["requestId"]})
    record = wait_for_end(aws, "", started["requestId"])
    assert (record["status"], record["reason"]) == ("cancelled", "cancel_requested")

"""During an upgrade old and new functions work side by side, so each reads what the other has recorded.

`make upgrade-check` upgrades a whole deployment (`upgrade.py`); here are the records alone.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.terraform.applied import Aws, Stack
from tests.terraform.earlier import call_earlier, unpack_earlier
from tests.terraform.test_module_lifecycle import event_of, invoke, read, run_to_its_end, wait_for_end


class Earlier:
    """The earlier code of two functions, with the settings and the resources of the present ones."""

    def __init__(self, sources: Path, aws: Aws) -> None:
        self._sources = sources
        self._aws = aws

    def answer(self, function: str, field: str, arguments: dict[str, Any]) -> dict[str, Any]:
        name = f"runcast-{function.replace('_', '-')}"
        configuration = self._aws.lambda_.get_function_configuration(FunctionName=name)
        environment = {**self._aws.endpoint.environment, **configuration["Environment"]["Variables"]}
        answer = call_earlier(self._sources, function, event_of(field, arguments), environment)
        assert "data" in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


@pytest.fixture
def earlier(project: Path, aws: Aws, stack: Stack, tmp_path: Path) -> Earlier:
    return Earlier(unpack_earlier(project, tmp_path), aws)


def test_the_earlier_reader_shows_a_run_as_the_present_one_does(aws: Aws, earlier: Earlier):
    present = run_to_its_end(aws, "")
    told = earlier.answer("progress_reader", "getAgentProgress", {"requestId": present["requestId"]})
    assert present["status"] == "complete"
    names = ("requestId", "status", "liveness", "lastSeq")
    assert {name: told[name] for name in names} == {name: present[name] for name in names}
    assert [step["message"] for step in told["steps"]] == [step["message"] for step in present["steps"]]


def test_the_present_agent_takes_a_run_that_the_earlier_starter_created(aws: Aws, earlier: Earlier):
    started = earlier.answer("run_starter", "startAgentRun", {"agent": "terrain", "query": "How steep is it?"})
    record = wait_for_end(aws, "", started["requestId"])
    assert (record["status"], record["liveness"]) == ("complete", "done")


def test_the_earlier_starter_cancels_a_run_of_the_present_agent(aws: Aws, earlier: Earlier):
    arguments = {"agent": "terrain", "query": "How steep is it? [model:slow 60]"}
    started = invoke(aws, "runcast-run-starter", "startAgentRun", arguments)
    earlier.answer("run_starter", "cancelAgentRun", {"requestId": started["requestId"]})
    record = wait_for_end(aws, "", started["requestId"])
    assert record["status"] == "cancelled"
    assert read(aws, "", started["requestId"])["status"] == "cancelled"

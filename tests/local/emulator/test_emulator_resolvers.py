"""The processes that run resolvers: what each call sees, and what follows when a process ends."""

import json
from typing import Any

import psutil

from local.emulator.process import EmulatorProcess
from tests.local.appsync_api import GraphqlApi
from tests.waiting import wait_until

QUERY = "query($a: String, $b: String) { one: variables(add: $a) two: variables(add: $b) }"


def test_every_resolver_of_a_request_sees_its_variables(api: GraphqlApi) -> None:
    for variables in ({"a": "1", "b": "2"}, {"a": "\u00e4"}, {"a": "1", "b": "2"}, {}):
        answer = _variables(api, variables)
        for alias, added in (("one", variables.get("a")), ("two", variables.get("b"))):
            seen = json.loads(answer[alias])
            assert json.loads(seen["before"]) == variables
            assert seen["with"] == variables | {"added": added}
            assert seen["after"] == variables


def test_a_resolver_runs_again_after_its_process_has_ended(emulator: EmulatorProcess, api: GraphqlApi) -> None:
    _variables(api, {})
    for process in _node_processes(emulator):
        process.kill()
        wait_until(lambda process=process: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    # The emulator may learn only by the next call that the process has ended: that one fails.
    wait_until(lambda: "errors" not in api.post(QUERY, variables={}, authorization=api.ada.id_token).json())
    assert json.loads(_variables(api, {"a": "1"})["one"])["after"] == {"a": "1"}
    assert _node_processes(emulator)


def test_calls_in_a_row_are_run_by_the_same_process(emulator: EmulatorProcess, api: GraphqlApi) -> None:
    _variables(api, {})
    before = _node_processes(emulator)
    # MiniStack's own pool replaces a process after 1,000 calls: this makes more, 2 for each field.
    fields = " ".join(f"f{number}: variables" for number in range(300))
    for _ in range(2):
        assert "errors" not in api.post(f"{{ {fields} }}", authorization=api.ada.id_token).json()
    assert set(before) & set(_node_processes(emulator))


def _variables(api: GraphqlApi, variables: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(QUERY, variables=variables, authorization=api.ada.id_token).json()
    assert "errors" not in answer
    data: dict[str, Any] = answer["data"]
    return data


def _node_processes(emulator: EmulatorProcess) -> list[psutil.Process]:
    children = psutil.Process(emulator.pid).children(recursive=True)
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE and child.name().startswith("node")]

"""The state machine's definition: by the language's rules, and by our own."""

import importlib
import inspect
import json
import pkgutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chalicelib.orchestrator
import pytest

from runcast import errors

LAMBDA_S = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
"""What AWS advises to try again. Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html"""
FUNCTION_SECONDS = 900


@pytest.fixture(scope="module")
def text(project: Path) -> str:
    """The definition as Terraform fills it in."""
    template = (project / "terraform" / "playbook.asl.json").read_text()
    function = "arn:aws:lambda:us-east-1:000000000000:function:runcast-orchestrator"
    filled = template.replace("${orchestrator_arn}", function).replace("${partition}", "aws")
    assert "${" not in filled
    return filled


@pytest.fixture(scope="module")
def definition(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state, those within a map too."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def tasks(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in states(definition) if state["Type"] == "Task"}


def validate(project: Path, text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    file = directory / "definition.json"
    file.write_text(text)
    command = [str(project / "graphql" / "node_modules" / ".bin" / "asl-validator"), "--json-path", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_language_s_validator_finds_no_fault(project: Path, text: str, tmp_path: Path):
    done = validate(project, text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"StartAt": "LoadPlaybook"', '"StartAt": "Nowhere"'),
        ('"Type": "Succeed"', '"Type": "Success"'),
        ('"Next": "Validate"', '"Next": "Validated"'),
        ("$states.input.next = 'save'", "$states.input.next = 'save"),
        ('"Retry": [', '"Retries": ['),
    ],
)
def test_the_validator_finds_what_is_wrong(project: Path, text: str, tmp_path: Path, right: str, wrong: str):
    assert right in text
    assert validate(project, text.replace(right, wrong, 1), tmp_path).returncode != 0


def test_every_task_is_one_state_of_the_orchestrator_tried_again_and_in_time(definition: dict[str, Any]):
    found = tasks(definition)
    assert set(found) == {"LoadPlaybook", "InvokeAgent", "Validate", "Synthesize", "SaveResults"}
    for name, task in found.items():
        assert f'"state": "{name}"' in json.dumps(task) or f"'state': '{name}'" in json.dumps(task)
        assert task["Retry"], name
        assert task["TimeoutSeconds"] < definition["TimeoutSeconds"]
    assert found["InvokeAgent"]["TimeoutSeconds"] > FUNCTION_SECONDS
    assert definition["TimeoutSeconds"] == 3600


def test_errors_are_named_as_the_orchestrator_names_them(definition: dict[str, Any]):
    known = set(error_classes())
    for name, state in states(definition):
        named = {error for rule in (*state.get("Retry", ()), *state.get("Catch", ())) for error in rule["ErrorEquals"]}
        ours = {error for error in named if "." not in error}
        assert ours <= known, f"{name}: {ours - known}"
        assert {error for error in named if error.startswith("Lambda.")} <= LAMBDA_S
        assert {error for error in named if error.startswith("States.")} <= {
            "States.ALL",
            "States.TaskFailed",
            "States.Timeout",
        }


def error_classes() -> Iterator[str]:
    """The names of the errors that a state may raise: by them the state machine goes."""
    modules = [errors]
    for found in pkgutil.walk_packages(chalicelib.orchestrator.__path__, "chalicelib.orchestrator."):
        modules.append(importlib.import_module(found.name))
    for module in modules:
        yield from (name for name, _ in inspect.getmembers(module, _is_error))


def _is_error(each: object) -> bool:
    return inspect.isclass(each) and issubclass(each, Exception)


def test_every_task_tries_the_same_again_and_what_is_final_never(definition: dict[str, Any]):
    """The first rule that names an error decides, and States.TaskFailed names them all."""
    common = tasks(definition)["LoadPlaybook"]["Retry"]
    final, services, killed = common
    assert final["MaxAttempts"] == 0
    assert set(services["ErrorEquals"]) == {"Unavailable", *LAMBDA_S}
    assert killed["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"]
    for name, task in tasks(definition).items():
        first = [rule["ErrorEquals"] for rule in task["Retry"][: -len(common)]]
        assert task["Retry"][-len(common) :] == common, name
        assert first == ([["RunStillLive"], ["WorkerDied"]] if name == "InvokeAgent" else [])


def test_a_live_run_is_asked_after_as_long_as_the_job_lasts(definition: dict[str, Any]):
    still_live = tasks(definition)["InvokeAgent"]["Retry"][0]
    assert still_live["IntervalSeconds"] * still_live["MaxAttempts"] == definition["TimeoutSeconds"]
    assert still_live["BackoffRate"] == 1


def test_whatever_fails_is_saved_and_a_failed_save_fails_the_execution(definition: dict[str, Any]):
    for name, state in definition["States"].items():
        if state["Type"] in ("Task", "Map") and name != "SaveResults":
            [caught] = state["Catch"]
            assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], "SaveResults")
            assert caught["Output"]["failure"] == "{% $states.errorOutput %}"
    assert "Catch" not in definition["States"]["SaveResults"]


def test_one_failing_agent_does_not_end_its_siblings(definition: dict[str, Any]):
    stage = definition["States"]["InvokeAgents"]
    assert stage["MaxConcurrency"] > 1
    [caught] = stage["ItemProcessor"]["States"]["InvokeAgent"]["Catch"]
    assert caught["ErrorEquals"] == ["States.ALL"]
    assert stage["ItemProcessor"]["States"][caught["Next"]] == {
        "Comment": "One that fails must not end its siblings: the failure is this agent's result.",
        "Type": "Pass",
        "End": True,
    }

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
from chalicelib.orchestrator.faults import MAX_AGENTS

from runcast import errors

LAMBDA_S = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
"""What AWS advises to try again. Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html"""
SECONDS = {"execution_seconds": 691_200, "waiting_seconds": 3_600, "working_seconds": 300}


@pytest.fixture(scope="module")
def text(project: Path) -> str:
    """The definition as Terraform fills it in."""
    template = (project / "terraform" / "playbook.asl.json").read_text()
    function = "arn:aws:lambda:us-east-1:000000000000:function:runcast-orchestrator"
    rules = json.loads((project / "terraform" / "playbook_retry.asl.json").read_text())
    values = {"orchestrator_arn": function, "partition": "aws", "retry": ", ".join(map(json.dumps, rules)), **SECONDS}
    filled = template
    for name, value in values.items():
        filled = filled.replace(f"${{{name}}}", str(value))
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
        ('"Type": "Fail"', '"Type": "Failure"'),
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
        assert name == "InvokeAgent" or task["TimeoutSeconds"] < definition["TimeoutSeconds"]
    assert definition["TimeoutSeconds"] == 691_200
    assert [task["Resource"].endswith(":lambda:invoke.waitForTaskToken") for task in found.values()].count(True) == 1


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
        assert first == ([["States.Timeout"]] if name == "InvokeAgent" else [])


def test_a_run_is_looked_at_for_as_long_as_the_execution_lasts(definition: dict[str, Any]):
    again = tasks(definition)["InvokeAgent"]["Retry"][0]
    assert again["MaxAttempts"] * SECONDS["working_seconds"] > definition["TimeoutSeconds"]
    assert (again["IntervalSeconds"], again["BackoffRate"]) == (1, 1)


@pytest.mark.parametrize(
    ("timeout_seconds", "waiting", "seconds"),
    [(1, None, 1), (60, None, 60), (300, None, 300), (301, None, 151), (840, None, 280), (840, True, 3_600)],
)
def test_a_run_that_works_is_looked_at_when_its_time_is_up_and_one_that_waits_once_an_hour(
    definition: dict[str, Any], timeout_seconds: int, waiting: bool | None, seconds: int
):
    expression = tasks(definition)["InvokeAgent"]["TimeoutSeconds"]
    given = {"agent": {"timeoutSeconds": timeout_seconds}} | ({"waiting": True} if waiting else {})
    assert evaluated(expression, {"input": given}) == seconds


def test_an_execution_has_events_for_as_long_as_all_agents_of_a_stage_may_wait(project: Path):
    text = (project / "terraform" / "step_functions.tf").read_text()
    assert "waiting_seconds = max(3600, ceil(local.execution_seconds / 200))" in text
    events_of_a_look, most_agents, looks_while_working = 4, 20, 24 * 60 * 60 // 151
    assert most_agents * events_of_a_look * 200 + events_of_a_look * looks_while_working < 25_000


def evaluated(expression: str, states: dict[str, Any]) -> Any:
    """Evaluate an expression with the engine of the emulator."""
    program = (
        "import json, sys, jsonata\n"
        "expression, states = json.load(sys.stdin)\n"
        "found = jsonata.Jsonata.jsonata(expression)\n"
        "frame = found.create_frame()\n"
        "frame.bind('states', states)\n"
        "print(json.dumps(found.evaluate({}, frame)))\n"
    )
    python = Path(__file__).parents[2] / ".local" / "ministack-venv" / "bin" / "python"
    asked = json.dumps([expression.removeprefix("{%").removesuffix("%}").strip(), states])
    done = subprocess.run([str(python), "-c", program], input=asked, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_whatever_fails_is_saved_and_a_failed_save_fails_the_execution(definition: dict[str, Any]):
    for name, state in definition["States"].items():
        if state["Type"] in ("Task", "Map") and name != "SaveResults":
            [caught] = state["Catch"]
            assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], "SaveResults")
            assert caught["Output"]["failure"] == "{% $states.errorOutput %}"
    [saved] = definition["States"]["SaveResults"]["Catch"]
    assert (saved["ErrorEquals"], saved["Next"]) == (["JobFailed"], "Failed")


def test_one_failing_agent_does_not_end_its_siblings(definition: dict[str, Any]):
    stage = definition["States"]["InvokeAgents"]
    assert stage["MaxConcurrency"] == MAX_AGENTS
    *changes, caught = stage["ItemProcessor"]["States"]["InvokeAgent"]["Catch"]
    assert [(change["ErrorEquals"], change["Next"]) for change in changes] == [
        (["RunWaits"], "InvokeAgent"),
        (["RunChanged"], "InvokeAgent"),
    ]
    assert caught["ErrorEquals"] == ["States.ALL"]
    assert stage["ItemProcessor"]["States"][caught["Next"]] == {
        "Comment": "One that fails must not end its siblings: the failure is this agent's result.",
        "Type": "Pass",
        "End": True,
    }

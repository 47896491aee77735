"""Validators that we did not write check what Terraform applied; each is also shown faults that it must find.

They are cfn-lint with AWS's own schemas, parliament, and AWS's service authorization reference. They find mistakes that
our own Terraform provider and the emulator forgive.
"""

import copy
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from packager.platforms import ARCHITECTURES, RUNTIMES
from tests.terraform.applied import Stack
from tests.terraform.conftest import PROJECT

FOLDER = Path(__file__).with_name("validators")
PYTHON = PROJECT / ".local" / "validators-venv" / "bin" / "python"

LIFECYCLE = "AdditionalSpecs/LmbdRuntimeLifecycle.json"

State = dict[str, Any]


@pytest.fixture(scope="session", params=["stack", "other"])
def state(request: pytest.FixtureRequest) -> State:
    made: Stack = request.getfixturevalue(request.param)
    return made.whole_state()


def findings(validator: str, states: Sequence[State], folder: Path) -> list[list[str]]:
    """What a validator finds in each state; in one process, because it takes long to load what it knows of AWS."""
    files = [folder / f"{number}.json" for number in range(len(states))]
    for file, state in zip(files, states, strict=True):
        file.write_text(json.dumps(state))
    command = [str(PYTHON), "-W", "ignore", str(FOLDER / f"{validator}.py"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    assert len(found) == len(states)
    return found


@pytest.mark.parametrize("validator", ["cloudformation", "policies"])
def test_nothing_is_found_in_what_terraform_applied(validator: str, state: State, tmp_path: Path):
    assert findings(validator, [state], tmp_path) == [[]]


def test_every_runtime_and_architecture_is_lambda_s(stack: Stack, tmp_path: Path) -> None:
    states = [stack.whole_state() for _ in ARCHITECTURES]
    functions = [each["name"] for each in states[0]["resources"] if each["type"] == "aws_lambda_function"]
    assert len(functions) >= len(RUNTIMES)
    for n, architecture in enumerate(ARCHITECTURES):
        for function, runtime in zip(functions, RUNTIMES, strict=False):
            for path, value in ((["runtime"], runtime), (["architectures"], [architecture])):
                states[n] = planted(states[n], f"aws_lambda_function.{function}", path, value)
    assert findings("cloudformation", states, tmp_path) == [[], []]


def test_the_dates_of_the_runtimes_are_aws_s(project: Path):
    code = f"from importlib.resources import files; print(files('cfnlint.data').joinpath({LIFECYCLE!r}).read_text())"
    lifecycle = json.loads(subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout)
    variable = (project / "terraform" / "variables.tf").read_text().split('variable "lambda_runtime"')[1]
    said = re.findall(r"((?:python3\.\d+(?: and )?)+) ([\d-]+)[,.]", variable)
    dates = {runtime: date for runtimes, date in said for runtime in runtimes.split(" and ")}
    assert dates == {runtime: lifecycle[runtime]["create-block"] for runtime in RUNTIMES}


# For each validator: a resource, the path of one setting, a wrong value for it (or the text to replace in it, and by
# what), and what the validator must say.
FAULTS: dict[str, list[tuple[str, list[Any], Any, str]]] = {
    "cloudformation": [
        ("aws_appsync_graphql_api.runcast", ["log_config", 0, "field_log_level"], "WARN", "'WARN' is not one of"),
        ("aws_lambda_function.agent", ["runtime"], "python3.99", "'python3.99' is not one of"),
        ("aws_lambda_function.agent", ["memory_size"], 64, "64 is less than the minimum of 128"),
        ("aws_cloudwatch_log_group.api", ["retention_in_days"], 2, "2 is not one of"),
        ("aws_s3_bucket_cors_configuration.results", ["cors_rule"], [], "'CorsRules' is a required property"),
        ("aws_cognito_user_pool.users", ["mfa_configuration"], "MAYBE", "'MAYBE' is not one of"),
        ("aws_cloudwatch_event_rule.sweep", ["schedule_expression"], "rate(1 minutes)", "ScheduleExpression"),
        ("aws_dynamodb_table.agent_progress", ["hash_key"], "runId", "AttributeDefinitions"),
        ("aws_dynamodb_table.agent_progress", ["new_setting"], 1, "new_setting has no place"),
        ("aws_sfn_state_machine.playbook", ["definition"], ('"StartAt": "', '"StartAt": "Un'), "Missing 'Next' target"),
        ("aws_s3_bucket_policy.results", ["policy"], ('"Deny"', '"Refuse"'), "'Refuse' is not one of"),
    ],
    "policies": [
        ("aws_iam_role_policy.api_logs", ["policy"], ("PutLogEvents", "PutLogs"), "logs:PutLogs is no action of AWS"),
        ("aws_iam_role_policy.api_logs", ["policy"], (":log-group:", ":table/"), "knows none of"),
        ("aws_iam_role_policy.announce", ["policy"], ("ForAllValues:", ""), "does not fit events:source"),
        ("aws_iam_role_policy.announce", ["policy"], ("events:source", "events:from"), "no condition events:from"),
        ("aws_iam_role_policy.announce", ["policy"], ('"Allow"', '"Permit"'), "MALFORMED"),
        ("aws_iam_role.playbook", ["assume_role_policy"], ("AssumeRole", "AssumeRol"), "sts:AssumeRol is no action"),
        ("aws_iam_role.playbook", ["assume_role_policy"], ("aws:SourceArn", "aws:Source"), "no condition aws:Source"),
        ("aws_iam_role.playbook", ["assume_role_policy"], ("ArnLike", "Bool"), "Bool does not fit aws:SourceArn"),
        ("aws_s3_bucket_policy.results", ["policy"], ("s3:*", "s3:All"), "s3:All is no action"),
        ("aws_s3_bucket_policy.results", ["policy"], ("arn:aws:s3:::", "arn:aws:sqs:::"), "no action of its statement"),
        ("aws_s3_bucket_policy.results", ["policy"], ("aws:Secure", "aws:Safe"), "no condition aws:SafeTransport"),
        ("aws_s3_bucket_policy.results", ["policy"], ('"Bool"', '"DateLessThan"'), "does not fit aws:SecureTransport"),
    ],
}


@pytest.fixture(scope="module")
def found(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """What each validator finds of each of its faults. Faults of different settings share a state."""
    said = {}
    for validator, faults in FAULTS.items():
        settings = [(resource, path) for resource, path, *_ in faults]
        places = [settings[:number].count(setting) for number, setting in enumerate(settings)]
        states = [stack.whole_state() for _ in set(places)]
        for place, (resource, path, value, _) in zip(places, faults, strict=True):
            states[place] = planted(states[place], resource, path, value)
        in_states = findings(validator, states, tmp_path_factory.mktemp(validator))
        said[validator] = [in_states[place] for place in places]
    return said


@pytest.mark.parametrize(
    ("validator", "number", "expected"),
    [(validator, n, fault[3]) for validator, faults in FAULTS.items() for n, fault in enumerate(faults)],
)
def test_a_planted_fault_is_found(found: dict[str, list[list[str]]], validator: str, number: int, expected: str):
    assert [each for each in found[validator][number] if expected in each] != []


def planted(state: State, address: str, path: list[Any], value: Any) -> State:
    state = copy.deepcopy(state)
    [resource] = [each for each in state["resources"] if f"{each['type']}.{each['name']}" == address]
    place = resource["instances"][0]["attributes"]
    for each in path[:-1]:
        place = place[each]
    if isinstance(value, tuple):
        assert value[0] in place[path[-1]]
        value = place[path[-1]].replace(*value)
    place[path[-1]] = value
    return state

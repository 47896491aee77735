"""Reading a deployment's outputs from a file, and the errors if some are missing."""

import json
from dataclasses import fields

import pytest

from verify.deployment import Deployment, OutputsMissing, read_deployment

OUTPUTS = {field.name: f"the-{field.name}" for field in fields(Deployment)} | {
    "recorder_environment": {"RUN_CLOSER_FUNCTION": "dev-runcast-run-closer"},
    "state_machine_arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:dev-runcast-playbook",
    "graphql_url": "https://a.example/graphql",
    "rest_url": "https://b.example/v1",
}


@pytest.fixture
def file(tmp_path):
    def write(outputs):
        path = tmp_path / "outputs.json"
        path.write_text(json.dumps({name: {"value": value} for name, value in outputs.items()}))
        return path

    return write


@pytest.mark.parametrize("outputs", [{**OUTPUTS, "api_key": None}, {"runcast": OUTPUTS, "other": 1}])
def test_the_outputs_are_the_module_s_or_in_one_output_of_a_root(file, outputs):
    deployment = read_deployment(file(outputs), None)
    assert deployment.agent_function_name == "the-agent_function_name"
    assert deployment.run_closer_function_name in deployment.function_names
    assert deployment.execution_arn("j") == "arn:aws:states:eu-west-1:123456789012:execution:dev-runcast-playbook:j"
    assert deployment.uses_tls


def test_missing_outputs_are_named(file):
    outputs = {name: value for name, value in OUTPUTS.items() if name not in ("rest_url", "user_id_claim")}
    with pytest.raises(OutputsMissing, match="lacks the outputs rest_url, user_id_claim"):
        read_deployment(file(outputs), None)


def test_a_file_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "outputs.json").write_text("graphql_url = ...")
    with pytest.raises(OutputsMissing, match="terraform output -json"):
        read_deployment(tmp_path / "outputs.json", None)

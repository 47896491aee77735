"""Each Lambda's settings, read from an environment."""

from __future__ import annotations

import dataclasses

import pytest
from chalicelib.runtime.config import (
    AgentConfig,
    ApiConfig,
    ConfigurationInvalid,
    OrchestratorConfig,
    ProgressReaderConfig,
    RunCloserConfig,
    RunStarterConfig,
    StatusPublisherConfig,
    read_config,
)
from chalicelib.runtime.owner_limits import OwnerLimits

from runcast import limits
from runcast.errors import ConfigurationMissing
from runcast.record.prices import ModelPrice

AGENT = {
    "AGENT_PROGRESS_TABLE": "AgentProgress",
    "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
    "RUN_CLOSER_FUNCTION": "runcast-run-closer",
    "RESULTS_BUCKET": "runcast-results",
    "BEDROCK_MODEL_ID": "some.model",
    "AWS_REGION": "eu-central-1",
    "MODEL_MAX_TOKENS": "4096",
}


def test_the_environment_becomes_settings():
    assert read_config(AgentConfig, AGENT) == AgentConfig(
        agent_progress_table="AgentProgress",
        status_publisher_function="runcast-status-publisher",
        run_closer_function="runcast-run-closer",
        results_bucket="runcast-results",
        bedrock_model_id="some.model",
        aws_region="eu-central-1",
        model_max_tokens=4096,
        model_connect_timeout_seconds=5,
        model_read_timeout_seconds=120,
        model_max_attempts=2,
    )


def test_defaults_give_way_to_the_environment():
    assert read_config(AgentConfig, AGENT | {"MODEL_READ_TIMEOUT_SECONDS": "30"}).model_read_timeout_seconds == 30


def test_prices_of_models_are_read_and_checked():
    prices = AGENT | {"MODEL_PRICES": '{"some.model": {"input": 3, "output": 15}}'}
    assert read_config(AgentConfig, prices).model_prices == {"some.model": ModelPrice(3, 15)}
    with pytest.raises(ConfigurationInvalid, match=r"^MODEL_PRICES must be a JSON object"):
        read_config(AgentConfig, AGENT | {"MODEL_PRICES": '{"some.model": 3}'})


def test_the_orchestrator_needs_a_bucket_and_agents_to_invoke():
    with pytest.raises(ConfigurationMissing) as missing:
        read_config(OrchestratorConfig, {**AGENT, "RESULTS_BUCKET": ""})
    assert missing.value.names == ("AGENT_FUNCTION", "RESULTS_BUCKET")
    environ = AGENT | {"AGENT_FUNCTION": "agent", "RESULTS_BUCKET": "results", "AGENT_FUNCTIONS": '{"a": "arn"}'}
    config = read_config(OrchestratorConfig, environ)
    assert (config.results_bucket, config.agent_functions, config.retention_hours) == ("results", {"a": "arn"}, 24)


def test_everything_missing_is_named_at_once():
    with pytest.raises(ConfigurationMissing) as missing:
        read_config(AgentConfig, {"AGENT_PROGRESS_TABLE": "", "AWS_REGION": "eu-central-1"})
    assert str(missing.value) == (
        "Set these environment variables: AGENT_PROGRESS_TABLE, STATUS_PUBLISHER_FUNCTION, RUN_CLOSER_FUNCTION, "
        "RESULTS_BUCKET, BEDROCK_MODEL_ID, MODEL_MAX_TOKENS."
    )


@pytest.mark.parametrize("text", ["0", "200001", "-1", "1.5", "many", "${var.max_tokens}", "٣"])
def test_a_number_out_of_bounds_is_refused(text):
    with pytest.raises(ConfigurationInvalid) as invalid:
        read_config(AgentConfig, AGENT | {"MODEL_MAX_TOKENS": text})
    assert str(invalid.value) == f"MODEL_MAX_TOKENS must be a whole number from 1 to 200000, not {text!r}."


@pytest.mark.parametrize(
    ("config_class", "names"),
    [
        (
            RunStarterConfig,
            "AGENT_PROGRESS_TABLE, RESULTS_BUCKET, AGENT_FUNCTION, STATE_MACHINE_ARN, STATUS_PUBLISHER_FUNCTION, "
            "RUN_CLOSER_FUNCTION, USER_ID_CLAIM, TENANT_ID_CLAIM",
        ),
        (
            ApiConfig,
            "AGENT_PROGRESS_TABLE, RESULTS_BUCKET, AGENT_FUNCTION, STATE_MACHINE_ARN, STATUS_PUBLISHER_FUNCTION, "
            "RUN_CLOSER_FUNCTION, USER_POOL_CLIENT_ID, USER_ID_CLAIM, TENANT_ID_CLAIM",
        ),
        (RunCloserConfig, "AGENT_PROGRESS_TABLE, STATUS_PUBLISHER_FUNCTION, AGENT_FUNCTION"),
        (ProgressReaderConfig, "AGENT_PROGRESS_TABLE, RESULTS_BUCKET, USER_ID_CLAIM, TENANT_ID_CLAIM"),
        (StatusPublisherConfig, "APPSYNC_API_URL, APPSYNC_API_ID, USER_SESSIONS_TABLE, AWS_REGION"),
    ],
)
def test_what_each_lambda_needs(config_class, names):
    with pytest.raises(ConfigurationMissing) as missing:
        read_config(config_class, {})
    assert str(missing.value) == f"Set these environment variables: {names}."


STARTER = {
    "AGENT_PROGRESS_TABLE": "AgentProgress",
    "RESULTS_BUCKET": "results",
    "AGENT_FUNCTION": "runcast-agent",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:runcast-playbook",
    "STATUS_PUBLISHER_FUNCTION": "runcast-status-publisher",
    "RUN_CLOSER_FUNCTION": "runcast-run-closer",
    "USER_ID_CLAIM": "sub",
    "TENANT_ID_CLAIM": "custom:tenantId",
}


@pytest.mark.parametrize(("text", "functions"), [("", {}), ("{}", {}), ('{"mine": "arn:1"}', {"mine": "arn:1"})])
def test_functions_by_name_are_a_json_object(text, functions):
    assert read_config(RunStarterConfig, STARTER | {"AGENT_FUNCTIONS": text}).agent_functions == functions
    assert read_config(RunStarterConfig, STARTER).agent_functions == {}


@pytest.mark.parametrize("text", ["mine", "[]", '{"mine": 1}', '{"mine": ""}', "{"])
def test_what_names_no_functions_is_refused(text):
    with pytest.raises(ConfigurationInvalid) as invalid:
        read_config(RunStarterConfig, STARTER | {"AGENT_FUNCTIONS": text})
    wanted = "a JSON object of agents' names and functions' ARNs"
    assert str(invalid.value) == f"AGENT_FUNCTIONS must be {wanted}, not {text!r}."


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_config(AgentConfig, AGENT).aws_region = "elsewhere"


def test_a_record_outlives_a_job_until_a_sweep_has_found_it():
    # The execution's minute of grace, then the sweep's rate.
    found_after_seconds = limits.JOB_TIMEOUT_SECONDS + 60 + limits.CLOSE_GRACE_MS / 1000 + 5 * 60
    assert found_after_seconds < limits.RETENTION_MIN_HOURS * 3600
    assert read_config(RunStarterConfig, STARTER | {"RETENTION_HOURS": "2"}).retention_hours == 2
    with pytest.raises(ConfigurationInvalid) as invalid:
        read_config(RunStarterConfig, STARTER | {"RETENTION_HOURS": "1"})
    assert str(invalid.value) == "RETENTION_HOURS must be a whole number from 2 to 8760, not '1'."


@pytest.mark.parametrize(
    ("text", "limits"),
    [("", OwnerLimits()), ("{}", OwnerLimits()), ('{"user_open_runs": 5}', OwnerLimits(user_open_runs=5))],
)
def test_limits_are_a_json_object(text, limits):
    assert read_config(RunStarterConfig, STARTER | {"LIMITS": text}).limits == limits


@pytest.mark.parametrize("text", ["5", "[]", "{", '{"user_open_runs": 0}', '{"user_open_runs": true}', '{"runs": 5}'])
def test_unknown_limits_are_refused(text):
    with pytest.raises(ConfigurationInvalid) as invalid:
        read_config(RunStarterConfig, STARTER | {"LIMITS": text})
    assert str(invalid.value) == (
        "LIMITS must be a JSON object of run_tokens, tenant_open_runs, tenant_starts_per_minute, user_open_runs, "
        f"user_starts_per_minute, user_tokens_per_day, user_upload_mb_per_day, not {text!r}."
    )


@pytest.mark.parametrize(("text", "may"), [("", False), ("true", True), ("false", False)])
def test_a_flag_is_true_or_false(text, may):
    assert read_config(RunStarterConfig, STARTER | {"API_KEY_MAY_START": text}).api_key_may_start is may


@pytest.mark.parametrize("text", ["1", "True", "yes"])
def test_another_flag_is_refused(text):
    with pytest.raises(ConfigurationInvalid) as invalid:
        read_config(RunStarterConfig, STARTER | {"API_KEY_MAY_START": text})
    assert str(invalid.value) == f"API_KEY_MAY_START must be true or false, not {text!r}."

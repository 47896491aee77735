"""The settings of each Lambda, read from its environment into a frozen dataclass.

The variable is the field's name in capitals; a field with a default is optional. Nothing reads the environment on
import, because packaging imports the application with placeholders in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from typing import Any, TypeVar

from chalicelib.runtime.oidc import Oidc, oidc_of
from chalicelib.runtime.owner_limits import OwnerLimits, limits_of
from runcast.errors import ConfigurationMissing, InvalidInput, RuncastError
from runcast.limits import (
    CONVERSATION_RETENTION_MAX_DAYS,
    HANDOVER_SECONDS,
    JOB_TIMEOUT_MAX_MINUTES,
    MAX_RUN_HOURS,
    QUESTION_RETENTION_MAX_HOURS,
    QUESTION_RETENTION_MIN_HOURS,
    RETENTION_MAX_HOURS,
    RETENTION_MIN_HOURS,
)
from runcast.record.prices import ModelPrice, prices_of

Config = TypeVar("Config")


class ConfigurationInvalid(RuncastError):
    """A setting has an invalid value; the message names the setting and its bounds."""


def _whole_number(minimum: int, maximum: int, default: int | None = None) -> Any:
    return field(default=MISSING if default is None else default, metadata={"bounds": (minimum, maximum)})


def _retention_hours() -> Any:
    return _whole_number(RETENTION_MIN_HOURS, RETENTION_MAX_HOURS, default=24)


def _question_retention_hours() -> Any:
    return _whole_number(QUESTION_RETENTION_MIN_HOURS, QUESTION_RETENTION_MAX_HOURS, default=168)


def _conversation_retention_days() -> Any:
    return _whole_number(1, CONVERSATION_RETENTION_MAX_DAYS, default=30)


def _functions() -> Any:
    """Lambda functions by name, given as a JSON object; none by default."""
    return field(default_factory=dict, metadata={"read": lambda *given: _functions_of(*given)})


def _model_prices() -> Any:
    """What tokens cost, by model id, given as a JSON object; none by default."""
    return field(default_factory=dict, metadata={"read": lambda *given: _prices_of(*given)})


_FLAG: Mapping[str, Any] = {"read": lambda *given: _flag_of(*given)}
_OWNER_LIMITS: Mapping[str, Any] = {"read": lambda *given: _limits_of(*given)}
_OIDC: Mapping[str, Any] = {"read": lambda *given: _oidc_of(*given)}


@dataclass(frozen=True)
class AgentConfig:
    """Settings of the Lambda `agent`.

    Attributes:
        agent_progress_table: The table of records.
        status_publisher_function: The Lambda that sends status messages.
        run_closer_function: The Lambda that writes ends that could not be stored in time, and continues runs.
        results_bucket: The bucket for the state of agents whose run continues in another worker.
        bedrock_model_id: A model or an inference profile.
        aws_region: Where everything runs; Lambda sets it.
        model_max_tokens: How many tokens the model may write in one answer.
        model_connect_timeout_seconds: How long to wait for a connection to Bedrock.
        model_read_timeout_seconds: How long to wait for the next part of the model's answer.
        model_max_attempts: How often boto3 tries one request to Bedrock, the first time included.
        retention_hours: How long the records that it creates are kept.
        question_retention_hours: How long a run that begins to wait for an answer is kept, from then on.
        handover_seconds: How long before its end a worker hands the run of a checkpointing agent over to the next one.
        max_run_hours: How long the workers of one run may work in all.
        model_prices: What tokens cost, by model id.
        limits: The limits of users and tenants, of which the agent needs those of tokens.
    """

    agent_progress_table: str
    status_publisher_function: str
    run_closer_function: str
    results_bucket: str
    bedrock_model_id: str
    aws_region: str
    model_max_tokens: int = _whole_number(1, 200_000)
    model_connect_timeout_seconds: int = _whole_number(1, 60, default=5)
    model_read_timeout_seconds: int = _whole_number(1, 900, default=120)
    model_max_attempts: int = _whole_number(1, 10, default=2)
    retention_hours: int = _retention_hours()
    question_retention_hours: int = _question_retention_hours()
    handover_seconds: int = _whole_number(1, 450, default=HANDOVER_SECONDS)
    max_run_hours: int = _whole_number(1, RETENTION_MAX_HOURS - 1, default=MAX_RUN_HOURS)
    model_prices: Mapping[str, ModelPrice] = _model_prices()
    limits: OwnerLimits = field(default=OwnerLimits(), metadata=_OWNER_LIMITS)


@dataclass(frozen=True)
class RunStarterConfig:
    """Settings of the Lambda `run_starter`.

    These are the table, how long its records, its open questions and its conversations are kept, the private bucket for
    inputs and answers, the Lambda that runs this application's agents and whether it has an execution environment for
    each tenant, the Lambdas that run other agents (by the agents' names), the state machine that executes playbooks,
    the Lambdas that send status messages and report to jobs, the token claims that name the caller, the limits of users
    and tenants, whether callers with an API key may start runs, and the identity provider beside the user pool, if
    there is one.
    """

    agent_progress_table: str
    results_bucket: str
    agent_function: str
    state_machine_arn: str
    status_publisher_function: str
    run_closer_function: str
    user_id_claim: str
    tenant_id_claim: str
    agent_functions: Mapping[str, str] = _functions()
    tenant_isolation: bool = field(default=False, metadata=_FLAG)
    retention_hours: int = _retention_hours()
    question_retention_hours: int = _question_retention_hours()
    conversation_retention_days: int = _conversation_retention_days()
    limits: OwnerLimits = field(default=OwnerLimits(), metadata=_OWNER_LIMITS)
    api_key_may_start: bool = field(default=False, metadata=_FLAG)
    oidc: Oidc | None = field(default=None, metadata=_OIDC)


@dataclass(frozen=True)
class OrchestratorConfig:
    """Settings of the Lambda `orchestrator`.

    Attributes:
        agent_progress_table: The table of records.
        status_publisher_function: The Lambda that sends status messages.
        agent_function: The Lambda that runs this application's agents.
        results_bucket: The private bucket, for inputs, and for results that are too large for a record.
        bedrock_model_id: The model that writes the summary, or an inference profile.
        model_max_tokens: How many tokens it may write in one answer.
        agent_functions: The Lambdas that run other agents, by the agents' names.
        tenant_isolation: Whether `agent_function` has an execution environment for each tenant.
        model_connect_timeout_seconds: How long to wait for a connection to Bedrock.
        model_read_timeout_seconds: How long to wait for the model's answer.
        model_max_attempts: How often boto3 tries one request to Bedrock, the first time included.
        retention_hours: How long the records that it creates are kept.
        question_retention_hours: How long a run that begins to wait for an answer is kept, from then on.
        job_timeout_minutes: The time limit of a job, without the time in which it waits for answers.
    """

    agent_progress_table: str
    status_publisher_function: str
    agent_function: str
    results_bucket: str
    bedrock_model_id: str
    model_max_tokens: int = _whole_number(1, 200_000)
    agent_functions: Mapping[str, str] = _functions()
    tenant_isolation: bool = field(default=False, metadata=_FLAG)
    model_connect_timeout_seconds: int = _whole_number(1, 60, default=5)
    model_read_timeout_seconds: int = _whole_number(1, 900, default=120)
    model_max_attempts: int = _whole_number(1, 10, default=2)
    retention_hours: int = _retention_hours()
    question_retention_hours: int = _question_retention_hours()
    job_timeout_minutes: int = _whole_number(1, JOB_TIMEOUT_MAX_MINUTES, default=60)


@dataclass(frozen=True)
class RunCloserConfig:
    """Settings of the Lambda `run_closer`.

    These are the table, the Lambda that sends status messages, the Lambda that runs this application's agents and
    whether it has an execution environment for each tenant, the Lambdas that run other agents (by the agents' names),
    and how long a run that begins to wait for an answer is kept, from then on.
    """

    agent_progress_table: str
    status_publisher_function: str
    agent_function: str
    agent_functions: Mapping[str, str] = _functions()
    tenant_isolation: bool = field(default=False, metadata=_FLAG)
    question_retention_hours: int = _question_retention_hours()


@dataclass(frozen=True)
class ProgressReaderConfig:
    """Settings of the Lambda `progress_reader`.

    These are the table, the bucket for results that are too large for the table, the token claims that name the caller,
    the agents in other Lambdas (functions by the agents' names), which it lists, whether callers with an API key may
    start, and so list, runs, and the identity provider beside the user pool, if there is one.
    """

    agent_progress_table: str
    results_bucket: str
    user_id_claim: str
    tenant_id_claim: str
    agent_functions: Mapping[str, str] = _functions()
    api_key_may_start: bool = field(default=False, metadata=_FLAG)
    oidc: Oidc | None = field(default=None, metadata=_OIDC)


@dataclass(frozen=True)
class ApiConfig:
    """Settings of the REST API.

    These are the table, how long its records, its open questions and its conversations are kept, the private bucket for
    inputs, answers and large results, the Lambda that runs this application's agents and whether it has an execution
    environment for each tenant, the Lambdas that run other agents (by the agents' names), the state machine that
    executes playbooks, the Lambdas that send status messages and report to jobs, the user pool client whose tokens it
    accepts, the token claims that name the caller, the limits of users and tenants, and, if there is an identity
    provider beside the user pool, that and the GraphQL endpoint.
    """

    agent_progress_table: str
    results_bucket: str
    agent_function: str
    state_machine_arn: str
    status_publisher_function: str
    run_closer_function: str
    user_pool_client_id: str
    user_id_claim: str
    tenant_id_claim: str
    agent_functions: Mapping[str, str] = _functions()
    tenant_isolation: bool = field(default=False, metadata=_FLAG)
    retention_hours: int = _retention_hours()
    question_retention_hours: int = _question_retention_hours()
    conversation_retention_days: int = _conversation_retention_days()
    limits: OwnerLimits = field(default=OwnerLimits(), metadata=_OWNER_LIMITS)
    oidc: Oidc | None = field(default=None, metadata=_OIDC)
    appsync_api_url: str = ""


@dataclass(frozen=True)
class StatusPublisherConfig:
    """Settings of the Lambda `status_publisher`.

    Attributes:
        appsync_api_url: The API's GraphQL endpoint.
        appsync_api_id: The API's id, which identifies its logs.
        user_sessions_table: The table of recent subscribers.
        aws_region: Where everything runs; Lambda sets it.
        mutations_per_request: How many messages go into one HTTP request; 1 sends each on its own.
    """

    appsync_api_url: str
    appsync_api_id: str
    user_sessions_table: str
    aws_region: str
    mutations_per_request: int = _whole_number(1, 50, default=50)


def read_config(config_class: type[Config], environ: Mapping[str, str]) -> Config:
    """Return the settings of one Lambda.

    Raises:
        ConfigurationMissing: Variables are missing or empty; all of them are named.
        ConfigurationInvalid: A number is invalid or out of bounds, or functions are not a JSON object of names.
    """
    settings: tuple[Field[Any], ...] = fields(config_class)  # type: ignore[arg-type]
    missing = [
        setting.name.upper()
        for setting in settings
        if setting.default is setting.default_factory is MISSING and not environ.get(setting.name.upper())
    ]
    if missing:
        raise ConfigurationMissing(missing)
    given = {setting.name: _value(setting, environ[setting.name.upper()])
             for setting in settings if environ.get(setting.name.upper())}  # fmt: skip
    return config_class(**given)


@cache
def config_of_environment(config_class: type[Config]) -> Config:
    """Return the settings of this Lambda, read from the environment once.

    Raises:
        ConfigurationMissing: As `read_config` does.
        ConfigurationInvalid: As `read_config` does.
    """
    return read_config(config_class, os.environ)


def _value(setting: Field[Any], text: str) -> Any:
    if "read" in setting.metadata:
        return setting.metadata["read"](setting.name.upper(), text)
    if "bounds" not in setting.metadata:
        return text
    minimum, maximum = setting.metadata["bounds"]
    if text.isascii() and text.isdecimal() and minimum <= int(text) <= maximum:
        return int(text)
    raise ConfigurationInvalid(
        f"{setting.name.upper()} must be a whole number from {minimum} to {maximum}, not {text!r}."
    )


def _functions_of(variable: str, text: str) -> Mapping[str, str]:
    try:
        functions = json.loads(text)
    except ValueError:
        functions = None
    if isinstance(functions, dict) and all(isinstance(arn, str) and arn for arn in functions.values()):
        return functions
    raise ConfigurationInvalid(f"{variable} must be a JSON object of agents' names and functions' ARNs, not {text!r}.")


def _prices_of(_: str, text: str) -> Mapping[str, ModelPrice]:
    try:
        return prices_of(text)
    except InvalidInput as error:
        raise ConfigurationInvalid(str(error)) from error


def _flag_of(variable: str, text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise ConfigurationInvalid(f"{variable} must be true or false, not {text!r}.")


def _oidc_of(_: str, text: str) -> Oidc:
    try:
        return oidc_of(text)
    except InvalidInput as error:
        raise ConfigurationInvalid(str(error)) from error


def _limits_of(_: str, text: str) -> OwnerLimits:
    try:
        return limits_of(text)
    except InvalidInput as error:
        raise ConfigurationInvalid(str(error)) from error

"""The deployment under test: Terraform's outputs, and the AWS services behind them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from deploy.terraform import Terraform

_PATIENCE = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})


class OutputsMissing(Exception):
    """The Terraform root does not have the outputs that the checks need; the message says what to do."""


@dataclass(frozen=True)
class Deployment:
    """The outputs of the Terraform module that the checks use; each attribute is the output of that name."""

    graphql_url: str
    rest_url: str
    graphql_api_id: str
    region: str
    user_pool_id: str
    user_pool_client_id: str
    user_id_claim: str
    tenant_id_claim: str
    agent_progress_table_name: str
    user_sessions_table_name: str
    agent_function_name: str
    status_publisher_function_name: str
    progress_reader_function_name: str
    run_starter_function_name: str
    rest_api_function_name: str
    orchestrator_function_name: str
    run_closer_function_arn: str
    state_machine_arn: str
    results_bucket_name: str
    recorder_environment: Mapping[str, str]
    deployment_sha256: str

    @property
    def run_closer_function_name(self) -> str:
        """The name of the Lambda that ends dead runs."""
        return self.recorder_environment["RUN_CLOSER_FUNCTION"]

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of all Lambda functions of the module."""
        return (
            self.agent_function_name,
            self.orchestrator_function_name,
            self.progress_reader_function_name,
            self.rest_api_function_name,
            self.run_closer_function_name,
            self.run_starter_function_name,
            self.status_publisher_function_name,
        )

    @property
    def uses_tls(self) -> bool:
        """Whether both APIs are served over TLS, as on AWS."""
        return self.graphql_url.startswith("https://") and self.rest_url.startswith("https://")

    def execution_arn(self, job_id: str) -> str:
        """Return the ARN of a job's execution."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{job_id}"


def read_deployment(source: Path, environment: str | None) -> Deployment:
    """Read the outputs of a deployment.

    Args:
        source: A Terraform root, or a file that contains what `terraform output -json` printed.
        environment: The environment whose files in the root are used, if the root has several.

    Raises:
        OutputsMissing: The file is invalid, or outputs are missing.
        TerraformUnusable: Terraform is missing or too old, or the root lacks a file.
        TerraformFailed: A Terraform command failed.
    """
    if source.is_file():
        try:
            outputs = json.loads(source.read_text(encoding="utf-8"))
        except ValueError as error:
            raise OutputsMissing(f"{source} is not JSON: write it with `terraform output -json`.") from error
    else:
        terraform = Terraform(source, environment)
        terraform.init()
        outputs = terraform.output()
    values = {name: output["value"] for name, output in outputs.items()}
    # A user's root module passes all outputs of the module on in a single output.
    values = values.get("runcast", values)
    missing = [field.name for field in fields(Deployment) if field.name not in values]
    if missing:
        raise OutputsMissing(
            f"{source} lacks the outputs {', '.join(missing)}. Apply this version of the module; a root that calls the"
            ' module needs `output "runcast" { value = module.runcast, sensitive = true }`.'
        )
    return Deployment(**{field.name: values[field.name] for field in fields(Deployment)})


class Aws:
    """AWS as the caller's credentials may use it, in the region of the deployment.

    Args:
        region: The region.
    """

    def __init__(self, region: str) -> None:
        session: Any = boto3.Session(region_name=region)
        self.client = cache(lambda service: session.client(service, config=_PATIENCE))

    @property
    def emulated(self) -> bool:
        """Whether this is an emulation of AWS: it has neither CloudWatch's metrics nor alarms that change."""
        return bool(os.environ.get("AWS_ENDPOINT_URL"))

    async def call(self, service: str, operation: str, **arguments: Any) -> Any:
        """Call an operation of a service without blocking the event loop; return its answer.

        Raises:
            ClientError: AWS refuses the call.
            BotoCoreError: AWS does not answer.
        """
        return await asyncio.to_thread(getattr(self.client(service), operation), **arguments)

"""The module, applied to the emulated AWS, for the tests to look at."""

import json
from pathlib import Path
from typing import Any

import boto3

from local.settings import REGION
from local.terraform import Terraform, prepare

FUNCTIONS = ("agent", "api", "orchestrator", "progress-reader", "run-closer", "run-starter", "status-publisher")
RESULTS = f"runcast-results-000000000000-{REGION}"
STATE_MACHINE = f"arn:aws:states:{REGION}:000000000000:stateMachine:runcast-playbook"


class Stack:
    """The module, applied with some variables."""

    def __init__(self, module: Path, work_dir: Path, endpoint_url: str, variables: dict[str, Any]) -> None:
        prepare(module, work_dir, variables)
        environment = {
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self.terraform = Terraform(work_dir, environment)
        self.terraform.init()
        self._state = work_dir / "terraform.tfstate"

    def types(self) -> set[str]:
        """The types of all resources in Terraform's state."""
        return {each["type"] for each in json.loads(self._state.read_text())["resources"] if each["mode"] == "managed"}

    def state(self, type_: str, name: str, key: str | int | None = None) -> dict[str, Any]:
        """The attributes of one resource, as Terraform's state has them."""
        for resource in json.loads(self._state.read_text())["resources"]:
            if (resource["type"], resource["name"], resource["mode"]) == (type_, name, "managed"):
                for instance in resource["instances"]:
                    if instance.get("index_key") == key:
                        return instance["attributes"]
        raise LookupError(f"{type_}.{name}[{key!r}]")


class Aws:
    """Clients of the emulated AWS."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.apigateway = self._client("apigateway")
        self.appsync = self._client("appsync")
        self.cloudwatch = self._client("cloudwatch")
        self.cognito = self._client("cognito-idp")
        self.dynamodb = self._client("dynamodb")
        self.events = self._client("events")
        self.iam = self._client("iam")
        self.lambda_ = self._client("lambda")
        self.logs = self._client("logs")
        self.s3 = self._client("s3")
        self.states = self._client("stepfunctions")

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def log_groups(self) -> dict[str, int | None]:
        """The retention in days of each log group."""
        pages = self.logs.get_paginator("describe_log_groups").paginate()
        return {group["logGroupName"]: group.get("retentionInDays") for page in pages for group in page["logGroups"]}

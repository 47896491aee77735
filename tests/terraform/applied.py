"""The module, applied to the emulated AWS, for the tests to look at."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session

from local.endpoint import Endpoint
from local.settings import REGION
from local.terraform import Terraform, prepare

FUNCTIONS = ("agent", "api", "orchestrator", "progress-reader", "run-closer", "run-starter", "status-publisher")
RESULTS = f"runcast-results-000000000000-{REGION}"
STATE_MACHINE = f"arn:aws:states:{REGION}:000000000000:stateMachine:runcast-playbook"


class Stack:
    """The module, applied with some variables."""

    def __init__(self, module: Path, work_dir: Path, endpoint: Endpoint, variables: dict[str, Any]) -> None:
        prepare(module, work_dir, variables)
        self.terraform = Terraform(work_dir, endpoint.environment)
        self.terraform.init()
        self._state = work_dir / "terraform.tfstate"

    def whole_state(self) -> dict[str, Any]:
        """Terraform's state."""
        state: dict[str, Any] = json.loads(self._state.read_text())
        return state

    def types(self) -> set[str]:
        """The types of all AWS resources in Terraform's state."""
        managed = [each["type"] for each in self.whole_state()["resources"] if each["mode"] == "managed"]
        return {each for each in managed if each.startswith("aws_")}

    def state(self, type_: str, name: str, key: str | int | None = None) -> dict[str, Any]:
        """The attributes of one resource, as Terraform's state has them."""
        for resource in self.whole_state()["resources"]:
            if (resource["type"], resource["name"], resource["mode"]) == (type_, name, "managed"):
                for instance in resource["instances"]:
                    if instance.get("index_key") == key:
                        return instance["attributes"]
        raise LookupError(f"{type_}.{name}[{key!r}]")


class Aws:
    """Clients of the emulated AWS."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.apigateway = endpoint.client("apigateway")
        self.appsync = endpoint.client("appsync")
        self.cloudwatch = endpoint.client("cloudwatch")
        self.cognito = endpoint.client("cognito-idp")
        self.dynamodb = endpoint.client("dynamodb")
        self.events = endpoint.client("events")
        self.iam = endpoint.client("iam")
        self.lambda_ = endpoint.client("lambda")
        self.logs = endpoint.client("logs")
        self.s3 = endpoint.client("s3")
        self.firewall = endpoint.client("wafv2")
        self.states = endpoint.client("stepfunctions")

    def keys_of_role(self, name: str, policy: Mapping[str, Any]) -> dict[str, str]:
        """Create a role with one policy; return its credentials as environment variables."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]
        self.iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
        sts = self.endpoint.client("sts")
        keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="tests")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def client_of(self, keys: Mapping[str, str], service: str) -> Any:
        """A client with the credentials of a role."""
        return botocore.session.Session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint.url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys["AWS_SESSION_TOKEN"],
        )

    def web_acl(self) -> str:
        """Create a web ACL that allows all requests; return its ARN."""
        made = self.firewall.create_web_acl(
            Name=f"firewall-{uuid.uuid4()}",
            Scope="REGIONAL",
            DefaultAction={"Allow": {}},
            VisibilityConfig={
                "SampledRequestsEnabled": False,
                "CloudWatchMetricsEnabled": False,
                "MetricName": "firewall",
            },
        )
        return str(made["Summary"]["ARN"])

    def log_groups(self) -> dict[str, int | None]:
        """The retention in days of each log group."""
        pages = self.logs.get_paginator("describe_log_groups").paginate()
        return {group["logGroupName"]: group.get("retentionInDays") for page in pages for group in page["logGroups"]}

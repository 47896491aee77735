"""The Lambdas in one process: Chalice's test client, tables in moto, and a fake AppSync server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import chalice.test
import pytest
from app import app
from chalice.local import LambdaContext, LocalGatewayAuthorizer
from chalice.test import Client
from chalicelib.agents import model as model_module
from chalicelib.api import writes
from chalicelib.lifecycle.admission import Admission
from chalicelib.orchestrator import playbook
from chalicelib.runtime import clients
from moto import mock_aws

import runcast.agents.track  # noqa: F401 - on a busy machine, its import would use up the 3 s of Chalice's context
from runcast.clock import epoch_ms
from runcast.record.store import RunStore
from tests.contracts.rest_api import check_answer
from tests.fakes.agent_progress import create_agent_progress
from tests.fakes.lambda_process import fresh_process
from tests.fakes.own_agents import own_agents
from tests.fakes.publish_endpoint import PublishEndpoint, publish_endpoint
from tests.fakes.scripted_model import Call, Say, ScriptedModel

EVENTS = Path(__file__).parents[1] / "events"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AGENT_PROGRESS_TABLE": "AgentProgress",
    "USER_SESSIONS_TABLE": "user_sessions",
    "AGENT_FUNCTION": "agent",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:playbook",
    "RESULTS_BUCKET": "results",
    "AGENT_FUNCTIONS": json.dumps({"elsewhere": "arn:aws:lambda:us-east-1:123456789012:function:elsewhere"}),
    "STATUS_PUBLISHER_FUNCTION": "status_publisher",
    "RUN_CLOSER_FUNCTION": "run_closer",
    "BEDROCK_MODEL_ID": "scripted",
    "MODEL_MAX_TOKENS": "1000",
    "USER_ID_CLAIM": "sub",
    "TENANT_ID_CLAIM": "custom:tenantId",
    "APPSYNC_API_ID": "api1",
    "CORS_ORIGINS": "*",
    "USER_POOL_CLIENT_ID": "client1",
}
PLAYBOOKS = {"compare-layouts": "Compares layouts.", "site-assessment": "Assesses a site."}
ANA = {"sub": "ana", "custom:tenantId": "acme", "token_use": "id", "aud": "client1", "cognito:username": "ana"}


class Lambdas:
    """Invokes the doors of `app.py`, and stands in for the Lambda service between them."""

    def __init__(self, appsync: PublishEndpoint) -> None:
        self._client = Client(app)
        self.appsync = appsync
        self.model = ScriptedModel([Call("measure"), Say("Measured: {tool_result}")])
        self.queued: list[tuple[str, object]] = []

    def call(self, name: str, event: object) -> dict:
        return self._client.lambda_.invoke(name, event).payload

    def invoke(self, **request) -> dict:
        """Queue an asynchronous invocation, as the Lambda service does."""
        if request["InvocationType"] == "DryRun":
            return {"StatusCode": 204}
        assert request["InvocationType"] == "Event"
        self.queued.append((request["FunctionName"], json.loads(request["Payload"])))
        return {"StatusCode": 202}

    def run_queue(self) -> list[dict]:
        """Do all queued invocations and those that they queue in turn."""
        answers = []
        while self.queued:
            answers.append(self.call(*self.queued.pop(0)))
        return answers

    def request(
        self,
        method: str,
        path: str,
        *,
        claims: Mapping[str, Any] | None = ANA,
        json_body: Any = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to the REST API with a token of these claims, and hold the answer to the API's description."""
        headers = dict({"content-type": "application/json"} if headers is None else headers)
        if claims is not None:
            headers["authorization"] = unsigned_token(claims)
        if json_body is not None:
            body = json.dumps(json_body).encode()
        response = self._client.http.request(method, path, headers=headers, body=body)
        answer = Answer(response.status_code, response.headers, json.loads(response.body or b"null"))
        if method != "OPTIONS" and answer.status != 405:
            check_answer(method, path.partition("?")[0], answer.status, answer.body)
        return answer


@dataclass(frozen=True)
class Answer:
    """What the REST API answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def refusal(self) -> tuple[int, str, str]:
        """The HTTP status, and the error's type and message."""
        return self.status, self.body["error"]["type"], self.body["error"]["message"]


def unsigned_token(claims: Mapping[str, Any]) -> str:
    """A token as Chalice's local gateway takes it: it reads the claims and verifies nothing."""
    return ".".join(base64.urlsafe_b64encode(part).decode() for part in (b"{}", json.dumps(claims).encode(), b""))


def _claims_as_text(_: LocalGatewayAuthorizer, token: str) -> dict[str, str]:
    """The claims of a token as API Gateway hands them on, which Chalice's local gateway does not."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {name: claim if isinstance(claim, str) else json.dumps(claim) for name, claim in claims.items()}


@pytest.fixture
def event():
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def lambdas(monkeypatch) -> Iterator[Lambdas]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with (
        mock_aws(),
        publish_endpoint() as appsync,
        fresh_process(),
        own_agents(),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("APPSYNC_API_URL", appsync.url)
        create_agent_progress(boto3.client("dynamodb"), "AgentProgress")
        make_sessions_table()
        boto3.client("s3").create_bucket(Bucket="results")
        lambdas = Lambdas(appsync)
        patch.setattr(clients, "invoker", lambda: lambdas)
        patch.setattr(clients, "live_invoker", lambda: lambdas)
        # By default it has 3 s, which a busy machine uses up.
        patch.setattr(chalice.test, "LambdaContext", partial(LambdaContext, max_runtime_ms=60_000))
        patch.setattr(LocalGatewayAuthorizer, "_decode_jwt_payload", _claims_as_text)
        patch.setattr(playbook, "names", lambda: tuple(PLAYBOOKS))
        patch.setattr(playbook, "description", PLAYBOOKS.__getitem__)
        patch.setattr(model_module, "bedrock_model", lambda config: lambdas.model)
        yield lambdas


@pytest.fixture
def store(lambdas: Lambdas) -> RunStore:
    return RunStore(boto3.client("dynamodb"), "AgentProgress")


@pytest.fixture
def same_minute(monkeypatch) -> None:
    """Stop the clock by which starts and uploads are counted, so that no minute or day ends within the test."""
    now_ms = epoch_ms()
    monkeypatch.setattr(writes, "Admission", lambda limits, counts, _: Admission(limits, counts, lambda: now_ms))


@pytest.fixture
def subscribe(lambdas):
    def put(tenant_id: str = "acme", user_id: str = "ana") -> None:
        boto3.client("dynamodb").put_item(
            TableName="user_sessions",
            Item={"tenantId": {"S": tenant_id}, "userId": {"S": user_id}, "expiresAt": {"N": "4000000000"}},
        )

    return put


def make_sessions_table() -> None:
    keys = {"tenantId": "HASH", "userId": "RANGE"}
    boto3.client("dynamodb").create_table(
        TableName="user_sessions",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )


class GraphqlCaller:
    """Sends what the resolvers send."""

    def __init__(self, lambdas, event):
        self.lambdas, self.event = lambdas, event

    def ask(self, door, field, claims, arguments):
        """Return the data that a Lambda answers, or its error's type and message."""
        event = self.event(field) | {"arguments": arguments, "identity": {"claims": claims}}
        answer = self.lambdas.call(door, event)
        return answer.get("data") or (answer["error"]["type"], answer["error"]["message"])

"""The usual way to show an agent's progress, written fairly. The bench measures it beside ours.

It is what most teams write first: one Lambda package that imports the whole application, a list of steps that the
agent's own thread rewrites with `PutItem` at each step, one invocation of a publisher for each step, and a publisher
that opens a new connection for each message. Clients that make the calls are created once and kept.

`bench.extra_agent` adds the two handlers to the Lambdas of a local stack that is measured.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import time
from collections.abc import Callable
from typing import Any

import boto3
import requests
from requests_aws4auth import AWS4Auth

_DAY_SECONDS = 86_400
_MUTATION = (
    "mutation($input: PublishStatusInput!) { publishStatus(input: $input) { userId tenantId jobId requestId agentName"
    " status message timestamp metadata seq schemaVersion } }"
)


class UsualProgress:
    """The list of steps of one run, which is stored and published whole at each step.

    Args:
        request_id: The run's id.
        put_item: Stores the item.
        invoke_publisher: Hands one message to the publisher.
    """

    def __init__(
        self,
        request_id: str,
        put_item: Callable[[dict[str, Any]], object],
        invoke_publisher: Callable[[dict[str, Any]], object],
    ) -> None:
        self._request_id = request_id
        self._put_item = put_item
        self._invoke_publisher = invoke_publisher
        self._steps: list[dict[str, Any]] = []

    def step(self, step: str, message: str) -> None:
        """Record and publish one step."""
        now_ms = int(time.time() * 1000)
        number = len(self._steps) + 1
        self._steps.append({"step": step, "message": message, "timestamp": now_ms, "seq": number})
        self._put_item(
            {
                "requestId": self._request_id,
                "steps": self._steps,
                "status": "in_progress",
                "updatedAt": now_ms,
                "expiresAt": now_ms // 1000 + _DAY_SECONDS,
            }
        )
        self._invoke_publisher(
            {"requestId": self._request_id, "status": step, "message": message, "timestamp": now_ms, "seq": number}
        )


def import_everything() -> None:
    """Import every module of the application, as one package with one entry point does."""
    import chalicelib

    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    for name in ("app", "runcast", "strands", "strands.multiagent", "jsonschema"):
        importlib.import_module(name)


def agent(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Run `build` of the agent that the event names, or record steps without a pause; the Lambda's handler.

    Args:
        event: `requestId`, `userId`, `tenantId`, and either `agent` and `query`, or `steps`.
    """
    import_everything()
    session = boto3.Session()
    table = session.resource("dynamodb").Table(os.environ["USUAL_TABLE"])
    functions = session.client("lambda")

    def invoke(message: dict[str, Any]) -> None:
        message = {**message, "userId": event["userId"], "tenantId": event["tenantId"], "jobId": None}
        functions.invoke(
            FunctionName=os.environ["USUAL_PUBLISHER"], InvocationType="Event", Payload=json.dumps(message).encode()
        )

    progress = UsualProgress(event["requestId"], lambda item: table.put_item(Item=item), invoke)
    if "steps" in event:
        for number in range(event["steps"]):
            progress.step("working", f"Step {number} of {event['steps']}")
    else:
        _run_agent(event, progress)
    progress.step("complete", "Done")
    return {"success": True}


def publisher(event: dict[str, Any], _: object) -> None:
    """Publish one message; the Lambda's handler."""
    publish(event, os.environ["APPSYNC_API_URL"], os.environ["AWS_REGION"])


def publish(message: dict[str, Any], url: str, region: str) -> None:
    """Publish one message with a new session, signature and connection."""
    credentials = boto3.Session().get_credentials()
    auth = AWS4Auth(refreshable_credentials=credentials, region=region, service="appsync")
    body = {"query": _MUTATION, "variables": {"input": message}}
    requests.post(url, json=body, auth=auth, timeout=10).raise_for_status()


def _run_agent(event: dict[str, Any], progress: UsualProgress) -> None:
    from chalicelib.agents import registry
    from chalicelib.agents.run_context import RunContext
    from strands import hooks
    from strands.models import BedrockModel

    model = BedrockModel(model_id=os.environ["BEDROCK_MODEL_ID"], region_name=os.environ["AWS_REGION"])
    built: Any = registry.load(event["agent"])(RunContext(query=event["query"], parameters={}, model=model))
    built.hooks.add_callback(hooks.BeforeModelCallEvent, lambda _: progress.step("thinking", "Thinking"))
    built.hooks.add_callback(
        hooks.BeforeToolCallEvent, lambda call: progress.step("executing", f"Running {call.tool_use['name']}")
    )
    built(event["query"])

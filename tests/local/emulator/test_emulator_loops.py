"""A function that invokes itself is stopped after 16 invocations, unless its setting allows loops."""

import json
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError

from tests.local.appsync_api import Aws
from tests.local.emulator.test_emulator_compute import create_function, put_role
from tests.waiting import wait_until

TABLE = "Loops"
# A function keeps its event and its trace header, and invokes itself until its number is `last`.
# On AWS every runtime has the SDK.
CODE = """
import json, os, sys

def handler(event, context):
    sys.path.append(SDK)
    import botocore.session
    session = botocore.session.get_session()
    client = lambda name: session.create_client(name, region_name="us-east-1")
    record = event.get("requestPayload")
    key = "stopped" if record else str(event["number"])
    values = {"chain": (record or event)["chain"], "key": key, "event": json.dumps(event)}
    values["trace"] = os.environ["_X_AMZN_TRACE_ID"]
    item = {name: {"S": value} for name, value in values.items()}
    client("dynamodb").put_item(TableName="Loops", Item=item)
    if not record and event["number"] < event["last"]:
        payload = json.dumps({**event, "number": event["number"] + 1})
        client("lambda").invoke(FunctionName="loop", InvocationType="Event", Payload=payload)
"""


@pytest.fixture(scope="module")
def loop(aws: Aws) -> str:
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "chain", "KeyType": "HASH"}, {"AttributeName": "key", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("chain", "key")],
    )
    role = put_role(
        aws,
        "loops",
        {"Effect": "Allow", "Action": ["dynamodb:PutItem", "lambda:InvokeFunction"], "Resource": "*"},
    )
    code = f"SDK = {str(Path(botocore.__file__).parents[1])!r}\n{CODE}"
    for name in ("loop", "stopped", "other"):
        create_function(aws, name, role, code)
    function = aws.client("lambda").get_function(FunctionName="stopped")["Configuration"]["FunctionArn"]
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName="loop", DestinationConfig={"OnFailure": {"Destination": function}}
    )
    return "loop"


def items(aws: Aws, chain: str) -> dict[str, Any]:
    """Returns what the functions kept of a chain by its numbers; `stopped` is the destination's."""
    found = aws.client("dynamodb").query(
        TableName=TABLE,
        KeyConditionExpression="chain = :chain",
        ExpressionAttributeValues={":chain": {"S": chain}},
        ConsistentRead=True,
    )
    return {item["key"]["S"]: item for item in found["Items"]}


def start(aws: Aws, chain: str, last: int) -> None:
    event = {"chain": chain, "number": 1, "last": last}
    aws.client("lambda").invoke(FunctionName="loop", InvocationType="Event", Payload=json.dumps(event))


def test_a_loop_is_stopped_and_its_event_goes_to_the_destination(aws: Aws, loop: str) -> None:
    assert aws.client("lambda").get_function_recursion_config(FunctionName=loop)["RecursiveLoop"] == "Terminate"
    start(aws, "stopped", last=100)
    wait_until(lambda: "stopped" in items(aws, "stopped"), deadline_seconds=120)
    found = items(aws, "stopped")
    record = json.loads(found.pop("stopped")["event"]["S"])
    assert sorted(map(int, found)) == list(range(1, 17))
    assert record["requestPayload"] == {"chain": "stopped", "number": 17, "last": 100}
    assert record["responsePayload"]["errorType"] == "RecursiveInvocationException"


def test_a_loop_that_is_allowed_goes_on(aws: Aws, loop: str) -> None:
    setting = aws.client("lambda")
    setting.put_function_recursion_config(FunctionName=loop, RecursiveLoop="Allow")
    try:
        start(aws, "allowed", last=18)
        wait_until(lambda: "18" in items(aws, "allowed"), deadline_seconds=120)
        assert "stopped" not in items(aws, "allowed")
    finally:
        setting.put_function_recursion_config(FunctionName=loop, RecursiveLoop="Terminate")


def test_a_caller_that_waits_gets_an_error_and_each_function_has_its_own_count(aws: Aws, loop: str) -> None:
    start(aws, "counted", last=16)
    wait_until(lambda: "16" in items(aws, "counted"), deadline_seconds=120)
    traces = {int(key): item["trace"]["S"] for key, item in items(aws, "counted").items()}

    def is_let_in(name: str, trace: str) -> bool:
        client = aws.client("lambda")
        client.meta.events.register(
            "before-call", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": trace})
        )
        event = {"chain": "called", "number": 1, "last": 1}
        try:
            assert "FunctionError" not in client.invoke(FunctionName=name, Payload=json.dumps(event))
        except ClientError as error:
            if error.response["Error"]["Code"] != "RecursiveInvocationException":
                raise
            return False
        return True

    assert is_let_in(loop, traces[15])
    assert not is_let_in(loop, traces[16])
    assert is_let_in("other", traces[16])
    assert is_let_in(loop, traces[16].partition(";Lineage")[0])
    assert is_let_in(loop, "Lineage=no count")

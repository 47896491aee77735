"""A function with tenant isolation has workers for each tenant, and takes no invocation without a tenant."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from packager.platforms import DEFAULT_RUNTIME
from tests.local.appsync_api import Aws
from tests.local.emulator.test_emulator_compute import create_function, put_role
from tests.local.emulator.test_emulator_updates import is_running
from tests.waiting import wait_until

ISOLATED, SHARED = "isolated", "shared"
# Its module keeps what an invocation leaves, as a careless or a hostile agent would.
CODE = """
import os, pathlib

left = []

def handler(event, context):
    before, left[:] = list(left), [*left, event["who"]]
    answer = {"pid": os.getpid(), "before": before, "tenant": context.tenant_id}
    if "file" in event:
        pathlib.Path(event["file"]).write_text(str(answer))
    if event.get("fails"):
        raise ValueError(event["who"])
    return answer
"""
RECORDER = """
import json, pathlib

def handler(event, context):
    pathlib.Path(event["requestPayload"]["file"]).write_text(json.dumps(event["responsePayload"]))
"""


@pytest.fixture(scope="module")
def functions(aws: Aws) -> None:
    role = put_role(aws, "tenants", {"Effect": "Allow", "Action": ["logs:*", "lambda:InvokeFunction"], "Resource": "*"})
    create_function(aws, SHARED, role, CODE)
    create_function(aws, "recorder", role, RECORDER)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    aws.client("lambda").create_function(
        FunctionName=ISOLATED,
        Runtime=DEFAULT_RUNTIME,
        Handler="app.handler",
        Role=role,
        Timeout=60,
        Code={"ZipFile": packed.getvalue()},
        TenancyConfig={"TenantIsolationMode": "PER_TENANT"},
    )


def answer_to(aws: Aws, who: str, tenant: str, **event: Any) -> dict[str, Any]:
    given = json.dumps({"who": who, **event})
    answer = aws.client("lambda").invoke(FunctionName=ISOLATED, Payload=given, TenantId=tenant)
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    return told


def test_tenants_share_no_process_and_a_tenant_keeps_its_own(aws: Aws, functions: None) -> None:
    first, second, again = (answer_to(aws, who, tenant) for who, tenant in (("a", "A"), ("b", "B"), ("c", "A")))
    assert first == {"pid": first["pid"], "before": [], "tenant": "A"}
    assert second == {"pid": second["pid"], "before": [], "tenant": "B"}
    assert again == {"pid": first["pid"], "before": ["a"], "tenant": "A"}
    assert second["pid"] != first["pid"]


def test_tenants_at_the_same_time_share_no_process(aws: Aws, functions: None) -> None:
    tenants = [f"at-once:{n % 3}" for n in range(9)]
    with ThreadPoolExecutor(len(tenants)) as pool:
        answers = list(pool.map(lambda tenant: answer_to(aws, tenant, tenant), tenants))
    assert [answer["tenant"] for answer in answers] == tenants
    assert all(set(answer["before"]) <= {tenant} for answer, tenant in zip(answers, tenants, strict=True))


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
@pytest.mark.parametrize(
    ("name", "tenant", "said"),
    [(ISOLATED, {}, "is enabled"), (SHARED, {"TenantId": "A"}, "is not enabled")],
    ids=["without", "with"],
)
def test_an_invocation_is_refused_as_lambda_does(
    aws: Aws, functions: None, kind: str, name: str, tenant: dict[str, str], said: str
) -> None:
    client = aws.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=f"function {said} with tenancy") as told:
        client.invoke(FunctionName=name, InvocationType=kind, Payload=b'{"who": "x"}', **tenant)
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_dry_run_with_a_tenant_runs_nothing(aws: Aws, functions: None) -> None:
    request = {"FunctionName": ISOLATED, "InvocationType": "DryRun", "TenantId": "dry"}
    assert aws.client("lambda").invoke(**request)["StatusCode"] == 204
    assert answer_to(aws, "a", "dry")["before"] == []


def test_an_asynchronous_invocation_runs_in_a_process_of_its_tenant(aws: Aws, functions: None, tmp_path: Path) -> None:
    event = json.dumps({"who": "late", "file": str(tmp_path / "seen")})
    aws.client("lambda").invoke(FunctionName=ISOLATED, InvocationType="Event", Payload=event, TenantId="async")
    wait_until((tmp_path / "seen").exists)
    wait_until(lambda: "late" in answer_to(aws, "a", "async")["before"])  # once its worker is idle
    assert answer_to(aws, "a", "other")["before"] == []


def test_a_failure_reaches_a_destination_without_isolation(aws: Aws, functions: None, tmp_path: Path) -> None:
    client = aws.client("lambda")
    recorder = client.get_function(FunctionName="recorder")["Configuration"]["FunctionArn"]
    client.put_function_event_invoke_config(
        FunctionName=ISOLATED, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": recorder}}
    )
    file = tmp_path / "failure"
    event = json.dumps({"who": "late", "fails": True, "file": str(file)})
    client.invoke(FunctionName=ISOLATED, InvocationType="Event", Payload=event, TenantId="failing")
    wait_until(lambda: file.exists() and "errorType" in file.read_text())
    assert json.loads(file.read_text())["errorType"] == "ValueError"


def test_an_update_ends_the_workers_of_all_tenants(aws: Aws, functions: None) -> None:
    pids = [answer_to(aws, "a", tenant)["pid"] for tenant in ("one", "two")]
    aws.client("lambda").update_function_configuration(FunctionName=ISOLATED, Timeout=30)
    wait_until(lambda: not any(map(is_running, pids)))
    assert answer_to(aws, "a", "one")["before"] == []


def test_isolation_cannot_be_changed(aws: Aws, functions: None) -> None:
    config = aws.client("lambda").get_function_configuration(FunctionName=ISOLATED)
    assert config["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    input_shape = aws.client("lambda").meta.service_model.operation_model("UpdateFunctionConfiguration").input_shape
    assert "TenancyConfig" not in input_shape.members

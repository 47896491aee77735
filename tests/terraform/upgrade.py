"""Upgrades a deployment from an earlier version to this one and rolls it back (`make upgrade-check`); takes minutes.

The earlier packager packages the earlier sources, and Terraform applies them. Runs are executed, and the present module
is applied to the same state. The file's name keeps it out of `make test`, which tests the records (`test_upgrade.py`).
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.terraform import prepare
from tests.terraform.applied import Aws, Stack
from tests.terraform.earlier import as_earlier, unpack_earlier
from tests.terraform.test_module_lifecycle import invoke, read, run_to_its_end, wait_for_end
from tests.waiting import wait_until

# Resources that hold data, or that clients' configurations name.
KEPT = {
    "aws_api_gateway_rest_api",
    "aws_appsync_graphql_api",
    "aws_cognito_user_pool",
    "aws_cognito_user_pool_client",
    "aws_dynamodb_table",
    "aws_s3_bucket",
}
PREFIX = "upgraded-"
QUERY = "How steep is it?"
# The model answers several times. One answer takes longer than an apply, so the run is in flight when the new code is
# deployed.
LONG_QUERY = f"{QUERY} [model:slow 40]"
LONG_RUN_SECONDS = 300


@pytest.fixture(scope="module")
def earlier_module(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier module, packaged by the earlier packager."""
    sources = unpack_earlier(project, tmp_path_factory.mktemp("earlier"))
    subprocess.run([sys.executable, "-m", "packager"], cwd=sources, check=True)
    return sources


def start(aws: Aws, query: str) -> str:
    started = invoke(aws, f"{PREFIX}runcast-run-starter", "startAgentRun", {"agent": "terrain", "query": query})
    return str(started["requestId"])


def wait_for_steps(aws: Aws, request_id: str) -> None:
    wait_until(lambda: read(aws, PREFIX, request_id)["steps"])


def replaced_or_deleted(actions: dict[str, tuple[str, ...]]) -> set[str]:
    return {address.partition(".")[0] for address, action in actions.items() if "delete" in action}


@pytest.mark.timeout(1800)
def test_an_upgrade_and_a_roll_back_keep_the_data_and_the_run_in_flight(
    module: Path, earlier_module: Path, aws: Aws, tmp_path: Path
):
    variables: dict[str, Any] = {"name_prefix": PREFIX}
    made = Stack(earlier_module, tmp_path, aws.endpoint, variables)
    made.terraform.apply()
    before = run_to_its_end(aws, PREFIX)
    assert before["status"] == "complete"
    in_flight = start(aws, LONG_QUERY)
    wait_for_steps(aws, in_flight)

    prepare(module, tmp_path, variables)
    made.terraform.init()
    plan = made.terraform.plan()
    assert replaced_or_deleted(dict(plan.actions)) & KEPT == set(), plan.text
    assert read(aws, PREFIX, in_flight)["liveness"] == "live"
    made.terraform.apply()
    assert read(aws, PREFIX, in_flight)["liveness"] == "live"
    assert as_earlier(read(aws, PREFIX, before["requestId"])) == before
    assert wait_for_end(aws, PREFIX, in_flight, LONG_RUN_SECONDS)["status"] == "complete"
    after = run_to_its_end(aws, PREFIX)
    assert after["status"] == "complete"
    assert made.terraform.plan().differing == {}

    prepare(earlier_module, tmp_path, variables)
    made.terraform.init()
    plan = made.terraform.plan()
    assert replaced_or_deleted(dict(plan.actions)) & KEPT == set(), plan.text
    made.terraform.apply()
    assert read(aws, PREFIX, after["requestId"]) == as_earlier(after)
    assert run_to_its_end(aws, PREFIX)["status"] == "complete"
    made.terraform.destroy()

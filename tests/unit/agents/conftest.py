"""What the tests of tracking share: a table that the environment names, as in any process, and short agents."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from strands import Agent

from runcast.record.model import Run
from runcast.runs.from_environment import forget_clients
from tests.fakes.scripted_model import ScriptedModel
from tests.unit.agents.ground import Ground
from tests.unit.conftest import TABLE_NAME


@pytest.fixture(scope="module", autouse=True)
def process():
    """A module's tests are one process: making clients costs more than most of them."""
    forget_clients()
    yield
    forget_clients()


@pytest.fixture
def records(store, monkeypatch: pytest.MonkeyPatch):
    """The records of a process whose environment names a table, read by their requestId."""
    monkeypatch.setenv("AGENT_PROGRESS_TABLE", TABLE_NAME)
    for name in ("STATUS_PUBLISHER_FUNCTION", "RETENTION_HOURS"):
        monkeypatch.delenv(name, raising=False)
    return store


@pytest.fixture
def bucket(records, aws, monkeypatch: pytest.MonkeyPatch):
    """The bucket that the environment names."""
    monkeypatch.setenv("RESULTS_BUCKET", "results")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="results")
    return client


@pytest.fixture
def ground(records, bucket) -> Ground:
    """A checkpointing agent in a process whose environment names the table and the bucket."""
    return Ground(records)


def scripted(*script: Any, **about: Any) -> Agent:
    """An agent that does what the script says."""
    return Agent(model=ScriptedModel(script), callback_handler=None, **about)


def named(request_id: str, **more: Any) -> dict[str, Any]:
    """What an agent is invoked with to name its run."""
    return {"runcast": {"requestId": request_id, **more}}


def tree(run: Run) -> list[tuple[Any, ...]]:
    """Each step: whose, what, which tool, and the number of the step that started it."""
    steps = [step.to_json() for step in run.steps]
    assert [step["seq"] for step in steps] == list(range(1, len(steps) + 1))
    return [
        (
            step.get("agentName"),
            step.get("status") or step["step"],
            step.get("toolName"),
            step.get("metadata", {}).get("parentSeq"),
        )
        for step in steps
    ]

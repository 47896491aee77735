"""An earlier version of Runcast from the Git history, for the upgrade tests."""

import json
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

from runcast.record.model import with_metadata_object

EARLIER = "769abf722dc624e390df25abc52ba7fcd767175b"
_CALL = """
import json, os, sys
from types import SimpleNamespace
import app
event = json.load(sys.stdin)
context = SimpleNamespace(
    aws_request_id="earlier",
    function_name=sys.argv[1],
    invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{sys.argv[1]}",
    get_remaining_time_in_millis=lambda: 60_000,
)
print(json.dumps(getattr(app, sys.argv[1])(event, context)))
"""


def unpack_earlier(project: Path, folder: Path) -> Path:
    """Write the earlier sources into a folder and return it."""
    command = ["git", "-C", str(project), "archive", EARLIER]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, f"{done.stderr.decode()}This clone does not have {EARLIER}: run git fetch --unshallow."
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def call_earlier(sources: Path, function: str, event: dict[str, Any], environment: dict[str, str]) -> Any:
    """Run the earlier code of a Lambda function in a subprocess, and return its answer to an event."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CALL, function],
        input=json.dumps(event),
        env={**os.environ, **environment, "PYTHONPATH": f"{sources / 'chalice_app'}{os.pathsep}{sources}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def as_earlier(answer: dict[str, Any]) -> dict[str, Any]:
    """Convert an answer of getAgentProgress to the earlier format.

    It had JSON values instead of JSON text, no reason, no conversation, and of a step only a status and an agent that
    differ from the step's name and the run's agent.
    """
    kept = {name: value for name, value in answer.items() if name not in ("reason", "conversationId")}
    agent = answer["steps"][0]["agentName"]  # the first step names no other agent than the run's
    steps = [_as_earlier_step(with_metadata_object(step), agent) for step in answer["steps"]]
    return {**kept, "steps": steps, "result": None if answer["result"] is None else json.loads(answer["result"])}


def _as_earlier_step(step: dict[str, Any], agent: str) -> dict[str, Any]:
    implied = {"status": step["step"], "agentName": agent}
    return {name: value for name, value in step.items() if implied.get(name) != value}

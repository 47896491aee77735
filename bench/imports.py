"""How long each Lambda takes from its start to its first call of AWS, out of the zip that is uploaded.

Each repetition is a new process of a bare interpreter. Beside it is the usual way: a process that imports the whole
application first. The agent's first call is the write of its first step. A Lambda that makes no call answers its event.
The floor is a process without our code: botocore, one client, and its first call. `bench/imports.txt` shows
where each Lambda's imports take their time.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from bench.row import RATIO, Repetitions, Row
from local.functions import package_functions
from local.settings import ROOT, Settings
from packager.agents import agent_names
from packager.build import ARCHIVE_NAME

# The agent whose figures are in the documents; without the demonstration, the first one.
AGENT = min(agent_names(ROOT / "chalice_app"), key=lambda name: (name != "terrain", name))


class Door(NamedTuple):
    """One Lambda, and one event for it.

    Attributes:
        handler: Its name in `app.py`.
        output: The output that tells its name on AWS, if there is one.
        event: What it is asked.
        silence: The error with which it reports that the table does not answer; none if it answers nevertheless.
    """

    handler: str
    output: str | None
    event: Mapping[str, Any]
    silence: str = ""


DOORS = {
    "progress_reader": Door(
        "progress_reader",
        "progress_reader_function_name",
        {
            "field": "getAgentProgress",
            "arguments": {"requestId": "x"},
            "authType": "API Key Authorization",
            "identity": None,
        },
    ),
    "run_starter": Door(
        "run_starter",
        "run_starter_function_name",
        {
            "field": "startAgentRun",
            "arguments": {"agent": "none", "query": "x"},
            "authType": "API Key Authorization",
            "identity": None,
        },
    ),
    "api_handler": Door(
        "app",
        "rest_api_function_name",
        {
            "headers": {},
            "multiValueQueryStringParameters": None,
            "pathParameters": {"request_id": "x"},
            "stageVariables": None,
            "body": None,
            "isBase64Encoded": False,
            "requestContext": {
                "resourcePath": "/runs/{request_id}",
                "httpMethod": "GET",
                "authorizer": {"claims": {"sub": "x", "token_use": "id", "aud": "x"}},
            },
        },
    ),
    "status_publisher": Door(
        "status_publisher",
        "status_publisher_function_name",
        {"userId": "x", "tenantId": "x", "status": "thinking"},
    ),
    # An event that it ignores: with any other, it would fail because the table does not answer.
    "run_closer": Door("run_closer", None, {}),
    "orchestrator": Door(
        "orchestrator",
        "orchestrator_function_name",
        {"state": "LoadPlaybook", "execution": "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"},
        silence="Unavailable",
    ),
    "agent": Door("agent", "agent_function_name", {"agent": AGENT, "query": "x"}),
}
REPORT = Path(__file__).with_name("imports.txt")
_REPORTED_PACKAGES = 15
_REPETITIONS = 5
_GOALS = {
    **{name: {RATIO: 0.35} for name in ("progress_reader", "run_starter", "status_publisher", "run_closer")},
    "agent": {RATIO: 0.40},
}
# Nothing answers here, so that each Lambda goes as far as its first call and no further.
_ENVIRONMENT = {
    "AGENT_FUNCTION": "x",
    "AGENT_PROGRESS_TABLE": "x",
    "APPSYNC_API_ID": "x",
    "APPSYNC_API_URL": "http://127.0.0.1:9/graphql",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_LAMBDA_FUNCTION_NAME": "x",
    "AWS_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "x",
    "BEDROCK_MODEL_ID": "x",
    "MODEL_MAX_TOKENS": "100",
    "RESULTS_BUCKET": "x",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:x",
    "STATUS_PUBLISHER_FUNCTION": "x",
    "RUN_CLOSER_FUNCTION": "x",
    "TENANT_ID_CLAIM": "custom:tenantId",
    "USER_ID_CLAIM": "sub",
    "USER_POOL_CLIENT_ID": "x",
    "USER_SESSIONS_TABLE": "x",
}
_PROGRAM = """
import contextlib, io, json, sys, time
began = time.perf_counter()
called = []
sys.addaudithook(lambda event, _: event == "socket.connect" and called.append(time.perf_counter()))
sys.path.insert(0, sys.argv[1])
class Context:
    aws_request_id = "x"
    def get_remaining_time_in_millis(self): return 10_000
with contextlib.redirect_stdout(io.StringIO()):
    if sys.argv[5]:
        sys.path.insert(0, sys.argv[5])
        import baseline
        baseline.import_everything()
    import app
    try:
        getattr(app, sys.argv[2])(json.loads(sys.argv[3]), Context())
    except Exception as error:
        if type(error).__name__ != sys.argv[4]:
            raise
    seconds = (called or [time.perf_counter()])[0] - began
print(json.dumps({"modules": len(sys.modules), "seconds": seconds,
                  "large": [name for name in ("strands", "jsonschema") if name in sys.modules]}))
"""
_BOTOCORE_ALONE = """
import json, sys, time
began = time.perf_counter()
called = []
sys.addaudithook(lambda event, _: event == "socket.connect" and called.append(time.perf_counter()))
sys.path.insert(0, sys.argv[1])
import botocore.session
from botocore.exceptions import EndpointConnectionError
try:
    botocore.session.get_session().create_client("dynamodb").get_item(TableName="x", Key={"requestId": {"S": "x"}})
except EndpointConnectionError:
    pass
print(json.dumps({"seconds": called[0] - began}))
"""


def measure_imports() -> list[Row]:
    """Unpack the zip once, and let each Lambda answer one event in its own process."""
    with tempfile.TemporaryDirectory() as package, tempfile.TemporaryDirectory() as directory:
        package_functions(Path(package), say=lambda _: None)
        with zipfile.ZipFile(Path(package, ARCHIVE_NAME)) as archive:
            archive.extractall(directory)
        reports = [_report(name, door, Path(directory)) for name, door in DOORS.items()]
        REPORT.write_text("\n".join(reports), encoding="utf-8")
        alone = [_ran(_BOTOCORE_ALONE, directory)["seconds"] for _ in range(_REPETITIONS)]
        return [_measure(name, door, Path(directory), alone) for name, door in DOORS.items()]


def _report(name: str, door: Door, directory: Path) -> str:
    """Return the packages that a Lambda imports until its first call, with their milliseconds, the slowest first."""
    spent_us: Counter[str] = Counter()
    printed = _done(_PROGRAM, *_arguments(door, directory), options=["-X", "importtime"]).stderr
    for own_us, module in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", printed, re.MULTILINE):
        spent_us[module.partition(".")[0]] += int(own_us)
    lines = [f"{us / 1000:8.1f} ms  {package}" for package, us in spent_us.most_common(_REPORTED_PACKAGES)]
    return "\n".join([f"{name}: {spent_us.total() / 1000:.0f} ms of imports", *lines, ""])


def _measure(name: str, door: Door, directory: Path, alone: Sequence[float]) -> Row:
    # In turns, so that what else the machine does slows both.
    pairs = [[_answer(door, directory, usual=usual) for usual in (False, True)] for _ in range(_REPETITIONS)]
    answers = [ours for ours, _ in pairs]
    usual: Repetitions = [[usual["seconds"]] for _, usual in pairs]
    goals = _GOALS.get(name, {})
    floors = {RATIO: statistics.median(alone) / statistics.median(chain.from_iterable(usual))} if goals else {}
    large = f"with {' and '.join(answers[0]['large'])}" if answers[0]["large"] else "without Strands and jsonschema"
    ours: Repetitions = [[answer["seconds"]] for answer in answers]
    note = f"{answers[0]['modules']} modules, {large}"
    return Row(f"{name}: cold, until its first call", "s", ours, goals, usual, note, floors)


def _answer(door: Door, directory: Path, *, usual: bool) -> Mapping[str, Any]:
    whole = str(Path(__file__).parent) if usual else ""
    return _ran(_PROGRAM, *_arguments(door, directory, whole))


def _arguments(door: Door, directory: Path, whole: str = "") -> list[str]:
    return [str(directory), door.handler, json.dumps(door.event), door.silence, whole]


def _ran(program: str, *arguments: str) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = json.loads(_done(program, *arguments).stdout.splitlines()[-1])
    return answer


def _done(program: str, *arguments: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Settings().function_python), *options, "-c", program, *arguments],
        env={"PATH": os.environ["PATH"], **_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )

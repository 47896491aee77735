"""How much longer a job takes than its runs, and what a thousand of each playbook would cost.

The calls that the orchestrator makes are counted as X-Ray would see them: its tracer tells them to a daemon, which here
is this process.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.costs import JobSeen, costs_of_job
from bench.records import recorded_items
from bench.row import P50, Row
from bench.watching import signed_in
from local.settings import ROOT
from local.stack import LocalStack
from runcast.client.client import Client

_JOBS = 5
# The model takes its time, as it does on AWS, or a job would be nothing but its overhead.
_QUERY = "[model:slow 1] Where on this site could a wind farm be built?"


async def measure_jobs(stack: LocalStack) -> list[Row]:
    """Run each playbook: all at once to warm the functions, then one job after the other; the costs are the last's."""
    rows = []
    playbooks = sorted(path.stem for path in (ROOT / "chalice_app").rglob("playbooks/*.json"))
    async with signed_in(stack) as client:
        with _Calls(stack) as calls:
            await asyncio.gather(*(_job(stack, client, playbook) for playbook in playbooks))
            for playbook in playbooks:
                jobs = [await _job_seen(stack, client, calls, playbook) for _ in range(_JOBS)]
                rows += [*_overhead(playbook, jobs), *costs_of_job(playbook, jobs[-1])]
    return rows


async def job_seen(stack: LocalStack, client: Client, playbook: str) -> JobSeen:
    """Run a job on warm functions, and count what its execution and its orchestrator do."""
    with _Calls(stack) as calls:
        await _job(stack, client, playbook)
        return await _job_seen(stack, client, calls, playbook)


async def _job_seen(stack: LocalStack, client: Client, calls: _Calls, playbook: str) -> JobSeen:
    calls.take()
    record, runs = _records(stack, await _job(stack, client, playbook))
    return _seen(stack, record, runs, calls.take())


async def _job(stack: LocalStack, client: Client, playbook: str) -> str:
    """Run a job to its end, and wait for the end of its execution, which comes after the user's last message."""
    watch = client.job(playbook, _QUERY)
    async for _ in watch:
        pass
    if watch.outcome is None or watch.outcome.status != "complete":
        raise RuntimeError(f"the job {watch.request_id} of {playbook} did not end well, so its figures mean nothing")
    executions = stack.client("stepfunctions")
    while executions.describe_execution(executionArn=_execution_arn(stack, watch.request_id))["status"] == "RUNNING":
        await asyncio.sleep(0.05)
    return watch.request_id


def _records(stack: LocalStack, job_id: str) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return a job's item, and those of its runs."""
    items = [item for item in recorded_items(stack) if item.get("jobId", {}).get("S") == job_id]
    [record] = [item for item in items if item["requestId"]["S"] == job_id]
    return record, [item for item in items if item is not record]


def _overhead(playbook: str, jobs: Sequence[JobSeen]) -> list[Row]:
    """Return how long jobs took, and how many times as long as their runs."""
    took, of_longest, of_all = [], [], []
    for job in jobs:
        seconds_by_id = {run["requestId"]["S"]: _seconds(run) for run in job.runs}
        longest: dict[str, float] = {}
        for planned in json.loads(job.record["runs"]["S"]):
            of_agent = sum(seconds_by_id.get(request_id, 0) for request_id in planned["requestIds"])
            longest[planned["stage"]] = max(of_agent, longest.get(planned["stage"], 0))
        took.append(_seconds(job.record))
        of_longest.append(took[-1] / sum(longest.values()))
        of_all.append(took[-1] / sum(seconds_by_id.values()))
    return [
        Row(f"job of {playbook}", "s", [[each] for each in took]),
        Row("  by the longest run of each stage", "times", [[each] for each in of_longest], {P50: 1.5}),
        Row("  by all its runs", "times", [[each] for each in of_all]),
    ]


def _seconds(item: Mapping[str, Any]) -> float:
    return (int(item["updatedAt"]["N"]) - int(item["createdAt"]["N"])) / 1000


def _seen(
    stack: LocalStack, record: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], calls: Mapping[str, int]
) -> JobSeen:
    history = stack.client("stepfunctions").get_execution_history(
        executionArn=_execution_arn(stack, record["requestId"]["S"]), maxResults=1000
    )
    types = Counter(event["type"] for event in history["events"])
    # A task is entered once and scheduled once for each try; MiniStack does not report the entering in a Map.
    others = sum(types[type_] for type_ in types if type_.endswith("StateEntered") and type_ != "TaskStateEntered")
    function = stack.client("lambda").get_function_configuration(FunctionName=_orchestrator(stack))
    return JobSeen(
        record,
        runs,
        transitions=others + types["TaskScheduled"],
        tasks=types["TaskScheduled"],
        gets=calls["GetItem"],
        batches=calls["BatchGetItem"],
        events=calls["PutEvents"],
        orchestrator_gb=function["MemorySize"] / 1024,
    )


def _execution_arn(stack: LocalStack, job_id: str) -> str:
    arn: str = stack.state.outputs["state_machine_arn"]
    return f"{arn.replace(':stateMachine:', ':execution:')}:{job_id}"


def _orchestrator(stack: LocalStack) -> str:
    name: str = stack.state.outputs["orchestrator_function_name"]
    return name


class _Calls:
    """Counts the orchestrator's calls of AWS, by operation, within its block."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> _Calls:
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.setblocking(False)
        functions = self._stack.client("lambda")
        variables = functions.get_function_configuration(FunctionName=_orchestrator(self._stack))["Environment"][
            "Variables"
        ]
        address = "{}:{}".format(*self._daemon.getsockname())
        functions.update_function_configuration(
            FunctionName=_orchestrator(self._stack),
            Environment={"Variables": {**variables, "AWS_XRAY_DAEMON_ADDRESS": address}},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.close()

    def take(self) -> Counter[str]:
        """Return what was called since the last time."""
        calls: Counter[str] = Counter()
        while True:
            try:
                packet = self._daemon.recv(65_536)
            except BlockingIOError:
                return calls
            calls[json.loads(packet.split(b"\n", 1)[1]).get("aws", {}).get("operation", "")] += 1

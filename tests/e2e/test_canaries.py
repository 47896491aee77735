"""No planted secret gets out of what Terraform has built, and the harmless text beside each does.

Secrets of seven patterns are planted in twelve places. They may be in the documented places alone: the private input
objects, the events that start a run, and the functions' environment. The last test lets an agent redact nothing, and
finds the secrets of all places: a test that looked in the wrong place would find none there either.
"""

import asyncio
import contextlib
import json
import socket
import sys
import threading
import uuid
from pathlib import Path

import pytest
import requests

from tests.e2e import canary_agent
from tests.e2e.canary_agent import KEYS_VARIABLE, PATTERNS, PLACES, marker, secrets, text
from tests.e2e.conftest import DEADLINE_SECONDS, deployed, environment_of

REDACTED, UNREDACTED = "C4N4RY", "L34KED"
PLAYBOOK = {
    "description": "Gives secrets away.",
    "stages": [{"name": "one", "agents": [{"agent": "canary_agent", "query": "${query}"}]}],
}
FILES = {
    "chalicelib/agents/canary_agent.py": Path(canary_agent.__file__).read_text(),
    "chalicelib/playbooks/canaries.json": json.dumps(PLAYBOOK),
}
FUNCTIONS = tuple(f"{name}_function_name" for name in ("agent", "run_starter", "orchestrator", "rest_api"))


@pytest.fixture(scope="module")
def daemon():
    """What the agent's function has sent to X-Ray's daemon, and the daemon's address."""
    sent, ended = [], threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(0.1)

        def listen():
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    sent.append(heard.recv(65_536).decode())

        listening = threading.Thread(target=listen)
        listening.start()
        yield sent, f"127.0.0.1:{heard.getsockname()[1]}"
        ended.set()
        listening.join()


@pytest.fixture(scope="module")
def planted(stack):
    """The functions have the agent and its playbook, and the agent's environment has secrets."""
    agent = stack.state.outputs["agent_function_name"]
    held = " ".join(text(prefix, "environment") for prefix in (REDACTED, UNREDACTED))
    with deployed(stack, FUNCTIONS, FILES), environment_of(stack, agent, **{KEYS_VARIABLE: held}):
        yield


def parameters(prefix, case, **more):
    redaction = "on" if prefix == REDACTED else "off"
    return {"prefix": prefix, "case": case, "redaction": redaction, "note": text(prefix, "parameters"), **more}


def start(caller, prefix, case, query, **more):
    return caller.start(query, agent="canary_agent", parameters=json.dumps(parameters(prefix, case, **more)))


def start_job(caller, prefix):
    given = json.dumps(parameters(prefix, "tools"))
    query = text(prefix, "job")
    return caller.get("startJob", playbook="canaries", query=query, parameters=given, jobId=str(uuid.uuid4()))["jobId"]


def start_all(caller, prefix, daemon):
    """Start what gives the secrets of every place away; return the ids of the runs and of the job."""
    return [
        start(caller, prefix, "tools", text(prefix, "query"), daemon=daemon),
        start(caller, prefix, "exit", "Exit."),
        # The emulated model's error has room for one.
        *(start(caller, prefix, "model", f"[model:{each}]") for each in secrets(prefix, "model error")),
        start(caller, prefix, "build", "Build."),
        start_job(caller, prefix),
    ]


async def played(caller, prefix, daemon):
    """The records of all that was started, once it has ended, and the live messages."""

    def play():
        ids = start_all(caller, prefix, daemon)
        records = [caller.read_to_its_end(each) for each in ids]
        return records + [caller.read(run["requestId"]) for record in records for run in record["runs"] or ()]

    live, more = [], asyncio.Event()

    async def listen(socket):
        while True:
            live.append((await socket.receive("data"))["payload"]["data"]["onStatusUpdate"])
            more.set()

    async with caller.socket() as socket:
        assert (await socket.start(userId=caller.user.user_id))["type"] == "start_ack"
        listening = asyncio.create_task(listen(socket))
        try:
            records = await asyncio.to_thread(play)
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not ends(records) <= ends_heard(live):
                    more.clear()
                    await more.wait()
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
    return records, live


def ends(records):
    return {(record["requestId"], record["steps"][-1]["seq"]) for record in records}


def ends_heard(live):
    return {(update["requestId"], update["seq"]) for update in live}


def items(stack):
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName="AgentProgress")
    return [item for page in pages for item in page["Items"]]


def logged(stack):
    logs = stack.client("logs")
    groups = [group["logGroupName"] for page in logs.get_paginator("describe_log_groups").paginate()
              for group in page["logGroups"]]  # fmt: skip
    pages = (page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group))
    return [event["message"] for page in pages for event in page["events"]]


def histories(stack):
    """What Step Functions shows of each execution."""
    states = stack.client("stepfunctions")
    machine = stack.state.outputs["state_machine_arn"]
    shown = []
    for execution in states.list_executions(stateMachineArn=machine)["executions"]:
        arn = execution["executionArn"]
        shown.append(states.describe_execution(executionArn=arn))
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        shown += [event for page in pages for event in page["events"]]
    return shown


def results(stack):
    s3, bucket = stack.client("s3"), stack.state.outputs["results_bucket_name"]
    kept = s3.list_objects_v2(Bucket=bucket, Prefix="results/").get("Contents", ())
    return [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode() for each in kept]


def answers(stack, caller, records):
    """What REST and GraphQL answer, beside the records that GraphQL has answered already."""
    url, headers = stack.state.outputs["rest_url"], {"Authorization": caller.id_token}

    def get(path):
        return requests.get(f"{url}{path}", headers=headers, timeout=DEADLINE_SECONDS).json()

    return [caller.ask("listAgentRuns"), get("/runs"), *(get(f"/runs/{record['requestId']}") for record in records)]


def invoked(stack, prefix):
    """What the agent's function answers to who invokes it."""
    event = {"agent": "canary_agent", "query": "?", "parameters": parameters(prefix, "tools"), "userId": "ana"}
    function = stack.state.outputs["agent_function_name"]
    return stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))["Payload"].read().decode()


def seen(stack, caller, prefix, daemon):
    """All that users, operators and AWS's services are shown after everything has run, by place."""
    sent, address = daemon
    records, live = asyncio.run(played(caller, prefix, address))
    metrics = stack.client("cloudwatch").list_metrics()["Metrics"]
    return {
        "table and pages": items(stack),
        "channel": live,
        "answers": [records, answers(stack, caller, records), invoked(stack, prefix)],
        "results": results(stack),
        "history": histories(stack),
        "metrics": metrics,
        "logs": logged(stack),
        "traces": sent,
    }


def found(shown, prefix):
    """The secrets that are shown, by their places, and where."""
    return {
        (place, pattern, where)
        for where, what in shown.items()
        for place in PLACES
        for pattern in PATTERNS
        if marker(prefix, place, pattern).lower() in json.dumps(what, default=str).lower()
    }


@pytest.fixture(scope="module")
def shown(stack, alice, planted, daemon):
    return seen(stack, alice, REDACTED, daemon)


def test_no_secret_gets_out(shown):
    assert all(shown[where] for where in ("table and pages", "channel", "answers", "history", "logs", "traces"))
    got_out = found(shown, REDACTED)
    sys.stdout.write(f"All canaries: {len(got_out)} found\n")
    assert got_out == set()


@pytest.mark.parametrize("place", PLACES)
def test_harmless_text_beside_each_secret_stays(shown, place):
    beside = place.replace(" ", "-")
    told = json.dumps([shown["table and pages"], shown["answers"]], default=str)
    assert f"before-{beside} " in told
    assert f" after-{beside}" in told


def test_the_input_is_kept_word_for_word_where_no_api_returns_it(stack, shown):
    s3, bucket = stack.client("s3"), stack.state.outputs["results_bucket_name"]
    kept = s3.list_objects_v2(Bucket=bucket, Prefix="inputs/")["Contents"]
    inputs = [json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()) for each in kept]
    assert text(REDACTED, "query") in [each["query"] for each in inputs]
    assert text(REDACTED, "job") in [each["query"] for each in inputs]
    assert text(REDACTED, "parameters") in [each["parameters"].get("note") for each in inputs]


def test_without_redaction_the_secrets_of_every_place_are_found(stack, alice, shown, daemon):
    got_out = found(seen(stack, alice, UNREDACTED, daemon), UNREDACTED)
    planted = {(place, pattern) for place in PLACES for pattern in PATTERNS}
    assert planted - {(place, pattern) for place, pattern, _ in got_out} == set()
    assert {where for _, _, where in got_out} >= {"table and pages", "channel", "answers", "logs"}

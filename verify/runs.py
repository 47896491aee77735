"""Checks of runs: over GraphQL and REST, cold and warm, live, in bulk, under connection cuts, cancelled, killed."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from functools import partial

from runcast.client.step import LIVE_ENDINGS
from runcast.clock import epoch_ms
from verify.expecting import CheckFailed, expect, until
from verify.local_worker import working
from verify.verification import Figure, Verification
from verify.watching import Cuts, expect_complete, watch_local_run, watch_run, watch_to_its_end

_STEPS = 1_000
_PACED_STEPS = 40
_CUT_STEPS = 200
_CUTS_MIN = 5
_AT_ONCE = 3
_CANCEL_TRIES = 3
_CANCEL_SECONDS = 15
# Integers over 2^53, quotes and other alphabets are what a wrong encoding changes.
_METADATA = {"large": 9_007_199_254_740_993, "text": 'quoted "ü" 漢字 \\n', "nested": {"list": [1, None, True, {}]}}


async def health(v: Verification) -> str:
    """GET /health reports that the table and the agent can be reached."""

    # A role that was just created takes some seconds to hold everywhere.
    async def healthy() -> str | None:
        status, answer = await v.rest(None, "GET", "/health")
        return str(answer) if status == 200 else None

    return await until(healthy, "status 200 of GET /health")


async def catalogue(v: Verification) -> str:
    """Both APIs list the same agents and playbooks, among them the wanted ones."""
    agent = await v.agent_name()
    answer = await v.graphql(v.user, "listAgents", {})
    status, listed = await v.rest(v.user, "GET", "/agents")
    expect(status == 200, f"GET /agents answers {status}: {listed}")
    over_graphql = answer["data"]["listAgents"]
    for each in over_graphql["agents"]:
        each["parametersSchema"] = json.loads(each["parametersSchema"] or "null")  # REST answers the object
    expect(listed == over_graphql, f"GraphQL lists {over_graphql}, REST {listed}")
    return f"{len(listed['agents'])} agents, {len(listed['playbooks'])} playbooks; the checks run {agent}"


async def run(v: Verification) -> str:
    """A run of the agent, started and watched over GraphQL, completes; a second start of its id starts nothing."""
    agent, request_id = await v.agent_name(), v.new_run_id()
    start = partial(v.user.api.start_agent_run, agent, v.wanted.query, parameters=None, request_id=request_id)
    steps, outcome = await watch_to_its_end(watch_run(v, request_id, start))
    expect_complete(steps, outcome)
    again = await start()
    expect(again.status == "complete", f"a second start of the same id answers {again}")
    read = await v.read_to_its_end(request_id)
    expect(read.last_seq == outcome.recorded, f"after a second start the record has {read.last_seq} steps")
    return f"{agent}: {outcome.recorded} steps, {outcome.received_live} of them live"


async def run_by_rest(v: Verification) -> str:
    """A run started, read and listed over REST has the record that GraphQL reads."""
    agent, request_id = await v.agent_name(), v.new_run_id()
    body = {"agent": agent, "query": v.wanted.query, "requestId": request_id}
    status, answer = await v.rest(v.user, "POST", "/runs", body)
    expect(status in (200, 201, 202), f"POST /runs answers {status}: {answer}")
    await v.read_to_its_end(request_id, seconds=180)
    status, record = await v.rest(v.user, "GET", f"/runs/{request_id}?afterSeq=0")
    expect(status == 200 and record["status"] == "complete", f"GET /runs/{{id}} answers {status}: {record}")
    by_graphql = await v.graphql(v.user, "getAgentProgress", {"requestId": request_id, "afterSeq": 0})
    other = by_graphql["data"]["getAgentProgress"]
    numbers = [step["seq"] for step in record["steps"]]
    expect(numbers == [step["seq"] for step in other["steps"]], "REST and GraphQL read different steps")

    async def listed() -> bool | None:
        status, page = await v.rest(v.user, "GET", "/runs")
        expect(status == 200, f"GET /runs answers {status}: {page}")
        return True if request_id in [each["requestId"] for each in page["runs"]] else None

    await until(listed, "the run in GET /runs")
    return f"{len(numbers)} steps"


async def starts(v: Verification) -> str:
    """Several runs at once complete. Measures the first step on a cold and on a warm worker."""
    agent = await v.agent_name()
    firsts = [await _first_step(v, agent)]
    firsts += await asyncio.gather(*(_first_step(v, agent) for _ in range(_AT_ONCE)))
    for kind in ("cold", "warm"):
        seconds = [each for is_cold, each in firsts if is_cold == (kind == "cold")]
        shown = f"p50 {statistics.median(seconds):.2f} s, max {max(seconds):.2f} s" if seconds else "none was seen"
        v.figures.append(Figure(f"start to first live step, {kind} worker ({len(seconds)} runs)", shown))
    return f"{len(firsts)} runs, {sum(is_cold for is_cold, _ in firsts)} on cold workers"


async def _first_step(v: Verification, agent: str) -> tuple[bool, float]:
    """Start a run; return whether its worker was cold, and the seconds until its first step was here."""
    request_id = v.new_run_id()
    arrived: list[float] = []

    def hear(_: object) -> None:
        arrived.append(time.perf_counter())

    subscription = await v.subscribe(v.user, hear, requestId=request_id)
    try:
        began = time.perf_counter()
        await v.user.api.start_agent_run(agent, v.wanted.query, parameters=None, request_id=request_id)
        progress = await v.read_to_its_end(request_id, seconds=180)
        expect(progress.status == "complete", f"run {request_id} ended as {progress.status}: {progress.error}")
        expect(bool(arrived), f"no step of run {request_id} arrived live")
        record = await v.graphql(v.user, "getAgentProgress", {"requestId": request_id})
        return record["data"]["getAgentProgress"]["steps"][0]["step"] == "init", arrived[0] - began
    finally:
        await subscription.close()


async def json_text(v: Verification) -> str:
    """Metadata and results arrive encoded once, live and in the record, and without a changed number."""
    request_id = v.new_run_id()
    late_ms: list[float] = []
    heard: list[dict[str, object]] = []

    def hear(update: dict[str, object]) -> None:
        heard.append(update)
        late_ms.append(epoch_ms() - float(str(update["timestamp"])))

    subscription = await v.subscribe(v.user, hear, requestId=request_id)
    try:
        async with working(
            v.deployment, v.user, request_id, steps=_PACED_STEPS, pause_seconds=0.1, metadata=_METADATA
        ) as worker:
            answer = await worker.answer()
        expect(answer["success"], f"the run on this machine failed: {answer}")

        async def ended_live() -> bool | None:
            return True if any(update["status"] in LIVE_ENDINGS for update in heard) else None

        await until(ended_live, "the last live message")
    finally:
        await subscription.close()
    texts = [update["metadata"] for update in heard if update["status"] == "working"]
    record = (await v.graphql(v.user, "getAgentProgress", {"requestId": request_id}))["data"]["getAgentProgress"]
    recorded = [step["metadata"] for step in record["steps"] if step["step"] == "working"]
    expect(len(recorded) == _PACED_STEPS, f"the record has {len(recorded)} of {_PACED_STEPS} steps")
    expect(bool(texts), "no step arrived live")
    for text in texts + recorded:
        decoded = json.loads(str(text))
        expect(isinstance(decoded, dict), f"metadata is encoded twice: {text!r}")
        decoded.pop("number")
        expect(decoded == _METADATA, f"metadata arrived as {text!r}")
    result = json.loads(record["result"])
    expect(result == {"steps": _PACED_STEPS, "metadata": _METADATA}, f"the result arrived as {record['result']!r}")
    v.figures.append(Figure(f"emit to client, {_PACED_STEPS} steps at 10 a second", percentiles(late_ms, "ms")))
    return f"{len(texts)} live and {len(recorded)} recorded texts compared"


async def thousand_steps(v: Verification) -> str:
    """A run that records 1,000 steps without a pause is shown whole and in order."""
    steps, outcome = await watch_local_run(v, steps=_STEPS, pause_seconds=0)
    expect_complete(steps, outcome)
    numbers = [step.metadata["number"] for step, _ in steps if step.status == "working" and step.metadata]
    expect(numbers == list(range(1, _STEPS + 1)), f"{len(numbers)} of {_STEPS} steps arrived")
    working_ms = [step.timestamp_ms for step, _ in steps if step.status == "working"]
    held = steps[-1][1] - working_ms[0]
    v.figures.append(Figure(f"{_STEPS} steps at once, first emit to all at the client", f"{held / 1000:.2f} s"))
    return f"{outcome.recorded} steps, {outcome.received_live} of them live"


async def connection_cuts(v: Verification) -> str:
    """A run is shown whole and in order although the client's connection is cut again and again."""
    cuts = Cuts()
    steps, outcome = await watch_local_run(v, steps=_CUT_STEPS, pause_seconds=0.05, cuts=cuts)
    expect_complete(steps, outcome)
    expect(outcome.recorded >= _CUT_STEPS, f"the record has {outcome.recorded} steps")
    expect(cuts.count >= _CUTS_MIN, f"the connection was cut {cuts.count} times only")
    return f"{cuts.count} cuts, {outcome.recorded} steps, {outcome.received_live} of them live"


async def cancel_run(v: Verification) -> str:
    """A run of the agent that is cancelled at work ends as cancelled."""
    agent = await v.agent_name()
    # The local machine's model obeys the words in brackets. A real one takes its time anyway.
    query = f"[model:slow 8] {v.wanted.query}"
    for _ in range(_CANCEL_TRIES):
        request_id = v.new_run_id()
        await v.user.api.start_agent_run(agent, query, parameters=None, request_id=request_id)

        async def at_work(request_id: str = request_id) -> bool | None:
            progress = await v.read(request_id)
            return True if progress and any(step.status == "thinking" for step in progress.steps) else None

        await until(at_work, "a first call of the model")
        began = time.perf_counter()
        await v.user.api.cancel_agent_run(request_id)
        progress = await v.read_to_its_end(request_id)
        if progress.status == "cancelled":
            v.figures.append(Figure("cancel of a run to its end", f"{time.perf_counter() - began:.1f} s"))
            return "cancelled at work"
    raise CheckFailed(f"{_CANCEL_TRIES} cancelled runs ended as {progress.status}: {progress.error}")


async def cancel_elsewhere(v: Verification) -> str:
    """A run whose worker is outside of the deployment stops when its user cancels it over REST."""
    request_id = v.new_run_id()
    async with working(v.deployment, v.user, request_id, steps=None, pause_seconds=0.2) as worker:
        await until(partial(v.read, request_id), "the record of a run on this machine")
        status, answer = await v.rest(v.user, "DELETE", f"/runs/{request_id}")
        expect(status in (200, 202), f"DELETE /runs/{{id}} answers {status}: {answer}")
        body = await worker.answer(seconds=_CANCEL_SECONDS)
    expect(not body["success"], f"the worker answers {body}")
    progress = await v.read_to_its_end(request_id)
    expect(progress.status == "cancelled", f"it ended as {progress.status}: {progress.error}")
    return "stopped"


async def killed_worker(v: Verification) -> str:
    """A run whose worker was killed is ended as an error once Lambda reports the failed invocation."""
    request_id = v.new_run_id()
    async with working(v.deployment, v.user, request_id, steps=None, pause_seconds=0.2) as worker:
        await until(partial(v.read, request_id), "the record of a run on this machine")
        await worker.kill()
        # What Lambda sends to the destination of the agent's failed invocations.
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        failed = {
            "version": "1.0",
            "requestContext": {
                "requestId": worker.invocation_id,
                "functionArn": v.deployment.agent_function_name,
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 1,
            },
            "requestPayload": worker.event,
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "killed by the verification", "errorType": "Runtime.ExitError"},
        }
    answer = await v.aws.call(
        "lambda",
        "invoke",
        FunctionName=v.deployment.run_closer_function_arn,
        InvocationType="Event",
        Payload=json.dumps(failed).encode(),
    )
    expect(answer["StatusCode"] == 202, f"run_closer was not invoked: {answer['StatusCode']}")
    progress = await v.read_to_its_end(request_id)
    expect(progress.status == "error", f"it ended as {progress.status}")
    return str(progress.error)


def percentiles(values: Sequence[float], unit: str) -> str:
    """Return p50, p95 and the maximum as text; at least two values are needed."""
    p95 = statistics.quantiles(values, n=20, method="inclusive")[-1]
    return f"p50 {statistics.median(values):.0f}, p95 {p95:.0f}, max {max(values):.0f} {unit}"

"""Tracked agents on a real agent loop with scripted models, recorded in a real table (moto)."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from strands import Agent, tool
from strands.hooks import BeforeToolCallEvent

from runcast import track
from runcast.live.publish import publish_status
from runcast.record.model import PUBLIC, Owner, RunStatus, Step
from runcast.record.recorder import Recorder
from runcast.record.store import End
from runcast.runs.from_environment import forget_clients
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.conftest import named, scripted, tree

WHOLE = [
    (None, "agent_invoking", None, None),
    (None, "thinking", None, None),
    (None, "calling_tool", "slope", None),
    (None, "tool_complete", "slope", 3),
    (None, "thinking", None, None),
    (None, "agent_complete", None, None),
]


@tool
def slope(reason: str = "") -> str:
    """Return the slope."""
    return "3.5 degrees"


def surveyor(**about) -> Agent:
    return scripted(Call("slope", {"reason": "it matters"}), Say("{tool_result}"), tools=[slope], **about)


async def invoked(agent, state):
    return await agent.invoke_async("How steep?", invocation_state=state)


async def streamed(agent, state):
    return [event async for event in agent.stream_async("How steep?", invocation_state=state)][-1]["result"]


async def called(agent, state):
    return await asyncio.to_thread(agent, "How steep?", invocation_state=state)


@pytest.mark.parametrize("invoke", [invoked, streamed, called])
async def test_a_run_is_recorded_from_its_beginning_to_its_end(records, invoke):
    agent = surveyor(name="surveyor")
    assert track(agent) is agent
    state = named("r1", userId="ana", tenantId="acme", jobId="j1")
    assert str(await invoke(agent, state)).strip() == "3.5 degrees"

    run = records.read("r1")
    assert tree(run) == WHOLE
    assert run.steps[2].message == "Calling slope: it matters"
    assert (run.owner, run.job_id, run.agent) == (Owner("acme", "ana"), "j1", "surveyor")
    assert (run.status, run.result) == (RunStatus.COMPLETE, "3.5 degrees")


def test_an_agent_that_is_told_nothing_begins_a_run_of_nobodys(records, dynamodb):
    track(surveyor())("How steep?")
    (item,) = dynamodb.scan(TableName="AgentProgress")["Items"]
    run = records.read(item["requestId"]["S"])
    assert (run.owner, run.status, tree(run)) == (PUBLIC, RunStatus.COMPLETE, WHOLE)


def test_an_event_and_a_lambda_context_name_the_run_of_a_lambda(records):
    leases = []

    @tool
    def look() -> str:
        """Look at the record."""
        recorded.wait(10)
        leases.append(records.read("lambda-request-1"))
        return "seen"

    recorded = Recorded(records, "lambda-request-1", steps=2)
    agent = track(scripted(Call("look"), Say("done"), tools=[look]))
    event = {"agent": "terrain", "query": "How steep?", "userId": "ana", "lambdaContext": Context(remaining_ms=5_000)}
    agent(event["query"], invocation_state={"runcast": event})
    (run,) = leases
    assert run.worker.startswith("lambda-request-1/")
    assert (run.agent, run.owner) == ("terrain", Owner("ana", "ana"))
    assert run.lease_until_ms - run.created_at_ms <= 5_000


class Recorded:
    """Waits until the record holds so many steps of a run."""

    def __init__(self, records, request_id, steps):
        self._read = lambda: records.read(request_id)
        self._steps = steps

    def wait(self, seconds):
        deadline = threading.Event()
        for _ in range(int(seconds / 0.02)):
            run = self._read()
            if run and run.seq >= self._steps:
                return
            deadline.wait(0.02)
        raise AssertionError(f"there were no {self._steps} steps within {seconds} s")


async def test_steps_of_somebody_elses_run_are_recorded_but_not_its_end(records, clock):
    recorder = Recorder(records, request_id="r1", owner=PUBLIC, agent="terrain", worker="w1", now_ms=clock)
    recorder.claim()
    recorder.record("warm")
    model = ScriptedModel([Say("flat")])
    await track(Agent(model=model, callback_handler=None)).invoke_async("?", invocation_state={"runcast": recorder})
    recorder.end(RunStatus.COMPLETE, "Done")
    assert [step.step for step in records.read("r1").steps] == ["warm", "thinking", "complete"]


def without_times(metrics):
    return {name: value for name, value in metrics.get_summary().items() if "time" not in name and name != "traces"}


def test_nothing_of_it_is_seen_in_the_result(records):
    plain, tracked = surveyor(), track(surveyor(), text=True)
    results = [agent("How steep?", invocation_state=named("r1")) for agent in (plain, tracked)]
    shown = []
    for agent, result in zip((plain, tracked), results, strict=True):
        content = [message["content"] for message in agent.messages]
        tools = {name: (use.call_count, use.success_count) for name, use in result.metrics.tool_metrics.items()}
        shown.append(json.dumps([result.stop_reason, result.message["content"], content, str(result), tools,
                                 result.metrics.cycle_count, result.metrics.accumulated_usage]))  # fmt: skip
    assert shown[0] == shown[1]


async def test_the_result_is_the_agents_own_object(records):
    seen = []
    agent = surveyor()
    agent.callback_handler = lambda **event: seen.append(event.get("result"))
    assert await track(agent).invoke_async("?") is seen[-1]


def test_tracking_twice_records_once(records):
    agent = track(track(surveyor()))
    track(agent)("How steep?", invocation_state=named("r1"))
    assert tree(records.read("r1")) == WHOLE


def test_only_agents_can_be_tracked():
    with pytest.raises(TypeError, match=r"^track\(\) takes a Strands agent, Graph or Swarm, not dict\.$"):
        track({})


def test_without_a_table_there_is_one_warning_and_the_agent_runs(monkeypatch, caplog):
    monkeypatch.delenv("AGENT_PROGRESS_TABLE", raising=False)
    forget_clients()
    for _ in range(2):
        assert str(track(surveyor())("How steep?")).strip() == "3.5 degrees"
    assert [record.message for record in caplog.records if record.name.startswith("runcast")] == [
        "AGENT_PROGRESS_TABLE is not set, so runs are not recorded. Set it to the table's name."
    ]


def test_without_a_region_there_is_one_warning_and_the_agent_runs(monkeypatch, caplog):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AGENT_PROGRESS_TABLE", "AgentProgress")
    forget_clients()
    for _ in range(2):
        assert str(track(surveyor())("How steep?")).strip() == "3.5 degrees"
    assert caplog.text.count("Runs are not recorded: You must specify a region.") == 1
    forget_clients()


@pytest.mark.parametrize(
    ("hours", "kept_hours", "warnings"), [("", 24, 0), ("2", 2, 0), ("8760", 8760, 0), ("1", 24, 1), ("1.5", 24, 1)]
)
def test_a_record_is_kept_as_long_as_the_environment_says(records, monkeypatch, caplog, hours, kept_hours, warnings):
    monkeypatch.setenv("RETENTION_HOURS", hours)
    track(surveyor())("How steep?", invocation_state=named("r1"))
    run = records.read("r1")
    assert run.expires_at_ms - run.created_at_ms // 1000 * 1000 == kept_hours * 3_600_000
    assert caplog.text.count("RETENTION_HOURS must be a whole number from 2 to 8760, not") == warnings


@pytest.mark.parametrize(("hours", "kept_hours", "warnings"), [("", 168, 0), ("48", 48, 0), ("0", 168, 1)])
def test_a_waiting_run_is_kept_as_long_as_the_environment_says(
    records, monkeypatch, caplog, hours, kept_hours, warnings
):
    monkeypatch.setenv("QUESTION_RETENTION_HOURS", hours)
    track(surveyor(hooks=[ask]))("How steep?", invocation_state=named("r1"))
    run = records.read("r1")
    assert run.expires_at_ms // 1000 == run.updated_at_ms // 1000 + kept_hours * 3600
    said = f"QUESTION_RETENTION_HOURS must be a whole number from 1 to 8760, not {hours!r}: 168 is used."
    assert caplog.text.count(said) == warnings


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        ("r1", "invocation_state['runcast'] must be a mapping such as {'requestId': ...}, or a Recorder."),
        ({"requestId": "a#b"}, "requestId must be text of 1 to 128 characters without '#'."),
        ({"tenantId": "acme"}, "userId must be given where tenantId is."),
    ],
)
def test_what_names_no_run_is_warned_of_and_the_agent_runs(records, dynamodb, caplog, given, warning):
    result = track(surveyor())("How steep?", invocation_state={"runcast": given})
    assert str(result).strip() == "3.5 degrees"
    assert f"what an agent did was not recorded: {warning}" in caplog.text
    assert dynamodb.scan(TableName="AgentProgress")["Items"] == []


@pytest.mark.parametrize("broken", ["record", "add_usage", "end"])
def test_a_recorder_that_fails_does_not_reach_the_agent(records, monkeypatch, broken):
    works = getattr(Recorder, broken)

    def fail(*args, **about):
        works(*args, **about)
        raise RuntimeError("broken")

    monkeypatch.setattr(Recorder, broken, fail)
    result = track(surveyor(), text=True)("How steep?", invocation_state=named("r1"))
    assert str(result).strip() == "3.5 degrees"


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ValueError("no such map"), RunStatus.ERROR, "ValueError: no such map"),
        (SystemExit(3), RunStatus.ERROR, "SystemExit: 3"),
        (asyncio.CancelledError(), RunStatus.CANCELLED, "The run was cancelled."),
    ],
)
async def test_an_exception_ends_the_run_and_passes_through(records, error, status, text):
    async def fail(*_, **__):
        raise error
        yield

    agent = surveyor()
    agent.model.stream = fail
    with pytest.raises(type(error)):
        async for _ in track(agent).stream_async("?", invocation_state=named("r1")):
            pass
    run = records.read("r1")
    assert (run.status, run.error) == (status, text)


async def test_a_task_that_is_cancelled_ends_its_run_as_cancelled(records):
    began = asyncio.Event()

    @tool
    async def wait() -> str:
        """Wait for ever."""
        began.set()
        await asyncio.Event().wait()
        return ""

    agent = track(scripted(Call("wait"), tools=[wait]))
    task = asyncio.create_task(agent.invoke_async("?", invocation_state=named("r1")))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert records.read("r1").status is RunStatus.CANCELLED


async def test_an_agent_whose_events_nobody_reads_any_more_ends_its_run(records):
    events = track(surveyor()).stream_async("?", invocation_state=named("r1"))
    await anext(events)
    await events.aclose()
    await asyncio.to_thread(Recorded(records, "r1", steps=2).wait, 10)
    assert records.read("r1").error == "The agent stopped before it was done: nobody read its events any more."


def test_a_result_that_cannot_be_read_ends_the_run_all_the_same(records, monkeypatch):
    texts = [lambda: 1 / 0, lambda: ""]  # Strands reads it after us
    monkeypatch.setattr("strands.agent.AgentResult.__str__", lambda _: texts.pop(0)())
    assert track(surveyor())("?", invocation_state=named("r1")).stop_reason == "end_turn"
    assert records.read("r1").error == "ZeroDivisionError: division by zero"


def ask(event: BeforeToolCallEvent) -> None:
    event.interrupt("approve", reason={"cost": 5})


def test_an_agent_that_asks_is_waiting(records):
    result = track(surveyor(hooks=[ask]))("How steep?", invocation_state=named("r1"))
    assert result.stop_reason == "interrupt"
    run = records.read("r1")
    (question,) = run.steps[-1].to_json()["metadata"]["interrupts"]
    assert (run.status, run.steps[-1].step, question["name"], question["reason"]) == (
        RunStatus.WAITING, "waiting", "approve", {"cost": 5},
    )  # fmt: skip
    assert run.lease_until_ms < run.expires_at_ms  # somebody must live to tell that nobody answered


def test_what_a_tool_publishes_becomes_a_step_of_the_run(records):
    @tool
    def talk() -> str:
        """Talk."""
        publish_status("somebody", "measuring", "Measuring the north")
        return "done"

    track(scripted(Call("talk"), Say("done"), tools=[talk]))("?", invocation_state=named("r1"))
    assert "Measuring the north" in [step.message for step in records.read("r1").steps]


def answers_to(result, response="yes"):
    return [{"interruptResponse": {"interruptId": each.id, "response": response}} for each in result.interrupts]


def test_an_agent_that_gets_its_answers_continues_its_run(records):
    agent = track(surveyor(hooks=[ask]))
    asked = agent("How steep?", invocation_state=named("r1"))
    assert str(agent(answers_to(asked), invocation_state=named("r1"))).strip() == "3.5 degrees"
    run = records.read("r1")
    assert (run.status, run.part, [step.seq for step in run.steps]) == (
        RunStatus.COMPLETE, 2, list(range(1, run.seq + 1)),
    )  # fmt: skip
    [answered] = [step.to_json()["metadata"] for step in run.steps if step.step == "answered"]
    assert [each["name"] for each in answered["questions"]] == ["approve"]


@pytest.mark.parametrize("another", ["user", "question", "state"])
def test_an_agent_continues_only_the_run_that_waits_for_its_answers(records, caplog, another):
    agent = track(surveyor(hooks=[ask]))
    asked = agent("How steep?", invocation_state=named("r1"))
    waiting = records.read("r1")
    if another == "question":
        seq, steps = waiting.seq, [{"id": "other", "name": "other"}]
        other = Step("waiting", "", 0.0, records.now_ms(), seq + 1, metadata_json=json.dumps({"interrupts": steps}))
        records.append("r1", worker=waiting.worker, expected_seq=seq, lease_until_ms=2**50, steps=[other])
    if another == "state":  # of the agent Lambda, which alone can continue from it
        end = End(RunStatus.WAITING, snapshot_key="snapshots/x")
        records.append("r1", worker=waiting.worker, expected_seq=waiting.seq, lease_until_ms=2**50, end=end)
    waiting = records.read("r1")
    name = named("r1") if another != "user" else {"runcast": {"requestId": "r1", "userId": "bob", "tenantId": "acme"}}
    assert agent(answers_to(asked), invocation_state=name).stop_reason == "end_turn"
    assert records.read("r1") == waiting
    assert "This worker does not record it." in caplog.text

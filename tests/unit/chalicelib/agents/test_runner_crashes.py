"""Runs whose worker dies: another one continues, and no tool runs twice."""

from __future__ import annotations

import pytest
from strands import Agent, ToolContext, tool

from runcast import idempotent, track
from runcast.errors import Unavailable
from runcast.record.model import EndReason, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.deaths import UNKNOWN, died, told
from tests.unit.chalicelib.agents.parts import answered, next_part

DIED = "The worker stopped before the run had ended: it was killed, or ran out of time or memory."
OK = ("success", "dig done")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("model 1", OK),
        ("hook dig", OK),
        ("before dig", ("error", UNKNOWN)),
        ("in dig", ("error", UNKNOWN)),
        ("model 2", OK),
    ],
)
def test_wherever_the_worker_dies_the_run_is_done_and_its_tool_runs_at_most_once(
    bench, store, workers, moment, expected
):
    workers.dies = [moment]
    bench.run(*([] if moment == "model 1" else [Call("dig")]))
    assert store.read("run-1").part_is_queued
    status_code, body = workers.continued(*([Call("dig")] if moment == "model 1" else []), Say("Done"))
    assert (status_code, body["result"], told(bench)) == (200, "Done", [expected])
    assert workers.done["dig"] == (0 if moment == "before dig" else 1)
    run = store.read("run-1")
    assert (run.status, run.part, run.crashes) == (RunStatus.COMPLETE, 2, 1 if moment != "model 1" else 0)
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))
    [crash] = [step for step in run.steps if step.step == "continuing"]
    assert crash.message == "Continuing in another worker: the last one stopped"


def test_a_worker_that_dies_before_its_agent_begins_ends_the_run(bench, store, clock, workers):
    def build(run):
        died(bench, clock)
        raise SystemExit

    bench.with_build(build)
    bench.run()
    run = store.read("run-1")
    assert (run.status, run.reason, run.error) == (RunStatus.ERROR, EndReason.WORKER_DIED, DIED)


def test_a_call_that_has_asked_begins_again(bench, clock, workers, monkeypatch):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        workers.done["asked"] += 1
        return f"the user said {tool_context.interrupt('sure', reason='?')}"

    workers.build(ask)
    put = bench.objects.put

    def dying(key, text):
        if '"prompt":null' in text and not workers.done["died"]:  # the state of a run that waits
            workers.done["died"] += 1
            workers.event = died(bench, clock)
            raise Unavailable("nobody is there any more")
        put(key, text)

    monkeypatch.setattr(bench.objects, "put", dying)
    bench.run(Call("ask"))
    _, body = workers.continued()
    [question] = body["interrupts"]
    _, [event] = answered(bench, {question["id"]: "yes"})
    _, body = next_part(bench, event, Say("{tool_result}"))
    assert (body["result"], workers.done["asked"]) == ("the user said yes", 3)


def test_a_tool_that_a_new_version_no_longer_has_is_an_error_for_the_model(bench, store, workers):
    workers.dies = ["hook dig"]
    bench.run(Call("dig"))
    workers.build(workers.tool("fill"))
    workers.continued(Say("Done"))
    assert (told(bench), workers.done) == ([("error", "Unknown tool: dig")], {})
    assert store.read("run-1").status is RunStatus.COMPLETE


def test_a_run_whose_worker_dies_every_time_is_ended(bench, store, workers):
    workers.build(workers.tool("dig", idempotent))
    workers.dies = ["in dig"] * 4
    bench.run(Call("dig"))
    for _ in range(3):
        assert store.read("run-1").part_is_queued
        workers.continued()
    run = store.read("run-1")
    assert (run.status, run.reason, run.part) == (RunStatus.ERROR, EndReason.WORKER_DIED, 4)
    assert run.error == f"{DIED} This has happened 4 times in a row at the same point."


def test_crashes_after_a_new_snapshot_are_counted_from_one(bench, store, workers):
    workers.dies = ["in dig"]
    bench.run(Call("dig"))
    workers.dies = ["in fill"]
    workers.continued(Call("fill"))
    assert store.read("run-1").crashes == 1


def test_an_agent_without_checkpointing_pays_nothing_and_ends(bench, store, clock, workers, dynamodb_client):
    dig = workers.tool("dig")
    bench.with_tools(dig)
    workers.dies = ["in dig"]
    bench.run(Call("dig"))
    assert workers.event is None  # nothing is handed out
    run = store.read("run-1")
    assert (run.status, run.error, run.crashes) == (RunStatus.ERROR, DIED, None)
    items = dynamodb_client.scan(TableName="AgentProgress")["Items"]
    assert [item for item in items if "#call/" in item["requestId"]["S"]] == []


def test_an_agent_that_is_no_longer_checkpointing_does_not_continue_after_a_crash(bench, store, workers):
    workers.dies = ["model 1"]
    bench.run()
    bench.with_build(lambda run: Agent(name="digger", model=run.model, callback_handler=None))
    workers.continued()
    run = store.read("run-1")
    assert (run.reason, bench.model.calls) == (EndReason.SNAPSHOT_UNUSABLE, [])
    assert run.error == "digger cannot continue: it is no longer built with checkpointing=True."


def test_text_after_a_crash_follows_the_text_that_was_shown(bench, store, workers):
    bench.with_build(
        lambda run: track(
            Agent(model=run.model, tools=[workers.tool("dig")], checkpointing=True, callback_handler=None), text=True
        )
    )
    stream = bench.model.stream

    async def dying(messages, *args, **kwargs):
        async for event in stream(messages, *args, **kwargs):
            yield event
            if "contentBlockStop" in event and len(bench.model.calls) == 2:
                bench.model.stream = stream
                workers.dies = ["speaking"]
                workers.die("speaking")

    bench.model.stream = dying
    bench.run(Call("dig", text="Let me see. "), Say("I have "))
    workers.continued(Say("It is done"))
    texts = [step for step in store.read("run-1").steps if step.step == "text"]
    ends = 0
    for step in texts:
        assert f'"offset":{ends}' in step.metadata_json
        ends += len(step.message)
    assert texts[-1].message.endswith("done")

"""Runs that cannot continue, or not yet: a state that is not saved, named or read, and agents that cannot have one."""

from __future__ import annotations

from functools import partial

import pytest
from strands import Agent, tool
from strands.multiagent import GraphBuilder, Swarm
from strands.session.file_session_manager import FileSessionManager

from runcast import limits
from runcast.record.close import close_dead
from runcast.record.model import EndReason, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.parts import ANA, checkpointing, hand_over, invoked, next_part, plain, unanswered

pytestmark = pytest.mark.usefixtures("digger")


def test_if_the_state_cannot_be_saved_no_tool_begins(bench, store, ground, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    bench.objects.broken = True
    bench.run(Call("dig"))
    run = store.read("run-1")
    assert (run.status, run.reason, ground.dug) == (RunStatus.ERROR, EndReason.SNAPSHOT_NOT_SAVED, [])
    assert run.error == "The agent's state could not be saved, so the run could not continue."


def test_if_the_state_cannot_be_named_no_tool_begins(bench, store, ground, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(store, "name_snapshot", unanswered)
    bench.run(Call("dig"))
    run = store.read("run-1")
    assert (run.reason, ground.dug) == (EndReason.SNAPSHOT_NOT_SAVED, [])
    assert run.error == "The agent's state could not be saved, so the run could not continue."


@pytest.mark.parametrize("refuses", ["bucket", "table"])
def test_a_state_that_cannot_be_saved_at_a_hand_over_ends_the_run(bench, store, ground, monkeypatch, refuses):
    @tool
    async def dig() -> str:
        """Dig."""
        ground.dug.append(1)
        hand_over()
        monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        if refuses == "bucket":
            bench.objects.broken = True
        else:
            monkeypatch.setattr(store, "name_snapshot", unanswered)
        return "dug"

    checkpointing(bench, dig)
    bench.run(Call("dig"))
    run = store.read("run-1")
    assert (run.status, run.reason, run.part, ground.dug) == (RunStatus.ERROR, EndReason.SNAPSHOT_NOT_SAVED, 1, [1])
    assert run.error == "The agent's state could not be saved, so the run could not continue."


def test_a_short_failure_of_the_bucket_is_waited_for(bench, ground, monkeypatch):
    failures = [True]
    put = bench.objects.put

    def put_later(key, text):
        bench.objects.broken = bool(failures)
        try:
            put(key, text)
        finally:
            failures.clear()

    monkeypatch.setattr(bench.objects, "put", put_later)
    assert bench.run(Call("dig"), Say("Done"))[0] == 200
    assert ground.dug == [1]


def test_a_bucket_that_does_not_answer_the_next_part_leaves_it_to_another_worker(
    bench, store, clock, ground, monkeypatch
):
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.01)  # an abandoned recorder notices it at the next one
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    bench.objects.broken = True
    assert next_part(bench, event)[0] == 500
    assert store.read("run-1").part_has_begun is False
    bench.objects.broken = False
    result = close_dead(store, "run-1", owner=ANA, invocation="lambda-request-2-1", part=(2, 1), now_ms=clock)
    assert result.hand_out
    assert next_part(bench, {**event, "try": 2}, Say("Done"))[0] == 200
    assert ground.dug == [1]


def test_a_worker_that_has_lost_its_run_begins_no_tool(bench, store, clock, ground, monkeypatch):
    """It was frozen while its state was saved, and the run was ended meanwhile."""
    put = bench.objects.put

    def frozen(key, text):
        put(key, text)
        close_dead(store, "run-1", invocation="lambda-request-1", now_ms=clock)

    monkeypatch.setattr(bench.objects, "put", frozen)
    status_code, _ = bench.run(Call("dig"))
    assert (status_code, store.read("run-1").reason, ground.dug) == (500, "worker_died", [])


def test_an_agent_that_is_no_longer_checkpointing_ends_the_run(bench, store, ground):
    bench.run(Call("dig", {"late": True}))
    [event] = invoked(bench)
    bench.with_build(lambda run: Agent(name="digger", model=run.model, callback_handler=None))
    next_part(bench, event)
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.SNAPSHOT_UNUSABLE)
    assert run.error == "digger cannot continue: it is no longer built with checkpointing=True."


def test_a_checkpoint_of_another_version_of_strands_ends_the_run(bench, store):
    bench.run(Call("dig", {"late": True}))
    key = store.read("run-1").snapshot_key
    bench.objects.texts[key] = bench.objects.texts[key].replace('"schema_version":"1.0"', '"schema_version":"9"')
    [event] = invoked(bench)
    next_part(bench, event)
    assert store.read("run-1").error.endswith("cannot continue: another version of Strands saved it.")


NESTED = (
    "The agent inner, which {outer} uses, is built with checkpointing=True. It would stop before its first tool. "
    "Build only the run's own agent with checkpointing=True."
)

TWICE = (
    "The agent digger is built with checkpointing=True and with {}, so another worker cannot continue it. "
    "Use only one of the two."
)


@pytest.mark.parametrize("kind", ["tool", "tool of a tool", "graph", "swarm", "session", "background"])
def test_what_cannot_be_continued_is_refused_by_name(bench, store, tmp_path, kind):
    def build(run):
        inner = partial(plain, run, name="inner", checkpointing=True)
        if kind == "tool":
            return plain(run, name="outer", tools=[inner().as_tool()])
        if kind == "tool of a tool":
            return plain(run, tools=[plain(run, name="outer", tools=[inner().as_tool()]).as_tool()])
        if kind == "graph":
            builder = GraphBuilder()
            builder.add_node(inner(), "inner")
            builder.set_graph_id("outer")
            builder.set_max_node_executions(1)
            return builder.build()
        if kind == "swarm":
            return Swarm([inner()], id="outer")
        if kind == "session":
            session = FileSessionManager("run-1", storage_dir=str(tmp_path))
            return plain(run, name="digger", checkpointing=True, session_manager=session)
        return plain(run, name="digger", checkpointing=True, background_tasks=True)

    bench.with_build(build)
    bench.run()
    message = {
        "tool": NESTED.format(outer="outer"),
        "tool of a tool": NESTED.format(outer="outer"),
        "graph": NESTED.format(outer="outer"),
        "swarm": NESTED.format(outer="outer"),
        "session": TWICE.format("a session manager"),
        "background": TWICE.format("background_tasks"),
    }[kind]
    run = store.read("run-1")
    assert (run.reason, run.error, bench.model.calls) == (EndReason.NOT_RESUMABLE, message, [])

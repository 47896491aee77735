"""The state of an agent that asked: it is saved before its run waits, and loaded only into the agent that it fits."""

from __future__ import annotations

import json
import threading

import pytest
from chalicelib.agents import registry
from strands import Agent, ToolContext, tool

from runcast import limits
from runcast.errors import StoreUnavailable, Unavailable
from runcast.record.cancel import cancel
from runcast.record.model import EndReason, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.parts import ANA, answered, next_part, pay, waiting
from tests.waiting import wait_until


def test_saving_the_state_is_retried(bench, store, monkeypatch):
    put, failures = bench.objects.put, [Unavailable("no answer")] * 2

    def failing(key, text):
        if failures:
            raise failures.pop()
        put(key, text)

    monkeypatch.setattr("runcast.agents.patience._BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(bench.objects, "put", failing)
    assert len(waiting(bench)) == 1
    assert (failures, store.read("run-1").status) == ([], RunStatus.WAITING)


def test_a_cancel_ends_a_run_whose_state_cannot_be_saved(bench, store, monkeypatch):
    def failing(key, text):
        cancel(store, ANA, "run-1")
        raise Unavailable("no answer")

    monkeypatch.setattr("runcast.agents.patience._BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(bench.objects, "put", failing)
    waiting(bench)
    assert store.read("run-1").status is RunStatus.CANCELLED


def test_if_the_state_cannot_be_saved_the_run_ends(bench, store, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    bench.objects.broken = True
    waiting(bench)
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.SNAPSHOT_NOT_SAVED)
    assert run.error == "The agent asked a question, but its state could not be saved."


def test_a_state_that_is_too_large_ends_the_run(bench, store, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_MAX_BYTES", 100)
    waiting(bench)
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.NOT_RESUMABLE)
    assert run.error == (
        "The agent's state is larger than 0 MB and cannot be saved. Keep large content out of the conversation, for "
        "example in a bucket."
    )


@pytest.mark.parametrize(
    "version", [(1, 2), {1}, float("nan"), b"1", {1: 2}, 1.5, object()], ids=lambda version: type(version).__name__
)
def test_a_version_that_cannot_be_compared_ends_the_run(bench, store, monkeypatch, version):
    monkeypatch.setattr(registry, "memory_version", lambda name: version)
    waiting(bench)
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.NOT_RESUMABLE)
    assert run.error == "The agent's MEMORY_VERSION must be a whole number or a text."


@pytest.mark.parametrize("version", [2, "2"])
def test_a_run_goes_on_with_the_same_version(bench, monkeypatch, version):
    monkeypatch.setattr(registry, "memory_version", lambda name: version)
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: False})
    assert next_part(bench, event, Say("{tool_result}"))[1]["result"]["text"] == "paid: False"


def test_a_run_whose_questions_cannot_be_recorded_ends(bench, store):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        return tool_context.interrupt("n" * 70_000)

    waiting(bench, Call("ask"), tools=[ask])
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.NOT_RESUMABLE)
    assert run.error == (
        "The agent waits for an answer, but its questions cannot be recorded: there must be at least one, and their "
        "names must fit in 64 KB."
    )


def test_what_strands_cannot_resume_ends_the_run_by_name(bench, store):
    def build(run):
        buyer = Agent(name="buyer", model=run.model, tools=[pay], callback_handler=None)
        return Agent(model=run.model, tools=[buyer.as_tool(name="buyer", preserve_context=True)], callback_handler=None)

    bench.with_build(build)
    bench.run(Call("buyer", {"input": "Buy"}), Call("pay"))
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.NOT_RESUMABLE)
    assert run.error == (
        "The agent buyer asked a question, but as a tool with preserve_context=True it cannot take the answer in "
        "another process. Use it without preserve_context."
    )


def damaged(objects):
    for key in objects.texts:
        objects.texts[key] = "[]"


def incomplete(objects):
    for key, text in objects.texts.items():
        saved = json.loads(text)
        objects.texts[key] = json.dumps({name: saved[name] for name in saved if name != "facts"})


def removed(objects):
    objects.texts.clear()


@pytest.mark.parametrize("harm", [damaged, incomplete, removed])
def test_a_missing_or_damaged_state_ends_the_run(bench, store, harm):
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: "yes"})
    harm(bench.objects)
    assert next_part(bench, event)[0] == 500
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.SNAPSHOT_UNUSABLE)
    assert run.error == "The agent's saved state, or the answer, is missing or damaged."


def test_a_state_of_another_version_ends_the_run(bench, store, monkeypatch):
    monkeypatch.setattr(registry, "memory_version", lambda name: 1)
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: "yes"})
    monkeypatch.setattr(registry, "memory_version", lambda name: 2)
    next_part(bench, event)
    run = store.read("run-1")
    assert (run.status, run.reason) == (RunStatus.ERROR, EndReason.SNAPSHOT_UNUSABLE)
    assert run.error == "The agent's state was saved with MEMORY_VERSION 1, and the agent now has 2."


def test_a_bucket_that_does_not_answer_leaves_the_part_to_another_worker(bench, store, monkeypatch):
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.01)  # an abandoned recorder notices it at the next one
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: "yes"})
    bench.objects.broken = True
    assert next_part(bench, event)[0] == 500
    run = store.read("run-1")
    assert (run.status, run.part_has_begun) == (RunStatus.IN_PROGRESS, False)


def unanswered(*args, **kwargs):
    raise StoreUnavailable("DynamoDB did not answer.")


@pytest.mark.parametrize("write", ["claim", "append"])
def test_a_part_whose_first_step_is_not_stored_runs_nothing(bench, store, monkeypatch, write):
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: "yes"})
    with monkeypatch.context() as patch:
        patch.setattr(limits, "PART_BEGIN_SECONDS", 0.3)
        patch.setattr(store, write, unanswered)
        status_code, body = next_part(bench, event)
    assert (status_code, body["progress"]) == (500, [])
    assert len(bench.model.calls) == 1
    wait_until(lambda: "recorder-run-1" not in [thread.name for thread in threading.enumerate()])
    run = store.read("run-1")
    assert (run.status, run.part_has_begun) == (RunStatus.IN_PROGRESS, False)

"""Runs that ask a question and go on with the answer: each part in a separate runner, as in another process."""

from __future__ import annotations

import json
from functools import partial

import pytest
from strands import Agent, ToolContext, tool
from strands.hooks import BeforeToolCallEvent, BeforeToolsEvent

from runcast import track
from runcast.errors import Conflict, InvalidInput
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.parts import ANA, answered, next_part, pay, waiting


def test_a_run_goes_on_with_the_answer_and_is_one_record_without_a_gap(bench, store):
    [question] = waiting(bench, parameters={"region": "north"})
    told, [event] = answered(bench, {question["id"]: "yes"})
    state = {"status": "in_progress", "liveness": "live", "error": None, "reason": None}
    assert told == {"success": True, "requestId": "run-1", **state}
    ids = {"agent": "survey", "requestId": "run-1", "userId": "ana", "tenantId": "acme", "jobId": None}
    created_at_ms = store.read("run-1").created_at_ms
    assert event == {**ids, "createdAt": created_at_ms, "part": 2, "try": 1, "awaited": False}
    status_code, body = next_part(bench, event, Say("Done, {tool_result}"))
    assert (status_code, body["result"]) == (
        200,
        {"text": "Done, paid: yes", "facts": {"amount": {"value": 5, "unit": "EUR"}}},
    )
    run = store.read("run-1")
    steps = [step.step for step in run.steps]
    first = ["init", "bedrock", "tools", "agent", "ready", "thinking", "executing", "executed", "waiting"]
    assert steps == [*first, "answered", "warm", "executing", "executed", "thinking", "complete"]
    assert [step.seq for step in run.steps] == list(range(1, len(steps) + 1))
    assert (run.status, run.part, run.reason) == (RunStatus.COMPLETE, 2, "complete")
    assert "unrecorded" not in (run.steps[-1].metadata_json or "")
    metadata = json.loads(run.steps[9].metadata_json)
    assert metadata == {"answeredBy": "ana", "questions": [{"id": question["id"], "name": "approve"}]}


@tool
def send() -> str:
    """Send."""
    return "sent"


def ask_to_go(name, event):
    event.interrupt(name, reason="?")


@tool(context=True)
def ask_twice(tool_context: ToolContext) -> str:
    """Ask."""
    first = tool_context.interrupt("first", reason="?")
    return f"{first} and {tool_context.interrupt('second', reason='?')}"


def test_a_run_may_ask_again(bench, store):
    [question] = waiting(bench, Call("ask_twice"), tools=[ask_twice])
    _, [event] = answered(bench, {question["id"]: "one"})
    _, body = next_part(bench, event)
    [second] = body["interrupts"]
    assert (second["name"], store.read("run-1").status) == ("second", RunStatus.WAITING)
    assert answered(bench, {question["id"]: "one"})[1] == []  # the first answer again
    _, [event] = answered(bench, {second["id"]: "two"})
    assert event["part"] == 3
    status_code, body = next_part(bench, event, Say("{tool_result}"))
    assert (status_code, body["result"]) == (200, "one and two")


def test_text_and_tokens_continue(bench, store):
    bench.with_build(lambda run: track(Agent(model=run.model, tools=[pay], callback_handler=None), text=True))
    bench.model.usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    [question] = bench.run(Call("pay", text="Let me see. "))[1]["interrupts"]
    _, [event] = answered(bench, {question["id"]: "yes"})
    next_part(bench, event, Say("Thank you"))
    steps = [step for step in store.read("run-1").steps if step.step == "text"]
    texts = [(json.loads(step.metadata_json)["offset"], step.message) for step in steps]
    assert texts == [(0, "Let me see. "), (12, "Thank you")]
    last = json.loads(store.read("run-1").steps[-1].metadata_json)
    assert last["usage"] == {"inputTokens": 6, "outputTokens": 4, "totalTokens": 10}


def test_the_build_of_a_later_part_gets_the_request_of_the_first(bench):
    seen = []

    def build(run):
        seen.append((run.query, run.parameters, run.request_id, run.user_id))
        return Agent(model=run.model, tools=[pay], callback_handler=None)

    bench.with_build(build)
    [question] = bench.run(Call("pay"), parameters={"region": "north"})[1]["interrupts"]
    _, [event] = answered(bench, {question["id"]: "yes"})
    next_part(bench, event, Say("Done"))
    assert seen == [("How steep is it?", {"region": "north"}, "run-1", "ana")] * 2


def test_the_same_answers_again_succeed_and_other_ones_do_not(bench):
    [question] = waiting(bench)
    first, [event] = answered(bench, {question["id"]: {"b": 1, "a": 2}})
    again, events = answered(bench, {question["id"]: {"a": 2, "b": 1}})
    assert again == first
    assert events == [event]  # no worker has taken it yet, so it is handed out once more
    with pytest.raises(Conflict, match="does not wait for an answer: it was answered, and is in_progress"):
        answered(bench, {question["id"]: "no"})
    next_part(bench, event, Say("Done"))
    again, events = answered(bench, {question["id"]: {"a": 2, "b": 1}})
    assert (again["status"], events) == ("complete", [])


def test_only_the_first_delivery_of_a_part_runs(bench):
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: "yes"})
    assert next_part(bench, event, Say("Done"))[0] == 200
    assert next_part(bench, event)[0] == 409
    assert bench.run()[0] == 409


def test_a_late_delivery_of_the_first_part_does_not_take_the_second(bench):
    [question] = waiting(bench)
    _, [event] = answered(bench, {question["id"]: "yes"})
    status_code, body = bench.run()
    assert (status_code, body["error"]) == (409, "This requestId is taken. Choose another one.")
    assert next_part(bench, event, Say("Done"))[0] == 200


def test_a_question_that_is_asked_again_has_another_id(bench, store):
    """Strands gives both the same id, so a client that repeats its first answer would answer the second question."""

    def build(run):
        agent = Agent(model=run.model, tools=[send], callback_handler=None)
        agent.add_hook(lambda event: event.interrupt("go", reason="?"), BeforeToolsEvent)
        return agent

    bench.with_build(build)
    [first] = bench.run(Call("send"))[1]["interrupts"]
    _, [event] = answered(bench, {first["id"]: "yes"})
    [second] = next_part(bench, event, Call("send"))[1]["interrupts"]
    assert answered(bench, {first["id"]: "yes"})[1] == []
    assert store.read("run-1").status is RunStatus.WAITING
    _, [event] = answered(bench, {second["id"]: "yes"})
    assert next_part(bench, event, Say("{tool_result}"))[1]["result"] == "sent"


def test_the_step_that_records_many_answers_names_the_user_and_each_question(bench, store):
    def build(run):
        agent = Agent(model=run.model, tools=[send], callback_handler=None)
        for number in range(60):
            agent.add_hook(partial(ask_to_go, f"{number}" * 100), BeforeToolCallEvent)
        return agent

    bench.with_build(build)
    asked = bench.run(Call("send"))[1]["interrupts"]
    answered(bench, dict.fromkeys([each["id"] for each in asked], "yes"))
    metadata = json.loads(store.read("run-1").steps[-1].metadata_json)
    assert metadata == {
        "answeredBy": "ana",
        "questions": [{"id": each["id"], "name": each["name"]} for each in asked],
    }
    assert len(asked) == 60


NO_OBJECT = "answers must be a JSON object."


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("[]", NO_OBJECT),
        ("{", NO_OBJECT),
        (None, NO_OBJECT),
        ({"x": 1}, "answers has 'x', which is no open question of this run."),
        ({}, "answers lacks "),
        ({"x": "é" * 33_000}, "answers must be at most 64 KB as JSON."),
        ({"x": float("nan")}, "answers.x is "),
        ({"x": None}, "answers has null for 'x'. An answer may be any JSON but null."),
    ],
)
def test_answers_that_do_not_fit_are_refused(bench, store, answers, message):
    waiting(bench)
    with pytest.raises(InvalidInput) as refused:
        answered(bench, answers)
    assert str(refused.value).startswith(message)
    assert store.read("run-1").status is RunStatus.WAITING


def test_another_users_run_reads_as_unknown(bench, store):
    [question] = waiting(bench)
    for stranger in (Owner("acme", "bob"), Owner("globex", "ana")):
        told, events = answered(bench, {question["id"]: "yes"}, owner=stranger)
        assert (told["success"], events) == (False, [])
        assert told["error"] == "There is no such run, or its record has expired."
    assert store.read("run-1").status is RunStatus.WAITING
    assert not [key for key in bench.objects.texts if key.startswith("answers/")]


def test_a_run_that_does_not_wait_cannot_be_answered(bench):
    bench.run(Say("Done"))
    with pytest.raises(Conflict, match="This run does not wait for an answer: it is complete"):
        answered(bench, {"x": 1})


def test_a_question_that_waited_too_long_cannot_be_answered(bench, store, clock):
    [question] = waiting(bench)
    clock.now_ms = store.read("run-1").lease_until_ms + 1
    with pytest.raises(Conflict, match="This run waited for an answer, and its time is over"):
        answered(bench, {question["id"]: "yes"})


def wait_elsewhere(bench):
    """Record a question of an agent that runs outside the agent Lambda and saves no state."""
    recorder = Recorder(
        bench.store, request_id="run-1", owner=ANA, agent="survey", worker="elsewhere", on_end=bench.ended.append
    )
    recorder.claim()
    recorder.end(RunStatus.WAITING, "Pay?", metadata={"interrupts": [{"id": "q", "name": "approve"}]})
    recorder.await_settled(5)
    assert bench.store.read("run-1").status is RunStatus.WAITING


def test_a_run_whose_agent_saved_nothing_cannot_be_continued(bench):
    wait_elsewhere(bench)
    with pytest.raises(Conflict, match=r"cannot be continued from here. Answer it where its agent runs\."):
        answered(bench, {})


def test_a_lost_hand_over_is_left_to_the_sweep(bench, store):
    [question] = waiting(bench)
    told, events = answered(bench, {question["id"]: "yes"}, functions={})
    assert (told["success"], events) == (True, [])
    run = store.read("run-1")
    assert (run.part, run.part_tries, run.worker, run.part_has_begun) == (2, 1, None, False)


def test_a_run_that_waits_is_announced_with_its_questions_and_then_its_end(bench, store):
    questions = waiting(bench)
    [announced] = bench.ended
    assert (announced.status, announced.questions, announced.steps) == (
        RunStatus.WAITING, questions, store.read("run-1").seq,
    )  # fmt: skip


def test_the_question_of_an_agent_that_saved_nothing_is_not_announced(bench):
    wait_elsewhere(bench)
    assert bench.ended == []

"""The runner: a real agent loop on a scripted model, a real table (moto), and everything that may go wrong."""

from __future__ import annotations

import asyncio
import json
import sys
import threading

import pytest
from chalicelib.agents import clean_up, registry
from strands import Agent, ToolContext, tool
from strands.multiagent import GraphBuilder
from strands.multiagent.base import MultiAgentBase, MultiAgentResult, NodeResult, Status

from runcast import limits, track
from runcast.errors import InvalidInput, StoreUnavailable
from runcast.live.publish import publish_status
from runcast.record.model import Owner, RunStatus
from runcast.record.outbox import Outbox
from tests.fakes.lambda_process import Context
from tests.fakes.own_agents import own_agents
from tests.fakes.scripted_model import Call, Say, ScriptedModel

COLD = ["init", "bedrock", "tools", "agent", "ready"]


@pytest.fixture(autouse=True)
def agents():
    with own_agents():
        yield


def names(steps):
    return [step["step"] for step in steps]


def test_a_cold_run_is_recorded_from_its_first_step_to_its_last(bench, store):
    status_code, body = bench.run(Call("measure"), Say("Measured: {tool_result}"))
    steps = [*COLD, "thinking", "executing", "executed", "thinking", "complete"]
    assert (status_code, body["success"], body["coldStart"]) == (200, True, True)
    assert (body["requestId"], body["agent"]) == ("run-1", "survey")
    assert body["result"].startswith('Measured: {"area": "whole"')
    assert names(body["progress"]) == steps
    assert [step["seq"] for step in body["progress"]] == list(range(1, 11))
    assert set(body) == {"success", "requestId", "agent", "result", "progress", "coldStart", "elapsed"}

    run = store.read("run-1")
    assert [step.to_json() for step in run.steps] == body["progress"]
    assert (run.status, run.owner, run.result) == (RunStatus.COMPLETE, Owner("acme", "ana"), body["result"])
    assert run.worker.startswith("lambda-request-1/")
    assert [(message["seq"], message["status"]) for message in bench.published] == list(
        enumerate(
            ["agent_invoking", *COLD[1:], "thinking", "calling_tool", "tool_complete", "thinking", "agent_complete"],
            start=1,
        )
    )


def test_a_warm_run_uses_the_model_again_but_not_the_conversation(bench):
    bench.run(Say("first"))
    status_code, body = bench.run(Say("second"), requestId="run-2")
    assert (status_code, body["coldStart"], body["result"]) == (200, False, "second")
    assert names(body["progress"]) == ["warm", "thinking", "complete"]
    assert bench.models_made == 1
    assert len(bench.model.calls[-1]) == 1


def test_all_runs_share_one_event_loop(bench):
    loops = []

    @tool
    async def where() -> str:
        """Say where we are."""
        loops.append(asyncio.get_running_loop())
        return "here"

    bench.with_tools(where)
    bench.run(Call("where"), Say("1"))
    bench.run(Call("where"), Say("2"), requestId="run-2")
    assert len(loops) == 2
    assert loops[0] is loops[1]


def test_a_failed_cold_start_is_tried_again(bench):
    def broken(name):
        raise ImportError("no such module")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", broken)
        status_code, body = bench.run()
    assert (status_code, body["error"]) == (500, "ImportError: no such module")
    assert names(body["progress"]) == ["init", "bedrock", "tools", "error"]
    assert bench.run(Say("better"), requestId="run-2")[1]["coldStart"] is True


def test_an_agent_may_be_a_graph(bench, store, monkeypatch):
    def build(run):
        graph = GraphBuilder()
        graph.add_node(Agent(model=run.model, callback_handler=None), "survey")
        graph.set_execution_timeout(60)
        return graph.build()

    monkeypatch.setattr(registry, "load", lambda name: build)
    status_code, body = bench.run(Say("flat"))
    assert (status_code, body["result"], names(body["progress"])) == (
        200, "survey: flat", [*COLD, "agent", "thinking", "executed", "complete"],
    )  # fmt: skip
    assert [step.get("agentName") for step in body["progress"][5:]] == ["survey", "survey", "survey", None]


@pytest.mark.parametrize("text", [True, False])
def test_the_text_of_an_agent_that_records_it_is_shown_live_between_its_steps(bench, monkeypatch, text):
    deltas = []
    monkeypatch.setattr(Outbox, "put_delta", lambda outbox, message: deltas.append(message["message"]))

    def build(run):
        async def stream(*_, **__):
            yield {"messageStart": {"role": "assistant"}}
            for _ in range(50):
                yield {"contentBlockDelta": {"delta": {"text": "flat "}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "end_turn"}}

        monkeypatch.setattr(run.model, "stream", stream)
        return track(Agent(model=run.model, callback_handler=None), text=text)

    monkeypatch.setattr(registry, "load", lambda name: build)
    assert bench.run()[0] == 200
    assert bool(deltas) is text


def test_an_agent_may_be_any_multi_agent(bench, store, monkeypatch):
    class Chorus(MultiAgentBase):
        def __init__(self, model):
            self.id = "chorus"
            self._model = model

        async def invoke_async(self, task, invocation_state=None, **kwargs):
            said = await Agent(model=self._model, callback_handler=None).invoke_async(task)
            return MultiAgentResult(Status.COMPLETED, {"first": NodeResult(said, status=Status.COMPLETED)})

    monkeypatch.setattr(registry, "load", lambda name: lambda run: Chorus(run.model))
    assert bench.run(Say("flat"))[0] == 200
    assert store.read("run-1").status is RunStatus.COMPLETE


def test_the_agent_and_its_tools_know_whose_run_it_is(bench, monkeypatch):
    seen = []

    @tool(context=True)
    def whose(tool_context: ToolContext) -> str:
        """Return the owner."""
        seen.append({name: tool_context.invocation_state[name] for name in seen[0]})
        return "known"

    def build(run):
        seen.append({name: getattr(run, name) for name in ("request_id", "user_id", "tenant_id", "job_id")})
        return Agent(model=run.model, tools=[whose], callback_handler=None)

    monkeypatch.setattr(registry, "load", lambda name: build)
    assert bench.run(Call("whose"), Say("done"))[0] == 200
    assert seen == [{"request_id": "run-1", "user_id": "ana", "tenant_id": "acme", "job_id": None}] * 2


def test_the_tokens_used_stand_on_the_last_step(bench):
    async def stream(*_, **__):
        async for event in ScriptedModel([Say("flat")]).stream([{"content": []}]):
            yield event
        usage = {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12}
        yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}

    bench.model.stream = stream
    body = bench.run()[1]
    usage = body["progress"][-1]["metadata"]["usage"]
    assert usage == {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12}


def test_a_second_worker_is_refused_and_runs_nothing(bench, store):
    bench.run(Say("done"))
    before = store.read("run-1")
    status_code, body = bench.run(Say("again"))
    assert status_code == 409
    assert body["error"] == "This run has already ended (complete). Choose another requestId."
    assert (body["success"], body["progress"], body["result"]) == (False, [], None)
    assert len(bench.model.calls) == 1
    assert store.read("run-1") == before


def test_a_run_that_was_put_by_its_starter_is_claimed(bench, store):
    store.create("run-1", owner=Owner("acme", "ana"), agent="survey")
    assert bench.run(Say("done"))[0] == 200
    assert store.read("run-1").status is RunStatus.COMPLETE


def test_what_a_tool_publishes_is_a_step_of_the_run(bench, store):
    @tool
    def dig() -> str:
        """Dig."""
        publish_status("somebody else", "digging", "Found water")
        return "done"

    bench.with_tools(dig)
    bench.run(Call("dig"), Say("done"))
    assert ("digging", "Found water") in [(step.step, step.message) for step in store.read("run-1").steps]
    assert {message["userId"] for message in bench.published} == {"ana"}


def test_a_jobs_run_answers_briefly(bench, store):
    status_code, body = bench.run(Say("a long story"), jobId="job-1")
    assert status_code == 200
    assert set(body) == {"success", "requestId", "agent", "coldStart", "elapsed"}
    assert (store.read("run-1").job_id, store.read("run-1").result) == ("job-1", "a long story")
    status_code, body = bench.run(ValueError("broken"), jobId="job-1", requestId="run-2")
    assert (status_code, body["error"]) == (500, "ValueError: broken")
    assert set(body) == {"success", "requestId", "agent", "coldStart", "elapsed", "error"}


def test_without_a_table_the_run_goes_ahead_and_says_so(bench, store, monkeypatch):
    def no_answer(*_, **__):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(limits, "CLAIM_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 0.02)
    monkeypatch.setattr(store, "claim", no_answer)
    handed_over = []
    hand_over = lambda event: handed_over.append(event) or True  # noqa: E731
    bench.runner._destination = bench.runner._destination._replace(hand_over=hand_over)
    prepared = []

    def prepare() -> None:
        prepared.append(len(handed_over))
        raise ValueError("Invalid endpoint: lambda")

    bench.runner._prepare_hand_over = prepare
    status_code, body = bench.run(Say("done all the same"))
    assert prepared == [0], "the client is created before the end is handed over"
    assert (status_code, body["result"], body["degraded"]) == (200, "done all the same", True)
    assert body["progress"] == []
    assert bench.published == []
    assert body["endPending"] is True
    assert [event["handedOverEnd"]["status"] for event in handed_over] == ["complete"]


def test_a_process_without_threads_for_the_cleaning_up_answers_all_the_same(bench, monkeypatch):
    class NoThread(threading.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(clean_up, "Thread", NoThread)
    status_code, body = bench.run(Say("done"))
    assert (status_code, body["result"]) == (200, "done")


def test_many_steps_are_cut_and_marked(bench):
    @tool
    def talk() -> str:
        """Talk much."""
        for number in range(250):
            publish_status(None, "talking", str(number))
        return "done"

    bench.with_tools(talk)
    body = bench.run(Call("talk"), Say("done"))[1]
    assert (len(body["progress"]), body["progressCut"]) == (200, True)
    assert body["progress"][-1]["step"] == "complete"
    seqs = [step["seq"] for step in body["progress"]]
    assert seqs == list(range(seqs[0], seqs[0] + 200))


def test_an_endless_result_is_shortened_visibly(bench):
    body = bench.run(Say("x" * 200_000))[1]
    assert len(json.dumps(body["result"])) <= 64 * 1024 + 10
    assert "[shortened from 200000 characters]" in body["result"]


def test_the_lease_ends_with_the_lambda(bench, store, clock):
    leases = []

    @tool
    def look() -> str:
        """Look at the record."""
        leases.append(store.read("run-1").lease_until_ms)
        return "seen"

    bench.with_tools(look)
    bench.runner._monotonic = lambda: clock() / 1000
    bench.run(Call("look"), Say("done"), context=Context(remaining_ms=5_000))
    assert leases == [clock.now_ms + 5_000]


def test_bad_input_is_refused_before_anything_is_claimed(bench, store):
    with pytest.raises(InvalidInput, match=r"^query must be text of 1 to 10,000 characters\.$"):
        bench.run(query="")
    assert store.read("run-1") is None


def test_threads_are_switched_every_millisecond_while_a_run_works_and_as_before_afterwards(bench):
    intervals = []

    @tool
    def look() -> str:
        """Look at the interval."""
        intervals.append(sys.getswitchinterval())
        return "seen"

    before_seconds = sys.getswitchinterval()
    bench.with_tools(look)
    bench.run(Call("look"), Say("done"))
    assert intervals == [pytest.approx(0.001)]
    assert sys.getswitchinterval() == before_seconds

    with pytest.raises(InvalidInput):
        bench.run(requestId="#")
    assert sys.getswitchinterval() == before_seconds

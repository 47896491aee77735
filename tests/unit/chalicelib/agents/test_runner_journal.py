"""The journal of tool calls: what a worker does with each call of an earlier one."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import BaseModel
from strands import Agent, ToolContext, tool
from strands.hooks import AfterToolCallEvent
from strands.tools.executors import SequentialToolExecutor

from runcast import idempotent, limits, note_fact
from runcast.errors import Unavailable
from runcast.record.journal import CallJournal
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.deaths import UNKNOWN, told
from tests.unit.chalicelib.agents.parts import unanswered

LOST = "The tool was called, but its result is lost. Find out what it has done before you call it again."
OK = ("success", "dig done")


def test_a_call_whose_outcome_is_unknown_is_shown_as_such(bench, store, workers):
    workers.dies = ["in dig"]
    bench.run(Call("dig"))
    workers.continued(Say("Done"))
    [*_, again, end] = [step for step in store.read("run-1").steps if step.tool_name == "dig"]
    told = json.loads(end.metadata_json)
    assert (told["outcome"], told["parentSeq"]) == ("unknown", again.seq)
    assert (again.step, end.live_status) == ("executing", "tool_error")
    assert re.fullmatch(r"dig was stopped after \d+\.\d s, and its effect is unknown", end.message)


def test_calls_of_one_turn_that_have_ended_are_not_called_again(bench, workers):
    both = [Call("dig"), Call("fill")]
    workers.dies = ["in fill"]
    bench.run(both)
    workers.continued(Say("Done"))
    assert (workers.done, told(bench)) == ({"dig": 1, "fill": 1}, [OK, ("error", UNKNOWN)])


def test_an_idempotent_tool_is_called_again(bench, workers):
    workers.build(workers.tool("dig", idempotent))
    workers.dies = ["in dig"]
    bench.run(Call("dig"))
    workers.continued(Say("Done"))
    assert (workers.done["dig"], told(bench)) == (2, [OK])


def test_an_idempotent_function_becomes_an_idempotent_tool(bench, workers):
    def dig() -> str:
        """Dig."""
        workers.done["dig"] += 1
        workers.die("in dig")
        return "dig done"

    workers.build(tool(idempotent(dig)))
    workers.dies = ["in dig"]
    bench.run(Call("dig"))
    workers.continued(Say("Done"))
    assert (workers.done["dig"], told(bench)) == (2, [OK])


def retrying(retries):
    """A hook that calls each tool again, up to three times, while its result is an error."""

    def retry(event):
        if event.result["status"] == "error" and len(retries) < 3:
            retries.append(event.result["content"][0]["text"])
            event.retry = True

    return retry, AfterToolCallEvent


def test_a_hook_that_retries_a_call_whose_outcome_is_unknown_gets_the_same_error(bench, workers):
    retries = []
    workers.build(workers.tool("dig"), hooks=[retrying(retries)])
    workers.dies = ["in dig"]
    bench.run(Call("dig"))
    workers.continued(Say("Done"))
    assert (workers.done["dig"], retries, told(bench)) == (1, [UNKNOWN] * 3, [("error", UNKNOWN)])


def test_a_hook_s_retry_is_a_new_call(bench, workers):
    def retry(event):
        event.retry = workers.done["dig"] < 3

    workers.build(workers.tool("dig"), hooks=[(retry, AfterToolCallEvent)])
    workers.dies = ["model 2"]
    bench.run(Call("dig"))
    workers.continued(Say("Done"))
    assert (workers.done["dig"], told(bench)) == (3, [OK])


def with_large_result(workers, size=limits.JOURNAL_RESULT_MAX_BYTES):
    """A tool whose result is too large for the journal's item, unless another size is given."""

    @tool
    def dig() -> str:
        """Dig."""
        workers.done["dig"] += 1
        return "x" * size

    return dig


def stored_results(bench):
    return [key for key in bench.objects.texts if "/result-" in key]


@pytest.mark.parametrize("size", [100, limits.JOURNAL_RESULT_MAX_BYTES])
def test_a_large_result_is_used_again_too(bench, workers, size):
    workers.build(with_large_result(workers, size))
    workers.dies = ["model 2"]
    bench.run(Call("dig"))
    assert len(stored_results(bench)) == (0 if size == 100 else 1)
    workers.continued(Say("Done"))
    assert (workers.done["dig"], told(bench)) == (1, [("success", "x" * size)])


@pytest.mark.parametrize("harm", ["no answer", "removed", "damaged"])
def test_a_call_whose_result_cannot_be_read_is_not_made_again(bench, workers, monkeypatch, harm):
    retries = []
    workers.build(with_large_result(workers), hooks=[retrying(retries)])
    workers.dies = ["model 2"]
    bench.run(Call("dig"))
    [key] = stored_results(bench)
    get = bench.objects.get

    def refused(wanted):
        if wanted == key:
            raise Unavailable("S3 did not answer.")
        return get(wanted)

    if harm == "no answer":
        monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        monkeypatch.setattr(bench.objects, "get", refused)
    elif harm == "removed":
        del bench.objects.texts[key]
    else:
        bench.objects.texts[key] = "{"
    workers.continued(Say("Done"))
    assert (workers.done["dig"], retries, told(bench)) == (1, [LOST] * 3, [("error", LOST)])


@pytest.mark.parametrize(("mark", "done"), [(lambda tool: tool, 1), (idempotent, 2)])
def test_a_result_that_is_not_json_is_lost_for_the_next_worker(bench, workers, mark, done):
    @mark
    @tool
    def dig() -> dict:
        """Dig."""
        workers.done["dig"] += 1
        not_json = float("nan") if workers.done["dig"] == 1 else 1.0
        return {"status": "success", "content": [{"json": {"depth": not_json}}, {"text": "dig done"}]}

    workers.build(dig, workers.tool("fill"))
    workers.dies = ["in fill"]
    bench.run([Call("dig"), Call("fill")])
    workers.continued(Say("Done"))
    assert workers.done == {"dig": done, "fill": 1}
    [result, _] = [block["toolResult"] for block in bench.model.calls[-1][-1]["content"]]
    assert result["content"][-1]["text"] == (LOST if done == 1 else "dig done")


def test_a_large_result_that_could_not_be_stored_is_lost_for_the_next_worker(bench, workers, monkeypatch):
    workers.build(with_large_result(workers))
    workers.dies = ["model 2"]
    put = bench.objects.put

    def refused(key, text):
        if "/result-" in key:
            raise Unavailable("S3 did not answer.")
        put(key, text)

    with monkeypatch.context() as patch:
        patch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        patch.setattr(bench.objects, "put", refused)
        bench.run(Call("dig"))
    workers.continued(Say("Done"))
    assert (workers.done["dig"], told(bench)) == (1, [("error", LOST)])


def test_a_worker_stops_as_soon_as_it_finds_a_call_of_a_later_part(bench, workers, monkeypatch):
    """It was only frozen: the next worker is faster, and the record has not refused anything yet."""
    journal_begin = CallJournal.begin

    def begin(journal, call, part, worker):
        if call.tool_use_id.endswith("1"):
            journal_begin(journal, call, 2, "later/x")
        return journal_begin(journal, call, part, worker)

    monkeypatch.setattr(CallJournal, "begin", begin)
    status_code, body = bench.run([Call("dig"), Call("fill")], Say("never said"))
    assert (status_code, workers.done, len(bench.model.calls)) == (500, {"dig": 1}, 1)
    assert body["error"].startswith("Somebody else has ended this run")


def test_a_call_that_cannot_be_recorded_does_not_begin(bench, store, workers, monkeypatch):
    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(CallJournal, "begin", unanswered)
    assert bench.run(Call("dig"), Say("Done"))[0] == 200
    not_called = "The tool was not called, because its call could not be recorded. Try again later."
    assert (workers.done["dig"], told(bench)) == (0, [("error", not_called)])


def test_a_result_that_could_not_be_recorded_is_unknown_to_the_next_worker(bench, workers, monkeypatch):
    workers.dies = ["model 2"]
    with monkeypatch.context() as patch:
        patch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        patch.setattr(CallJournal, "end", unanswered)
        bench.run(Call("dig"))
    workers.continued(Say("Done"))
    assert (workers.done["dig"], told(bench)) == (1, [("error", UNKNOWN)])


class Report(BaseModel):
    """A report."""

    depth: int


@pytest.mark.parametrize("turn", [[Call("Report", {"depth": 3})], [Call("dig"), Call("Report", {"depth": 3})]])
def test_structured_output_is_made_again_because_only_the_worker_that_made_it_has_it(bench, store, workers, turn):
    def build(run):
        agent = Agent(
            model=run.model, tools=[workers.tool("dig")], checkpointing=True, structured_output_model=Report,
            callback_handler=None, tool_executor=SequentialToolExecutor(),
        )  # fmt: skip
        agent.add_hook(lambda event: workers.die(f"after {event.tool_use['name']}"), AfterToolCallEvent)
        return agent

    bench.with_build(build)
    workers.dies = ["after Report"]
    bench.run(turn)
    assert store.read("run-1").part_is_queued
    status_code, body = workers.continued()
    assert (status_code, body["result"], workers.done["dig"]) == (200, {"depth": 3}, len(turn) - 1)


def test_what_a_call_that_has_ended_has_noted_and_remembered_is_kept(bench, workers):
    @tool(context=True)
    async def measure(tool_context: ToolContext, place: str) -> str:
        """Measure."""
        note_fact(tool_context, place, 3, "m")
        tool_context.agent.state.set(place, 3)
        return "measured"

    remembered = []

    @tool(context=True)
    async def look(tool_context: ToolContext) -> str:
        """Look."""
        remembered.append(tool_context.agent.state.get())
        return "looked"

    workers.build(measure, look, workers.tool("dig"))
    workers.dies = ["in dig"]
    bench.run([Call("measure", {"place": "north"}), Call("measure", {"place": "south"}), Call("dig")])
    _, body = workers.continued(Call("look"), Say("Done"))
    depth = {"value": 3, "unit": "m"}
    assert body["result"] == {"text": "Done", "facts": {"north": depth, "south": depth}}
    assert remembered == [{"north": 3, "south": 3}]

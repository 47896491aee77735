"""No input of the recorder harms the run or the record."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from runcast import limits
from runcast.record.items import stored_size_bytes
from runcast.record.model import RunStatus
from tests.unit.record.recording import Live, all_steps, make


class Unwritable:
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("told", "as_stored"),
    [
        ({"message": Unwritable()}, ("unnamed", "The content of this step is unreadable", None)),
        ({"metadata": {"x": Unwritable()}}, ("thinking", "", {"x": {"unreadable": "RuntimeError", "path": "$.x"}})),
        ({"metadata": {"n": float("nan")}}, ("thinking", "", {"n": {"unreadable": "NaN", "path": "$.n"}})),
        ({"metadata": {"parentSeq": 1, "ok": True}}, ("thinking", "", {"parentSeq_": 1, "ok": True})),
        ({"metadata": [1, 2]}, ("thinking", "", {"unreadable": "list", "path": "$"})),
        ({"metadata": MappingProxyType({"a": 1}), "tool_name": "t"}, ("thinking", "", {"a": 1})),
        ({"tool_name": {"not": "a name"}}, ("thinking", "", None)),
        ({"message": "half a pair \ud800"}, ("thinking", "half a pair \ufffd", None)),
        ({"status": "", "agent_name": ""}, ("thinking", "", None)),
    ],
)
def test_whatever_is_told_reaches_neither_the_run_nor_the_next_step(store, clock, told, as_stored):
    live = Live(store)
    recorder = make(store, clock, send=live)
    recorder.claim()
    recorder.record("init")
    recorder.record("thinking", **told)
    recorder.end(RunStatus.COMPLETE, "Done")
    steps = recorder.progress().steps
    assert [step["step"] for step in steps] == ["init", as_stored[0], "complete"]
    assert (steps[1]["step"], steps[1]["message"], steps[1].get("metadata")) == as_stored
    assert [message["seq"] for message in live.messages] == [1, 2, 3]
    assert store.read("r1").status is RunStatus.COMPLETE


@pytest.mark.parametrize("metadata", [{"text": "as told", "n": 1}, {"list": ["as told"]}])
def test_what_the_caller_changes_after_the_call_is_recorded_as_it_was(store, clock, metadata):
    told = json.loads(json.dumps(metadata))
    recorder = make(store, clock)
    recorder.record("thinking", metadata=metadata)
    metadata.get("list", []).append("changed")
    metadata["added"] = True
    recorder.claim()
    recorder.end(RunStatus.COMPLETE, "Done")
    assert recorder.progress().steps[0]["metadata"] == told


def test_an_over_long_message_is_shortened_and_takes_no_more_room_than_that(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("thinking", "x" * 300_000)
    assert recorder.end(RunStatus.COMPLETE, "Done").unrecorded == 0
    message = store.read("r1").steps[0].message
    assert len(message) == limits.MESSAGE_MAX_CHARACTERS
    assert message.endswith("[shortened from 300000 characters]")


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        ({(1, 2): 3, "text": "kept"}, {"(1, 2)": 3, "text": "kept"}),
        ({"x": Unwritable(), "y": 1}, {"x": {"unreadable": "RuntimeError", "path": "$.x"}, "y": 1}),
        (float("nan"), {"unreadable": "NaN", "path": "$"}),
    ],
)
def test_a_result_that_is_no_json_ends_the_run_and_the_rest_of_it_is_kept(store, clock, result, kept):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.COMPLETE, "Done", result=result)
    run = store.read("r1")
    assert run.status is RunStatus.COMPLETE
    assert run.result == kept


def test_a_question_of_any_length_is_recorded_and_shown_live(store, clock):
    live = Live(store)
    recorder = make(store, clock, send=live)
    recorder.claim()
    for number in range(20):
        recorder.record("executing", f"step {number}", metadata={"text": "x" * 7_000})
    asked = {"id": "v1:tool_call:1", "name": "ask", "reason": "中" * 20_000}
    report = recorder.end(RunStatus.WAITING, "Waiting for an answer", metadata={"interrupts": [asked]})
    last = store.read("r1").steps[-1].to_json()
    assert (last["step"], last["metadata"]) == ("waiting", {"interrupts": [asked]})
    assert live.messages[-1]["metadata"] == {"interrupts": [asked]}
    assert (report.unrecorded, report.unsent) == (0, 0)


def test_an_agents_own_metadata_is_shown_neither_as_the_tool_nor_as_the_parent(store, clock):
    live = Live(store)
    recorder = make(store, clock, send=live)
    recorder.claim()
    recorder.record("thinking", metadata={"toolName": "mine", "parentSeq": 1, "n": 1})
    recorder.record("executing", tool_name="slope", metadata={"toolName": "mine"})
    recorder.end(RunStatus.COMPLETE, "Done")
    thinking, executing, _ = store.read("r1").steps
    assert thinking.to_json()["metadata"] == {"toolName": "mine", "parentSeq_": 1, "n": 1}
    assert executing.to_json()["metadata"] == {"toolName": "mine"}
    assert [message["metadata"] for message in live.messages[:2]] == [
        {"toolName": "mine", "parentSeq_": 1, "n": 1},
        {"toolName": "mine"},
    ]
    assert [message["toolName"] for message in live.messages[:2]] == [None, "slope"]


@pytest.mark.parametrize("field", ["step", "message", "agent_name", "tool_name", "status"])
def test_half_a_surrogate_pair_is_stored_as_valid_text(store, clock, field):
    recorder = make(store, clock, send=Live(store))
    recorder.claim()
    recorder.record(**{"step": "thinking", field: "a\ud800"})
    recorder.end(RunStatus.ERROR, "b\udc00", error="c\ud83d", result={"d\ud800": "e\ud800"}, metadata={"f\ud800": 1})
    run = store.read("r1")
    assert getattr(run.steps[0], field) == "a\ufffd"
    assert (run.steps[1].message, run.error, run.result) == ("b\ufffd", "c\ufffd", {"d\ufffd": "e\ufffd"})
    assert "f\ufffd" in run.steps[1].to_json()["metadata"]


@pytest.mark.parametrize("letter", ["x", "中", "😀", '"', "\u0001"])
def test_a_step_of_the_greatest_size_fits_onto_a_page(store, clock, letter):
    recorder = make(store, clock)
    recorder.claim()
    name = letter * limits.NAME_MAX_CHARACTERS
    escaped_bytes = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    metadata = {"text": letter * ((limits.METADATA_MAX_BYTES - len('{"text":""}')) // escaped_bytes)}
    parent = recorder.record("thinking")
    about = {"agent_name": name, "tool_name": name, "status": name, "metadata": metadata, "parent": parent}
    for _ in range(3):
        recorder.record(name, letter * limits.MESSAGE_MAX_CHARACTERS, **about)
    assert recorder.end(RunStatus.COMPLETE, "Done").unrecorded == 0
    [*_, step, _] = all_steps(store)
    assert (step.step, step.message, step.agent_name) == (name, letter * limits.MESSAGE_MAX_CHARACTERS, name)
    assert step.to_json()["metadata"] == {**metadata, "parentSeq": 1}
    assert stored_size_bytes(step) <= limits.PAGE_MAX_BYTES


class Unreadable(dict):
    def keys(self):
        raise ValueError("no keys")


@pytest.mark.parametrize("metadata", ["no mapping", 7, ["a"], Unreadable(a=1)])
def test_an_end_whose_metadata_is_no_mapping_is_stored_with_the_usage(store, clock, metadata):
    recorder = make(store, clock)
    recorder.claim()
    recorder.add_usage({"inputTokens": 3})
    recorder.end(RunStatus.COMPLETE, "Done", metadata=metadata)
    assert json.loads(store.read("r1").steps[-1].metadata_json)["usage"] == {"inputTokens": 3}

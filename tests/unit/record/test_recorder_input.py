"""Whatever the recorder is told, neither the run nor the record suffers."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from runcast import limits
from runcast.record.model import RunStatus
from tests.unit.record.recording import Live, make


class Unwritable:
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("told", "as_stored"),
    [
        ({"message": Unwritable()}, ("unnamed", "What was told of this step is unreadable", None)),
        ({"metadata": {"x": Unwritable()}}, ("thinking", "", {"unreadable": "RuntimeError"})),
        ({"metadata": [1, 2]}, ("thinking", "", {"unreadable": "TypeError"})),
        ({"metadata": MappingProxyType({"a": 1}), "tool_name": "t"}, ("thinking", "", {"a": 1})),
        ({"tool_name": {"not": "a name"}}, ("thinking", "", None)),
        ({"message": "half a pair \ud800"}, ("thinking", "half a pair ?", None)),
        ({"status": "", "agent_name": ""}, ("thinking", "", None)),
    ],
)
def test_whatever_is_told_reaches_neither_the_run_nor_the_next_step(store, clock, told, as_stored):
    live = Live(store)
    recorder = make(store, clock, publish=live)
    recorder.claim()
    recorder.record("init")
    recorder.record("thinking", **told)
    recorder.end(RunStatus.COMPLETE, "Done")
    steps = recorder.progress().steps
    assert [step["step"] for step in steps] == ["init", as_stored[0], "complete"]
    assert (steps[1]["step"], steps[1]["message"], steps[1].get("metadata")) == as_stored
    assert [message["seq"] for message in live.messages] == [1, 2, 3]
    assert store.read("r1").status is RunStatus.COMPLETE


def test_an_over_long_message_is_shortened_and_takes_no_more_room_than_that(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("thinking", "x" * 300_000)
    assert recorder.end(RunStatus.COMPLETE, "Done").unrecorded == 0
    message = store.read("r1").steps[0].message
    assert len(message) == limits.MESSAGE_MAX_CHARACTERS
    assert message.endswith("[shortened from 300000 characters]")


@pytest.mark.parametrize("result", [{(1, 2): 3}, {"x": Unwritable()}, float("nan")])
def test_a_result_that_is_no_json_ends_the_run_all_the_same(store, clock, result):
    recorder = make(store, clock)
    recorder.claim()
    recorder.end(RunStatus.COMPLETE, "Done", result=result)
    run = store.read("r1")
    assert run.status is RunStatus.COMPLETE
    assert list(run.result) == ["unreadable"]

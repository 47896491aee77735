"""What tools yield and what models say, as steps: few, and never more than fits."""

from __future__ import annotations

import asyncio
import json
import subprocess
from decimal import Decimal

import pytest
from strands import ModelRetryStrategy, tool
from strands.hooks import AfterModelCallEvent
from strands.types.exceptions import ModelThrottledException

from runcast import track
from runcast.client.live_text import LiveText
from runcast.record.outbox import Outbox
from runcast.runs import from_environment
from runcast.runs.from_environment import Destination
from tests.fakes.scripted_model import Call, Say
from tests.unit.agents.conftest import named, scripted
from tests.unit.record.recording import all_steps


class Seconds:
    """A clock that moves by `step` seconds whenever it is asked."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self._step = step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


def yielded(records, *values, seconds=1.0):
    """Run an agent whose tool yields these; return what became steps."""

    @tool
    async def measure():
        """Measure."""
        for value in values:
            yield value

    agent = scripted(Call("measure"), Say("done"), tools=[measure])
    track(agent, monotonic=Seconds(seconds))("?", invocation_state=named("r1"))
    steps = [step.to_json() for step in records.read("r1").steps]
    (call,) = [step["seq"] for step in steps if step.get("status") == "calling_tool"]
    shown = [step for step in steps if step["step"] == "executing" and step["seq"] != call]
    assert {(step["toolName"], step["metadata"]["parentSeq"]) for step in shown} <= {("measure", call)}
    return [(step["message"], step["metadata"].get("progress")) for step in shown]


@pytest.mark.parametrize(
    ("value", "message", "progress"),
    [
        ({"done": 3, "total": 10, "unit": "tiles"}, "3 of 10 tiles",
         {"done": 3, "total": 10, "unit": "tiles"}),
        ({"done": 3}, "3", {"done": 3}),
        ({"done": 0.5, "total": 1, "message": "Half way"}, "Half way", {"done": 0.5, "total": 1}),
        ({"done": 3, "total": None, "unit": ""}, "3", {"done": 3}),
        ({"done": "three", "total": 10}, '{"done": "three", "total": 10}', None),
        ({"done": True}, '{"done": true}', None),
        ({"done": float("inf")}, '{"done": {"unreadable": "Infinity", "path": "$.done"}}', None),
        ({"done": 10**400}, '{"done": {"unreadable": "a number beyond 1.8e308", "path": "$.done"}}', None),
        ({"done": Decimal("2.5"), "total": Decimal(10)}, "2.5 of 10", {"done": 2.5, "total": 10}),
        ("north", "north", None),
        (["a", 1], '["a", 1]', None),
        (object(), '{"unreadable": "object", "path": "$"}', None),
        ({"c": {1}, "v": float("nan")}, '{"c": [1], "v": {"unreadable": "NaN", "path": "$.v"}}', None),
    ],
)  # fmt: skip
def test_a_yield_is_a_step(records, value, message, progress):
    assert yielded(records, value) == [(message, progress)]


@pytest.mark.parametrize("value", ["x" * 1_000_000, {"map": "x" * 1_000_000}])
def test_a_megabyte_is_shortened_visibly(records, value):
    ((message, _),) = yielded(records, value)
    assert len(message) == 1_000
    assert "… [shortened from 10000" in message


def test_ten_thousand_yields_cost_two_steps_a_second_and_the_last_is_kept(records):
    # A millisecond between yields: ten seconds in all.
    shown = yielded(records, *({"done": done, "total": 10_000} for done in range(1, 10_001)), seconds=0.001)
    done = [progress["done"] for _, progress in shown]
    assert (len(done), done[0], done[-1]) == (21, 1, 10_000)
    assert done == sorted(set(done))


def test_a_tool_that_fails_keeps_its_last_yield(records):
    @tool
    async def measure():
        """Measure."""
        yield "north"
        yield "south"
        raise ValueError("no such map")

    agent = scripted(Call("measure"), Say("done"), tools=[measure])
    track(agent, monotonic=Seconds(0))("?", invocation_state=named("r1"))
    assert [step.message for step in records.read("r1").steps[3:5]] == ["north", "south"]


def words(*texts):
    """A model that says these one after the other."""
    agent = scripted()

    async def stream(*_, **__):
        yield {"messageStart": {"role": "assistant"}}
        for text in texts:
            yield {"contentBlockDelta": {"delta": {"text": text}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}

    agent.model.stream = stream
    return agent


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.2, 1.0])
def test_text_is_coalesced_and_its_offsets_join_it_again(records, seconds):
    texts = [f"wörd{number} 🏝 " for number in range(100)]
    track(words(*texts), text=True, monotonic=Seconds(seconds))("?", invocation_state=named("r1"))
    steps = [step.to_json() for step in all_steps(records) if step.step == "text"]
    said = ""
    for step in steps:
        assert step["metadata"] == {"offset": len(said.encode("utf-16-le")) // 2}
        said += step["message"]
    assert said == "".join(texts)
    assert len(steps) <= 2 * 100 * seconds + 2


JOIN_AS_A_PAGE_DOES = """
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const offsets = texts.map((_, n) => texts.slice(0, n).reduce((said, { message }) => said + message, '').length);
let text = '';
for (const { message, metadata } of texts) text = text.slice(0, metadata.offset) + message;
process.stdout.write(JSON.stringify({ offsets, text }));
"""


def test_a_page_in_javascript_joins_texts_with_emoji_by_their_offsets(records):
    said = "Hi 👩🏽\u200d🚀, 中文 🇩🇪! " * 150
    track(words("😀", said, "🏝"), text=True, monotonic=Seconds(1))("?", invocation_state=named("r1"))
    steps = [step.to_json() for step in all_steps(records) if step.step == "text"]
    texts = [*steps, *steps[1:]]  # some come a second time, on the other channel
    done = subprocess.run(
        ["node", "-e", JOIN_AS_A_PAGE_DOES], input=json.dumps(texts).encode(), capture_output=True, check=True
    )
    joined = json.loads(done.stdout)
    assert len(steps) > 3
    assert [step["metadata"]["offset"] for step in steps] == joined["offsets"][: len(steps)]
    assert joined["text"] == f"😀{said}🏝"


def test_text_that_is_too_long_for_a_step_takes_several(records):
    track(words("ä", "é" * 2_500), text=True, monotonic=Seconds(0))("?", invocation_state=named("r1"))
    steps = [step for step in records.read("r1").steps if step.step == "text"]
    assert [len(step.message) for step in steps] == [1, 1_000, 1_000, 500]


def test_text_is_cut_between_characters_as_people_see_them(records):
    family = "👩\u200d👩\u200d👧\u200d👦"
    track(words("ä", "é" * 998 + family + "🇩🇪"), text=True, monotonic=Seconds(0))("?", invocation_state=named("r1"))
    steps = [step.to_json() for step in records.read("r1").steps if step.step == "text"]
    assert [step["message"] for step in steps] == ["ä", "é" * 998, family + "🇩🇪"]
    assert [step["metadata"]["offset"] for step in steps] == [0, 1, 999]


def test_a_character_that_the_model_sends_in_pieces_is_one_character(records):
    pieces = ("ä", "👩\u200d", "👧", "\ud83d", "\ude00", "\udc00é")
    track(words(*pieces), text=True, monotonic=Seconds(1))("?", invocation_state=named("r1"))
    steps = [step.to_json() for step in records.read("r1").steps if step.step == "text"]
    assert [step["message"] for step in steps] == ["ä", "👩\u200d👧", "😀", "\ufffdé"]
    assert [step["metadata"]["offset"] for step in steps] == [0, 1, 6, 8]


def test_text_is_not_recorded_unless_it_is_asked_for(records):
    track(words("a", "b"))("?", invocation_state=named("r1"))
    assert [step.step for step in records.read("r1").steps] == ["agent", "thinking", "complete"]


def test_what_a_caller_keeps_in_the_invocation_state_is_not_taken_for_events(records):
    state = named("r1") | {"message": "mine", "data": "mine", "result": "mine", "event": {"metadata": 1}}
    track(words("hello"), text=True)("?", invocation_state=state)
    run = records.read("r1")
    assert ([step.message for step in run.steps if step.step == "text"], run.result) == (["hello"], "hello")


def test_a_throttled_call_of_the_model_is_one_step_with_its_wait(records):
    clock = Seconds(0.0)

    def wait(event: AfterModelCallEvent) -> None:
        clock.now += 4 if event.exception else 0

    throttled = ModelThrottledException("slow down")
    retrying = ModelRetryStrategy(initial_delay=0, max_delay=0, max_attempts=3)
    agent = scripted(throttled, throttled, Say("done"), retry_strategy=retrying, hooks=[wait])
    track(agent, monotonic=clock)("?", invocation_state=named("r1"))
    steps = [step.to_json() for step in records.read("r1").steps if step.step == "thinking"]
    again = ("Thinking again, 4.0 s after ModelThrottledException", 4.0)
    found = [(step["message"], step.get("metadata", {}).get("waitedSeconds")) for step in steps]
    assert found == [("Thinking", None), again, again]


def test_live_text_is_shown_between_its_steps_and_joins_with_them(records, monkeypatch):
    sent = []

    def send(messages):
        sent.extend(messages)
        return len(messages)

    monkeypatch.setattr(from_environment, "destination_of_environment", lambda: Destination(records, send))
    monkeypatch.setattr(Outbox, "put_delta", lambda outbox, message: sent.append(message))
    texts = [f"wörd{number} 🏝 " for number in range(40)]
    clock = Seconds(0.0)
    agent = words()

    async def stream(*_, **__):
        yield {"messageStart": {"role": "assistant"}}
        async with asyncio.timeout(60):
            while records.read("r1") is None or records.read("r1").worker is None:
                await asyncio.sleep(0)
        for text in texts:
            clock.now += 0.03
            yield {"contentBlockDelta": {"delta": {"text": text}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}

    agent.model.stream = stream
    track(agent, live_text=True, monotonic=clock)("?", invocation_state=named("r1"))

    deltas = [message for message in sent if message["seq"] is None]
    steps = [step for step in records.read("r1").steps if step.step == "text"]
    # 40 words in 1.2 s: a step each half second and one at the end; deltas at most each tenth.
    assert len(steps) == 4
    assert 5 <= len(deltas) <= 12
    joined = LiveText()
    for delta in reversed(deltas):
        joined.add(delta["metadata"]["offset"], delta["message"])
    for step in steps:
        joined.add(step.to_json()["metadata"]["offset"], step.message)
    assert str(joined) == "".join(texts)

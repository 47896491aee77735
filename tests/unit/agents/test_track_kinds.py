"""Agents as people write them: copies, wrappers, agents of other kinds, and every way to name a run."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
import threading

import boto3
import pytest
from strands import Agent, tool
from strands.agent import AgentResult
from strands.telemetry.metrics import EventLoopMetrics

from runcast import track
from runcast.agents.tracked_class import set_tracking
from runcast.record.model import Owner, RunStatus
from runcast.runs.from_environment import forget_clients
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.unit.agents.conftest import named, scripted, tree

ONE_CALL = [(None, "agent_invoking", None, None), (None, "thinking", None, None), (None, "agent_complete", None, None)]


def texts(agent):
    return [block["text"] for message in agent.messages for block in message["content"]]


async def streamed(agent, request_id="r1"):
    return [event async for event in agent.stream_async("?", invocation_state=named(request_id))]


class TestACopy:
    def test_it_runs_itself_and_leaves_the_original_alone(self, records):
        original = track(scripted(Say("for ben")))
        other = copy.copy(original)
        other.messages = []
        assert str(other("ben's secret", invocation_state=named("r1", userId="ben"))).strip() == "for ben"
        assert (texts(original), texts(other)) == ([], ["ben's secret", "for ben"])
        run = records.read("r1")
        assert (run.owner, run.status, tree(run)) == (Owner("ben", "ben"), RunStatus.COMPLETE, ONE_CALL)

    def test_a_wrapper_that_was_there_before_still_works(self, records):
        agent, seen = scripted(Say("done")), []
        inner = agent.stream_async

        def wrapper(*args, **kwargs):
            seen.append(args)
            return inner(*args, **kwargs)

        agent.stream_async = wrapper
        track(agent)("?", invocation_state=named("r1"))
        assert (seen, tree(records.read("r1"))) == ([("?",)], ONE_CALL)

    def test_it_is_still_an_agent_of_its_class(self):
        agent = track(scripted())
        assert isinstance(agent, Agent)
        assert (type(agent).__name__, type(agent).__module__) == ("Agent", "strands.agent.agent")

    def test_an_agent_that_can_be_pickled_still_can(self):
        again = pickle.loads(pickle.dumps(track(Other([{"text": "kept"}]))))
        assert again.events == [{"text": "kept"}]

    def test_wrong_arguments_raise_at_once_as_without_it(self):
        with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
            track(Other([])).stream_async("?", nonsense=True)


class Other:
    """An agent that is not Strands' own: it yields what it is given, as an iterable that is no iterator."""

    name = "other"

    def __init__(self, events):
        self.events = events

    def stream_async(self, prompt=None, *, invocation_state=None):
        return _Iterable(self.events)


class _Iterable:
    def __init__(self, events):
        self._events = events

    async def __aiter__(self):
        for event in self._events:
            yield event


def result(text="done", **more):
    message = {"role": "assistant", "content": [{"text": text}]}
    return AgentResult("end_turn", message, EventLoopMetrics(), {}, **more)


class TestOtherKinds:
    @pytest.mark.parametrize("event", [("task", None), "words", object(), 7, None, {1: 2}])
    async def test_events_of_any_kind_pass_through_without_noise(self, records, caplog, event):
        last = {"result": result()}
        assert await streamed(track(Other([event, last]))) == [event, last]
        assert (records.read("r1").status, caplog.records) == (RunStatus.COMPLETE, [])

    async def test_a_result_among_other_keys_of_the_last_event_counts(self, records):
        await streamed(track(Other([{"more": 1, "result": result("found")}])))
        assert (records.read("r1").status, records.read("r1").result) == (RunStatus.COMPLETE, "found")

    async def test_an_agent_that_gives_no_result_ends_its_run_all_the_same(self, records):
        assert await streamed(track(Other([]))) == []
        assert records.read("r1").error == "The agent stopped before it was done: it gave no result."

    async def test_a_frozen_agent_is_recorded(self, records):
        @dataclasses.dataclass(frozen=True)
        class Frozen(Other):
            events: tuple

        await streamed(track(Frozen(({"result": result("cold")},))))
        assert records.read("r1").result == "cold"

    def test_an_agent_that_takes_no_attributes_is_refused(self):
        class Slotted:
            __slots__ = ()

            def stream_async(self, prompt=None):
                raise AssertionError("nobody runs it")

        with pytest.raises(TypeError, match=r"^track\(\) cannot watch Slotted: "):
            track(Slotted())

    def test_a_part_that_cannot_be_tracked_is_warned_of_and_works(self, records, caplog, monkeypatch):
        def refuse(agent, tracking):
            if agent.name == "inner":
                raise TypeError("no")
            set_tracking(agent, tracking)

        monkeypatch.setattr("runcast.agents.track.set_tracking", refuse)
        inner = scripted(Say("inside"), name="inner")
        agent = track(scripted(Call("inner", {"input": "?"}), Say("{tool_result}"), tools=[inner.as_tool()]))
        assert str(agent("?", invocation_state=named("r1"))).strip() == "inside"
        assert "what inner does is not recorded: no" in caplog.text


class TestHowARunIsNamed:
    def test_by_an_argument_as_strands_still_takes_them(self, records):
        with pytest.warns(UserWarning, match="invocation_state"):
            track(scripted(Say("done")))("?", runcast={"requestId": "r1", "userId": "ana", "tenantId": "acme"})
        assert (records.read("r1").owner, tree(records.read("r1"))) == (Owner("acme", "ana"), ONE_CALL)

    @pytest.mark.parametrize("key", ["result", "event", "message", "delta", "data", "type"])
    def test_whatever_else_stands_in_the_invocation_state(self, records, caplog, key):
        earlier = {"result": result("an earlier one"), "type": "tool_stream", "delta": "x"}
        state = {**named("r1"), key: earlier.get(key, {"metadata": 1})}
        agent = track(scripted(Say("this one")), text=True)
        agent("?", invocation_state=state)
        run = records.read("r1")
        assert (run.result, [step.step for step in run.steps]) == (
            "this one",
            ["agent", "thinking", "text", "complete"],
        )
        assert caplog.records == []


class TestText:
    def test_tracking_again_adds_it(self, records):
        agent = track(track(scripted(Say("words"), Say("more"))), text=True)
        track(agent)("?", invocation_state=named("r1"))
        assert [step.message for step in records.read("r1").steps if step.step == "text"] == ["words"]

    def test_an_agent_whose_words_are_recorded_in_a_run_of_another_is_silent_in_its_own(self, records):
        inner = track(scripted(Say("inside"), Say("alone"), name="inner"))
        outer = scripted(Call("inner", {"input": "?"}), Say("outside"), tools=[inner.as_tool()])
        track(outer, text=True)("?", invocation_state=named("r1"))
        inner("?", invocation_state=named("r2"))
        words = {rid: [step.message for step in records.read(rid).steps if step.step == "text"] for rid in ("r1", "r2")}
        assert words == {"r1": ["inside", "outside"], "r2": []}


class Counting(ScriptedModel):
    """Counts ten tokens for each call."""

    async def stream(self, *args, **kwargs):
        async for event in super().stream(*args, **kwargs):
            yield event
        yield {"metadata": {"usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10}, "metrics": {}}}


def counting(*script, **about):
    return Agent(model=Counting(script), callback_handler=None, **about)


def test_a_delegate_counts_once(records):
    inner = counting(Say("answered"), name="inner")
    outer = track(counting(Call("inner", {"input": "?"}), tools=[inner.as_tool(delegate=True)]), text=True)
    assert str(outer("?", invocation_state=named("r1"))).strip() == "answered"
    run = records.read("r1")
    assert [(step.agent_name, step.message) for step in run.steps if step.step == "text"] == [("inner", "answered")]
    assert run.steps[-1].to_json()["metadata"]["usage"]["totalTokens"] == 20


@pytest.mark.parametrize("tracked", [False, True])
def test_an_agent_whose_events_a_tool_yields_has_its_steps_once_under_the_tool(records, tracked):
    @tool
    def measure() -> str:
        """Measure."""
        return "3.5"

    @tool
    async def researcher():
        """Research."""
        sub = counting(Call("measure"), Say("found"), tools=[measure], name="researcher")
        async for event in (track(sub) if tracked else sub).stream_async("?"):
            yield event
        yield {"done": 1, "message": "measured"}
        yield "found"

    track(counting(Call("researcher"), Say("done"), tools=[researcher]), monotonic=Ticking())(
        "?", invocation_state=named("r1")
    )
    run = records.read("r1")
    assert tree(run) == [
        (None, "agent_invoking", None, None),
        (None, "thinking", None, None),
        (None, "calling_tool", "researcher", None),
        ("researcher", "agent_invoking", None, 3),
        ("researcher", "thinking", None, 4),
        ("researcher", "calling_tool", "measure", 4),
        ("researcher", "tool_complete", "measure", 6),
        ("researcher", "thinking", None, 4),
        ("researcher", "agent_complete", None, 4),
        (None, "executing", "researcher", 3),
        (None, "executing", "researcher", 3),
        (None, "tool_complete", "researcher", 3),
        (None, "thinking", None, None),
        (None, "agent_complete", None, None),
    ]
    assert [step.message for step in run.steps[9:11]] == ["measured", "found"]
    assert run.steps[-1].to_json()["metadata"]["usage"]["totalTokens"] == 40


class Ticking:
    """Each look at it is a second later: every step is due."""

    def __init__(self):
        self._seconds = 0

    def __call__(self):
        self._seconds += 1
        return self._seconds


def test_clients_are_made_off_the_event_loop(records, monkeypatch):
    forget_clients()
    threads, make = [], boto3.Session

    def session(**about):
        threads.append(threading.current_thread())
        return make(**about)

    monkeypatch.setattr(boto3, "Session", session)

    async def run():
        agent = track(scripted(Say("one"), Say("two")))
        await agent.invoke_async("?", invocation_state=named("r1"))
        await agent.invoke_async("?", invocation_state=named("r2"))

    asyncio.run(run())
    [made_on] = threads
    assert made_on is not threading.current_thread()
    assert {records.read(rid).status for rid in ("r1", "r2")} == {RunStatus.COMPLETE}

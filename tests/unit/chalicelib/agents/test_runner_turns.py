"""Runs that are turns of a conversation: each begins with the state of the last complete one."""

from __future__ import annotations

import json
import threading

import pytest
from chalicelib.agents import registry
from strands import Agent, tool
from strands.multiagent import GraphBuilder
from strands.session.file_session_manager import FileSessionManager

from runcast import limits
from runcast.errors import StoreUnavailable, Unavailable
from runcast.record.close import close_dead
from runcast.record.handover import NEXT_PART
from runcast.record.model import EndReason, Owner, RunStatus
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.conftest import EVENT
from tests.unit.chalicelib.agents.parts import checkpointing, hand_over, invoked, next_part
from tests.waiting import wait_until

ANA = Owner("acme", "ana")
CHAT = "0c0ffee0-0000-4000-8000-000000000001"


@tool
def look() -> str:
    """Look."""
    return "flat"


def turn(bench, request_id, *script, query="Hello", **about):
    """Start the next turn as a starter does, and run it."""
    before = bench.store.read_conversation(ANA, CHAT)
    bench.store.create_turn(
        request_id, owner=ANA, agent="survey", conversation_id=CHAT, before=before,
        snapshot_key=before.snapshot_key if before else None, query=query,
    )  # fmt: skip
    bench.model.script = list(script)
    event = {**EVENT, "requestId": request_id, "query": query, "conversationId": CHAT, "awaited": False}
    answer = bench.runner.run(event, Context(f"lambda-{request_id}"))
    return answer["statusCode"], json.loads(answer["body"])


def heard(bench):
    return [block["text"] for message in bench.model.calls[-1] for block in message["content"] if "text" in block]


def newest(bench):
    return bench.store.read_conversation(ANA, CHAT).snapshot_key


def metadata_of_end(bench, request_id):
    return json.loads(bench.store.read(request_id).steps[-1].metadata_json)


def test_a_turn_begins_with_the_state_of_the_last_one_and_build_is_told(bench):
    built = []

    def build(run):
        built.append((run.conversation_id, run.continues))
        return Agent(model=run.model, tools=[look], callback_handler=None)

    bench.with_build(build)
    turn(bench, "r1", Call("look"), Say("It is {tool_result}"))
    assert turn(bench, "r2", Say("As I said, flat"), query="How is it?")[0] == 200
    assert built == [(CHAT, False), (CHAT, True)]
    assert heard(bench) == ["Hello", "It is flat", "How is it?"]
    saved = bench.objects.get(newest(bench))
    assert saved["messages"] == [
        {"role": "user", "text": "Hello"}, {"role": "assistant", "text": "It is flat"},
        {"role": "user", "text": "How is it?"}, {"role": "assistant", "text": "As I said, flat"},
    ]  # fmt: skip
    assert "conversationSaved" not in metadata_of_end(bench, "r2")


@pytest.mark.parametrize("dies", [False, True], ids=["hand-over", "crash"])
def test_a_turn_of_several_parts_is_remembered_whole(bench, clock, dies):
    dug = []

    @tool
    async def dig() -> str:
        """Dig."""
        dug.append(1)
        if dies and len(dug) == 1:
            close_dead(bench.store, "r1", owner=ANA, invocation="lambda-r1", now_ms=clock)
            raise SystemExit
        hand_over()
        return "dug"

    checkpointing(bench, dig)
    turn(bench, "r1", Call("dig"))
    [event] = invoked(bench, {NEXT_PART: "r1"})
    assert next_part(bench, event, Say("It is deep"))[0] == 200
    assert turn(bench, "r2", Call("dig"), query="Deeper")[0] == 200
    [event] = invoked(bench, {NEXT_PART: "r2"})
    assert next_part(bench, event, Say("It is deeper"))[0] == 200
    assert (heard(bench), dug) == (["Hello", "It is deep", "Deeper"], [1, 1])
    saved = bench.objects.get(newest(bench))
    assert [message["text"] for message in saved["messages"]] == ["Hello", "It is deep", "Deeper", "It is deeper"]
    assert bench.store.read_conversation(ANA, CHAT).open_run is None


def test_a_run_outside_a_conversation_saves_nothing(bench):
    bench.with_tools(look)
    assert bench.run(Say("Hello"))[0] == 200
    assert bench.objects.texts == {}


def test_the_end_does_not_wait_long_for_the_bucket(bench, monkeypatch):
    bench.with_tools(look)
    turn(bench, "r1", Say("One"))
    before, go_on, put = newest(bench), threading.Event(), bench.objects.put
    written = []

    def put_late(key, text):
        go_on.wait(60)
        put(key, text)
        written.append(key)

    monkeypatch.setattr(limits, "TURN_SAVE_SECONDS", 0.01)
    monkeypatch.setattr(bench.objects, "put", put_late)
    try:
        _, body = turn(bench, "r2", Say("Two"))
    finally:
        go_on.set()
    assert (body["success"], body["result"]) == (True, "Two")
    assert (metadata_of_end(bench, "r2")["conversationSaved"], newest(bench)) == (False, before)
    # The user may have deleted the conversation before the object was written.
    wait_until(lambda: written and list(bench.objects.texts) == [before])


def test_a_state_whose_turn_another_has_ended_is_deleted(bench, monkeypatch):
    bench.with_tools(look)
    turn(bench, "r1", Say("One"))
    before, put = newest(bench), bench.objects.put

    def put_after_the_end(key, text):
        put(key, text)
        close_dead(bench.store, "r2", invocation="lambda-r2")  # decides again if the worker writes at the same time

    monkeypatch.setattr(bench.objects, "put", put_after_the_end)
    status, _ = turn(bench, "r2", Say("Two"))
    assert (status, ended(bench, "r2")[:2]) == (500, (RunStatus.ERROR, EndReason.WORKER_DIED))
    assert (newest(bench), list(bench.objects.texts)) == (before, [before])


def test_a_state_that_s3_stored_without_an_answer_is_deleted(bench, monkeypatch):
    bench.with_tools(look)
    put = bench.objects.put

    def put_without_an_answer(key, text):
        put(key, text)
        raise Unavailable("S3 did not answer.")

    monkeypatch.setattr(bench.objects, "put", put_without_an_answer)
    assert turn(bench, "r1", Say("One"))[0] == 200
    assert (newest(bench), bench.objects.texts) == (None, {})


def test_a_state_that_cannot_be_deleted_leaves_the_result(bench, monkeypatch, caplog):
    bench.with_tools(look)

    def refused(*_):
        raise Unavailable("The bucket refuses.")

    for name in ("put", "delete"):
        monkeypatch.setattr(bench.objects, name, refused)
    assert turn(bench, "r1", Say("One"))[0] == 200
    assert "a state that no conversation names was not deleted: The bucket refuses." in caplog.text


@pytest.mark.parametrize("why", ["refused", "too large", "no JSON"])
def test_a_state_that_cannot_be_saved_leaves_the_result_and_the_earlier_state(bench, monkeypatch, why):
    bench.with_tools(look)
    turn(bench, "r1", Say("One"))
    before = newest(bench)
    if why == "refused":
        monkeypatch.setattr(type(bench.objects), "put", lambda self, key, text: self._require_working(key))
        bench.runner._objects.get(before)
        refuse = Say("Two")
        original_get = type(bench.objects).get

        def get(self, key):
            found = original_get(self, key)
            self.broken = True
            return found

        monkeypatch.setattr(type(bench.objects), "get", get)
        _, body = turn(bench, "r2", refuse)
    elif why == "too large":
        monkeypatch.setattr(limits, "SNAPSHOT_MAX_BYTES", 10)
        _, body = turn(bench, "r2", Say("Two"))
    else:
        bench.with_build(_with_unsaved_state)
        _, body = turn(bench, "r2", Say("Two"))
    assert (body["success"], body["result"]) == (True, "Two")
    bench.objects.broken = False
    assert (metadata_of_end(bench, "r2")["conversationSaved"], newest(bench)) == (False, before)
    assert bench.store.read("r2").status is RunStatus.COMPLETE


def _with_unsaved_state(run):
    class Forgetful(Agent):
        def take_snapshot(self, **_):
            raise ValueError("no state")

    return Forgetful(model=run.model, callback_handler=None)


def ended(bench, request_id):
    run = bench.store.read(request_id)
    return run.status, run.reason, run.error


def test_a_graph_is_refused_by_name_before_it_runs(bench):
    def build(run):
        graph = GraphBuilder()
        graph.add_node(Agent(name="node", model=run.model, callback_handler=None), "node")
        graph.set_entry_point("node")
        graph.set_execution_timeout(60)
        return graph.build()

    bench.with_build(build)
    turn(bench, "r1", Say("never"))
    status, reason, error = ended(bench, "r1")
    assert (status, reason) == (RunStatus.ERROR, EndReason.NOT_RESUMABLE)
    assert "consists of several agents and cannot have conversations." in error
    assert bench.model.calls == []


def test_an_agent_with_its_own_session_is_refused_by_name_before_it_runs(bench, tmp_path):
    def build(run):
        session = FileSessionManager("s1", storage_dir=str(tmp_path))
        return Agent(name="keeper", model=run.model, session_manager=session, callback_handler=None)

    bench.with_build(build)
    turn(bench, "r1", Say("never"))
    assert ended(bench, "r1") == (
        RunStatus.ERROR,
        EndReason.NOT_RESUMABLE,
        "keeper has its own session manager, so Runcast cannot keep its conversations. Remove the session manager, or "
        "start it without conversationId and branchFrom.",
    )
    assert bench.model.calls == []


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        ("gone", "The state of the conversation is missing or damaged."),
        ("corrupt", "The state of the conversation is missing or damaged."),
        ("bucket", "The state of the conversation could not be read. Start the turn again."),
        ("version", "The conversation was saved with MEMORY_VERSION None, and the agent now has 2."),
        ("unfit", "Strands Agents could not load its saved state: KeyError."),
    ],
)
def test_a_state_that_cannot_be_used_ends_the_turn_before_the_agent_runs(bench, monkeypatch, damage, error):
    bench.with_tools(look)
    turn(bench, "r1", Say("One"))
    key, calls = newest(bench), len(bench.model.calls)
    if damage == "gone":
        del bench.objects.texts[key]
    if damage == "corrupt":
        bench.objects.texts[key] = "[]"
    if damage == "unfit":
        bench.objects.texts[key] = json.dumps(json.loads(bench.objects.texts[key]) | {"agent": {}})
    if damage == "version":
        monkeypatch.setattr(registry, "memory_version", lambda name: 2)
    bench.objects.broken = damage == "bucket"
    turn(bench, "r2", Say("never"))
    assert ended(bench, "r2") == (RunStatus.ERROR, EndReason.SNAPSHOT_UNUSABLE, error)
    assert (newest(bench), len(bench.model.calls)) == (key, calls)
    assert bench.store.read_conversation(ANA, CHAT).open_run is None


def test_a_turn_whose_claim_is_not_confirmed_does_not_begin(bench, monkeypatch):
    bench.with_tools(look)
    monkeypatch.setattr(limits, "PART_BEGIN_SECONDS", 0.01)
    claim, tries = bench.store.claim, []

    def unanswered(*about, **more):
        tries.append(1)
        if not bench.built:
            raise StoreUnavailable("DynamoDB gave no answer.")
        return claim(*about, **more)

    bench.built = False
    monkeypatch.setattr(bench.store, "claim", unanswered)
    from runcast.record.recorder import Recorder

    end = Recorder.end

    def ending(recorder, *about, **more):
        bench.built = True  # the table answers again
        return end(recorder, *about, **more)

    monkeypatch.setattr(Recorder, "end", ending)
    turn(bench, "r1", Say("never"))
    assert ended(bench, "r1") == (
        RunStatus.ERROR,
        EndReason.SNAPSHOT_UNUSABLE,
        "The record could not be written, so the turn did not begin. Start it again.",
    )
    assert bench.model.calls == []

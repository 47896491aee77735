"""Runs whose worker dies: another one continues, and no tool runs twice."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from strands import Agent, ToolContext, tool
from strands.hooks import AfterToolCallEvent, BeforeToolCallEvent
from strands.tools.executors import SequentialToolExecutor

from runcast import idempotent, limits, track
from runcast.errors import StoreUnavailable, Unavailable
from runcast.record.close import close_dead
from runcast.record.journal import CallJournal
from runcast.record.model import EndReason, Owner, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.parts import answered, next_part

UNKNOWN = (
    "The worker that called this tool stopped before the call had ended, so it may or may not have taken effect. Find "
    "out before you call it again."
)
LOST = "The tool was called, but its result is lost. Find out what it has done before you call it again."
DIED = "The worker stopped before the run had ended: it was killed, or ran out of time or memory."


class Ground:
    """Tools, what they have done, and where the worker dies.

    Attributes:
        done: How often each tool has taken effect.
        dies: In which moment the next worker dies, as `<moment> <tool>`; each once.
        results: What the model was told of each tool.
    """

    def __init__(self, bench, clock):
        self.done = Counter()
        self.dies = []
        self._bench, self._clock = bench, clock
        self.part = 1, 1

    def tool(self, name, mark=lambda tool: tool):
        @mark
        @tool(name=name)
        async def work() -> str:
            """Work."""
            self.die(f"before {name}")
            self.done[name] += 1
            self.die(f"in {name}")
            return f"{name} done"

        return work

    def die(self, moment):
        """Die as by SIGKILL: nothing more is written by this worker, and Lambda reports it."""
        if moment not in self.dies:
            return
        self.dies.remove(moment)
        self.event = died(self._bench, self._clock, self.part)
        raise SystemExit

    def continued(self, *script):
        """Let the next worker continue."""
        self.part = self.event["part"], 1
        return next_part(self._bench, self.event, *script)

    def build(self, *tools, hooks=()):
        def build(run):
            agent = Agent(
                model=run.model, tools=[*tools], checkpointing=True, callback_handler=None,
                tool_executor=SequentialToolExecutor(),
            )  # fmt: skip
            agent.add_hook(lambda event: self.die(f"hook {event.tool_use['name']}"), BeforeToolCallEvent)
            for callback, event_type in hooks:
                agent.add_hook(callback, event_type)
            return agent

        self._bench.with_build(build)
        stream = self._bench.model.stream

        async def dying(messages, *args, **kwargs):
            self.die(f"model {len(self._bench.model.calls) + 1}")
            async for event in stream(messages, *args, **kwargs):
                yield event

        self._bench.model.stream = dying


def died(bench, clock, part=(1, 1)):
    """Report the death of a part's worker; return the event of the next part."""
    invocation = "lambda-request-1" if part == (1, 1) else f"lambda-request-{part[0]}-{part[1]}"
    result = close_dead(
        bench.store, "run-1", owner=Owner("acme", "ana"), invocation=invocation, part=part, now_ms=clock
    )  # fmt: skip
    assert result is not None
    run = result.run
    ids = {"agent": "survey", "requestId": "run-1", "userId": "ana", "tenantId": "acme", "jobId": None}
    return {**ids, "part": run.part, "try": run.part_tries, "awaited": False} if result.hand_out else None


@pytest.fixture
def ground(bench, clock):
    ground = Ground(bench, clock)
    ground.build(ground.tool("dig"), ground.tool("fill"))
    return ground


def told(bench):
    """What the model was told of its last tools, by their ids."""
    blocks = bench.model.calls[-1][-1]["content"]
    return [
        (block["toolResult"]["status"], block["toolResult"]["content"][0]["text"])
        for block in blocks
        if "toolResult" in block
    ]


OK = ("success", "dig done")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("model 1", OK),
        ("hook dig", OK),
        ("before dig", ("error", UNKNOWN)),
        ("in dig", ("error", UNKNOWN)),
        ("model 2", OK),
    ],
)
def test_wherever_the_worker_dies_the_run_is_done_and_its_tool_runs_at_most_once(
    bench, store, ground, moment, expected
):
    ground.dies = [moment]
    bench.run(*([] if moment == "model 1" else [Call("dig")]))
    assert store.read("run-1").part_is_queued
    status_code, body = ground.continued(*([Call("dig")] if moment == "model 1" else []), Say("Done"))
    assert (status_code, body["result"], told(bench)) == (200, "Done", [expected])
    assert ground.done["dig"] == (0 if moment == "before dig" else 1)
    run = store.read("run-1")
    assert (run.status, run.part, run.crashes) == (RunStatus.COMPLETE, 2, 1 if moment != "model 1" else 0)
    assert [step.seq for step in run.steps] == list(range(1, run.seq + 1))
    [crash] = [step for step in run.steps if step.step == "continuing"]
    assert crash.message == "Continuing in another worker: the last one stopped"


def test_a_worker_that_dies_before_its_agent_begins_ends_the_run(bench, store, clock, ground):
    def build(run):
        died(bench, clock)
        raise SystemExit

    bench.with_build(build)
    bench.run()
    run = store.read("run-1")
    assert (run.status, run.reason, run.error) == (RunStatus.ERROR, EndReason.WORKER_DIED, DIED)


def test_a_call_whose_outcome_is_unknown_is_shown_as_such(bench, store, ground):
    ground.dies = ["in dig"]
    bench.run(Call("dig"))
    ground.continued(Say("Done"))
    [*_, again, end] = [step for step in store.read("run-1").steps if step.tool_name == "dig"]
    told = json.loads(end.metadata_json)
    assert (told["outcome"], told["parentSeq"]) == ("unknown", again.seq)
    assert (again.step, end.live_status) == ("executing", "tool_error")
    assert end.message == "dig was stopped after 0.0 s, and its effect is unknown"


def test_calls_of_one_turn_that_have_ended_are_not_called_again(bench, ground):
    both = [Call("dig"), Call("fill")]
    ground.dies = ["in fill"]
    bench.run(both)
    ground.continued(Say("Done"))
    assert (ground.done, told(bench)) == ({"dig": 1, "fill": 1}, [OK, ("error", UNKNOWN)])


def test_an_idempotent_tool_is_called_again(bench, ground):
    ground.build(ground.tool("dig", idempotent))
    ground.dies = ["in dig"]
    bench.run(Call("dig"))
    ground.continued(Say("Done"))
    assert (ground.done["dig"], told(bench)) == (2, [OK])


def test_an_idempotent_function_becomes_an_idempotent_tool(bench, ground):
    def dig() -> str:
        """Dig."""
        ground.done["dig"] += 1
        ground.die("in dig")
        return "dig done"

    ground.build(tool(idempotent(dig)))
    ground.dies = ["in dig"]
    bench.run(Call("dig"))
    ground.continued(Say("Done"))
    assert (ground.done["dig"], told(bench)) == (2, [OK])


def test_a_hook_that_retries_a_call_whose_outcome_is_unknown_gets_the_same_error(bench, ground):
    retries = []
    ground.build(ground.tool("dig"), hooks=[retrying(retries)])
    ground.dies = ["in dig"]
    bench.run(Call("dig"))
    ground.continued(Say("Done"))
    assert (ground.done["dig"], retries, told(bench)) == (1, [UNKNOWN] * 3, [("error", UNKNOWN)])


def test_a_hook_s_retry_is_a_new_call(bench, ground):
    def retry(event):
        event.retry = ground.done["dig"] < 3

    ground.build(ground.tool("dig"), hooks=[(retry, AfterToolCallEvent)])
    ground.dies = ["model 2"]
    bench.run(Call("dig"))
    ground.continued(Say("Done"))
    assert (ground.done["dig"], told(bench)) == (3, [OK])


def test_a_call_that_has_asked_begins_again(bench, clock, ground, monkeypatch):
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        ground.done["asked"] += 1
        return f"the user said {tool_context.interrupt('sure', reason='?')}"

    ground.build(ask)
    put = bench.objects.put

    def dying(key, text):
        if '"prompt":null' in text and not ground.done["died"]:  # the state of a run that waits
            ground.done["died"] += 1
            ground.event = died(bench, clock)
            raise Unavailable("nobody is there any more")
        put(key, text)

    monkeypatch.setattr(bench.objects, "put", dying)
    bench.run(Call("ask"))
    _, body = ground.continued()
    [question] = body["interrupts"]
    _, [event] = answered(bench, {question["id"]: "yes"})
    _, body = next_part(bench, event, Say("{tool_result}"))
    assert (body["result"], ground.done["asked"]) == ("the user said yes", 3)


@pytest.mark.parametrize("size", [100, limits.JOURNAL_RESULT_MAX_BYTES])
def test_a_large_result_is_used_again_too(bench, ground, size):
    @tool
    def dig() -> str:
        """Dig."""
        ground.done["dig"] += 1
        return "x" * size

    ground.build(dig)
    ground.dies = ["model 2"]
    bench.run(Call("dig"))
    assert [key for key in bench.objects.texts if "/result-" in key] == ([] if size == 100 else [
        key for key in bench.objects.texts if "/result-" in key][:1])  # fmt: skip
    ground.continued(Say("Done"))
    assert (ground.done["dig"], told(bench)) == (1, [("success", "x" * size)])


def retrying(retries):
    """A hook that calls each tool again, up to three times, as long as its result is an error."""

    def retry(event):
        if event.result["status"] == "error" and len(retries) < 3:
            retries.append(event.result["content"][0]["text"])
            event.retry = True

    return retry, AfterToolCallEvent


@pytest.mark.parametrize("harm", ["no answer", "removed", "damaged"])
def test_a_call_whose_result_cannot_be_read_is_not_made_again(bench, ground, monkeypatch, harm):
    @tool
    def dig() -> str:
        """Dig."""
        ground.done["dig"] += 1
        return "x" * limits.JOURNAL_RESULT_MAX_BYTES

    retries = []
    ground.build(dig, hooks=[retrying(retries)])
    ground.dies = ["model 2"]
    bench.run(Call("dig"))
    [key] = [key for key in bench.objects.texts if "/result-" in key]
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
    ground.continued(Say("Done"))
    assert (ground.done["dig"], retries, told(bench)) == (1, [LOST] * 3, [("error", LOST)])


def test_a_large_result_that_could_not_be_stored_is_unknown_to_the_next_worker(bench, ground, monkeypatch):
    @tool
    def dig() -> str:
        """Dig."""
        ground.done["dig"] += 1
        return "x" * limits.JOURNAL_RESULT_MAX_BYTES

    ground.build(dig)
    ground.dies = ["model 2"]
    put = bench.objects.put

    def refused(key, text):
        if "/result-" in key:
            raise Unavailable("S3 did not answer.")
        put(key, text)

    with monkeypatch.context() as patch:
        patch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        patch.setattr(bench.objects, "put", refused)
        bench.run(Call("dig"))
    ground.continued(Say("Done"))
    assert (ground.done["dig"], told(bench)) == (1, [("error", UNKNOWN)])


def test_a_tool_that_a_new_version_has_no_more_is_an_error_for_the_model(bench, store, ground):
    ground.dies = ["hook dig"]
    bench.run(Call("dig"))
    ground.build(ground.tool("fill"))
    ground.continued(Say("Done"))
    assert (told(bench), ground.done) == ([("error", "Unknown tool: dig")], {})
    assert store.read("run-1").status is RunStatus.COMPLETE


def test_a_run_whose_worker_dies_every_time_is_ended(bench, store, ground):
    ground.build(ground.tool("dig", idempotent))
    ground.dies = ["in dig"] * 4
    bench.run(Call("dig"))
    for _ in range(3):
        assert store.read("run-1").part_is_queued
        ground.continued()
    run = store.read("run-1")
    assert (run.status, run.reason, run.part) == (RunStatus.ERROR, EndReason.WORKER_DIED, 4)
    assert run.error == f"{DIED} This has happened 4 times in a row at the same point."


def test_crashes_after_a_new_snapshot_are_counted_anew(bench, store, ground):
    ground.dies = ["in dig"]
    bench.run(Call("dig"))
    ground.dies = ["in fill"]
    ground.continued(Call("fill"))
    assert store.read("run-1").crashes == 1


def test_a_worker_stops_as_soon_as_it_finds_a_call_of_a_later_part(bench, ground, monkeypatch):
    """It was only frozen: the next worker is faster, and the record has not refused anything yet."""
    journal_begin = CallJournal.begin

    def begin(journal, call, part, worker):
        if call.tool_use_id.endswith("1"):
            journal_begin(journal, call, 2, "later/x")
        return journal_begin(journal, call, part, worker)

    monkeypatch.setattr(CallJournal, "begin", begin)
    status_code, body = bench.run([Call("dig"), Call("fill")], Say("never said"))
    assert (status_code, ground.done, len(bench.model.calls)) == (500, {"dig": 1}, 1)
    assert body["error"].startswith("Somebody else has ended this run")


def test_a_call_that_cannot_be_recorded_does_not_begin(bench, store, ground, monkeypatch):
    def unanswered(*args):
        raise StoreUnavailable("DynamoDB did not answer.")

    monkeypatch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(CallJournal, "begin", unanswered)
    assert bench.run(Call("dig"), Say("Done"))[0] == 200
    not_called = "The tool was not called, because its call could not be recorded. Try again later."
    assert (ground.done["dig"], told(bench)) == (0, [("error", not_called)])


def test_a_result_that_could_not_be_recorded_is_unknown_to_the_next_worker(bench, ground, monkeypatch):
    def unanswered(*args):
        raise StoreUnavailable("DynamoDB did not answer.")

    ground.dies = ["model 2"]
    with monkeypatch.context() as patch:
        patch.setattr(limits, "SNAPSHOT_SAVE_SECONDS", 0.0)
        patch.setattr(CallJournal, "end", unanswered)
        bench.run(Call("dig"))
    ground.continued(Say("Done"))
    assert (ground.done["dig"], told(bench)) == (1, [("error", UNKNOWN)])


def test_an_agent_without_checkpointing_pays_nothing_and_ends(bench, store, clock, ground, dynamodb_client):
    dig = ground.tool("dig")
    bench.with_tools(dig)
    ground.dies = ["in dig"]
    bench.run(Call("dig"))
    assert ground.event is None  # nothing is handed out
    run = store.read("run-1")
    assert (run.status, run.error, run.crashes) == (RunStatus.ERROR, DIED, None)
    items = dynamodb_client.scan(TableName="AgentProgress")["Items"]
    assert [item for item in items if "#call/" in item["requestId"]["S"]] == []


def test_an_agent_that_is_no_longer_checkpointing_does_not_continue_after_a_crash(bench, store, ground):
    ground.dies = ["model 1"]
    bench.run()
    bench.with_build(lambda run: Agent(name="digger", model=run.model, callback_handler=None))
    ground.continued()
    run = store.read("run-1")
    assert (run.reason, bench.model.calls) == (EndReason.SNAPSHOT_UNUSABLE, [])
    assert run.error == "digger cannot continue: it is no longer built with checkpointing=True."


def test_text_after_a_crash_follows_the_text_that_was_shown(bench, store, ground):
    bench.with_build(
        lambda run: track(
            Agent(model=run.model, tools=[ground.tool("dig")], checkpointing=True, callback_handler=None), text=True
        )
    )
    stream = bench.model.stream

    async def dying(messages, *args, **kwargs):
        async for event in stream(messages, *args, **kwargs):
            yield event
            if "contentBlockStop" in event and len(bench.model.calls) == 2:
                bench.model.stream = stream
                ground.dies = ["speaking"]
                ground.die("speaking")

    bench.model.stream = dying
    bench.run(Call("dig", text="Let me see. "), Say("I have "))
    ground.continued(Say("It is done"))
    texts = [step for step in store.read("run-1").steps if step.step == "text"]
    ends = 0
    for step in texts:
        assert f'"offset":{ends}' in step.metadata_json
        ends += len(step.message)
    assert texts[-1].message.endswith("done")

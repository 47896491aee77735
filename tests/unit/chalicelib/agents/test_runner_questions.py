"""Runs of an agent without checkpoints that ask, and whose workers die: what becomes of the run at each moment."""

from __future__ import annotations

import pytest
from strands import ToolContext, tool
from strands.tools import ToolProvider

from runcast import limits
from runcast.errors import Conflict, StoreUnavailable
from runcast.record.close import close_dead
from runcast.record.model import EndReason, RunStatus
from tests.fakes.scripted_model import Call, Say
from tests.unit.chalicelib.agents.deaths import died
from tests.unit.chalicelib.agents.parts import ANA, Invoker, answered, next_part

DIED = "The worker stopped before the run had ended: it was killed, or ran out of time or memory."


@tool(context=True)
def pay(tool_context: ToolContext) -> str:
    """Pay."""
    return f"paid: {tool_context.interrupt('approve', reason='Pay?')}"


@pytest.fixture(autouse=True)
def agent(bench):
    bench.with_tools(pay)


def ask(bench):
    [question] = bench.run(Call("pay"))[1]["interrupts"]
    return question["id"]


def test_a_worker_that_dies_once_its_state_is_saved_ends_the_run(bench, store, clock, monkeypatch):
    """Nobody knows the state: the record does not name it."""
    put, dead = bench.objects.put, []

    def dying(key, text):
        put(key, text)
        dead.append(died(bench, clock))

    monkeypatch.setattr(bench.objects, "put", dying)
    bench.run(Call("pay"))
    run = store.read("run-1")
    assert (dead, run.status, run.reason, run.error) == ([None], RunStatus.ERROR, EndReason.WORKER_DIED, DIED)
    assert (run.snapshot_key, [step.step for step in run.steps][-1]) == (None, "error")
    with pytest.raises(Conflict) as refused:
        answered(bench, {"x": "yes"})
    assert str(refused.value) == "This run does not wait for an answer: it is error."


def test_the_death_of_a_worker_whose_question_is_recorded_changes_nothing(bench, store, clock):
    question = ask(bench)
    before = store.read("run-1")
    assert close_dead(store, "run-1", owner=ANA, invocation="lambda-request-1", now_ms=clock) is None
    assert store.read("run-1") == before
    _, [event] = answered(bench, {question: "yes"})
    assert next_part(bench, event, Say("{tool_result}"))[1]["result"] == "paid: yes"


def test_a_worker_that_dies_after_its_claim_is_replaced(bench, store, clock, monkeypatch):
    _, [event] = answered(bench, {ask(bench): "yes"})
    events = []

    def dying(key):
        events.append(died(bench, clock, (2, 1)))
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(bench.objects, "get", dying)
        next_part(bench, event)
    [again] = events
    assert ((again["part"], again["try"]), len(bench.model.calls)) == ((2, 2), 1)
    assert next_part(bench, again, Say("{tool_result}"))[1]["result"] == "paid: yes"
    run = store.read("run-1")
    assert (run.status, run.part, run.part_tries) == (RunStatus.COMPLETE, 2, 2)


def test_a_worker_that_dies_after_it_has_begun_ends_the_run(bench, store, clock):
    """A tool may have taken effect, so nobody calls it again."""

    @tool(context=True)
    def pay(tool_context: ToolContext) -> str:
        """Pay."""
        tool_context.interrupt("approve")
        assert died(bench, clock, (2, 1)) is None
        raise SystemExit

    bench.with_tools(pay)
    _, [event] = answered(bench, {ask(bench): "yes"})
    next_part(bench, event)
    run = store.read("run-1")
    assert (run.status, run.reason, run.error) == (RunStatus.ERROR, EndReason.WORKER_DIED, DIED)


def test_a_starter_that_dies_once_the_next_part_is_invoked_has_invoked_it(bench, store):
    question = ask(bench)

    class DiesAfterwards(Invoker):
        def invoke(self, **request):
            super().invoke(**request)
            raise SystemExit

    starter = DiesAfterwards()
    with pytest.raises(SystemExit):
        answered(bench, {question: "yes"}, invoker=starter)
    [event] = starter.events
    _, [again] = answered(bench, {question: "yes"})  # the client has no answer, and repeats its request
    assert next_part(bench, event, Say("{tool_result}"))[1]["result"] == "paid: yes"
    assert next_part(bench, again)[0] == 409
    assert store.read("run-1").status is RunStatus.COMPLETE


class Server(ToolProvider):
    """A server with tools, as MCP has; the agents that use it keep it running."""

    def __init__(self):
        self.users = set()
        self.times_used = 0

    async def load_tools(self, **kwargs):
        return [pay]

    def add_consumer(self, consumer_id, **kwargs):
        self.users.add(consumer_id)
        self.times_used += 1

    def remove_consumer(self, consumer_id, **kwargs):
        self.users.discard(consumer_id)


def test_the_servers_of_an_agent_that_was_built_and_did_not_begin_are_released(bench, store, monkeypatch):
    """They would outlive the part in a warm process."""
    server = Server()
    bench.with_tools(server)
    _, [event] = answered(bench, {ask(bench): "yes"})

    def unanswered(*args, **kwargs):
        patch.setattr(limits, "PART_BEGIN_SECONDS", 0.3)  # not before the claim
        raise StoreUnavailable("DynamoDB did not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", unanswered)
        assert next_part(bench, event)[0] == 500
    assert (server.times_used, server.users) == (2, set())

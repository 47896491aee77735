"""The state of an agent that waits, saved and loaded by Strands itself, each time into a newly built agent."""

import json

import pytest
from strands import Agent, ToolContext, tool
from strands.hooks import BeforeToolCallEvent
from strands.interventions import Confirm, InterventionHandler
from strands.multiagent import GraphBuilder, Swarm
from strands.multiagent.base import MultiAgentBase, MultiAgentResult, Status
from strands.session.file_session_manager import FileSessionManager
from strands.types.exceptions import SessionException
from strands.vended_tools import handoff_to_user

from runcast.agents.prompt import prompt_of_answers
from runcast.agents.snapshot import load_snapshot, require_recordable, take_snapshot
from runcast.errors import NotResumable, SnapshotUnusable
from runcast.record.model import RunStatus
from runcast.runs.outcome import RunOutcome
from tests.fakes.scripted_model import Call, Say, ScriptedModel

QUESTION = {"question": "Pay 5 €?", "receipt": ["\U0001f600", 1.5, None]}


@tool(context=True)
def pay(tool_context: ToolContext) -> str:
    """Pay."""
    return f"paid: {tool_context.interrupt('approve', reason=QUESTION)}"


@tool
def send() -> str:
    """Send."""
    return "sent"


def agent_of(script, tools=(pay,), **about):
    return Agent(model=ScriptedModel(script), tools=list(tools), callback_handler=None, **about)


def plain(script):
    return agent_of(script)


def by_hook(script):
    agent = agent_of(script, [send])

    def ask(event: BeforeToolCallEvent) -> None:
        if event.interrupt("approve", reason=QUESTION) != "yes":
            event.cancel_tool = "refused"

    agent.add_hook(ask, BeforeToolCallEvent)
    return agent


class Confirming(InterventionHandler):
    name = "confirming"

    def before_tool_call(self, event):
        return Confirm(prompt="Pay 5 €?")


def by_confirm(script):
    return agent_of(script, [send], interventions=[Confirming()])


def by_handoff(script):
    return agent_of(script, [handoff_to_user])


def with_sub_agent(script):
    """The outer agent's model plays the last entry; the inner one plays the others."""
    outer = [Call("buyer", {"input": "buy"}), *script[-1:]] if isinstance(script[0], Call) else script[-1:]
    buyer = agent_of(script[:1], name="buyer")
    return agent_of(outer, [buyer.as_tool(name="buyer")])


def graph(script):
    builder = GraphBuilder()
    builder.add_node(agent_of(script[:1]), "buyer")
    builder.add_node(agent_of(script[1:], []), "writer")
    builder.add_edge("buyer", "writer")
    return builder.set_max_node_executions(5).build()


def swarm(script):
    return Swarm([agent_of(script, name="buyer")])


def graph_around(inner, script):
    builder = GraphBuilder()
    builder.add_node(inner, "inner")
    builder.add_node(agent_of(script, []), "writer")
    builder.add_edge("inner", "writer")
    return builder.set_max_node_executions(5).build()


def graph_in_graph(script):
    return graph_around(graph(script[:2]), script[2:])


def swarm_in_graph(script):
    return graph_around(swarm(script[:1]), script[1:])


@pytest.mark.parametrize(
    ("build", "asks", "goes_on", "tells"),
    [
        (by_confirm, [Call("send")], [Say("{tool_result}")], "sent"),
        (by_handoff, [Call("handoff_to_user", {"message": "Pay 5 €?"})], [Say("{tool_result}")], "yes"),
        (plain, [Call("pay")], [Say("{tool_result}")], "paid: yes"),
        (by_hook, [Call("send")], [Say("{tool_result}")], "sent"),
        (with_sub_agent, [Call("pay")], [Say("{tool_result}"), Say("inner {tool_result}")], "inner paid: yes"),
        (graph, [Call("pay")], [Say("{tool_result}"), Say("written")], "paid: yes"),
        (swarm, [Call("pay")], [Say("{tool_result}")], "paid: yes"),
        (
            graph_in_graph,
            [Call("pay")],
            [Say("{tool_result}"), Say("written"), Say("told")],
            "buyer: paid: yes\nwriter: written",
        ),
        (swarm_in_graph, [Call("pay")], [Say("{tool_result}"), Say("told")], "buyer: paid: yes"),
    ],
)
def test_a_new_agent_continues_with_the_answer(build, asks, goes_on, tells):
    asking = build(asks)
    asked = asking("Buy it")
    ((question),) = asked.interrupts
    assert question.reason in (QUESTION, QUESTION["question"])
    kept = json.loads(json.dumps(take_snapshot(asking)))
    continuing = build(goes_on)
    load_snapshot(continuing, kept)
    result = continuing(prompt_of_answers({f"1:{question.id}": "yes"}))
    texts = (
        [str(node.result).strip() for node in result.results.values()]
        if hasattr(result, "results")
        else [str(result).strip()]
    )
    assert tells in texts


def test_a_node_that_is_visited_again_remembers_its_first_visit():
    def build(planner, buyer):
        builder = GraphBuilder()
        builder.add_node(agent_of(planner, []), "planner")
        builder.add_node(agent_of(buyer), "buyer")
        builder.add_edge("planner", "buyer")
        builder.add_edge("buyer", "planner", condition=lambda state: len(state.execution_order) == 2)
        return builder.set_entry_point("planner").set_max_node_executions(4).build()

    asking = build([Say("first plan")], [Call("pay")])
    ((question),) = asking("Buy it").interrupts
    continuing = build([Say("second plan")], [Say("bought"), Say("bought again")])
    load_snapshot(continuing, json.loads(json.dumps(take_snapshot(asking))))
    continuing(prompt_of_answers({f"1:{question.id}": "yes"}))
    [messages] = continuing.nodes["planner"].executor.model.calls
    assert messages[1]["content"] == [{"text": "first plan"}]


def test_a_tool_that_preserves_its_context_remembers_its_first_call():
    def build(script, of_expert):
        expert = agent_of(of_expert, [], name="expert")
        return expert, agent_of(script, [pay, expert.as_tool(name="expert", preserve_context=True)])

    _, asking = build([Call("expert", {"input": "one"}), Call("pay")], [Say("first advice")])
    ((question),) = asking("Buy it").interrupts
    expert, continuing = build([Call("expert", {"input": "two"}), Say("done")], [Say("second advice")])
    load_snapshot(continuing, json.loads(json.dumps(take_snapshot(asking))))
    continuing(prompt_of_answers({f"1:{question.id}": "yes"}))
    [messages] = expert.model.calls
    assert messages[1]["content"] == [{"text": "first advice"}]


def test_bytes_in_a_conversation_are_kept():
    picture = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\xff"}}}
    asking = agent_of([Call("pay")])
    asking([{"text": "Buy this"}, picture])
    continuing = agent_of([])
    load_snapshot(continuing, json.loads(json.dumps(take_snapshot(asking))))
    assert continuing.messages[0]["content"][1] == picture


def test_an_agent_with_a_session_manager_continues_from_there(tmp_path):
    def build(script):
        return agent_of(script, agent_id="buyer", session_manager=FileSessionManager("s1", storage_dir=str(tmp_path)))

    asking = build([Call("pay")])
    ((question),) = asking("Buy it").interrupts
    kept = take_snapshot(asking)
    assert "Buy it" not in json.dumps(kept)
    continuing = build([Say("{tool_result}")])
    load_snapshot(continuing, kept)
    assert str(continuing(prompt_of_answers({f"1:{question.id}": "yes"}))).strip() == "paid: yes"


def test_a_sub_agent_that_keeps_its_context_is_refused_by_name():
    buyer = agent_of([Call("pay")], name="buyer")
    outer = agent_of([Call("buyer", {"input": "buy"})], [buyer.as_tool(name="buyer", preserve_context=True)])
    assert outer("Buy it").stop_reason == "interrupt"
    with pytest.raises(
        NotResumable, match="The agent buyer asked a question, but as a tool with preserve_context=True"
    ):
        take_snapshot(outer)


def test_what_is_no_json_is_refused():
    @tool(context=True)
    def ask(tool_context: ToolContext) -> str:
        """Ask."""
        return tool_context.interrupt("approve", reason={"when": {1, 2}})

    asking = agent_of([Call("ask")], [ask], name="buyer")
    asking("Buy it")
    with pytest.raises(NotResumable, match=r"The state of buyer cannot be saved as JSON: .*set.*JSON values only"):
        take_snapshot(asking)


class Own(MultiAgentBase):
    """An orchestrator that saves nothing."""

    id = "own"

    async def invoke_async(self, task, invocation_state=None, **kwargs):
        return MultiAgentResult(status=Status.INTERRUPTED)

    def serialize_state(self):
        raise NotImplementedError

    def deserialize_state(self, payload):
        raise NotImplementedError


def test_an_orchestrator_that_saves_nothing_is_refused_by_name():
    with pytest.raises(NotResumable, match="own cannot be saved: it has no serialize_state"):
        take_snapshot(Own())


@pytest.mark.parametrize(
    "kept", [{}, {"scope": "agent"}, {"schema_version": "9", "created_at": "", "data": {}}, {"data": 1}]
)
def test_a_damaged_state_is_unusable(kept):
    with pytest.raises(SnapshotUnusable, match="could not load its saved state"):
        load_snapshot(agent_of([], name="buyer"), kept)


def test_agents_that_are_tools_of_each_other_are_saved():
    first = agent_of([Call("pay")], name="first")
    second = agent_of([], [first.as_tool(name="first")], name="second")
    first.tool_registry.register_tool(second.as_tool(name="second"))
    first("Buy it")
    assert take_snapshot(first)["scope"] == "agent"


@pytest.mark.parametrize("error", [OSError("no disk"), SessionException("closed")])
def test_an_agent_whose_own_code_fails_is_refused_by_name(error):
    class Failing(Own):
        def serialize_state(self):
            raise error

        def deserialize_state(self, payload):
            raise error

    with pytest.raises(NotResumable, match=f"The state of own cannot be saved: {type(error).__name__}: {error}"):
        take_snapshot(Failing())
    with pytest.raises(SnapshotUnusable, match=f"could not load its saved state: {type(error).__name__}"):
        load_snapshot(Failing(), {"state": {}, "parts": {}})


@pytest.mark.parametrize("asked", [[], [{"id": str(number), "name": "n" * 80} for number in range(1_000)]])
def test_questions_that_nobody_could_answer_are_refused(asked):
    with pytest.raises(NotResumable, match=r"must be at least one, and their names must fit in 64 KB\.$"):
        require_recordable(RunOutcome(RunStatus.WAITING, "", metadata={"interrupts": asked}))

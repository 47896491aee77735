"""Answering a run whose agent is in a function of its own: the function is invoked again, and reads the answers."""

from __future__ import annotations

import shutil

import boto3
import pytest
from chalicelib.runtime import config
from strands import Agent, ToolContext, tool
from strands.session import FileSessionManager

from runcast import limits, prompt_of, track
from runcast.errors import ConfigurationMissing, InvalidInput, Unavailable
from runcast.record.model import Owner
from runcast.record.objects import ANSWERS, private_key
from runcast.record.recorder import Recorder
from runcast.runs.from_environment import forget_clients
from tests.fakes.lambda_process import Context
from tests.fakes.scripted_model import Call, Say, ScriptedModel
from tests.functional.test_answers import ANA, ID, read

pytestmark = pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer is not a supported in local mode:UserWarning")

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:elsewhere"
OWNER = {"userId": "ana", "tenantId": "acme", "jobId": None}
ANSWERED = {"agent": "elsewhere", "requestId": ID, **OWNER, "part": 2, "try": 1, "awaited": False}


class Function:
    """The function of the agent `elsewhere`. Each invocation has a new process's memory."""

    def __init__(self, sessions):
        self.bought = []
        self._sessions = str(sessions)

    def __call__(self, event, *script, invocation="lambda-request-1"):
        @tool(context=True)
        def buy(tool_context: ToolContext) -> str:
            """Buy, once somebody has agreed."""
            self.bought.append(tool_context.interrupt("agree", reason={"costs": 5}))
            return f"bought: {self.bought[-1]}"

        session = FileSessionManager(session_id=event["requestId"], storage_dir=self._sessions)
        agent = Agent(
            name="elsewhere",
            model=ScriptedModel(script),
            tools=[buy],
            session_manager=session,
            callback_handler=None,
        )
        run = {**event, "lambdaContext": Context(invocation)}
        return track(agent)(prompt_of(event), invocation_state={"runcast": run})


@pytest.fixture
def function(lambdas, tmp_path):
    forget_clients()
    yield Function(tmp_path / "sessions")
    forget_clients()


@pytest.fixture
def question(lambdas, function):
    """The open question of the agent's run."""
    start = {"agent": "elsewhere", "query": "Buy it.", "requestId": ID}
    assert lambdas.request("POST", "/runs", json_body=start).status == 202
    function(handed_out(lambdas), Call("buy"))
    run = read(lambdas)
    assert run["status"] == "waiting"
    [question] = run["steps"][-1]["metadata"]["interrupts"]
    return question["id"]


def handed_out(lambdas):
    """Return the event with which the function is invoked, which names the run's record."""
    [event] = [event for name, event in lambdas.queued if name == FUNCTION]
    lambdas.queued.clear()
    assert event["createdAt"] == read(lambdas)["createdAt"]
    return event


def without_time(event):
    return {name: value for name, value in event.items() if name != "createdAt"}


def answer(lambdas, question, given="yes", *, claims=ANA):
    return lambdas.request("POST", f"/runs/{ID}/answers", claims=claims, json_body={"answers": {question: given}})


def failed(event, invocation):
    """Return Lambda's report of a failed invocation."""
    return {"requestContext": {"condition": "RetriesExhausted", "requestId": invocation}, "requestPayload": event}


def test_an_answered_run_continues_in_the_function_of_its_agent(lambdas, function, question):
    assert answer(lambdas, question).status == 200
    event = handed_out(lambdas)
    assert event.pop("resume").startswith("answers/")
    assert without_time(event) == ANSWERED
    # The same answers again hand the part out again, because no worker has it.
    assert answer(lambdas, question).status == 200
    assert function(handed_out(lambdas), Say("{tool_result}")).stop_reason == "end_turn"
    assert function.bought == ["yes"]
    run = read(lambdas)
    assert (run["status"], run["result"]) == ("complete", "bought: yes")
    assert [step["seq"] for step in run["steps"]] == list(range(1, len(run["steps"]) + 1))
    names = [step["step"] for step in run["steps"]]
    assert names[names.index("waiting") :][:3] == ["waiting", "answered", "agent"]


def test_a_repeated_answer_is_no_answer_to_a_later_question_with_the_same_id_in_the_agent(lambdas, function, question):
    answer(lambdas, question)
    function(handed_out(lambdas), Call("buy"))  # the model has used the id of its call again
    run = read(lambdas)
    [later] = run["steps"][-1]["metadata"]["interrupts"]
    assert (run["status"], function.bought) == ("waiting", ["yes"])
    assert (question.partition(":")[0], later["id"].partition(":")[0]) == ("1", "2")
    assert question.partition(":")[2] == later["id"].partition(":")[2]
    assert answer(lambdas, question).status == 200  # the same answer again
    assert read(lambdas) == run
    answer(lambdas, later["id"], "no")
    function(handed_out(lambdas), Say("{tool_result}"))
    assert (function.bought, read(lambdas)["status"]) == (["yes", "no"], "complete")


def test_a_function_whose_run_was_deleted_calls_no_tool(lambdas, function):
    start = {"agent": "elsewhere", "query": "Buy it.", "requestId": ID}
    lambdas.request("POST", "/runs", json_body=start)
    event = handed_out(lambdas)
    assert lambdas.request("DELETE", "/runs").body == {"deleted": 1, "remaining": False}
    assert function(event, Call("buy")).stop_reason == "cancelled"
    assert (function.bought, lambdas.request("GET", f"/runs/{ID}").status) == ([], 404)


def test_an_event_that_is_delivered_twice_or_for_another_part_calls_no_tool(lambdas, function, question, tmp_path):
    answer(lambdas, question)
    event = handed_out(lambdas)
    another, third = (Function(shutil.copytree(tmp_path / "sessions", tmp_path / name)) for name in ("2", "3"))
    assert another(event | {"part": 3}, Say("never"), invocation="lambda-request-2").stop_reason == "cancelled"
    function(event, Say("{tool_result}"))
    ended = read(lambdas)
    assert third(event, Say("never"), invocation="lambda-request-3").stop_reason == "cancelled"
    assert (function.bought, another.bought, third.bought, read(lambdas)) == (["yes"], [], [], ended)


def test_a_lost_invocation_is_handed_out_again_and_three_times_in_all(lambdas, function, question):
    answer(lambdas, question)
    event = handed_out(lambdas)
    for again in (2, 3):
        lambdas.call("run_closer", failed(event, f"lost-{again}"))
        resume, event = event["resume"], handed_out(lambdas)
        assert without_time(event) == ANSWERED | {"try": again, "resume": resume}
    lambdas.call("run_closer", failed(event, "lost-4"))
    assert (read(lambdas)["status"], read(lambdas)["reason"]) == ("error", "never_claimed")


def test_a_part_whose_first_step_is_not_stored_in_time_is_left_to_another_worker(
    lambdas, function, question, monkeypatch
):
    answer(lambdas, question)
    event = handed_out(lambdas)
    with monkeypatch.context() as slow:
        slow.setattr(limits, "PART_BEGIN_SECONDS", 0.05)
        slow.setattr(Recorder, "await_first_step", lambda *_: False)
        assert function(event, Say("never")).stop_reason == "cancelled"
    assert function.bought == []


def test_an_answer_of_another_user_or_to_an_agent_without_a_function_is_refused(
    lambdas, function, question, monkeypatch
):
    bob = ANA | {"sub": "bob", "cognito:username": "bob"}
    assert answer(lambdas, question, claims=bob).status == 404
    monkeypatch.setenv("AGENT_FUNCTIONS", "{}")
    config.config_of_environment.cache_clear()
    assert answer(lambdas, question).refusal == (
        409, "Conflict", "This run cannot be continued from here. Answer it where its agent runs.",
    )  # fmt: skip
    assert read(lambdas)["status"] == "waiting"


def test_a_prompt_is_the_query_or_the_answers(lambdas, monkeypatch):
    assert prompt_of({"query": "How many?"}) == "How many?"
    with pytest.raises(InvalidInput, match=r"query must be text of 1 to 10,000 characters\."):
        prompt_of({})
    ana, bob = Owner("acme", "ana"), Owner("acme", "bob")
    others = [private_key(ANSWERS, ana, "r2", "x"), private_key(ANSWERS, bob, "r1", "x"), "snapshots/a/r1/x"]
    for key in (*others, "answers", 1):
        with pytest.raises(InvalidInput, match=r"resume must be the key of the run's answers\."):
            prompt_of({"requestId": "r1", **OWNER, "resume": key})
    none = {"requestId": "r1", **OWNER, "resume": private_key(ANSWERS, ana, "r1", "none")}
    with pytest.raises(Unavailable, match=f"The answers {none['resume']} could not be read: "):
        prompt_of(none)
    for damaged in (b"{", b"[]"):
        boto3.client("s3").put_object(Bucket="results", Key=none["resume"], Body=damaged)
        with pytest.raises(Unavailable, match=f"The answers {none['resume']} "):
            prompt_of(none)
    monkeypatch.delenv("RESULTS_BUCKET")
    with pytest.raises(ConfigurationMissing, match=r"Set these environment variables: RESULTS_BUCKET\."):
        prompt_of(none)


def test_an_event_with_an_invalid_part_is_not_recorded(lambdas, function, caplog):
    assert function({"requestId": ID, **OWNER, "query": "?", "part": "2"}, Say("done")).stop_reason == "end_turn"
    assert "part must be a whole number from 1 to 999999." in caplog.text
    assert lambdas.request("GET", f"/runs/{ID}").status == 404

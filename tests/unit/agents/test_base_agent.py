"""An agent in plain Python: claimed, published and ended, with every kind of failure."""

from __future__ import annotations

import json
import sys
import threading
from uuid import NAMESPACE_URL, uuid5

import pytest

from runcast import BaseAgent, limits
from runcast.agents import base_agent
from runcast.clock import epoch_ms
from runcast.errors import StoreUnavailable
from runcast.live import publish
from runcast.record.cancel import cancel
from runcast.record.model import Owner, RunStatus
from runcast.record.store import RunStore
from tests.fakes.lambda_process import Context
from tests.waiting import wait_until

ANA = Owner("acme", "ana")
EVENT = {
    "query": "How long?", "parameters": {"text": "to be"}, "requestId": "run-1", "userId": "ana", "tenantId": "acme",
    "jobId": "job-1",
}  # fmt: skip


def count(text):
    return len(text.split())


def broken(text):
    raise ValueError("no words")


def leave(text):
    sys.exit("enough")


class Counter(BaseAgent):
    def __init__(self, tool=count):
        super().__init__("counter")
        self.tool = tool

    def execute(self, query, parameters):
        return {"text": query, "words": self.invoke_tool(self.tool, parameters, reason="to be sure")}


def run(agent, event=EVENT, context=None):
    answer = agent.handle_execution(event, context)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_run_is_recorded_from_its_claim_to_its_end(records):
    assert run(Counter(), context=Context())[0] == 200
    read = records.read("run-1")
    assert (read.status, read.owner, read.agent, read.job_id) == (RunStatus.COMPLETE, ANA, "counter", "job-1")
    assert read.result == {"text": "How long?", "words": 2}
    assert read.worker.startswith("lambda-request-1/")
    assert [(step.live_status, step.tool_name) for step in read.steps] == [
        ("agent_invoking", None),
        ("calling_tool", "count"),
        ("tool_complete", "count"),
        ("agent_complete", None),
    ]
    assert [read.steps[index].message for index in (0, 1, 3)] == [
        "counter begins",
        "Calling count: to be sure",
        "Complete",
    ]
    metadata = read.steps[2].to_json()["metadata"]
    assert (metadata["outcome"], metadata["parentSeq"]) == ("ok", 2)


def test_in_a_job_the_output_travels_by_reference(records):
    _, body = run(Counter())
    assert set(body) == {"success", "requestId", "agent", "elapsed"}
    _, body = run(Counter(), {**EVENT, "jobId": None, "requestId": "run-2"})
    assert body["result"] == {"text": "How long?", "words": 2}


def test_files_are_refused_and_not_ignored(records):
    status_code, body = run(Counter(), {**EVENT, "jobId": None, "attachments": [{"attachmentId": "a"}]})
    assert (status_code, "counter takes no attachments. Start it without." in body["error"]) == (500, True)
    assert records.read("run-1").status is RunStatus.ERROR


def test_a_second_delivery_runs_nothing(records):
    run(Counter())
    before = records.read("run-1")
    status_code, body = run(Counter(broken))
    assert (status_code, body["error"]) == (409, "This run has already ended (complete). Choose another requestId.")
    assert records.read("run-1") == before


def test_a_claim_that_is_refused_late_lets_no_tool_begin(records, monkeypatch):
    """The claim was not answered in time, so the work has begun; then the answer comes."""
    called, begun, claim = [], threading.Event(), RunStore.claim
    run(Counter())

    def late(*args, **about):
        assert begun.wait(10)
        return claim(*args, **about)

    class Late(Counter):
        def execute(self, query, parameters):
            begun.set()
            wait_until(lambda: self._recorder.stop)
            self.invoke_tool(called.append, {"text": 1})

    monkeypatch.setattr(RunStore, "claim", late)
    monkeypatch.setattr(limits, "CLAIM_WAIT_SECONDS", 0.01)
    before = records.read("run-1")
    status_code, body = run(Late())
    assert (status_code, called, records.read("run-1")) == (500, [], before)
    assert body["error"].startswith("Somebody else has ended this run, or works on it;")


@pytest.mark.parametrize(
    ("tool", "event", "error"),
    [
        (broken, {}, "ValueError: no words"),
        (leave, {}, "SystemExit: enough"),
        (count, {"parameters": {"wrong": 1}}, "TypeError: count() got an unexpected keyword argument 'wrong'"),
        (count, {"query": ""}, "InvalidInput: query must be text of 1 to 10,000 characters."),
        (count, {"parameters": []}, "TypeError: count() missing 1 required positional argument: 'text'"),
        (count, {"parameters": [1]}, "InvalidInput: parameters must be a JSON object."),
    ],
)
def test_whatever_fails_ends_the_run_as_an_error(records, tool, event, error):
    status_code, body = run(Counter(tool), EVENT | event)
    assert (status_code, body["success"], body["error"]) == (500, False, error)
    read = records.read("run-1")
    assert (read.status, read.error, read.steps[-1].live_status) == (RunStatus.ERROR, error, "agent_error")


def test_ids_that_do_not_fit_are_refused(records):
    status_code, body = run(Counter(), EVENT | {"requestId": "a#b"})
    assert (status_code, body["error"]) == (400, "requestId must be text of 1 to 128 characters without '#'.")


def test_a_cancelled_run_calls_no_further_tool(records):
    called = []

    class Twice(Counter):
        def execute(self, query, parameters):
            self.invoke_tool(count, parameters)
            cancel(records, ANA, "run-1")
            self._recorder.record("thinking")  # its write is refused, which reveals the cancel
            wait_until(lambda: self._recorder.stop)
            self.invoke_tool(called.append, {"text": 1})

    status_code, body = run(Twice())
    assert (status_code, body["error"], called) == (500, "The run was cancelled.", [])
    assert records.read("run-1").status is RunStatus.CANCELLED


class Sent:
    def __init__(self):
        self.messages = []

    def send(self, messages):
        self.messages += messages


@pytest.mark.parametrize(
    ("tool", "ends"),
    [(count, ["tool_complete", "agent_complete"]), (broken, ["tool_error", "agent_error"])],
)
def test_unrecorded_it_is_shown_live(monkeypatch, tool, ends):
    monkeypatch.setattr(base_agent, "recorder_of", lambda *_, **__: None)
    sent = Sent()
    monkeypatch.setattr(publish, "_publisher_of_environment", lambda: sent)
    run(Counter(tool))
    assert [message["status"] for message in sent.messages] == ["agent_invoking", "calling_tool", *ends]
    about = {(m["userId"], m["tenantId"], m["jobId"], m["requestId"], m["agentName"]) for m in sent.messages}
    assert about == {("ana", "acme", "job-1", "run-1", "counter")}


def test_a_tool_may_be_told_of_to_another(monkeypatch):
    sent = Sent()
    monkeypatch.setattr(publish, "_publisher_of_environment", lambda: sent)
    agent = Counter()
    agent.user_id, agent.tenant_id, agent.job_id = "ana", "acme", "job-1"
    assert agent.invoke_tool(count, {"text": "a b"}, job_id="job-2", user_id="bob", tenant_id="other") == 2
    assert [message["status"] for message in sent.messages] == ["calling_tool", "tool_complete"]
    assert {(each["userId"], each["tenantId"], each["jobId"]) for each in sent.messages} == {("bob", "other", "job-2")}


@pytest.mark.parametrize("more", [{"owner": Owner("globex", "bob")}, {"owner": ANA, "playbook": "site-assessment"}])
def test_the_record_of_another_owner_or_of_a_job_is_not_taken(records, clock, more):
    clock.now_ms = epoch_ms()
    before = records.create("run-1", agent="counter", job_id="job-1", **more)
    status_code, body = run(Counter(tool=pytest.fail))
    assert (status_code, body["success"], records.read("run-1")) == (409, False, before)


def test_an_id_of_a_jobs_run_is_taken_with_its_job_only(records, clock):
    clock.now_ms = epoch_ms()
    planned = str(uuid5(NAMESPACE_URL, "a run"))
    assert run(Counter(), EVENT | {"requestId": planned, "jobId": None})[0] == 400
    assert records.read(planned) is None
    assert run(Counter(), EVENT | {"requestId": planned})[0] == 409
    assert records.read(planned) is None
    records.create(planned, owner=ANA, agent="counter", job_id="job-1")
    assert run(Counter(), EVENT | {"requestId": planned})[0] == 200


def test_an_answer_says_that_the_end_is_pending(records, clock, monkeypatch):
    clock.now_ms = epoch_ms()
    append = RunStore.append

    def unavailable_for_ends(store, *args, end=None, **about):
        if end:
            raise StoreUnavailable("no answer")
        append(store, *args, end=end, **about)

    with monkeypatch.context() as broken_store:
        broken_store.setattr(RunStore, "append", unavailable_for_ends)
        broken_store.setattr(limits, "ADDED_TIME_SECONDS", 0.2)
        status_code, body = run(Counter(), {**EVENT, "jobId": None})
    assert (status_code, body["success"], body["endPending"], body["degraded"]) == (200, True, True, True)
    wait_until(lambda: records.read("run-1").status is RunStatus.COMPLETE)
    assert not {"endPending", "degraded"} & run(Counter(), EVENT | {"requestId": "run-2"})[1].keys()

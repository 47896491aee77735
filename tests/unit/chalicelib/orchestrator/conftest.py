"""What the tests of a job share: a playbook, a table in moto, scripted agents, and a state machine.

The state machine here walks through the states as the real one does, by what they return. It is not the one in
Terraform, whose retries and catches have tests of their own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.orchestrator.agent_invoker import AgentInvoker
from chalicelib.orchestrator.errors import RunChanged, RunWaits
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.load_playbook import load_playbook
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Playbook
from chalicelib.orchestrator.save_results import save_results
from chalicelib.orchestrator.synthesizer import merged, synthesize
from chalicelib.orchestrator.task import report_run
from chalicelib.orchestrator.validator import validate

from runcast.errors import RuncastError, Unavailable
from runcast.record.model import Owner, RunStatus
from tests.fakes.own_playbooks import own_playbooks
from tests.fakes.tasks import Tasks
from tests.unit.chalicelib.orchestrator.agent_functions import FUNCTIONS, Agents

JOB_ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
ANA = Owner("acme", "ana")
INPUT = {
    "jobId": JOB_ID, "playbook": "two-stages", "query": "Is it flat?", "parameters": {"region": "north"},
    "userId": "ana", "tenantId": "acme",
}  # fmt: skip
TWO_STAGES = {
    "description": "Surveys twice, then reports.",
    "stages": [
        {
            "name": "surveys",
            "agents": [
                {"name": "east", "agent": "survey", "query": "East of ${region}: ${query}", "parameters": {"side": 1}},
                {
                    "name": "west",
                    "agent": "survey",
                    "query": "West: ${query}",
                    "output": {"rules": [{"kind": "required", "facts": ["slope"]}]},
                },
            ],
        },
        {
            "name": "reports",
            "agents": [{"name": "report", "agent": "elsewhere", "query": "Report.", "reads": ["east", "west"]}],
        },
    ],
}


def fact(value, unit=None):
    return {"value": value, "unit": unit}


def output(text="flat", **facts):
    return {"text": text, "facts": facts}


GOOD = {
    "east": [output(slope=fact(2, "degrees"))],
    "west": [output(slope=fact(2, "degrees"))],
    "report": ["It is flat."],
}


class Model:
    """Bedrock's client, as far as it is used: answers, or fails once for each error it is given."""

    def __init__(self) -> None:
        self.asked = []
        self.errors = []
        self.answer = "All is flat."
        self.stop_reason = "end_turn"

    def converse(self, **request):
        self.asked.append(request)
        if self.errors:
            raise self.errors.pop(0)
        message = {"role": "assistant", "content": [{"text": self.answer}]}
        usage = {"inputTokens": 400, "outputTokens": 20, "totalTokens": 420}
        return {"output": {"message": message}, "stopReason": self.stop_reason, "usage": usage}


class Machine:
    """A job from its start to its end, over states that may be killed and run again."""

    def __init__(self, store, clock, outputs=GOOD, **given) -> None:
        self.input = INPUT | given
        self.store = store
        self.clock = clock
        self.live = []
        self.ended = []
        self.slept = []
        self.spent = []
        self.tasks = Tasks()
        self.tokens = (f"token-{number}" for number in itertools.count(1))
        self.timeout_seconds = 3600
        self.agents = Agents(store, clock, outputs)
        self.model = Model()
        self.bucket = {}
        self.parameters_schema = {}.get
        self.job = Job.of(self.input, execution=self.input["jobId"])
        self.agents.names = {request_id: name for name in outputs for request_id in self.job.request_ids(name)}

    def publish(self, messages):
        self.live += messages
        return len(messages)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.clock.now_ms += round(seconds * 1000)

    def announce(self, result):
        if result and result.update:
            self.live.append(result.update)

    def record(self):
        return JobRecord(
            self.store, self.job, send=self.publish, timeout_seconds=self.timeout_seconds, now_ms=self.clock
        )

    def put_object(self, **request):
        self.bucket[request["Bucket"], request["Key"]] = request["Body"]

    def load(self):
        return load_playbook(self.job, self.record(), FUNCTIONS, self.parameters_schema)

    def look(self, playbook, agent, waiting=False):
        """Do one try of the state; return its result, or None if its task still waits."""
        token = next(self.tokens)
        invoker = AgentInvoker(
            self.job, self.record(), store=self.store, functions=AgentFunctions(self.agents, FUNCTIONS),
            announce=self.announce, report=self.report, now_ms=self.clock, sleep=self.sleep,
        )  # fmt: skip
        entry = Playbook.of(playbook).entries[agent["name"]]
        invoker.invoke(entry, agent["attempt"], agent.get("complaint"), token=token, waiting=waiting)
        *_, run = filter(None, map(self.store.read, self.job.request_ids(agent["name"])))
        if run.task_token == token and run.status is not (RunStatus.WAITING if waiting else RunStatus.IN_PROGRESS):
            self.report(run)  # as run_closer does
        result = self.tasks.results.get(token)
        if isinstance(result, Exception):
            raise result
        return result and {"name": agent["name"], **result}

    def report(self, run):
        report_run(self.tasks, run)

    def invoke(self, playbook, agent):
        """Do the state as the state machine does, until it has a result, its task waits, or it fails."""
        waiting = False
        while True:
            try:
                return self.look(playbook, agent, waiting)
            except RunWaits:
                waiting = True
            except RunChanged:
                waiting = False

    def validate(self, playbook, results):
        return validate(self.job, self.record(), self.store, playbook, results)

    def synthesize(self, playbook):
        entries = Playbook.of(playbook).entries
        found = merged(entries, latest_runs(self.store, self.job, entries))
        about = {"model": self.model, "model_id": "m", "max_tokens": 4000, "spend": self.spent.append}
        return synthesize(self.job, self.record(), found, **about)

    def save(self, **event):
        return save_results(
            self.job, self.record(), self.store, event, s3=lambda: self, bucket="results", tell_end=self.ended.append
        )

    def again(self, state, *arguments):
        """Run a state as the state machine does, with its retries."""
        while True:
            try:
                return state(*arguments)
            except Unavailable:
                continue

    def run(self):
        """Walk through the states; return what the last one says."""
        try:
            then = self.again(self.load) | {"next": "invoke"}
            while then["next"] == "invoke":
                results = [self.item(then["playbook"], agent) for agent in then["agents"]]
                then = self.again(self.validate, then["playbook"], results)
            if then["next"] == "synthesize":
                then |= self.again(self.synthesize, then["playbook"])
        except RuncastError as error:
            then = {"failure": caught(error)}
        return self.again(lambda: self.save(**then))

    def item(self, playbook, agent):
        try:
            while not (result := self.again(self.invoke, playbook, agent)):
                self.clock.now_ms += 300_000
        except RuncastError as error:
            return {"name": agent["name"], "attempt": agent["attempt"], "failure": caught(error)}
        return result

    def run_of(self, name, attempt=1):
        return self.store.read(self.job.request_ids(name)[attempt - 1])

    @property
    def own(self):
        return self.store.read(JOB_ID)


def caught(error):
    """A Lambda's error as the state machine has it."""
    cause = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
    return {"Error": type(error).__name__, "Cause": json.dumps(cause)}


@pytest.fixture
def playbooks(tmp_path) -> Iterator[None]:
    with own_playbooks(tmp_path, {"two-stages": TWO_STAGES}):
        yield


def put_job(store, playbook="two-stages"):
    """Put a job's record, as its starter does."""
    return store.create(JOB_ID, owner=ANA, agent="orchestrator", job_id=JOB_ID, playbook=playbook)


@pytest.fixture
def machine(store, clock, playbooks):
    """Make a job whose starter has put its record."""

    def make(outputs=GOOD, **given):
        put_job(store, given.get("playbook", "two-stages"))
        return Machine(store, clock, GOOD | outputs, **given)

    return make


@pytest.fixture
def job(machine, clock):
    """Make a job whose agent `east` does as told, and which has loaded its playbook."""

    def make(*does, timeout_seconds=None, **given):
        job = machine({"east": does}, **given)
        job.playbook = job.load()["playbook"]
        if timeout_seconds:
            job.playbook["stages"][0]["agents"][0]["timeoutSeconds"] = timeout_seconds
        job.live.clear()
        return job

    return make

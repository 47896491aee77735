"""`tenant_isolation` on what Terraform has built: two tenants never share a process, however a run is invoked.

The deployment is the one without isolation, to which the variable is applied.
"""

import json
import uuid
from dataclasses import dataclass

import pytest
import requests
from chalicelib.agents.agent_functions import isolated_tenant

from local.terraform import Terraform
from runcast.record.model import Owner
from tests.e2e.conftest import DEADLINE_SECONDS, deployed
from tests.e2e.demo import jobs
from tests.waiting import wait_until
from verify.checks import Verdict

pytestmark = pytest.mark.long  # in `make test`, tests/local/emulator/test_emulator_tenants.py and the functional tests

FUNCTIONS = (
    "agent_function_name",
    "run_starter_function_name",
    "rest_api_function_name",
    "run_closer_function_arn",
    "orchestrator_function_name",
)
# What an agent that attacks would leave for the next tenant. Each part of a run reports its process and what it finds.
AGENT = '''
"""Leaves its tenant's name in its process."""
import json
import os
import signal
from pathlib import Path

from strands import Agent, ToolContext, tool

from runcast.runs.scope import current_scope

FOLDER = Path("{folder}")
left = []


@tool(context=True)
def ask(tool_context: ToolContext) -> str:
    """Ask."""
    return "Answered: " + tool_context.interrupt("approve", reason={{}})


@tool
def hand_over() -> str:
    """Hand over to the next part."""
    current_scope().run.stop.hand_over()
    return "handed over"


@tool
def die() -> str:
    """Die."""
    os.kill(os.getpid(), signal.SIGKILL)


TOOLS = {{"ask": ask, "hand over": hand_over, "die": die, "die for good": die}}


def build(run):
    """Builds the agent with the tool that its query names."""
    with (FOLDER / run.request_id).open("a") as file:
        file.write(json.dumps({{"pid": os.getpid(), "found": sorted(set(left)), "tenant": run.tenant_id}}) + "\\n")
    left.append(run.tenant_id)
    tools = [TOOLS[run.query]] if run.query in TOOLS else []
    saved = run.query != "die for good"
    return Agent(name="leaver", model=run.model, tools=tools, checkpointing=saved, callback_handler=None)
'''
PLAYBOOK = {
    "description": "Leaves.",
    "stages": [{"name": "only", "agents": [{"name": "leaver", "agent": "leaver", "query": "${query}"}]}],
}


@dataclass(frozen=True)
class Left:
    """What the parts of runs have written."""

    folder: object
    stack: object

    def of(self, request_id, parts=1):
        """Wait until a run has begun this many parts; return what each has found."""
        lines = wait_until(lambda: self._lines(request_id), lambda lines: len(lines) == parts)
        return [json.loads(line) for line in lines]

    def all(self):
        return [json.loads(line) for file in self.folder.iterdir() for line in file.read_text().splitlines()]

    def _lines(self, request_id):
        file = self.folder / request_id
        return file.read_text().splitlines() if file.exists() else []


def apply(stack, **variables):
    """Apply the module again with these variables; return the plan, and that after it."""
    work_dir = stack.state.directory / "terraform"
    settings = work_dir / "terraform" / "local.auto.tfvars.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), **variables}))
    terraform = Terraform(work_dir, stack.state.endpoint.environment)
    plan = terraform.plan()
    terraform.apply()
    return plan, terraform.plan()


@pytest.fixture(scope="module")
def isolated(stack):
    yield apply(stack, tenant_isolation=True)
    apply(stack, tenant_isolation=False)


@pytest.fixture(scope="module")
def left(stack, isolated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("left")
    files = {
        "chalicelib/agents/leaver.py": AGENT.format(folder=folder),
        "chalicelib/playbooks/leaving.json": json.dumps(PLAYBOOK),
    }
    with deployed(stack, FUNCTIONS, files):
        yield Left(folder, stack)


def start(caller, query):
    return caller.start(query, agent="leaver")


def require_complete(caller, request_id):
    record = caller.read_to_its_end(request_id)
    assert (record["status"], record["error"]) == ("complete", None)
    return record


def test_the_variable_replaces_the_function_and_what_lambda_deletes_with_it(isolated):
    plan, second_plan = isolated
    replaced = {address for address, actions in plan.actions.items() if set(actions) == {"create", "delete"}}
    assert replaced == {
        "aws_lambda_function.agent",
        "aws_lambda_function_event_invoke_config.agent",
        'aws_lambda_function_recursion_config.handover["runcast-agent"]',
        'aws_lambda_function_recursion_config.handover["runcast-run-closer"]',
    }
    assert second_plan.differing == {}


def test_the_new_function_has_the_settings_of_the_old_one(stack, isolated):
    client, name = stack.client("lambda"), stack.state.outputs["agent_function_name"]
    assert client.get_function_configuration(FunctionName=name)["TenancyConfig"] == {
        "TenantIsolationMode": "PER_TENANT"
    }
    settings = client.get_function_event_invoke_config(FunctionName=name)
    assert settings["MaximumRetryAttempts"] == 0
    closer = stack.state.outputs["run_closer_function_arn"]
    assert settings["DestinationConfig"]["OnFailure"]["Destination"] == closer
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"


def test_two_tenants_share_no_process_and_one_tenants_runs_do(alice, bob, left):
    for _ in range(2):
        for caller in (alice, bob):
            require_complete(caller, start(caller, "Leave."))
    pids = {tenant: {each["pid"] for each in left.all() if each["tenant"] == tenant} for tenant in ("acme", "globex")}
    assert not pids["acme"] & pids["globex"]
    assert any(each["found"] == [each["tenant"]] for each in left.all())  # a process is used again


def test_an_answered_run_goes_on_in_its_tenants_process(alice, bob, left):
    request_id = start(alice, "ask")
    record = wait_until(lambda: alice.read(request_id), lambda record: record["status"] == "waiting")
    require_complete(bob, start(bob, "Leave."))
    [question] = json.loads(record["steps"][-1]["metadata"])["interrupts"]
    answers = json.dumps({question["id"]: "yes"})
    assert alice.get("answerAgentRun", requestId=request_id, answers=answers)["status"] == "in_progress"
    require_complete(alice, request_id)
    assert {each["tenant"] for each in left.of(request_id, parts=2)} == {"acme"}


def test_a_run_that_run_closer_continues_goes_on_in_its_tenants_process(alice, bob, left):
    request_id = start(alice, "hand over")
    require_complete(bob, start(bob, "Leave."))
    record = require_complete(alice, request_id)
    assert "continuing" in [step["step"] for step in record["steps"]]
    assert {each["tenant"] for each in left.of(request_id, parts=2)} == {"acme"}


def test_a_run_whose_worker_dies_goes_on_in_its_tenants_process(alice, left):
    request_id = start(alice, "die")
    require_complete(alice, request_id)
    first, second = left.of(request_id, parts=2)
    assert (first["tenant"], second["tenant"]) == ("acme", "acme")
    assert first["pid"] != second["pid"]


def test_a_run_that_cannot_go_on_is_ended_by_the_destination(alice, left):
    record = alice.read_to_its_end(start(alice, "die for good"))
    assert record["status"] == "error"
    assert record["error"].startswith("The worker stopped before the run had ended")


def test_a_cancelled_run_stops(alice, left):
    request_id = start(alice, "[model:slow 20] Leave.")
    wait_until(lambda: any(step["step"] == "thinking" for step in alice.read(request_id)["steps"]))
    alice.get("cancelAgentRun", requestId=request_id)
    assert alice.read_to_its_end(request_id)["status"] == "cancelled"


def test_a_job_and_its_rerun_run_in_their_tenants_processes(alice, bob, left):
    job_id = jobs.start(alice, "leaving", "Leave.")
    job = jobs.read_to_its_end(alice, job_id)
    assert job["status"] == "complete", job
    again = alice.get("startAgentRun", rerunOf=job_id, requestId=str(uuid.uuid4()))["requestId"]
    repeated = jobs.read_to_its_end(alice, again)
    assert repeated["status"] == "complete", repeated
    for each in (*job["runs"], *repeated["runs"]):
        assert {part["tenant"] for part in left.of(each["requestId"])} == {"acme"}


def test_a_run_that_is_started_over_rest_runs(stack, bob, left):
    response = requests.post(
        f"{stack.state.outputs['rest_url']}/runs",
        json={"agent": "leaver", "query": "Leave."},
        headers={"Authorization": bob.id_token},
        timeout=DEADLINE_SECONDS,
    )
    assert response.status_code == 202, response.text
    require_complete(bob, response.json()["requestId"])


def test_the_api_is_healthy(stack, isolated):
    health = requests.get(f"{stack.state.outputs['rest_url']}/health", timeout=DEADLINE_SECONDS)
    assert (health.status_code, health.json()["checks"]["agentFunction"]) == (200, "ok")


def test_lambda_refuses_an_invocation_without_a_tenant_and_takes_one_with_it(stack, left):
    client, name = stack.client("lambda"), stack.state.outputs["agent_function_name"]
    event = {"agent": "leaver", "query": "Leave.", "requestId": str(uuid.uuid4()), "userId": "zoe", "tenantId": "acme"}
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.invoke(FunctionName=name, Payload=json.dumps(event))
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event), TenantId=isolated_tenant(Owner("acme", "zoe")))
    assert json.load(answer["Payload"])["statusCode"] == 200
    assert [each["tenant"] for each in left.of(event["requestId"])] == ["acme"]


def test_make_verify_tries_a_failure_under_isolation(verdict_of, left):
    result = verdict_of("tenant-isolation")
    assert result.verdict is Verdict.PASSED, result
    assert result.detail == "refused without a tenant; run_closer ends a failed run; no reserved concurrency"


@pytest.fixture(scope="module", autouse=True)
def nothing_crossed(left):
    """After all tests, no part of any run has found what another tenant left."""
    yield
    assert {each["tenant"] for each in left.all()} == {"acme", "globex"}
    assert [each for each in left.all() if set(each["found"]) - {each["tenant"]}] == []

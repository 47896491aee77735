"""Flows of jobs, and what AWS's services do with the roles of functions and of the state machine."""

from __future__ import annotations

import json
from functools import partial

import requests

from runcast.clock import epoch_ms
from tests.permissions.needs import needs
from tests.permissions.site import DEADLINE_SECONDS, Door, GraphqlDoor, Site, answers_to
from tests.waiting import wait_until

MODEL = "anthropic.claude-sonnet-4-6"
FUNCTIONS = ("agent", "api", "orchestrator", "progress-reader", "run-closer", "run-starter", "status-publisher")
JOB_SECONDS = 40


def ended_job(door: Door, playbook: str) -> str:
    """Do a job; return its id once it is complete."""
    job_id = door.start_job(playbook)
    door.read_until(job_id, lambda record: record["status"] == "complete", JOB_SECONDS)
    return job_id


@needs(
    f"""
    run-starter: states:StartExecution
    playbook: lambda:InvokeFunction orchestrator
    orchestrator: dynamodb:BatchGetItem AgentProgress, dynamodb:ConditionCheckItem AgentProgress,
        dynamodb:GetItem AgentProgress, dynamodb:PutItem AgentProgress, dynamodb:UpdateItem AgentProgress,
        lambda:InvokeFunction agent, s3:GetObject inputs, bedrock:InvokeModel global.{MODEL},
        bedrock:InvokeModel {MODEL}
    run-closer: states:SendTaskSuccess
    """,
    by_door=True,
)
def a_job_runs_to_its_end(door: Door) -> None:
    ended_job(door, "remembering")


@needs("orchestrator: lambda:InvokeFunction status-publisher")
def a_job_is_watched_live(site: Site) -> None:
    door = GraphqlDoor(site, site.new_user())
    door.hears(lambda: door.start_job("remembering"), "loading_agents")


@needs("orchestrator: events:PutEvents default")
def the_end_of_a_job_is_an_event(site: Site) -> None:
    site.require_event(ended_job(GraphqlDoor(site, site.new_user()), "remembering"))


@needs(
    """
    orchestrator: s3:PutObject results
    progress-reader: s3:GetObject results
    """,
    by_door=True,
)
def a_large_result_is_stored_and_linked(door: Door) -> None:
    record = door.read(ended_job(door, "writing"))
    assert record["resultLink"], record["error"]
    assert requests.get(record["resultLink"]["url"], timeout=DEADLINE_SECONDS).status_code == 200


@needs("run-starter: states:StopExecution", by_door=True)
def a_job_is_cancelled_with_its_runs_and_stopped(door: Door) -> None:
    job_id = door.start_job("waiting")
    [run] = door.read_until(job_id, lambda record: record["runs"] and record["runs"][0]["status"])["runs"]
    door.read_until(run["requestId"], lambda record: len(record["steps"]) > 1)
    door.ask("cancelAgentRun", requestId=job_id)
    for request_id in (job_id, run["requestId"]):
        door.read_until(request_id, lambda record: record["status"] == "cancelled")
    states = door.site.stack.client("stepfunctions")
    assert states.describe_execution(executionArn=_execution(door.site, job_id))["status"] == "ABORTED"


@needs(
    """
    run-starter: lambda:InvokeFunction run-closer
    run-closer: states:SendTaskFailure, states:SendTaskSuccess
    """,
    by_door=True,
)
def a_job_waits_for_an_answer_and_goes_on(door: Door) -> None:
    job_id = door.start_job("asking")
    [run] = door.read_until(job_id, lambda record: record["runs"] and record["runs"][0]["status"] == "waiting")["runs"]
    waiting = door.read(run["requestId"])
    execution = partial(_tasks_that_failed, door.site, job_id)
    wait_until(lambda: "RunWaits" in execution(), deadline_seconds=DEADLINE_SECONDS)
    door.ask("answerAgentRun", requestId=run["requestId"], answers=answers_to(waiting))
    wait_until(lambda: "RunChanged" in execution(), deadline_seconds=DEADLINE_SECONDS)
    door.read_until(job_id, lambda record: record["status"] == "complete", JOB_SECONDS)


def _execution(site: Site, job_id: str) -> str:
    """Return the ARN of a job's execution."""
    machine: str = site.outputs["state_machine_arn"]
    return f"{machine.replace(':stateMachine:', ':execution:')}:{job_id}"


def _tasks_that_failed(site: Site, job_id: str) -> str:
    """Return the events of a job's execution in which a task failed, as text."""
    states = site.stack.client("stepfunctions")
    history = states.get_execution_history(executionArn=_execution(site, job_id), maxResults=1000)
    return json.dumps([event for event in history["events"] if "Failed" in event["type"]], default=str)


@needs("orchestrator: states:SendTaskSuccess")
def a_run_that_has_ended_already_is_reported(site: Site) -> None:
    """A repeated task finds the run's end, and reports it to the token that it has."""
    door = GraphqlDoor(site, site.new_user())
    job_id = door.start_job("remembering_and_waiting")
    door.read_until(job_id, lambda record: any(run["status"] == "complete" for run in record["runs"] or ()))
    ask = partial(site.invoke, site.outputs["orchestrator_function_name"])
    loaded = ask({"state": "LoadPlaybook", "execution": job_id})
    [agent] = [agent for agent in loaded["agents"] if agent["name"] == "memory"]
    about = {"playbook": loaded["playbook"], "agent": agent, "token": "another token", "waiting": False}
    ask({"state": "InvokeAgent", "execution": job_id, **about})
    door.ask("cancelAgentRun", requestId=job_id)


def _logs(site: Site, function: str) -> None:
    full = f"runcast-{function}"
    since_ms = epoch_ms()
    site.stack.client("lambda").invoke(FunctionName=full, Payload=b"{}")
    wait_until(lambda: site.logged(full, since_ms), deadline_seconds=DEADLINE_SECONDS)


def _traces(site: Site, function: str) -> None:
    functions, active = site.stack.client("lambda"), {"Mode": "Active"}
    try:
        functions.update_function_configuration(FunctionName=f"runcast-{function}", TracingConfig=active)
    except functions.exceptions.InvalidParameterValueException as refused:
        raise AssertionError(str(refused)) from refused


for _function in FUNCTIONS:
    _permissions = "logs:CreateLogStream, logs:PutLogEvents"
    needs(f"{_function}: {_permissions}", name=f"{_function} logs")(partial(_logs, function=_function))
    _permissions = "xray:PutTelemetryRecords, xray:PutTraceSegments"
    needs(f"{_function}: {_permissions}", name=f"{_function} is traced")(partial(_traces, function=_function))


@needs(
    """
    playbook: logs:CreateLogDelivery, logs:DeleteLogDelivery, logs:DescribeLogGroups,
        logs:DescribeResourcePolicies, logs:GetLogDelivery, logs:ListLogDeliveries, logs:PutResourcePolicy,
        logs:UpdateLogDelivery, xray:GetSamplingRules, xray:GetSamplingTargets, xray:PutTelemetryRecords,
        xray:PutTraceSegments
    """
)
def executions_are_logged_and_traced(site: Site) -> None:
    states, machine = site.stack.client("stepfunctions"), site.outputs["state_machine_arn"]
    settings = states.describe_state_machine(stateMachineArn=machine)["loggingConfiguration"]
    try:
        states.update_state_machine(
            stateMachineArn=machine, loggingConfiguration=settings, tracingConfiguration={"enabled": True}
        )
    except states.exceptions.ClientError as refused:
        raise AssertionError(str(refused)) from refused

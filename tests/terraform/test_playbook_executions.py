"""Terraform's state machine with fake functions behind its states: what it passes on, retries and ends.

Its executions are all started at once, because most of their time is waiting between attempts.
"""

import contextlib
import io
import json
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from local.settings import REGION
from tests.terraform.applied import Aws, Stack
from tests.terraform.executions import Execution
from tests.waiting import wait_until

PREFIX = "jobs-"
STAGES = [["a", "b"], ["c"]]
AGENTS = ("InvokeAgent/a", "InvokeAgent/b", "InvokeAgent/c")
EVERY_STEP = ("LoadPlaybook", *AGENTS, "Validate", "Synthesize", "SaveResults")
AT_ONCE: dict[str, dict[str, Any]] = {
    "well": {},
    "one fails": {"InvokeAgent/a": ["AgentFailed"]},
    "complaint": {"complaints": {"a": "There is no area."}},
    "waits": {
        "InvokeAgent/a": ["sends RunWaits", "sends RunChanged"],
        "InvokeAgent/b": ["RunWaits", "RunChanged"],
        "InvokeAgent/c": ["Unavailable"],
    },
    "unavailable": {step: ["Unavailable"] for step in ("LoadPlaybook", "Validate", "Synthesize", "SaveResults")},
    "killed": {step: ["kill"] for step in EVERY_STEP},
    "never loaded": {"LoadPlaybook": ["InvalidPlaybook"]},
    "never validated": {"Validate": ["JobEnded"]},
    "never synthesized": {"Synthesize": ["ModelFailed"]},
    "never saved": {"SaveResults": ["InvalidInput"]},
}


class Jobs:
    """A deployment whose jobs run through the fake functions."""

    def __init__(self, stack: Stack, aws: Aws, notes: Path) -> None:
        self.aws = aws
        self.machine: str = stack.terraform.output()["state_machine_arn"]
        self.bucket: str = stack.terraform.output()["results_bucket_name"]
        self.notes = notes
        for name in ("orchestrator", "run-closer"):
            function = f"{PREFIX}runcast-{name}"
            aws.lambda_.update_function_code(FunctionName=function, ZipFile=stand_in())
            aws.lambda_.update_function_configuration(
                FunctionName=function, Environment={"Variables": {"NOTES": str(notes)}}
            )

    def start(self, **told: Any) -> Execution:
        return Execution(self.aws.states, self.machine, self.notes, {"stages": STAGES, **told})

    def steps(self, job: Execution) -> list[tuple[str, dict[str, Any]]]:
        """What was invoked for a job so far, in order."""
        path = self.notes / f"{job.job_id}.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(each["step"], each["event"]) for each in map(json.loads, lines)]

    def told(self, job: Execution) -> dict[str, Any]:
        """Wait for the closer's event of a job."""
        return wait_until(lambda: [event for step, event in self.steps(job) if step == "run_closer"])[0]

    def release(self, job: Execution) -> None:
        (self.notes / f"{job.job_id}.release").touch()

    def send_results(self, over: threading.Event) -> None:
        """Send the results of the tasks that the functions note, as `run_closer` does, until it is over."""
        sent, path = 0, self.notes / "tasks.jsonl"
        while not over.wait(0.02):
            lines = path.read_text().splitlines() if path.exists() else []
            for told in map(json.loads, lines[sent:]):
                with contextlib.suppress(self.aws.states.exceptions.TaskDoesNotExist):
                    if "error" in told:
                        self.aws.states.send_task_failure(taskToken=told["token"], error=told["error"], cause="")
                    else:
                        self.aws.states.send_task_success(taskToken=told["token"], output=told["output"])
            sent = len(lines)


def stand_in() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(Path(__file__).parents[1] / "fakes" / "orchestrator.py", "app.py")
    return packed.getvalue()


@pytest.fixture(scope="module")
def jobs(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    stack = Stack(module, tmp_path_factory.mktemp("jobs"), aws.endpoint, {"name_prefix": PREFIX})
    stack.terraform.apply()
    made, over = Jobs(stack, aws, tmp_path_factory.mktemp("notes")), threading.Event()
    sender = threading.Thread(target=made.send_results, args=(over,))
    sender.start()
    yield made
    over.set()
    sender.join()
    stack.terraform.destroy()


@pytest.fixture(scope="module")
def started(jobs: Jobs) -> dict[str, Execution]:
    return {name: jobs.start(**told) for name, told in AT_ONCE.items()}


def agents(event: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in event["agents"]}


def test_each_stage_is_invoked_validated_and_at_last_synthesized_and_saved(jobs: Jobs, started: dict[str, Execution]):
    job = started["well"]
    assert job.end()["status"] == "SUCCEEDED"
    steps = jobs.steps(job)
    names = [step for step, _ in steps]
    assert [*names[:1], *sorted(names[1:3]), *names[3:]] == [
        "LoadPlaybook",
        "InvokeAgent/a",
        "InvokeAgent/b",
        "Validate",
        "InvokeAgent/c",
        "Validate",
        "Synthesize",
        "SaveResults",
    ]
    playbook = {"stages": STAGES}
    for step, event in steps:
        assert event["execution"] == job.job_id
        assert event["state"] == step.partition("/")[0]
        assert event.get("playbook", playbook) == playbook
    found = dict(steps)
    assert {step: set(event) - {"state", "execution"} for step, event in found.items()} == {
        "LoadPlaybook": set(),
        **{step: {"playbook", "agent", "waiting", "token"} for step in AGENTS},
        "Validate": {"playbook", "agents"},
        "Synthesize": {"playbook"},
        "SaveResults": {"playbook", "summary", "error"},
    }
    assert found["InvokeAgent/c"]["agent"] == {"name": "c", "attempt": 1, "timeoutSeconds": 60}
    [first, second] = [event["agents"] for step, event in steps if step == "Validate"]
    assert first == [{"name": name, "requestId": f"{name}/1"} for name in "ab"]
    assert second == [{"name": "c", "requestId": "c/1"}]
    assert (found["SaveResults"]["summary"], found["SaveResults"]["error"]) == ("All is well.", None)


def test_one_that_fails_is_told_beside_the_others_and_the_job_ends_as_its_validation_says(
    jobs: Jobs, started: dict[str, Execution]
):
    job = started["one fails"]
    end = job.end()
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "JobFailed", "These failed: a.")
    steps = jobs.steps(job)
    assert Counter(step for step, _ in steps)["InvokeAgent/a"] == 1
    validated = agents(dict(steps)["Validate"])
    assert validated["b"] == {"name": "b", "requestId": "b/1"}
    failure = validated["a"].pop("failure")
    assert validated["a"] == {"name": "a", "attempt": 1}
    assert failure["Error"] == "AgentFailed"
    assert json.loads(failure["Cause"])["errorMessage"] == "InvokeAgent/a was told to fail."
    saved = dict(steps)["SaveResults"]
    assert set(saved) == {"state", "execution", "playbook", "error"}
    assert saved["error"] == "These failed: a."
    assert jobs.told(job)["detail"]["status"] == "FAILED"


def test_a_complaint_goes_to_the_agent_it_is_about_alone(jobs: Jobs, started: dict[str, Execution]):
    job = started["complaint"]
    assert job.end()["status"] == "SUCCEEDED"
    invoked = [event["agent"] for step, event in jobs.steps(job) if step.startswith("InvokeAgent/")]
    assert sorted(invoked[:2], key=lambda agent: agent["name"]) == [
        {"name": name, "attempt": 1, "timeoutSeconds": 60} for name in "ab"
    ]
    assert invoked[2:] == [
        {"name": "a", "attempt": 2, "timeoutSeconds": 60, "complaint": "There is no area."},
        {"name": "c", "attempt": 1, "timeoutSeconds": 60},
    ]


@pytest.mark.parametrize("name", ["waits", "unavailable", "killed"])
def test_what_may_pass_is_tried_again(jobs: Jobs, started: dict[str, Execution], name: str):
    job = started[name]
    assert job.end()["status"] == "SUCCEEDED"
    expected = Counter({step: 2 if step == "Validate" else 1 for step in EVERY_STEP})
    faults = Counter({step: len(some) for step, some in AT_ONCE[name].items()})
    assert Counter(step for step, _ in jobs.steps(job)) == expected + faults


@pytest.mark.parametrize("agent", ["a", "b"])
def test_a_task_waits_as_long_as_its_agent_does(jobs: Jobs, started: dict[str, Execution], agent: str):
    job = started["waits"]
    job.end()
    looks = [event for step, event in jobs.steps(job) if step == f"InvokeAgent/{agent}"]
    assert [event["waiting"] for event in looks] == [False, True, False]
    assert len({event["token"] for event in looks}) == 3


@pytest.mark.long
def test_a_waiting_agent_costs_one_short_invocation_in_each_interval(jobs: Jobs):
    found = jobs.aws.states.describe_state_machine(stateMachineArn=jobs.machine)["definition"]
    assert "? 3600 :" in found  # an hour; a second here
    hurried = found.replace("? 3600 :", "? 1 :")
    jobs.aws.states.update_state_machine(stateMachineArn=jobs.machine, definition=hurried)
    try:
        job = jobs.start(**{"InvokeAgent/a": ["RunWaits", "silent", "silent", "silent"]})
        assert job.end()["status"] == "SUCCEEDED"
    finally:
        jobs.aws.states.update_state_machine(stateMachineArn=jobs.machine, definition=found)
    looks = [event["waiting"] for step, event in jobs.steps(job) if step == "InvokeAgent/a"]
    assert looks == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("never loaded", "InvalidPlaybook", {"failure"}),
        ("never validated", "JobEnded", {"failure", "playbook"}),
        ("never synthesized", "ModelFailed", {"failure", "playbook"}),
    ],
)
def test_a_failed_state_is_saved_as_the_failure_of_the_job(
    jobs: Jobs, started: dict[str, Execution], name: str, error: str, told: set[str]
):
    job = started[name]
    end = job.end()
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "JobFailed", error)
    saved = dict(jobs.steps(job))["SaveResults"]
    assert set(saved) - {"state", "execution"} == told
    assert saved["failure"]["Error"] == error
    [(failed, _)] = AT_ONCE[name].items()
    assert Counter(step for step, _ in jobs.steps(job))[failed] == 1
    assert jobs.told(job)["detail"]["status"] == "FAILED"


def test_a_job_that_cannot_be_saved_is_left_to_the_closer(jobs: Jobs, started: dict[str, Execution]):
    job = started["never saved"]
    end = job.end()
    assert (end["status"], end["error"]) == ("FAILED", "InvalidInput")
    told = jobs.told(job)
    assert (told["source"], told["detail-type"]) == ("aws.states", "Step Functions Execution Status Change")
    assert (told["detail"]["name"], told["detail"]["executionArn"]) == (job.job_id, job.arn)


def test_of_a_job_that_went_well_the_closer_is_not_told(jobs: Jobs, started: dict[str, Execution]):
    well = started["well"]
    well.end()
    jobs.told(started["never saved"])
    assert "run_closer" not in dict(jobs.steps(well))


def test_a_stopped_job_goes_no_further_and_the_closer_is_told(jobs: Jobs):
    job = jobs.start(**{"InvokeAgent/a": ["hang"]})
    wait_until(lambda: "InvokeAgent/a" in dict(jobs.steps(job)))
    job.stop()
    assert job.end()["status"] == "ABORTED"
    assert jobs.told(job)["detail"]["status"] == "ABORTED"
    jobs.release(job)  # Its function went on, and answers now.
    assert jobs.start().end()["status"] == "SUCCEEDED"
    assert {"Validate", "SaveResults"}.isdisjoint(dict(jobs.steps(job)))
    assert job.end()["status"] == "ABORTED"
    assert [step for step, _ in jobs.steps(job)].count("run_closer") == 1


def test_a_job_that_takes_too_long_is_ended_and_the_closer_is_told(jobs: Jobs):
    found = jobs.aws.states.describe_state_machine(stateMachineArn=jobs.machine)["definition"]
    hurried = json.dumps({**json.loads(found), "TimeoutSeconds": 1})
    jobs.aws.states.update_state_machine(stateMachineArn=jobs.machine, definition=hurried)
    try:
        job = jobs.start(**{"LoadPlaybook": ["hang"]})
        assert job.end()["status"] == "TIMED_OUT"
    finally:
        jobs.aws.states.update_state_machine(stateMachineArn=jobs.machine, definition=found)
    assert jobs.told(job)["detail"]["status"] == "TIMED_OUT"
    jobs.release(job)


def test_a_name_is_given_to_one_execution_only(jobs: Jobs, started: dict[str, Execution]):
    well = started["well"]
    with pytest.raises(jobs.aws.states.exceptions.ExecutionAlreadyExists):
        jobs.aws.states.start_execution(stateMachineArn=jobs.machine, name=well.job_id, input="{}")


def test_starters_may_start_and_stop_executions_and_link_results_until_they_expire(jobs: Jobs):
    session = as_role(jobs.aws, f"{PREFIX}runcast-api-{REGION}")
    states = session.client("stepfunctions", endpoint_url=jobs.aws.endpoint.url)
    job = Execution(states, jobs.machine, jobs.notes, {"stages": STAGES, "LoadPlaybook": ["hang"]})
    states.stop_execution(executionArn=job.arn)
    jobs.release(job)
    with pytest.raises(states.exceptions.ClientError, match="AccessDenied"):
        states.describe_execution(executionArn=job.arn)
    key = {"Bucket": jobs.bucket, "Key": f"results/{job.job_id}.json"}
    jobs.aws.s3.put_object(**key, Body=b"{}")
    s3 = session.client("s3", endpoint_url=jobs.aws.endpoint.url, config=Config(signature_version="s3v4"))
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(**key, Body=b"other")
    link = s3.generate_presigned_url("get_object", Params=key, ExpiresIn=2)
    assert requests.get(link, timeout=30).json() == {}
    [refused] = wait_until(lambda: [answer for answer in [requests.get(link, timeout=30)] if answer.status_code != 200])
    assert refused.status_code == 403
    assert "Request has expired" in refused.text
    assert requests.get(link.partition("?")[0], timeout=30).status_code == 403


def test_starters_store_inputs_the_orchestrator_reads_them_and_the_agents_code_may_not(jobs: Jobs):
    def s3_of(name: str) -> Any:
        session = as_role(jobs.aws, f"{PREFIX}runcast-{name}-{REGION}")
        return session.client("s3", endpoint_url=jobs.aws.endpoint.url)

    key = {"Bucket": jobs.bucket, "Key": "inputs/owner/run/digest"}
    for starter in ("api", "run-starter"):
        s3_of(starter).put_object(**key, Body=b"{}")
    assert s3_of("orchestrator").get_object(**key)["Body"].read() == b"{}"
    for name in ("agent", "progress-reader", "run-closer", "status-publisher"):
        stranger = s3_of(name)
        with pytest.raises(stranger.exceptions.ClientError, match="AccessDenied"):
            stranger.get_object(**key)
    orchestrator = s3_of("orchestrator")
    with pytest.raises(orchestrator.exceptions.ClientError, match="AccessDenied"):
        orchestrator.put_object(**key, Body=b"other")


def as_role(aws: Aws, name: str) -> boto3.Session:
    """A session with a role's permissions; the role trusts its service alone, so it trusts the account meanwhile."""
    role = aws.iam.get_role(RoleName=name)["Role"]
    account = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}
    trust = {"Version": "2012-10-17", "Statement": [account]}
    aws.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    try:
        sts = aws.endpoint.client("sts")
        given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="tests")["Credentials"]
    finally:
        own = json.dumps(role["AssumeRolePolicyDocument"])
        aws.iam.update_assume_role_policy(RoleName=name, PolicyDocument=own)
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)

"""Runs every block of docs/your-agent.md in an empty virtual environment."""

import asyncio
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import requests

from local import deployment
from local.settings import FUNCTION_PYTHON, ROOT
from local.terraform import find_terraform
from packager.platforms import own_platform, runtime_of
from tests.e2e.conftest import DEADLINE_SECONDS
from tests.e2e.test_answers import until_it_asks

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WAYS = ("--offline", "")
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def reader(stack, tmp_path_factory):
    """A reader's machine after `make up`: the project's folder, an active virtual environment, and no variable more."""
    folder = tmp_path_factory.mktemp("reader")
    venv, commands = folder / "venv", folder / "commands"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, venv], check=True)
    commands.mkdir()
    (folder / "dist").symlink_to(ROOT / "dist")
    (folder / ".local").mkdir()
    (folder / ".local" / "stack").symlink_to(stack.state.directory)
    for name, command in {
        # What it builds with is in uv's cache, unless nothing was ever built.
        "make": f'UV_OFFLINE=1 /usr/bin/make -C {ROOT} "$@" || exec /usr/bin/make -C {ROOT} "$@"',
        # What pip would do, from uv's cache and with the versions that are tested.
        "pip": "\n".join(
            f'{UV} pip "$1" {way} -q -c {ROOT / "requirements-dev.txt"} "${{@:2}}" && exit' for way in WAYS
        ),
        "terraform": f'exec {shlex.join(find_terraform())} "$@"',
    }.items():
        (commands / name).write_text(f"#!/bin/bash\n{command}\n")
        (commands / name).chmod(0o755)
    not_a_readers = ("AWS_", "PYTHON", "RUNCAST_", "TF_", "AGENT_", "STATUS_", "USER_ID", "TENANT_ID")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(not_a_readers)}
    path = f"{venv / 'bin'}:{commands}:{os.environ['PATH']}"
    # The library and its command must be the reader's own.
    kept["PATH"] = ":".join(part for part in path.split(":") if part != str(UV.parent))
    return folder, kept | {"VIRTUAL_ENV": str(venv)}


@pytest.fixture(scope="session")
def shell(reader):
    """What the reader's environment is once they have read the file that `make up` has written."""
    folder, environment = reader
    said = subprocess.run(
        ["sh", "-euc", ". .local/stack/env; env -0"], cwd=folder, env=environment, capture_output=True, check=True
    )
    return dict(line.decode().split("=", 1) for line in said.stdout.split(b"\0") if line)


def blocks_of_shell(*, on_aws):
    blocks = BLOCK.findall((ROOT / "docs" / "your-agent.md").read_text())
    return "\n".join(text for kind, text in blocks if kind == "sh" and text.startswith("# on AWS") is on_aws)


@pytest.fixture(scope="session")
def done(reader):
    """What the reader's shell has said to all blocks of it, one after the other."""
    folder, environment = reader
    blocks = BLOCK.findall((ROOT / "docs" / "your-agent.md").read_text())
    programs = {text.splitlines()[0].removeprefix("# "): text for kind, text in blocks if kind == "python"}
    session = blocks_of_shell(on_aws=False)
    # Terraform's is tried in tests/terraform.
    assert len(blocks) == len(programs) + sum(kind in ("sh", "hcl") for kind, _ in blocks)
    for name, text in programs.items():
        assert f"python {name}" in session or name in ("my_agent.py", "my_function.py")
        (folder / name).write_text(text)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def exported(reader, module, **environment):
    """Run the blocks for AWS beside a Terraform root; return the variables that they set, and what was said."""
    folder = module.parent
    assert module.name == "terraform"
    session = f'{blocks_of_shell(on_aws=True)}\necho "$AGENT_PROGRESS_TABLE,$STATUS_PUBLISHER_FUNCTION"'
    said = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=folder, env=reader[1] | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout, said.stderr


def test_on_aws_terraform_says_where_to_record(stack, reader):
    work_dir = stack.state.directory / "terraform"
    settings = {"TF_CLI_CONFIG_FILE": str(work_dir / "terraform.rc"), "TF_DATA_DIR": str(work_dir / "data")}
    outputs = stack.state.outputs
    names = f"{outputs['agent_progress_table_name']},{outputs['status_publisher_function_name']}\n"
    assert exported(reader, work_dir / "terraform", **settings) == (names, "")


def test_without_a_state_no_variable_is_set_to_what_terraform_complains_of(reader, tmp_path):
    module = tmp_path / "terraform"
    module.mkdir()
    set_to, said = exported(reader, module)
    assert set_to == ",\n"
    assert "agent_progress_table_name" in said


def test_every_block_does_what_it_says(done):
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stopped by: end_turn" in done.stdout
    assert re.search(r"^run \S+: complete, 6 steps recorded, 0 received live, 0 missing$", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-2:] == ["completed", "[client]: postgres://app:[redacted]@db.example.com"]
    assert "not recorded" not in done.stderr


async def test_an_agent_outside_lambda_is_seen_live_by_its_user_and_nobody_else(shell, alice, bob):
    async with alice.socket() as hers, bob.socket() as his:
        for socket, caller in ((hers, alice), (his, bob)):
            assert (await socket.start(userId=caller.user.user_id))["type"] == "start_ack"
        process = await asyncio.create_subprocess_exec(
            sys.executable, ROOT / "examples" / "outside_lambda.py", "How many words has 'to be'?",
            env=shell, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await asyncio.wait_for(process.communicate(), DEADLINE_SECONDS)
        request_id = printed.decode().splitlines()[0]
        updates = [each for each in await hers.updates(request_id) if each["requestId"] == request_id]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(his.receive("data"), 0.1)

    record = alice.read(request_id)
    assert (process.returncode, record["status"], record["liveness"]) == (0, "complete", "done")
    assert sorted(each["seq"] for each in updates) == [step["seq"] for step in record["steps"]]
    assert bob.read(request_id)["success"] is False


@contextlib.contextmanager
def own_function(stack, name, handler, code, **policies):
    """The reader's own Lambda, with its own role."""
    functions, iam = stack.client("lambda"), stack.client("iam")
    outputs = stack.state.outputs
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    model = {"Effect": "Allow", "Action": "bedrock:InvokeModelWithResponseStream", "Resource": "*"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_of(trust))["Role"]["Arn"]
    policies |= {"recorder": outputs["recorder_policy_json"], "model": policy_of(model)}
    for each, policy in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=each, PolicyDocument=policy)
    arn = functions.create_function(
        FunctionName=name,
        # The reader's pip installs for the reader's Python.
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler=handler,
        Role=role,
        Timeout=60,
        MemorySize=1024,
        Code={"ZipFile": code},
        Environment={"Variables": outputs["recorder_environment"]},
    )["FunctionArn"]
    functions.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": outputs["run_closer_function_arn"]}},
    )
    yield arn
    functions.delete_function(FunctionName=name)
    for each in policies:
        iam.delete_role_policy(RoleName=name, PolicyName=each)
    iam.delete_role(RoleName=name)


# Each tool appends to a file outside of the run. One kills the worker, and another one hands the run over.
LONG_FUNCTION = '''
import os
import signal
from pathlib import Path

from strands import tool
from strands.agent.conversation_manager import NullConversationManager

from runcast.runs.scope import current_scope


def digging(number):
    @tool(name=f"dig_{{number}}")
    async def dig() -> str:
        """Dig."""
        run = current_scope().run
        with Path("{folder}", run.recorder.request_id).open("a") as file:
            file.write(f"{{number}}\\n")
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 3:
            run.stop.hand_over()  # what the worker's timer does when its time is nearly up
        return f"dug {{number}}"

    return dig

'''


@pytest.fixture(scope="module")
def dug(tmp_path_factory):
    """The folder with the files to which the tools of each run of `surveyor` append."""
    return tmp_path_factory.mktemp("dug")


@pytest.fixture(scope="module")
def function(stack, reader, done, dug):
    """Three Lambdas of the reader, known to Runcast as the agents `counter`, `purchaser` and `surveyor`."""
    assert done.returncode == 0, done.stdout + done.stderr
    archive = (reader[0] / "my_function.zip").read_bytes()
    stack.client("s3").create_bucket(Bucket="my-sessions")
    own_bucket = ["arn:aws:s3:::my-sessions", "arn:aws:s3:::my-sessions/*"]
    sessions = {"Effect": "Allow", "Action": "s3:*", "Resource": own_bucket}
    with (
        own_function(stack, "counter", "my_function.handler", archive) as counter,
        own_function(
            stack, "purchaser", "asking.handler", with_file(archive, "asking.py", asking_function()),
            sessions=policy_of(sessions),
        ) as purchaser,
        own_function(
            stack, "surveyor", "surveying.handler", with_file(archive, "surveying.py", surveying_function(dug))
        ) as surveyor,
    ):  # fmt: skip
        apply(stack, {"agent_functions": {"counter": counter, "purchaser": purchaser, "surveyor": surveyor}})
        yield stack.client("lambda")
        apply(stack, {})


def asking_function():
    """The function of the document, with the tool of its first example."""
    blocks = BLOCK.findall((ROOT / "docs" / "going-on.md").read_text())
    [tool] = [text for _, text in blocks if text.startswith("from strands import")]
    [handler] = [text for _, text in blocks if text.startswith("# the function of the agent `buyer`")]
    return tool + handler


def surveying_function(folder):
    """The function of the document, with tools that dig."""
    blocks = BLOCK.findall((ROOT / "docs" / "going-on.md").read_text())
    [handler] = [text for _, text in blocks if text.startswith("# the function of the agent `surveyor`")]
    # The scripted model has to see which tools it has called.
    tools = "tools=[digging(number) for number in range(1, 5)], conversation_manager=NullConversationManager()"
    assert "tools=[survey]" in handler
    return LONG_FUNCTION.format(folder=folder) + handler.replace("tools=[survey]", tools)


def with_file(archive, name, text):
    content = io.BytesIO(archive)
    with zipfile.ZipFile(content, "a") as changed:
        changed.writestr(name, text)
    return content.getvalue()


def policy_of(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def apply(stack, variables):
    work_dir = stack.state.directory / "terraform"
    package, platform = stack.state.directory / "package", own_platform(runtime_of(FUNCTION_PYTHON))
    deployment.apply(work_dir, stack.state.endpoint.environment, package, platform, variables)


@pytest.mark.usefixtures("function")
def test_a_lambda_of_ones_own_is_started_by_rest_and_watched_whole(stack, shell, alice, bob):
    url, headers = stack.state.outputs["rest_url"], {"Authorization": alice.id_token}
    listed = requests.get(f"{url}/agents", headers=headers, timeout=DEADLINE_SECONDS).json()["agents"]
    assert {"name": "counter", "description": "", "parametersSchema": None, "attachments": True} in listed
    run = {"agent": "counter", "query": "How many words has 'to be'?"}
    started = requests.post(f"{url}/runs", json=run, headers=headers, timeout=DEADLINE_SECONDS)
    assert started.status_code == 202, started.text
    request_id = started.json()["requestId"]

    watched = subprocess.run(
        [sys.executable, "-m", "runcast.client.terminal.command", "watch", request_id, "--json"],
        env=shell, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    [*steps, summary] = map(json.loads, watched.stdout.splitlines())
    record = alice.read(request_id)
    assert (watched.returncode, summary["status"], summary["missing"]) == (0, "complete", 0), record
    assert [step["step"] for step in record["steps"]] == [
        "agent",
        "thinking",
        "executing",
        "executed",
        "thinking",
        "complete",
    ]
    assert [step["seq"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert bob.read(request_id)["success"] is False


@pytest.mark.usefixtures("function")
def test_a_lambda_of_ones_own_that_asks_is_answered_and_goes_on(stack, alice):
    url, headers = stack.state.outputs["rest_url"], {"Authorization": alice.id_token}
    run = {"agent": "purchaser", "query": "Buy turbines."}
    started = requests.post(f"{url}/runs", json=run, headers=headers, timeout=DEADLINE_SECONDS)
    request_id = started.json()["requestId"]
    _, question = until_it_asks(alice, request_id)
    answered = requests.post(
        f"{url}/runs/{request_id}/answers",
        json={"answers": {question["id"]: "yes"}}, headers=headers, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert answered.status_code == 200, answered.text
    record = alice.read_to_its_end(request_id)
    assert (record["status"], record["error"]) == ("complete", None)
    steps = [step["step"] for step in record["steps"]]
    assert steps[steps.index("waiting") :][:3] == ["waiting", "answered", "agent"]
    assert steps.count("executed") == 2, steps  # the tool asked, and then it bought


@pytest.mark.long
@pytest.mark.usefixtures("function")
def test_a_lambda_of_ones_own_that_is_killed_is_invoked_again_and_no_tool_runs_twice(stack, alice, dug):
    url, headers = stack.state.outputs["rest_url"], {"Authorization": alice.id_token}
    run = {"agent": "surveyor", "query": "Survey it."}
    started = requests.post(f"{url}/runs", json=run, headers=headers, timeout=DEADLINE_SECONDS)
    request_id = started.json()["requestId"]
    record = alice.read_to_its_end(request_id)
    assert (record["status"], record["error"]) == ("complete", None)
    assert (dug / request_id).read_text().split() == ["1", "2", "3", "4"]
    assert [step["seq"] for step in record["steps"]] == list(range(1, len(record["steps"]) + 1))
    continuing = [json.loads(step["metadata"]) for step in record["steps"] if step["step"] == "continuing"]
    assert [(each["part"], each.get("crashes")) for each in continuing] == [(2, 1), (3, None)]
    outcomes = {
        step["toolName"]: json.loads(step["metadata"])["outcome"]
        for step in record["steps"]
        if step["step"] == "executed"
    }
    outcomes.pop("dig_1", None)  # the worker may die before it has stored this step
    assert outcomes == {"dig_2": "unknown", "dig_3": "ok", "dig_4": "ok"}


@pytest.mark.long
def test_the_run_of_a_lambda_of_ones_own_that_cannot_be_loaded_is_ended(stack, function, alice):
    function.update_function_configuration(FunctionName="counter", Handler="gone.handler")
    try:
        run = {"agent": "counter", "query": "How many words has 'to be'?"}
        url, headers = stack.state.outputs["rest_url"], {"Authorization": alice.id_token}
        started = requests.post(f"{url}/runs", json=run, headers=headers, timeout=DEADLINE_SECONDS)
        record = alice.read_to_its_end(started.json()["requestId"])
    finally:
        function.update_function_configuration(FunctionName="counter", Handler="my_function.handler")
    assert record["status"] == "error"
    assert record["error"].startswith("The run was not started: no worker took it.")

"""`make verify` against the local stack: every check passes, and nothing is left behind, also after Ctrl-C.

The whole verification is the block of docs/local.md, in a fresh clone after `make up`.
"""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from local.deployment import OUTPUTS_FILE, client_environment
from local.settings import ROOT
from tests.copied import clone_of_project
from tests.e2e.conftest import AGENT
from tests.e2e.reader import blocks_of, read_in_a_shell
from verify.checks import CHECKS
from verify.uploads import FILE_NAME

VERIFY_SECONDS = 580

# A whole verification takes a minute and a half, and longer on a busy machine.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def verify(stack, tmp_path):
    """Start a verification in an empty folder; its input is what somebody answers."""
    started = []

    def start(*options, answer=""):
        command = [sys.executable, "-m", "verify", *options, str(stack.state.directory / OUTPUTS_FILE)]
        environment = {**os.environ, **client_environment(stack.state, stack.state.users[0]), "PYTHONPATH": str(ROOT)}
        environment.pop("AWS_PROFILE", None)
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        process.stdin.write(answer)
        process.stdin.close()
        return process

    yield start
    for process in started:
        process.stdout.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def said_to_the_end(process):
    """Everything that it prints until its end; one that does not end in time is killed."""
    timer = threading.Timer(VERIFY_SECONDS, process.kill)
    timer.start()
    try:
        said = process.stdout.read()
        process.wait()
    finally:
        timer.cancel()
    return said


def left_of_users(stack):
    """What is left of the users of verifications: users, records, sessions, inputs, uploads."""
    users = stack.client("cognito-idp").list_users(UserPoolId=stack.state.outputs["user_pool_id"])["Users"]
    tables = [stack.state.outputs[f"{name}_table_name"] for name in ("agent_progress", "user_sessions")]
    items = [item for table in tables for item in stack.client("dynamodb").scan(TableName=table)["Items"]]
    names = [user["Username"] for user in users]
    owners = [item["tenantId"]["S"] for item in items if "tenantId" in item]
    s3, bucket = stack.client("s3"), stack.state.outputs["results_bucket_name"]
    kept = s3.list_objects_v2(Bucket=bucket, Prefix="inputs/").get("Contents", ())
    inputs = [json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()) for each in kept]
    owners += [each["tenantId"] for each in inputs]
    uploads = s3.list_objects_v2(Bucket=bucket, Prefix="uploads/").get("Contents", ())
    files = [s3.head_object(Bucket=bucket, Key=each["Key"])["Metadata"]["name"] for each in uploads]
    left = [name for name in (*names, *owners) if name.startswith("runcast-verify-")]
    return [*left, *(name for name in files if name == FILE_NAME)]


def test_every_check_passes_and_nothing_is_left(stack, tmp_path):
    clone = clone_of_project(tmp_path / "runcast")
    (clone / ".local" / "stack").symlink_to(stack.state.directory)
    [block] = blocks_of("docs/local.md")
    lines = read_in_a_shell(block, home=tmp_path, cwd=clone, timeout=VERIFY_SECONDS).splitlines()
    verdicts = {line.split()[1].rstrip(":"): line.split()[0] for line in lines if line[:7].strip() in ("ok", "n/a")}
    assert list(verdicts) == [check.name for check in CHECKS]
    done = [name for name, verdict in verdicts.items() if verdict == "ok"]
    assert lines[-1] == f"verify: {len(done)} checks, 0 failed"
    assert {name for name in verdicts if name not in done} <= {
        "key-policy",
        "memory",
        "metrics",
        "alarms",
        "tenant-isolation",
        *of_what_is_not_deployed(),
    }
    assert left_of_users(stack) == []
    report = (clone / ".local" / "verify" / "report.md").read_text()
    assert lines[-1] in report
    for check in CHECKS:
        assert f"| {check.name} | {verdicts[check.name]} | {check.what} |" in report
    starts = ("start to first live step, cold", "start to first live step, warm") if "starts" in done else ()
    for figure in (*starts, "emit to client", "1000 steps"):
        assert f"| {figure}" in report


def of_what_is_not_deployed():
    """The checks that do not apply to a deployment without an agent or a playbook."""
    names = []
    if AGENT == "none":
        names += ["catalogue", "starts", "run", "run-rest", "cancel-run", "logs"]
    if not any((ROOT / "chalice_app").rglob("playbooks/*.json")):
        names += ["job", "job-cancel", "job-stopped"]
    return names


def test_after_ctrl_c_nothing_is_left(stack, verify):
    process = verify("--yes")
    before = []
    for line in process.stdout:
        before.append(line)
        if "catalogue:" in line:  # The users exist, and the next check has runs.
            break
    process.send_signal(signal.SIGINT)
    said = said_to_the_end(process)
    assert process.returncode == 130, "".join(before) + said
    assert "Interrupted: removing what was created" in said
    assert left_of_users(stack) == []


def test_without_consent_nothing_is_created(stack, verify):
    process = verify(answer="no\n")
    said = said_to_the_end(process)
    assert process.returncode == 1
    assert "2 users in the pool" in said
    assert said.endswith("Nothing was created.\n")
    assert left_of_users(stack) == []

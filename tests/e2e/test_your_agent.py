"""What docs/your-agent.md tells a reader to do, done: every block of it, in an empty virtual environment."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.deployment import client_environment
from local.settings import ROOT
from tests.e2e.conftest import DEADLINE_SECONDS

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def reader(stack, alice, tmp_path_factory):
    """A reader's machine: a folder, the commands they have, and what their environment says."""
    folder = tmp_path_factory.mktemp("reader")
    venv, commands = folder / "venv", folder / "commands"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, venv], check=True)
    commands.mkdir()
    (folder / "dist").symlink_to(ROOT / "dist")
    (folder / "outputs.json").write_text(json.dumps(stack.state.outputs))
    outputs = f"import json, sys; print(json.load(open({str(folder / 'outputs.json')!r}))[sys.argv[-1]])"
    for name, command in {
        "make": f'exec /usr/bin/make -C {ROOT} "$@"',
        # What pip would do, from uv's cache and with the versions that are tested.
        "pip": f'exec {UV} pip "$1" -q -c {ROOT / "requirements-dev.txt"} "${{@:2}}"',
        "terraform": f'exec {sys.executable} -c "{outputs}" "$@"',
    }.items():
        (commands / name).write_text(f"#!/bin/bash\n{command}\n")
        (commands / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment = {
        **kept,
        **client_environment(stack.state, alice.user),
        "PATH": f"{venv / 'bin'}:{commands}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(venv),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": stack.state.outputs["region"],
        "AWS_DEFAULT_REGION": stack.state.outputs["region"],
        "USER_ID": alice.user.user_id,
        "TENANT_ID": alice.user.tenant,
    }
    return folder, environment


def test_every_block_does_what_it_says(reader):
    folder, environment = reader
    blocks = BLOCK.findall((ROOT / "docs" / "your-agent.md").read_text())
    programs = {text.splitlines()[0].removeprefix("# "): text for kind, text in blocks if kind == "python"}
    session = "\n".join(text for kind, text in blocks if kind == "sh")
    assert len(blocks) == len(programs) + sum(kind == "sh" for kind, _ in blocks)
    for name, text in programs.items():
        assert f"python {name}" in session or name == "my_agent.py"
        (folder / name).write_text(text)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stopped by: end_turn" in done.stdout
    assert re.search(r"^run \S+: complete, 5 steps recorded, 0 received live, 0 missing$", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-1] == "completed"
    assert "not recorded" not in done.stderr


async def test_an_agent_outside_lambda_is_seen_live_by_its_user_and_nobody_else(stack, reader, alice, bob):
    environment = reader[1] | {
        "AGENT_PROGRESS_TABLE": stack.state.outputs["agent_progress_table_name"],
        "STATUS_PUBLISHER_FUNCTION": stack.state.outputs["status_publisher_function_name"],
    }
    async with alice.socket() as hers, bob.socket() as his:
        for socket, caller in ((hers, alice), (his, bob)):
            assert (await socket.start(userId=caller.user.user_id))["type"] == "start_ack"
        process = await asyncio.create_subprocess_exec(
            sys.executable, ROOT / "examples" / "outside_lambda.py", "How many words has 'to be'?",
            env=environment, stdout=asyncio.subprocess.PIPE,
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

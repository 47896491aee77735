"""An agent with `strands-agents-tools`: a package with many dependencies, whose tools create agents of their own.

This needs a package index, or uv's cache of an earlier run.
"""

import subprocess
import zipfile
from pathlib import Path

import pytest

from local.settings import FUNCTION_PYTHON
from packager.build import ARCHIVE_NAME, build
from packager.platforms import own_platform, runtime_of

PROJECT = Path(__file__).parents[2]
AGENT = '''"""Calculates, and asks others."""

from strands import Agent
from strands_tools import calculator, swarm, use_agent

TOOLS = [calculator, swarm, use_agent]


def build(run):
    return Agent(name="hello", model=run.model, tools=TOOLS, callback_handler=None)
'''
# Runs the agent from the zip alone; only the fakes are the project's.
PROGRAM = """
import json, sys
sys.path[:0] = [sys.argv[1]]
sys.path += [sys.argv[1] + "/runcast_agents", sys.argv[2]]
import runcast
from hello import TOOLS
from strands import Agent
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory
from tests.fakes.scripted_model import Call, Say, ScriptedModel

client = DynamoDBInMemory()
client.create_table(TableName="AgentProgress")
store = RunStore(client, "AgentProgress", now_ms=lambda: 1_700_000_000_000)
for tool, given in json.loads(sys.argv[3]).items():
    recorder = Recorder(store, request_id=tool, owner=Owner("acme", "alice"), agent="hello", worker="w1")
    recorder.claim(wait_seconds=60)
    model = ScriptedModel([Call(tool, given), Say("seven"), Say("{tool_result}")])
    runcast.track(Agent(model=model, tools=TOOLS, callback_handler=None))(
        "How many?", invocation_state={"runcast": recorder}
    )
    recorder.end(RunStatus.COMPLETE, "Done")
    steps = [step for step in store.read(tool).steps]
    print(json.dumps([[step.step, json.loads(step.metadata_json or "{}").get("parentSeq")] for step in steps]))
"""
CALLS = """{
    "calculator": {"expression": "3 + 4"},
    "use_agent": {"prompt": "Count.", "system_prompt": "You count."},
    "swarm": {"task": "Count.", "agents": [{"name": "counter", "system_prompt": "You count."}]}
}"""


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_its_tools_load_from_the_zip_and_the_agents_that_they_create_are_recorded(tmp_path: Path):
    agents = tmp_path / "mine"
    agents.mkdir()
    (agents / "hello.py").write_text(AGENT)
    (agents / "requirements.txt").write_text("strands-agents-tools\n")
    platform = own_platform(runtime_of(FUNCTION_PYTHON))
    target = tmp_path / "target"
    build(PROJECT, work=tmp_path / "work", target=target, platform=platform, agents=agents)
    with zipfile.ZipFile(target / ARCHIVE_NAME) as archive:
        archive.extractall(tmp_path / "task")

    python = [FUNCTION_PYTHON, "-I", "-S", "-c", PROGRAM, tmp_path / "task", PROJECT, CALLS]
    done = subprocess.run(python, cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True)
    plain, child, swarm = done.stdout.splitlines() or [done.stderr] * 3
    assert plain == '[["thinking", null], ["executing", null], ["executed", 2], ["thinking", null], ["complete", null]]'
    of_a_child = (
        '[["thinking", null], ["executing", null], ["agent", 2], ["thinking", 3], ["executed", 3], ["executed", 2], '
        '["thinking", null], ["complete", null]]'
    )
    assert (child, swarm) == (of_a_child, of_a_child)

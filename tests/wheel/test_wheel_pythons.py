"""The wheel on each Python that the library supports and that is on this machine; `make pythons` runs more there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from packager.platforms import RUNTIMES, find_interpreter
from tests.wheel.conftest import ROOT, UV

# The library's own warnings are errors, as here; those of its dependencies on a newer Python are not its own.
PROGRAM = r"""
import importlib, pkgutil, sys, warnings
warnings.filterwarnings("error", module=r"runcast(\.|$)")
import runcast
names = [module.name for module in pkgutil.walk_packages(runcast.__path__, "runcast.")]
for name in names:
    importlib.import_module(name)

from strands import Agent, tool
from runcast.record.model import Owner, RunStatus
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore
sys.path.append(sys.argv[1])
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory
from tests.fakes.scripted_model import Call, Say, ScriptedModel

@tool
def slope(reason: str = "") -> str:
    "Return the slope."
    return "3.5 degrees"

client = DynamoDBInMemory()
client.create_table(TableName="AgentProgress")
store = RunStore(client, "AgentProgress", now_ms=lambda: 1_700_000_000_000)
recorder = Recorder(store, request_id="r1", owner=Owner("acme", "alice"), agent="terrain", worker="w1")
recorder.claim(wait_seconds=60)
model = ScriptedModel([Call("slope", {"reason": "it matters"}), Say("{tool_result}")])
agent = runcast.track(Agent(model=model, tools=[slope], callback_handler=None))
agent("How steep?", invocation_state={"runcast": recorder})
recorder.end(RunStatus.COMPLETE, "Done")
print("%d.%d" % sys.version_info[:2], len(names) > 30, runcast.__file__.startswith(sys.prefix))
print([step.step for step in store.read("r1").steps])
"""
FOUND = {runtime.removeprefix("python"): python for runtime in RUNTIMES if (python := find_interpreter(runtime))}
# The oldest in `make test`.
VERSIONS = [pytest.param(version, marks=pytest.mark.long if place else ()) for place, version in enumerate(FOUND)]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_installed_imported_and_records_an_agent(wheel_file: Path, version: str, tmp_path: Path):
    venv = tmp_path / "venv"
    subprocess.run([UV, "venv", "-q", "--python", FOUND[version], venv], check=True)
    install = [UV, "pip", "install", "-q", "--python", venv, "-c", ROOT / "requirements-dev.txt"]
    wanted = f"{wheel_file}[client,strands]"
    if subprocess.run([*install, "--offline", wanted], stderr=subprocess.DEVNULL).returncode:  # not yet in uv's cache
        subprocess.run([*install, wanted], check=True)
    done = subprocess.run([venv / "bin" / "python", "-c", PROGRAM, ROOT], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        f"{version} True True",
        "['thinking', 'executing', 'executed', 'thinking', 'complete']",
    ], done.stderr

"""The open runs of a process are ended when it exits, and when it is terminated."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runcast import limits
from runcast.record import at_exit
from runcast.record.model import RunStatus
from tests.unit.record.recording import FailingStore, make

PROJECT = Path(__file__).parents[3]


def test_a_process_that_exits_ends_its_open_runs(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("init")
    done = make(store, clock, request_id="r2")
    done.claim()
    done.end(RunStatus.COMPLETE, "Done")
    at_exit.end_open_runs()
    run = store.read("r1")
    assert [step.step for step in run.steps] == ["init", "error"]
    assert run.error == "The worker's process exited before the run had ended."
    assert store.read("r2").status is RunStatus.COMPLETE


def test_a_process_that_exits_waits_for_an_end_that_is_on_its_way(store, clock, brief):
    failing = FailingStore(store, ["fine", "hang"])
    recorder = make(failing, clock)
    recorder.claim()
    assert recorder.end(RunStatus.COMPLETE, "Done").end_pending
    threading.Timer(0.01, failing.hang.set).start()
    limits.ADDED_TIME_SECONDS = 10  # of `brief`, which puts it back
    at_exit.end_open_runs()
    assert store.read("r1").status is RunStatus.COMPLETE


EXITS = """
import atexit

def show():  # registered first, so it runs last
    run = store.read("r1")
    print(run.status.value, [step.step for step in run.steps])

atexit.register(show)

from runcast.record.model import Owner
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory

client = DynamoDBInMemory()
client.create_table(TableName="AgentProgress")
store = RunStore(client, "AgentProgress", now_ms=lambda: 1_700_000_000_000)
recorder = Recorder(store, request_id="r1", owner=Owner("acme", "alice"), agent="terrain", worker="w1")
recorder.claim(wait_seconds=30)
recorder.record("init")
"""


def test_a_run_is_ended_when_its_process_exits():
    done = subprocess.run(
        [sys.executable, "-c", EXITS], capture_output=True, text=True, timeout=120, cwd=PROJECT, check=True
    )
    assert done.stdout.split("\n")[-2] == "error ['init', 'error']", done.stderr


TERMINATED = """
import signal, sys, time

from runcast.record.model import Owner
from runcast.record.recorder import Recorder
from runcast.record.store import RunStore
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory

client = DynamoDBInMemory()
client.create_table(TableName="AgentProgress")
store = RunStore(client, "AgentProgress", now_ms=lambda: 1_700_000_000_000)
if sys.argv[1] == "handled":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
recorder = Recorder(
    store, request_id="r1", owner=Owner("acme", "alice"), agent="terrain", worker="w1",
    on_end=lambda ended: print(ended.status.value, ended.reason, flush=True),
)
recorder.claim(wait_seconds=30)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("handled", "code"), [("by default", -signal.SIGTERM), ("handled", 7)])
def test_a_run_is_ended_when_its_process_is_terminated(handled, code):
    command = [sys.executable, "-c", TERMINATED, handled]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as running:
        assert running.stdout.readline() == "ready\n"
        running.terminate()
        assert running.stdout.read() == "error process_exited\n"
    assert running.returncode == code

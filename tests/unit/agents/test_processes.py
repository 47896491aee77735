"""Tracked agents in processes that fork, and in threads that outlive the main one."""

from __future__ import annotations

import os
import subprocess
import sys

FORKING = """
import os
from runcast.live import publish
from runcast.runs.from_environment import destination_of_environment

mine = destination_of_environment(), publish._publisher_of_environment()
if child := os.fork():
    _, status = os.waitpid(child, 0)
    kept = destination_of_environment() is mine[0] and publish._publisher_of_environment() is mine[1]
    print("parent keeps its clients:", kept, "child:", os.waitstatus_to_exitcode(status))
else:
    anew = destination_of_environment() is not mine[0] and publish._publisher_of_environment() is not mine[1]
    os._exit(0 if anew else 1)
"""

ON_A_THREAD = """
import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from runcast import track
from runcast.runs import from_environment
from runcast.runs.from_environment import Destination
from strands import Agent
from tests.fakes.scripted_model import Say, ScriptedModel
from tests.unit.agents.test_track_many import MemoryStore

memory = MemoryStore()
from_environment.destination_of_environment = lambda: Destination(memory, None)
asked, pool = threading.Event(), ThreadPoolExecutor(1)

def main_thread_is_at_work():
    try:
        return pool.submit(int)
    except RuntimeError:
        return False

class WhenAlone(ScriptedModel):
    async def stream(self, *args, **kwargs):
        asked.set()
        while main_thread_is_at_work():
            await asyncio.sleep(0.01)
        async for event in super().stream(*args, **kwargs):
            yield event

def work():
    agent = track(Agent(model=WhenAlone([Say("done")]), callback_handler=None))
    try:
        agent("?", invocation_state={"runcast": {"requestId": "r1"}})
    finally:
        while memory.runs["r1"][1] is None:
            time.sleep(0.01)
        steps, end = memory.runs["r1"]
        print([step.step for step in steps], end.result_json)

threading.Thread(target=work).start()
asked.wait()
"""


def printed(script):
    environment = {
        **os.environ,
        "AGENT_PROGRESS_TABLE": "AgentProgress",
        "STATUS_PUBLISHER_FUNCTION": "publisher",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_a_forked_child_makes_clients_of_its_own():
    assert printed(FORKING)[0] == "parent keeps its clients: True child: 0"


def test_an_agent_on_a_thread_ends_its_run_after_the_main_thread_has_ended():
    out, errors = printed(ON_A_THREAD)
    assert out == """['agent', 'thinking', 'complete'] "done\""""
    # These two refuse a thread that asyncio.run starts. Source: https://github.com/python/cpython/issues/113964
    assert ("Traceback" in errors) == ((3, 12, 0) <= sys.version_info < (3, 12, 2))

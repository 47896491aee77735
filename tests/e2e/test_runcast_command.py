"""The command `runcast` against the whole system: what it counts, with and without the live channel."""

import json
import os
import subprocess
import sys

import pytest

from local.deployment import client_environment
from tests.e2e.conftest import AGENT


@pytest.fixture
def runcast(stack):
    """Run the command as one of the users; return its exit code and the JSON objects that it prints."""

    def run(caller, *arguments):
        command = [sys.executable, "-m", "runcast.client.terminal.command", *arguments, "--json"]
        environment = os.environ | client_environment(stack.state, caller.user)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.mark.parametrize("live", [True, False])
def test_a_run_is_watched_to_its_end_and_nothing_is_missing(runcast, alice, live):
    exit_code, [*steps, summary] = runcast(alice, "run", AGENT, "How steep?", *([] if live else ["--no-live"]))
    record = alice.read(summary["requestId"])
    assert (exit_code, summary["status"], summary["missing"]) == (0, "complete", 0)
    assert [step["seq"] for step in steps] == [step["seq"] for step in record["steps"]]
    assert summary["recorded"] == len(record["steps"])
    assert (summary["receivedLive"] > 0) == live


def test_a_failed_run_has_its_own_exit_code(runcast, alice):
    exit_code, [*_, summary] = runcast(alice, "run", AGENT, "[model:error 500]")
    assert (exit_code, summary["status"], summary["missing"]) == (1, "error", 0)


def test_a_record_is_shown_to_its_owner_only(runcast, alice, bob):
    request_id = alice.start("How steep?")
    record = alice.read_to_its_end(request_id)
    exit_code, [*steps, _] = runcast(alice, "show", request_id)
    assert (exit_code, len(steps)) == (0, len(record["steps"]))
    assert runcast(bob, "show", request_id) == (2, [])


def test_ones_own_runs_are_listed_and_cancelled(runcast, alice, bob):
    request_id = alice.start("How steep?")
    record = alice.read_to_its_end(request_id)
    exit_code, [run] = runcast(alice, "list", "--limit", "1")
    assert (exit_code, run["requestId"], run["status"], run["seq"]) == (0, request_id, "complete", len(record["steps"]))
    exit_code, [summary] = runcast(alice, "cancel", request_id)
    assert (exit_code, summary["status"], summary["liveness"]) == (0, "complete", "done")
    assert runcast(bob, "cancel", request_id) == (2, [])

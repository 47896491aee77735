"""Budgets of tokens: of one run, and of its user's day."""

from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError
from strands import tool

from runcast import limits
from runcast.record.model import Owner, RunStatus
from runcast.record.owner_counts import DAY_MS, OwnerCounts
from runcast.record.recorder import Recorder
from runcast.record.table import Table
from tests.fakes.scripted_model import Call, Say
from tests.fakes.token_budget import token_budget
from tests.waiting import wait_until

ANA = Owner("acme", "ana")
USED_UP = "The run was stopped, because its budget of tokens is used up."
NOW_MS = 20_000 * DAY_MS + 5
TOKENS = {"inputTokens": 30, "outputTokens": 10, "totalTokens": 40}


@pytest.fixture
def maxima():
    return {}


@pytest.fixture
def budget(dynamodb, maxima):
    budget = token_budget(dynamodb, **maxima)
    budget._now_ms = lambda: NOW_MS
    return budget


@pytest.fixture
def counts(dynamodb):
    return OwnerCounts(Table(dynamodb, "AgentProgress"))


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(limits, "STOP_SECONDS", 0.05)


@tool
def measure() -> str:
    """Measure."""
    return "12 m"


def run(bench, *script, **about):
    bench.with_tools(measure)
    bench.model.usage = TOKENS
    _, body = bench.run(*(script or (Call("measure"), Call("measure"), Call("measure"), Say("Done."))), **about)
    return body


@pytest.mark.parametrize("maxima", [{"run_tokens": 79}])
def test_a_run_ends_when_its_tokens_are_used_up(bench, store):
    body = run(bench)
    record = store.read("run-1")
    assert (record.status, record.reason, record.error) == (RunStatus.ERROR, "budget", USED_UP)
    assert (body["success"], body["error"]) == (False, USED_UP)
    assert len(bench.model.calls) == 2
    assert record.steps[-1].metadata_json.count('"totalTokens":80') == 1


@pytest.mark.parametrize("maxima", [{"run_tokens": 159}])
def test_a_run_that_finishes_with_the_call_that_exceeds_its_budget_is_complete(bench, store):
    run(bench)
    assert (store.read("run-1").status, store.read("run-1").reason) == (RunStatus.COMPLETE, "complete")


def test_the_tokens_of_a_user_add_up_over_the_day(bench, counts):
    run(bench)
    wait_until(lambda: counts.tokens(ANA, NOW_MS) == 160)
    run(bench, Say("Done."), requestId="run-2")
    wait_until(lambda: counts.tokens(ANA, NOW_MS) == 200)
    assert counts.tokens(Owner("acme", "bob"), NOW_MS) == 0
    assert counts.tokens(ANA, NOW_MS + DAY_MS) == 0


@pytest.mark.parametrize("maxima", [{"user_tokens_per_day": 1000}])
def test_a_run_ends_when_its_users_tokens_are_used_up(bench, store, counts, monkeypatch):
    exceed, stopped = Recorder.exceed_budget, []
    monkeypatch.setattr(Recorder, "exceed_budget", lambda recorder: (exceed(recorder), stopped.append(recorder)))
    counts.add_tokens(ANA, 990, NOW_MS)

    @tool
    def measure() -> str:
        """Measure until the tokens are counted, which happens on another thread."""
        wait_until(lambda: stopped)
        return "12 m"

    bench.with_tools(measure)
    bench.model.usage = TOKENS
    bench.run(Call("measure"), Say("Done."))
    assert (store.read("run-1").status, store.read("run-1").reason) == (RunStatus.ERROR, "budget")
    assert len(bench.model.calls) == 1


@pytest.mark.parametrize("maxima", [{"user_tokens_per_day": 1, "run_tokens": 1000}])
def test_a_table_that_does_not_count_stops_no_run(bench, store, dynamodb, budget, log_lines):
    class Failing:
        def add_tokens(self, *_):
            raise ReadTimeoutError(endpoint_url="dynamodb")

    budget._counts = Failing()
    run(bench)
    budget.close()
    assert store.read("run-1").status is RunStatus.COMPLETE
    assert len([line for line in log_lines.read() if "LimitsUnchecked" in line]) == 4

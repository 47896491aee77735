"""A short form of `make chaos`, and a check that `make chaos-proof` finds every guard."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fakes.agent_progress import create_agent_progress
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory
from tests.reliability.backends import PROJECT
from tests.reliability.chaos import Tally, do_real_runs, play_histories
from tests.reliability.mutation import changed
from tests.reliability.mutations import MUTATIONS
from tests.reliability.promises import KINDS
from tests.unit.conftest import TABLE_NAME

HISTORIES = 200
RUNS = 12


def test_some_histories():
    client = DynamoDBInMemory()
    create_agent_progress(client, TABLE_NAME)
    tally = play_histories(client, count=HISTORIES, number=1)
    assert tally.broken.total() == 0
    assert tally.runs >= HISTORIES
    assert tally.faults > HISTORIES
    assert tally.steps > HISTORIES


def test_some_real_runs(table):
    tally = do_real_runs(table, numbers=range(RUNS), number=1)
    assert tally.broken.total() == 0
    assert tally.runs == RUNS
    assert tally.faults
    assert tally.steps > RUNS


def test_what_came_of_it_is_one_line():
    one = Tally(3, 2, 10)
    for kind in KINDS:
        one += Tally(1, 1, 1, Counter([kind]))
    counts = "1 lost, 1 repeated, 1 hung, 1 changed results, 1 tools run twice"
    assert one.line() == f"chaos: 8 faults, 7 runs, 15 steps: {counts}"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.guard)
def test_each_guard_can_be_taken_away(mutation):
    source = (PROJECT / mutation.path).read_text()
    compile(changed(source, mutation), mutation.path, "exec")

"""Any history of a run, against each engine: the record is exact throughout."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.backends import backends
from tests.reliability.histories import Histories
from tests.reliability.owners import Owners

# test_store_contract holds all engines to the same answers, so in `make test` one is enough.
ENGINES = backends()
pytestmark = pytest.mark.parametrize(
    "backend",
    [engine if engine == "memory" else pytest.param(engine, marks=pytest.mark.long) for engine in ENGINES],
    indirect=True,
)


def test_whatever_happens_the_record_is_exact(dynamodb_client):
    class OnThisEngine(Histories):
        client = dynamodb_client

    play(OnThisEngine)


def test_whatever_owners_do_each_changes_and_sees_only_their_own(dynamodb_client):
    class OnThisEngine(Owners):
        client = dynamodb_client

    play(OnThisEngine)


def play(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,  # thousands are played by `make chaos`
            stateful_step_count=20,
            derandomize=True,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

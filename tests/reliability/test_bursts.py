"""The recorder over the network: the cost of a burst, and its steps when the connection to the table is cut."""

from __future__ import annotations

import pytest

from runcast import limits
from runcast.clock import epoch_ms
from runcast.record.model import RunStatus
from runcast.record.store import STORE_CLIENT_CONFIG, RunStore
from tests.fakes.fault_proxy import fault_proxy
from tests.unit.conftest import TABLE_NAME
from tests.unit.record.recording import all_steps, make
from tests.waiting import wait_until

BURST = 1_000


@pytest.fixture
def directly(table):
    return RunStore(table, TABLE_NAME)


@pytest.fixture
def through(connect):
    """Make a store that is reached through a proxy."""
    return lambda proxy: RunStore(connect("dynamodb", STORE_CLIENT_CONFIG, proxy.url), TABLE_NAME)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr("runcast.record.writer._BACKOFF_MAX_SECONDS", 0.02)


def record_burst(recorder):
    for number in range(1, BURST):
        recorder.record("thinking", f"step {number}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_burst_that_is_cut_at_random_moments_is_recorded_whole(table, directly, through, seed):
    name = f"cut-{seed}"
    with fault_proxy(table.meta.endpoint_url, ["cut", "refuse"], percent=60, seed=seed) as proxy:
        recorder = make(through(proxy), epoch_ms, request_id=name)
        recorder.claim()
        record_burst(recorder)
        wait_until(lambda: proxy.faults >= 20)
        proxy.heal()
        report = recorder.end(RunStatus.COMPLETE, f"step {BURST}")

    assert (report.recorded, report.unrecorded) == (BURST, 0)
    steps = [(step.seq, step.message) for step in all_steps(directly, name)]
    assert steps == [(number, f"step {number}") for number in range(1, BURST + 1)]
    assert directly.read(name).status is RunStatus.COMPLETE


def test_a_burst_takes_at_most_a_hundred_requests(table, directly, through):
    with fault_proxy(table.meta.endpoint_url, percent=0) as proxy:
        recorder = make(through(proxy), epoch_ms, request_id="burst")
        recorder.claim()
        record_burst(recorder)
        assert recorder.end(RunStatus.COMPLETE, "Done").recorded == BURST
        assert proxy.requests <= 100
    assert len(all_steps(directly, "burst")) == BURST


def test_an_idle_recorder_writes_each_step_at_once(table, directly, through, monkeypatch):
    monkeypatch.setattr(limits, "CANCEL_HINT_SECONDS", 60)  # an idle worker also looks for a cancel
    with fault_proxy(table.meta.endpoint_url, percent=0) as proxy:
        recorder = make(through(proxy), epoch_ms, request_id="idle")
        recorder.claim()
        for number in range(1, 6):
            recorder.record("thinking")
            wait_until(lambda: directly.read("idle").seq == number)  # noqa: B023 - asked within the turn
            assert proxy.requests == number + 2  # the question for the time, the claim, and a write for each step
        recorder.end(RunStatus.COMPLETE, "Done")

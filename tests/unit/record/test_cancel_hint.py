"""A cancel is seen between two heartbeats, by a hint; the record decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from runcast import limits
from runcast.errors import StoreUnavailable
from runcast.record.assignment import Stop
from runcast.record.cancel import cancel
from runcast.record.model import RunStatus
from runcast.record.store import RunStore
from tests.unit.record.recording import ALICE, make
from tests.waiting import wait_until

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetItem")


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    """None within a test: only the hint can tell."""
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 3_600.0)
    monkeypatch.setattr(limits, "CANCEL_HINT_SECONDS", 0.01)


@pytest.fixture
def recorder(store, clock):
    recorder = make(store, clock)
    recorder.claim()
    recorder.record("thinking")
    wait_until(lambda: store.read("r1").seq == 1)
    yield recorder
    recorder.end(RunStatus.CANCELLED, "Cancelled")


@pytest.fixture
def looks(store, monkeypatch):
    """How often the worker has looked."""
    counted, look = [], RunStore.is_cancel_hinted

    def counting(*args):
        counted.append(look(*args))
        return counted[-1]

    monkeypatch.setattr(RunStore, "is_cancel_hinted", counting)
    return counted


def test_a_silent_worker_is_told(store, clock, recorder):
    cancel(store, ALICE, "r1", now_ms=clock)
    wait_until(lambda: recorder.stop is Stop.CANCELLED)


def test_a_hint_alone_stops_nothing(store, looks, recorder):
    store.hint_cancel(store.read("r1"))
    wait_until(lambda: looks.count(True) == 3)
    assert recorder.stop is None


def test_a_hint_to_another_worker_is_not_seen(store, looks, recorder):
    store.hint_cancel(replace(store.read("r1"), worker="w2"))
    wait_until(lambda: len(looks) > 3)
    assert True not in looks


def test_a_run_keeps_its_record_when_its_id_is_read_as_a_hint(store, recorder):
    store.hint_cancel(store.read("r1"))
    assert store.read("r1#cancel/w1") is None
    assert store.read("r1").seq == 1


@pytest.mark.parametrize(("error", "looks_again", "warned"), [(StoreUnavailable("slow"), True, 0), (DENIED, False, 1)])
def test_a_worker_that_cannot_look_goes_on(store, clock, monkeypatch, caplog, error, looks_again, warned):
    looked = []

    def fail(*_):
        looked.append(True)
        raise error

    monkeypatch.setattr(RunStore, "is_cancel_hinted", fail)
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.05)
    recorder = make(store, clock)
    recorder.claim()
    wait_until(lambda: looked)
    cancel(store, ALICE, "r1", now_ms=clock)
    wait_until(lambda: recorder.stop is Stop.CANCELLED)  # by the heartbeat
    recorder.end(RunStatus.CANCELLED, "Cancelled")
    assert (len(looked) > 1) >= looks_again
    assert len(looked) == 1 or looks_again
    assert caplog.text.count("cancels are seen late") == warned


def test_a_cancel_whose_hint_is_not_written_is_one_all_the_same(store, clock, recorder, monkeypatch, caplog):
    def fail(*_):
        raise StoreUnavailable("slow")

    monkeypatch.setattr(RunStore, "hint_cancel", fail)
    result = cancel(store, ALICE, "r1", now_ms=clock)
    assert (result.run.cancel_requested_at_ms, result.update["status"]) == (clock(), "cancelling")
    assert "its cancel is seen at its next heartbeat" in caplog.text

"""The garbage collector waits for the end of a Lambda's cold start, and for nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from chalicelib.runtime import cold_start


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_it_stops_until_the_end_and_then_skips_what_exists(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "reader")
    cold_start.begin()
    assert not gc.isenabled()
    cold_start.end()
    assert gc.isenabled()
    kept = gc.get_freeze_count()
    assert kept
    made_later = [[] for _ in range(10_000)]
    cold_start.end()
    assert gc.get_freeze_count() < kept + len(made_later)  # fewer, if other threads have released some


def test_outside_lambda_it_runs(monkeypatch):
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    cold_start.begin()
    cold_start.end()
    assert gc.isenabled()
    assert not gc.get_freeze_count()

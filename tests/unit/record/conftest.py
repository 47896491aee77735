import pytest

from runcast import limits


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    """Back off for no time at all."""
    monkeypatch.setattr("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0)


@pytest.fixture
def brief(monkeypatch):
    """Somebody who waits for an answer waits for a moment only."""
    monkeypatch.setattr(limits, "ADDED_TIME_SECONDS", 0.2)
    monkeypatch.setattr(limits, "END_ALONE_SECONDS", 0.15)
    monkeypatch.setattr(limits, "HAND_OVER_SECONDS", 0.05)

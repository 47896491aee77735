import pytest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    """Back off for no time at all, and let a busy machine take its time for what must be written."""
    monkeypatch.setattr("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0)
    monkeypatch.setattr("runcast.limits.ADDED_TIME_SECONDS", 60)

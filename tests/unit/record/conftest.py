import pytest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    """Back off for no time at all."""
    monkeypatch.setattr("runcast.record.writer._BACKOFF_FIRST_SECONDS", 0.0)

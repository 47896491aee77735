"""What holds for every test: no recorder outlives it.

A recorder that nobody ends beats on, and with moto gone its beats would go to the real AWS.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

_STOPPING_SECONDS = 5.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Fail a test that leaves a recorder behind, asked while its fixtures stand: a last write may be under way."""
    earlier = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _STOPPING_SECONDS
    left = [each for each in threading.enumerate() if each.name.startswith("recorder-") and each not in earlier]
    for recorder in left:
        recorder.join(max(0.0, deadline - time.monotonic()))
    names = ", ".join(recorder.name for recorder in left if recorder.is_alive())
    if names:
        pytest.fail(f"not ended, and still writing: {names}", pytrace=False)

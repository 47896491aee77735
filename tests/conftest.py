"""What holds for every test: no recorder outlives it, and no module inherits another's AWS credentials.

A recorder that nobody ends beats on, and with moto gone its beats would go to the real AWS. boto3 keeps the credentials
that it has found first for its default session.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import boto3
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


@pytest.fixture(scope="module", autouse=True)
def _own_credentials() -> None:
    boto3.DEFAULT_SESSION = None
